package raftlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/yakt/yakt/raftlog/wal"
)

// Log is the replicated log of one node. All methods may be called from any goroutine.
type Log struct {
	cfg   Config
	log   *slog.Logger
	app   App
	view  *view
	snaps *snapshots
	now   func() time.Time

	mu      sync.Mutex // guards core and what follows
	core    *core
	started bool
	readers map[uint64]chan readResult
	lastID  uint64

	writer  *writer
	applier *applier
	peers   *peers
	tunnels tunnels

	memoryMu    sync.Mutex // orders writes of savedMemory; locked before mu
	savedMemory []byte     // the encoded memory last passed to the write-ahead log as its note

	full     atomic.Bool // the writer waits for space on the disk
	failed   chan error  // holds the one error of a failed replica
	failOnce sync.Once
	failure  atomic.Pointer[error] // why this replica has failed; nil while it has not
	stop     context.CancelFunc    // ends all goroutines
	ctx      context.Context
	done     sync.WaitGroup
	stopOnce sync.Once
	stopErr  error
}

// Open reads the log in cfg.Dir, which it makes if there is none, and loads the newest snapshot
// into app. Nothing runs until Start. An error describes what is wrong on the disk and what an
// operator can do.
func Open(cfg Config, app App) (*Log, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	snaps, st, d, err := openDisk(cfg)
	if err != nil {
		return nil, err
	}
	l, err := newLog(cfg, app, snaps, st, d)
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	return l, nil
}

func newLog(cfg Config, app App, snaps *snapshots, st walState, d disk) (*Log, error) {
	c, err := newCore(coreConfig{
		node: cfg.NodeID, incarnation: st.Incarnation, salt: newSalt(),
		electionTicks: cfg.ElectionTicks, heartbeatTicks: cfg.HeartbeatTicks,
		maxPending: cfg.MaxPendingBytes, messageBytes: cfg.MessageBytes, keepBytes: cfg.KeepBytes,
		log: cfg.Logger,
	}, st)
	if err != nil {
		return nil, err
	}
	l := &Log{
		cfg: cfg, log: cfg.Logger, app: app, core: c, snaps: snaps, now: cfg.Clock.Now,
		view:    newView(cfg.NodeID, c.store.base, c.reported),
		readers: map[uint64]chan readResult{}, failed: make(chan error, 1), savedMemory: st.Note,
	}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.writer, l.applier, l.peers = newWriter(l, d), newApplier(l), newPeers(l)
	snaps.foundBad = l.snapshotFoundBad
	l.peers.update(c.members())
	if m := st.Mark; m.Index > 0 {
		id := snapshotID{m.EndOffset, m.Epoch}
		if err := app.LoadSnapshot(id.end, id.epoch, snaps.opener(id)); err != nil {
			return nil, fmt.Errorf("raftlog: loading snapshot %s: %w", id, err)
		}
		l.view.publish(id, c.store.base)
	}
	return l, nil
}

// Start runs the log: it dials its peers, votes and calls the App from then on.
func (l *Log) Start() {
	// This start is counted durably before any peer learns of it.
	if err := l.saveMemory(true); errors.Is(err, wal.ErrRetry) {
		l.log.Error("this node waits to take part until its start can be written down", "error", err)
		l.goLoop(l.beginWhenCounted)
		return
	}
	l.begin()
}

func (l *Log) beginWhenCounted() {
	retry := time.NewTicker(spaceRetry)
	defer retry.Stop()
	for {
		select {
		case <-retry.C:
		case <-l.ctx.Done():
			return
		}
		if err := l.saveMemory(true); !errors.Is(err, wal.ErrRetry) {
			l.begin()
			return
		}
	}
}

func (l *Log) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.ctx.Err() != nil {
		return
	}
	l.started = true
	l.goLoop(l.writer.run)
	l.goLoop(l.applier.run)
	l.goLoop(l.tickLoop)
	l.peers.update(l.core.members())
	l.core.start()
	l.flush()
}

func (l *Log) goLoop(loop func()) {
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		loop()
	}()
}

// input runs f on the core and carries out the resulting outputs.
func (l *Log) input(f func(c *core)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	f(l.core)
	l.flush()
}

// flush passes the core's outputs to the goroutines that carry them out. The caller holds the lock,
// which preserves their order. Nothing here blocks.
func (l *Log) flush() {
	out := l.core.takeOutputs()
	if err := l.core.failed; err != nil {
		l.fail(err)
	}
	if out.changed {
		l.view.setLeadership(l.core.leadership())
	}
	for _, r := range out.reads {
		if ch := l.readers[r.id]; ch != nil {
			delete(l.readers, r.id)
			ch <- r
		}
	}
	l.writer.add(out.writes...)
	l.applier.add(out.applies...)
	if out.members {
		l.peers.update(l.core.members())
	}
	for _, m := range out.pulls {
		l.peers.pull(m)
	}
	l.send(out.messages)
}

// send queues messages. Those that cannot be queued are lost, which is reported to raft.
func (l *Log) send(messages []*raftpb.Message) {
	for _, m := range messages {
		if !l.peers.send(m) {
			l.core.unreachable(m.GetTo())
			if m.GetType() == raftpb.MsgSnap {
				l.core.snapshotFailed(m.GetTo())
			}
		}
	}
}

// fail stops this replica for good.
func (l *Log) fail(err error) {
	l.failOnce.Do(func() {
		l.log.Error("the log has failed; this node must stop", "error", err)
		l.failure.Store(&err)
		l.view.stop(true)
		l.stop()
		l.failed <- err // last, so that the receiver finds everything stopped
	})
}

// Fail stops this replica as a failed disk does. The owner calls it when it can no longer trust the
// state that it has built from the log. It does not block and may be called from the App's methods.
func (l *Log) Fail(err error) { l.fail(err) }

// Failed delivers one error when an invariant is broken or the disk has failed. The replica has
// stopped by then and the process must exit: its memory can no longer be trusted.
func (l *Log) Failed() <-chan error { return l.failed }

// Stop hands leadership over to the most caught-up follower, if there is one, and closes
// everything. ctx bounds only the hand-over. It is idempotent; the error is that of closing the
// write-ahead log.
func (l *Log) Stop(ctx context.Context) error {
	l.stopOnce.Do(func() {
		l.HandOver(ctx)
		l.view.stop(false)
		l.stop()
		l.mu.Lock() // waits for the current input; nothing is started or queued from here on
		peers := l.peers
		l.mu.Unlock()
		peers.close()
		l.done.Wait()
		l.failReaders()
		l.stopErr = l.writer.close()
	})
	return l.stopErr
}

// HandOver transfers leadership, if this node has it, to the most caught-up follower. It waits
// until another node leads, for at most an election timeout.
func (l *Log) HandOver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.cfg.ElectionTicks)*l.cfg.Tick)
	defer cancel()
	l.mu.Lock()
	to := raft.None
	if l.started && l.ctx.Err() == nil {
		to = l.core.handOver()
		l.flush()
	}
	l.mu.Unlock()
	for to != raft.None {
		l.view.mu.RLock()
		changed, leader := l.view.changed, l.view.leader
		l.view.mu.RUnlock()
		if leader >= 0 && leader != l.cfg.NodeID {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		case <-l.ctx.Done():
			return
		}
	}
}

// memoryTicks is the interval, in ticks, at which the memory of what the members have acknowledged
// is passed to the write-ahead log, which writes it with its durable mark: five times a second with
// ticks of 20 ms.
const memoryTicks = 10

// tickLoop is raft's clock.
func (l *Log) tickLoop() {
	ticks := 0
	ticker := time.NewTicker(l.cfg.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-ticker.C:
			l.input((*core).tick)
			l.peers.recordProgress(l.now())
			l.watchDisk()
			if ticks++; ticks%memoryTicks == 0 {
				_ = l.saveMemory(false) // an error has stopped the log, or there is no space now
			}
		}
	}
}

// appendPing appends the body of a ping: whether this node waits for its quorum to be founded, and
// its memory of the members.
func (l *Log) appendPing(b []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return appendRemembered(append(b, flagByte(l.core.founding)), l.core.memory.known)
}

// Incarnation identifies the log on this node's disk: a log that is made again has another one,
// even in the same directory.
func (l *Log) Incarnation() [16]byte { return l.core.cfg.incarnation }

// Propose appends finished record batches if this node has claimed epoch: all of them in one raft
// entry, or none. No log ever holds only some of them, whatever happens to this node, and Committed
// delivers them together. Propose is synchronous and in memory: the batches are durable and
// committed only when Committed delivers them. It returns the base offset of the first. The log
// owns the batches from then on and sets their base offsets and epoch.
//
// Errors (ErrNotLeader, ErrTooManyPending, ErrBatchTooLarge, ErrBadBatch, ErrStopped) mean that
// nothing was appended.
func (l *Log) Propose(epoch int32, batches ...[]byte) (baseOffset int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return 0, ErrStopped
	}
	baseOffset, err = l.core.propose(epoch, batches...)
	l.flush()
	return baseOffset, err
}

// Barrier returns an offset that is at or after everything that any leader had acknowledged before
// the call (Raft's ReadIndex, confirmed by a majority). Only the leader can; other nodes return
// ErrNotLeader.
func (l *Log) Barrier(ctx context.Context) (offset int64, err error) {
	answer := make(chan readResult, 1)
	l.mu.Lock()
	if l.ctx.Err() != nil {
		l.mu.Unlock()
		return 0, ErrStopped
	}
	l.lastID++
	id := l.lastID
	l.readers[id] = answer
	l.core.readIndex(id)
	l.flush()
	l.mu.Unlock()
	select {
	case r := <-answer:
		return r.offset, r.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.ctx.Done():
		err = ErrStopped
	}
	l.mu.Lock()
	delete(l.readers, id)
	l.mu.Unlock()
	return 0, err
}

func (l *Log) failReaders() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, ch := range l.readers {
		delete(l.readers, id)
		ch <- readResult{id: id, err: ErrStopped}
	}
}
