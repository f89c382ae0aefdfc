// Package integration runs the scenarios of package scenario against whole clusters; see package kafka for what that
// takes. With -short only the first two scenarios of each quorum are run.
package integration

import (
	"maps"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

const (
	// Longest time without an acknowledgement while controllers are killed. Records do not need controllers, and topics wait for an election
	// and for requests that died with a controller: seconds, on a machine that has time for all brokers, controllers and other tests.
	gapMax = time.Minute
)

// kind is a kind of controllers.
type kind struct {
	start             func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum // a quorum of n
	kills, killsOfAll int                                                               // of a controller, and of all at once, that brokers must live through
	restarts          map[string]string                                                 // properties with which brokers that are stopped cleanly are let in again soon
}

// TestHarnessAgainstApache runs the scenarios against Apache's own controllers, so that a failure with YAKt's is not the
// scenario's.
func TestHarnessAgainstApache(t *testing.T) {
	t.Parallel()
	start := func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum {
		return kafka.StartControllers(t, n, o)
	}
	// Even after a clean stop Apache's controllers let a broker in only when its old session has ended.
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
			scenario.BrokerLife(t, k.start(t, 1, kafka.ControllerOptions{Properties: k.restarts}), kafka.Newest)
		},
		"Tools": func(t *testing.T) {
			scenario.ToolsWork(t, k.start(t, 1, kafka.ControllerOptions{Properties: scenario.EarlySnapshots()}))
		},
	}
	long = map[string]func(*testing.T){
		"LateBroker": func(t *testing.T) {
			scenario.LateBrokerFromSnapshot(t, k.start(t, 1, kafka.ControllerOptions{Properties: scenario.LateBrokerProperties()}))
		},
		"ControllerKills": func(t *testing.T) {
			record, topic := scenario.ThreeBrokersSurviveControllerKills(t, k.start(t, 3, kafka.ControllerOptions{}), k.kills, k.killsOfAll)
			if record > gapMax || topic > gapMax {
				t.Errorf("longest time without a record %v, without a topic %v; want at most %v", record, topic, gapMax)
			}
		},
		"Releases": func(t *testing.T) {
			scenario.ReleaseMatrix(t, func(t testing.TB, releaseVersion string) kafka.Quorum {
				return k.start(t, 1, kafka.ControllerOptions{ReleaseVersion: releaseVersion, Properties: k.restarts})
			})
		},
	}
	return quick, long
}
