package integration

import (
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	hangs = 8 * time.Second
	// handedOverMax is two of Kafka's election timeouts of one second at their longest, and a
	// margin for a busy machine.
	handedOverMax = 5 * time.Second
)

// A leader whose disk no longer responds soon loses the leadership: writes continue under another
// leader while the disk hangs, and when the disk responds again the node follows.
func TestYAKtHungDiskOfLeader(t *testing.T) {
	t.Parallel()
	o := smallDisk(kafka.LongSessions())
	o.SmallDiskMB, o.BlockDisk = 64, true
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, o)
	id := q.Nodes()[0]
	leadAt(t, q, id)
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 10)
	createMany(t, creator, 10)
	thaw := q.SmallDisk().Freeze(t)
	begin := time.Now()
	create(t, creator)
	took := time.Since(begin)
	kafka.Logf(t, "a write is acknowledged %v after the leader's disk stopped",
		took.Round(time.Millisecond))
	if took > handedOverMax {
		t.Errorf("no write is acknowledged for %v after the leader's disk stopped, at most %v",
			took, handedOverMax)
	}
	for time.Since(begin) < hangs {
		create(t, creator)
	}
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	if leader.ID == id {
		t.Errorf("node %d leads, and its disk does not answer", id)
	}
	thaw()
	kafka.WaitCaughtUp(t, q, id, kafka.Patience)
	create(t, creator)
	creator.RequireCreated(t, q.Nodes()...)
	kafka.RequireRunning(t, q, id)
}
