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
	// Longest times without an acknowledgement while controllers are killed. Records do not need them; generous, as the three
	// brokers, their controllers and other tests may share two cores.
	recordGap = 5 * time.Second
	topicGap  = 15 * time.Second
)

// The brokers must live through this many kills of a controller, and of all at once.
type kills struct{ single, all int }

// starter starts a quorum of n controllers.
type starter func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum

// TestHarnessAgainstApache runs the scenarios against Apache's own controllers, so that a failure with YAKt's is not the
// scenario's.
func TestHarnessAgainstApache(t *testing.T) {
	t.Parallel()
	runScenarios(t, kills{single: 3, all: 1}, func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum {
		return kafka.StartControllers(t, n, o)
	})
}

func runScenarios(t *testing.T, k kills, start starter) {
	quick, long := scenarios(start, k)
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

func scenarios(start starter, k kills) (quick, long map[string]func(*testing.T)) {
	// Apache's controllers let a restarted broker in when its old session has ended: here 4 s, not the usual 9.
	soon := map[string]string{"broker.session.timeout.ms": "4000"}
	early := maps.Clone(soon)
	maps.Copy(early, scenario.EarlySnapshots())
	quick = map[string]func(*testing.T){
		"BrokerLife": func(t *testing.T) {
			scenario.BrokerLife(t, start(t, 1, kafka.ControllerOptions{Properties: soon}), kafka.Newest)
		},
		"Tools": func(t *testing.T) {
			scenario.ToolsWork(t, start(t, 1, kafka.ControllerOptions{Properties: early}))
		},
	}
	long = map[string]func(*testing.T){
		"LateBroker": func(t *testing.T) {
			scenario.LateBrokerFromSnapshot(t, start(t, 1, kafka.ControllerOptions{Properties: early}))
		},
		"ControllerKills": func(t *testing.T) {
			record, topic := scenario.ThreeBrokersSurviveControllerKills(t, start(t, 3, kafka.ControllerOptions{}), k.single, k.all)
			if record > recordGap || topic > topicGap {
				t.Errorf("longest gap between records %v (at most %v), between topics %v (at most %v)", record, recordGap, topic, topicGap)
			}
		},
		"Releases": func(t *testing.T) {
			scenario.ReleaseMatrix(t, func(t testing.TB, releaseVersion string) kafka.Quorum {
				return start(t, 1, kafka.ControllerOptions{ReleaseVersion: releaseVersion, Properties: soon})
			})
		},
	}
	return quick, long
}
