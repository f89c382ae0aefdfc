package integration

import (
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// TestYAKt runs every scenario against quorums of our own binary, as a person would start it.
func TestYAKt(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	runScenarios(t, kills{single: 10, all: 3}, func(t testing.TB, n int, o kafka.ControllerOptions) kafka.Quorum {
		return kafka.StartYAKt(t, binary, n, o)
	})
}
