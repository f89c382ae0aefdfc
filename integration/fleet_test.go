package integration

import (
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

// A fleet with a broker of each release from 4.0 on, at the level of the oldest, is rolled to the
// newest release and then taken to its newest level, with traffic all the time; no acknowledged
// record may be missing.
func TestYAKtFleetOfReleases(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{ReleaseVersion: "4.0",
		Properties: scenario.FleetProperties()})
	f := scenario.StartFleet(t, q)
	f.Roll()
	f.End()
}
