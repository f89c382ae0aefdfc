package raftlog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/protocol/batch"
	"github.com/yakt/yakt/raftlog/wal"
)

// faultyDisk fails on demand.
type faultyDisk struct {
	disk
	syncErr   atomic.Pointer[error]
	appendErr atomic.Pointer[error]
	appends   atomic.Int64
}

func (d *faultyDisk) Sync() error {
	if err := d.syncErr.Load(); err != nil {
		return *err
	}
	return d.disk.Sync()
}

func (d *faultyDisk) Append(hs *raftpb.HardState, entries []*raftpb.Entry) error {
	d.appends.Add(1)
	if err := d.appendErr.Load(); err != nil && len(entries) > 0 {
		return *err
	}
	return d.disk.Append(hs, entries)
}

// openFaulty starts a single node on a disk that fails on demand.
func openFaulty(t *testing.T, app App) (*Log, *faultyDisk) {
	faulty := &faultyDisk{}
	return startOn(t, Config{}, app, func(d disk) disk { faulty.disk = d; return faulty }), faulty
}

// startOn starts a single node in a new directory, on the disk that wrap makes of its write-ahead
// log.
func startOn(t *testing.T, cfg Config, app App, wrap func(disk) disk) *Log {
	t.Helper()
	cfg.Dir, cfg.Voters = t.TempDir(), []int32{0}
	cfg.SegmentBytes, cfg.Logger = 64<<10, testLogger(t)
	cfg, err := cfg.filled()
	if err != nil {
		t.Fatal(err)
	}
	snaps, st, d, err := openDisk(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLog(cfg, app, snaps, st, wrap(d))
	if err != nil {
		t.Fatal(err)
	}
	l.Start()
	return l
}

func awaitClaim(t *testing.T, app *appState, epoch int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := app.await(ctx.Done(), func() bool {
		return len(app.leaders) > 0 && app.leaders[len(app.leaders)-1] == leadership{0, epoch, false}
	}); err != nil {
		t.Fatal(err)
	}
}

func TestFailedSyncStopsTheReplica(t *testing.T) {
	app := newAppState()
	l, d := openFaulty(t, app)
	awaitClaim(t, app, 1)
	broken := error(syscall.EIO)
	d.syncErr.Store(&broken)
	if _, err := l.Propose(1, dataBatch(1, "never durable")); err != nil {
		t.Fatal(err)
	}
	if err := <-l.Failed(); !errors.Is(err, syscall.EIO) {
		t.Errorf("failed with %v", err)
	}
	if s := l.Status(); !errors.Is(s.Failed, syscall.EIO) || s.Role != "stopped" || s.Leader != -1 {
		t.Errorf("status after the failure: %q, leader %d, failed %v", s.Role, s.Leader, s.Failed)
	}
	if _, err := l.Propose(1, dataBatch(1, "x")); !errors.Is(err, ErrStopped) {
		t.Errorf("a proposal after the failure: %v", err)
	}
	if _, err := l.Barrier(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("a barrier after the failure: %v", err)
	}
	if res := l.Fetch(t.Context(), FetchRequest{
		LeaderEpoch: 1, Offset: 3, LastEpoch: 1, HighWatermark: 3, MaxWait: time.Hour,
	}); res.ErrorCode != codeBrokerNotAvailable {
		t.Errorf("a fetch after the failure: %+v", res)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if app.end != 3 {
		t.Errorf("offset %d was committed without a sync", app.end)
	}
}

func TestFullDiskIsWaitedOut(t *testing.T) {
	app := newAppState()
	l, d := openFaulty(t, app)
	awaitClaim(t, app, 1)
	full := errors.Join(wal.ErrRetry, syscall.ENOSPC)
	d.appendErr.Store(&full)
	before := d.appends.Load()
	if _, err := l.Propose(1, dataBatch(1, "later")); err != nil {
		t.Fatal(err)
	}
	// The flag is set after the disk has refused, and the first append may be one that was queued
	// before.
	for deadline := time.After(10 * time.Second); d.appends.Load() < before+2 ||
		!l.Status().DiskFull; {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("%d appends, status %+v", d.appends.Load()-before, l.Status())
		}
	}
	if app.end != 3 {
		t.Errorf("status %+v", l.Status())
	}
	d.appendErr.Store(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := app.await(ctx.Done(), func() bool { return app.end == 4 }); err != nil {
		t.Error(err)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if l.Status().DiskFull {
		t.Error("still full")
	}
}

func TestPropose(t *testing.T) {
	app := newAppState()
	l, _ := openFaulty(t, app)
	awaitClaim(t, app, 1)
	tooFew := dataBatch(2, "x")
	tooFew[57+3] = 1
	flipped := dataBatch(2, "x")
	flipped[len(flipped)-1] ^= 1
	for name, c := range map[string]struct {
		epoch int32
		batch []byte
		want  error
	}{
		"an earlier epoch":        {0, dataBatch(1, "x"), ErrNotLeader},
		"a later epoch":           {2, dataBatch(1, "x"), ErrNotLeader},
		"nothing":                 {1, nil, ErrBadBatch},
		"a wrong CRC":             {1, flipped, ErrBadBatch},
		"fewer records than said": {1, tooFew, ErrBadBatch},
		"two batches":             {1, append(dataBatch(1, "x"), dataBatch(1, "y")...), ErrBadBatch},
		"too large": {
			1, dataBatch(1, strings.Repeat("x", batch.MaxBytes)), ErrBatchTooLarge,
		},
	} {
		if _, err := l.Propose(c.epoch, c.batch); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if _, err := l.Propose(c.epoch, dataBatch(1, "good"), c.batch); !errors.Is(err, c.want) {
			t.Errorf("%s behind a good batch: %v, want %v", name, err, c.want)
		}
	}
	if _, err := l.Propose(1); !errors.Is(err, ErrBadBatch) {
		t.Errorf("no batch at all: %v", err)
	}
	half := dataBatch(1, strings.Repeat("x", batch.MaxBytes/2))
	if _, err := l.Propose(1, slices.Repeat([][]byte{half}, 8)...); !errors.Is(
		err, ErrBatchTooLarge,
	) {
		t.Errorf("too large together: %v", err)
	}
	if base, err := l.Propose(1, dataBatch(7, "x")); base != 3 || err != nil {
		t.Errorf("after the refusals: offset %d, %v", base, err)
	}
	if base, err := l.Propose(1, dataBatch(1, "x"), dataBatch(4, "y"),
		dataBatch(2, "z")); base != 10 ||
		err != nil {
		t.Errorf("several: offset %d, %v", base, err)
	}
	if base, err := l.Propose(1, dataBatch(1, "x")); base != 17 || err != nil {
		t.Errorf("the next: offset %d, %v", base, err)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := l.Propose(1, dataBatch(1, "x")); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
	if err := l.Stop(t.Context()); err != nil {
		t.Errorf("the second Stop: %v", err)
	}
}

func TestTooManyPending(t *testing.T) {
	c := loneCore(t, 2, 1000)
	c.claimed, c.opening.index = true, 1 // as if the epoch had been opened
	before := c.store.last()
	propose := func(want int) {
		t.Helper()
		taken := 0
		for range 10 {
			if _, err := c.propose(int32(c.term), dataBatch(1, strings.Repeat("x", 300))); err == nil {
				taken++
			} else if !errors.Is(err, ErrTooManyPending) {
				t.Fatal(err)
			}
		}
		if taken != want {
			t.Errorf("%d were taken, want %d", taken, want)
		}
	}
	propose(2)
	write(c)
	propose(0) // committed they are not
	if got := c.store.last(); got.end != before.end+2 || got.index != before.index+2 {
		t.Errorf("the log went from %+v to %+v", before, got)
	}
}

// loneCore is a core of n voters that was elected, with nothing written yet.
func loneCore(t *testing.T, n int, maxPending int64) *core {
	conf := &raftpb.ConfState{}
	for i := range n {
		conf.Voters = append(conf.Voters, raftID(int32(i)))
	}
	c, err := newCore(
		coreConfig{
			electionTicks: 10, heartbeatTicks: 2, maxPending: maxPending,
			log: testLogger(t),
		},
		walState{HardState: &raftpb.HardState{}, Mark: mark{ConfState: conf}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []raftpb.MessageType{raftpb.MsgPreVoteResp, raftpb.MsgVoteResp} {
		c.do(func() {
			if typ == raftpb.MsgPreVoteResp {
				_ = c.rn.Campaign()
			}
		})
		for _, w := range c.takeOutputs().writes {
			c.written(w)
		}
		c.step(
			&raftpb.Message{
				Type: typ.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(uint64(1)),
			},
		)
	}
	if c.lead != raftID(0) {
		t.Fatalf("not elected: term %d, state %v", c.term, c.state)
	}
	return c
}

// TestRaftPanicStopsTheReplica has raft panic on a commit index beyond the log, which is given to
// it without the checks that refuse it.
func TestRaftPanicStopsTheReplica(t *testing.T) {
	c := loneCore(t, 2, 1000)
	c.takeOutputs()
	c.do(func() {
		_ = c.rn.Step(
			&raftpb.Message{
				Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(1)), To: new(raftID(0)),
				Term: new(uint64(2)), Commit: new(uint64(99)),
			},
		)
	})
	if c.failed == nil || !strings.Contains(c.failed.Error(), "lost") {
		t.Fatalf("failed: %v", c.failed)
	}
	c.tick()
	if out := c.takeOutputs(); len(out.messages)+len(out.writes)+len(out.applies) > 0 {
		t.Errorf("a failed core still wants %+v", out)
	}
	if l := c.leadership(); l.leader != -1 {
		t.Errorf("a failed core reports leader %d", l.leader)
	}
}

// TestInconsistentDiskIsRefused has the log contradict itself on disk.
func TestInconsistentDiskIsRefused(t *testing.T) {
	conf := &raftpb.ConfState{Voters: []uint64{1}}
	entry := func(index, term uint64, data []byte) *raftpb.Entry {
		return &raftpb.Entry{Index: new(index), Term: new(term), Data: data}
	}
	for name, st := range map[string]walState{
		"commit beyond the end": {
			HardState: &raftpb.HardState{Term: new(uint64(1)), Commit: new(uint64(9))},
			Mark:      mark{ConfState: conf},
		},
		"a gap": {
			HardState: &raftpb.HardState{}, Mark: mark{ConfState: conf},
			Entries: []*raftpb.Entry{entry(2, 1, nil)},
		},
		"terms fall": {
			HardState: &raftpb.HardState{}, Mark: mark{ConfState: conf},
			Entries: []*raftpb.Entry{entry(1, 2, nil), entry(2, 1, nil)},
		},
		"no batch": {
			HardState: &raftpb.HardState{}, Mark: mark{ConfState: conf},
			Entries: []*raftpb.Entry{entry(1, 2, []byte("x"))},
		},
	} {
		if c, err := newCore(coreConfig{electionTicks: 10, heartbeatTicks: 2, log: testLogger(t)},
			st); err == nil {
			t.Errorf("%s: opened %v", name, c.store.last())
		}
	}
}

// TestIdleLogWritesNothing shows that an idle single node does nothing but tick.
func TestIdleLogWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := newAppState()
		l, d := openFaulty(t, app)
		awaitClaim(t, app, 1)
		<-time.After(time.Second)
		before := d.appends.Load()
		<-time.After(10 * time.Minute)
		if after := d.appends.Load(); after != before {
			t.Errorf("%d appends in ten idle minutes", after-before)
		}
		if err := l.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// hangingDisk does not return from a sync while it is set to hang.
type hangingDisk struct {
	disk
	hang atomic.Pointer[chan struct{}]
}

func (d *hangingDisk) Sync() error {
	if c := d.hang.Load(); c != nil {
		<-*c
	}
	return d.disk.Sync()
}

// TestStalledDiskHandsOver: a leader whose disk hangs hands leadership over within two election
// timeouts, does not regain it, and follows when the disk answers again.
func TestStalledDiskHandsOver(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, nil)
	disks := map[*testNode]*hangingDisk{}
	for _, n := range cl.nodes {
		n.wrap = func(d disk) disk {
			disks[n] = &hangingDisk{disk: d}
			return disks[n]
		}
	}
	cl.start()
	end := cl.write("before")
	slow := cl.leader()
	for _, n := range cl.nodes {
		n.await(end)
	}
	release := make(chan struct{})
	disks[slow].hang.Store(&release)
	began := slow.log.ticks()
	if _, err := slow.propose(slow.log.Status().Epoch, dataBatch(1, "hangs")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another one leads", func() bool {
		s := slow.log.Status()
		return s.Leader >= 0 && s.Leader != slow.id
	})
	if took := slow.log.ticks() - began; took > 2*int64(slow.cfg.ElectionTicks) {
		t.Errorf(
			"leadership went away after %d ticks, an election timeout has %d", took,
			slow.cfg.ElectionTicks,
		)
	}
	disks[slow].hang.Store(nil)
	close(release)
	slow.await(cl.write("after"))
}
