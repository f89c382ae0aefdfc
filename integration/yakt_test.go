package integration

import (
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// TestYAKt runs every scenario against quorums of our own binary, started as a user would start it.
func TestYAKt(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	start := func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum {
		return kafka.StartYAKt(t, binary, n, o)
	}
	runScenarios(t, kind{start: start, kills: 10, killsOfAll: 3})
}
