// Package integration runs the scenarios of package scenario against whole clusters; see package
// kafka for the requirements. With -short only the first two scenarios of each quorum are run.
package integration

import (
	"maps"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

const (
	// Longest times without an acknowledgement while controllers are killed. Records do not depend
	// on controllers; topics wait for an election and for requests that died with a controller,
	// which takes seconds on a machine shared by all brokers, controllers and other tests.
	gapMax = time.Minute
)

// kind is a kind of controllers.
type kind struct {
	// starts a quorum of n
	start func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum
	// kills is how many kills of one controller, and killsOfAll of all at once, brokers must
	// survive.
	kills, killsOfAll int
	// properties with which cleanly stopped brokers may soon register again
	restarts map[string]string
}

// TestHarnessAgainstApache runs the scenarios against Apache's own controllers, so that a failure
// with YAKt's is not a fault of the scenario.
func TestHarnessAgainstApache(t *testing.T) {
	t.Parallel()
	start := func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum {
		return kafka.StartControllers(t, n, o)
	}
	// Even after a clean stop Apache's controllers let a broker register only when its old session
	// has ended.
	runScenarios(t, kind{start: start, kills: 3, killsOfAll: 1, restarts: kafka.UsualSessions()})
}

func runScenarios(t *testing.T, k kind) {
	quick, long := scenarios(k)
	if !testing.Short() {
		maps.Copy(quick, long)
	}
	for name, run := range quick {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

func scenarios(k kind) (quick, long map[string]func(*testing.T)) {
	quick = map[string]func(*testing.T){
		"BrokerLife": func(t *testing.T) {
			scenario.BrokerLife(t, k.start(t, 1, kafka.ControllerOptions{Properties: k.restarts}),
				kafka.Newest)
		},
		"Tools": func(t *testing.T) {
			scenario.ToolsWork(t, k.start(t, 1,
				kafka.ControllerOptions{ReleaseVersion: "4.3",
					Properties: scenario.EarlySnapshots()}))
		},
	}
	long = map[string]func(*testing.T){
		"LateBroker": func(t *testing.T) {
			scenario.LateBrokerFromSnapshot(t,
				k.start(t, 1, kafka.ControllerOptions{Properties: scenario.LateBrokerProperties()}))
		},
		"ControllerKills": func(t *testing.T) {
			record, topic := scenario.ThreeBrokersSurviveControllerKills(t,
				k.start(t, 3, kafka.ControllerOptions{}), k.kills, k.killsOfAll)
			if record > gapMax || topic > gapMax {
				t.Errorf("longest time without a record %v, without a topic %v; want at most %v",
					record, topic, gapMax)
			}
		},
		"Releases": func(t *testing.T) {
			scenario.ReleaseMatrix(t, func(t testing.TB, releaseVersion string) kafka.Quorum {
				return k.start(t, 1, kafka.ControllerOptions{ReleaseVersion: releaseVersion,
					Properties: k.restarts})
			})
		},
		"Fleet": func(t *testing.T) {
			f := scenario.StartFleet(t, k.start(t, 3, kafka.ControllerOptions{
				ReleaseVersion: "4.0", Properties: k.restarts}))
			f.UpgradeRefused()
			f.Roll()
			f.UpgradeAndDowngrade()
			f.End()
		},
	}
	return quick, long
}
