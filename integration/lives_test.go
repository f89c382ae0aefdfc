package integration

import (
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

// Brokers are killed, stopped and restarted, and lose disks, while all their partitions are written
// to; see package scenario for the expectations. In the end no acknowledged record may be missing.
func TestYAKtBrokersComeAndGo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: scenario.LivesProperties()})
	l := scenario.StartLives(t, q)
	l.Crash(1, func() { l.Cancel(1) })
	l.StopAndStart(2, true)
	l.PreferredLeaders()
	l.MoveByTool()
	l.BreakDisk()
	l.PreferredLeaders() // also those on the new disk
	l.CrashWithController(3)
	l.StopWithController(4)
	l.MoveWithController()
	l.End()
}

// All replicas of partitions are lost, at once or one after the other: a replica that missed
// acknowledged records leads only if the topic allows it, and a replica that has all of them leads
// as soon as it is back.
func TestYAKtAllReplicasLost(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: scenario.RecoveryProperties()})
	r := scenario.StartRecovery(t, q, q.Endpoint(q.Nodes()[0]))
	r.BrokersAtOnce()
	r.EverythingAtOnce()
	r.EligibleReplicaLeads()
	r.LastLeaderLeads()
	r.End()
}
