package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	smallDiskMB = 8
	ballast     = 4 << 20
)

// smallDisk puts the first node on a small disk, with a log that grows and is never cut.
func smallDisk(properties map[string]string) kafka.ControllerOptions {
	properties["yakt.wal.segment.bytes"] = "1048576"
	properties["metadata.log.max.record.bytes.between.snapshots"] = "1000000000"
	return kafka.ControllerOptions{SmallDiskMB: smallDiskMB, Properties: properties}
}

// A lone node whose disk fills up acknowledges nothing more, stays alive, and continues when there
// is space. Nothing acknowledged is lost, even if it is killed and restarted while the disk is
// full.
func TestYAKtFullDiskAlone(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, smallDisk(kafka.LongSessions()))
	id := q.Nodes()[0]
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 100)
	free := q.SmallDisk().Fill(t, ballast)
	fillUp(t, creator, func() error { return loggedFull(q, id) })

	q.Kill(id)
	q.Start(t, id)
	creator.RequireCreated(t, id)
	kafka.RequireRunning(t, q, id)
	free()
	create(t, creator)
	creator.RequireCreated(t, id)
	q.Stop(t, id)
	q.Start(t, id)
	creator.RequireCreated(t, id)
}

// A leader of three whose disk fills up hands over; the others continue, and it catches up when
// there is space.
func TestYAKtFullDiskOfLeader(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, smallDisk(kafka.LongSessions()))
	id := q.Nodes()[0]
	leadAt(t, q, id)
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 100)
	free := q.SmallDisk().Fill(t, ballast)
	fillUp(t, creator, func() error { return loggedFull(q, id) })
	for range 20 {
		create(t, creator)
	}
	if leader := kafka.WaitLeader(t, q, kafka.Patience); leader.ID == id {
		t.Errorf("node %d leads with a full disk", id)
	}
	creator.RequireCreated(t, q.Nodes()[1:]...)
	kafka.RequireRunning(t, q, id)
	free()
	kafka.WaitCaughtUp(t, q, id, kafka.Patience)
	create(t, creator)
	creator.RequireCreated(t, q.Nodes()...)
	if !strings.Contains(q.Node(id).Log(), "there is space on the disk again") {
		t.Error("it was not logged that there is space again")
	}
}

// leadAt stops the leaders until this node leads.
func leadAt(t *testing.T, q kafka.Quorum, id int32) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "the node leads", func() error {
		leader := kafka.WaitLeader(t, q, kafka.Patience)
		if leader.ID == id {
			return nil
		}
		q.Stop(t, leader.ID)
		q.Start(t, leader.ID)
		kafka.WaitCaughtUp(t, q, leader.ID, kafka.Patience)
		return errors.New("another one leads")
	})
}

// fillUp creates topics until full returns nil. It gives up on a topic that is not acknowledged
// soon.
func fillUp(t *testing.T, creator *kafka.Creator, full func() error) {
	t.Helper()
	took := kafka.Eventually(t, kafka.Patience, "the disk is full", func() error {
		for begin := time.Now(); time.Since(begin) < time.Second; {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			creator.Create(ctx)
			cancel()
			if full() == nil {
				return nil
			}
		}
		return full()
	})
	_, topics := creator.Ledger.Counts()
	kafka.Logf(t, "full after %d topics and %v", topics, took.Round(time.Millisecond))
}

func loggedFull(q *kafka.Controllers, id int32) error {
	if !strings.Contains(q.Node(id).Log(), "the disk is full") {
		return errors.New("not logged")
	}
	return nil
}

// A node on a full or read-only disk does not start, and gives the reason.
func TestYAKtNoSpaceToStart(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	t.Run("read-only", func(t *testing.T) {
		q := kafka.StartYAKt(t, binary, 1, smallDisk(map[string]string{}))
		id := q.Nodes()[0]
		q.Stop(t, id)
		q.SmallDisk().ReadOnly(t)
		requireRefusal(t, q.RunNode(t, id, kafka.Patience),
			`cannot write to the metadata directory.*read-only file system; `+
				`give this user write access`)
	})
	t.Run("full", func(t *testing.T) {
		q := kafka.ConfigureYAKt(t, binary, 1, smallDisk(map[string]string{}))
		id := q.Nodes()[0]
		q.Format(t, id).MustSucceed(t)
		q.SmallDisk().FillAll(t)
		requireRefusal(t, q.RunNode(t, id, kafka.Patience), `no space left on device`)
	})
}
