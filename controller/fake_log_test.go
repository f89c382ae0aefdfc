package controller

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// fakeLog is a Log that gives offsets and commits when it is told to.
type fakeLog struct {
	end       int64
	refuse    error            // what Propose answers instead, if not nil
	refused   func() error     // asked at every Propose, if not nil
	waiting   []metadata.Batch // proposed, not committed
	all       []metadata.Batch // proposed ever
	proposals []int            // how many batches came together
	peers     []Peer
	quorum    Quorum
}

func (l *fakeLog) Propose(epoch int32, batches ...[]byte) (int64, error) {
	if l.refused != nil {
		if err := l.refused(); err != nil {
			return 0, err
		}
	}
	if l.refuse != nil {
		return 0, l.refuse
	}
	base := l.end
	for _, batch := range batches {
		b, rest, err := metadata.ParseBatch(append([]byte(nil), batch...))
		if err != nil || len(rest) != 0 {
			return 0, errors.Join(err, errors.New("not one whole batch"))
		}
		b.SetPosition(l.end, epoch)
		l.end = b.EndOffset()
		l.waiting, l.all = append(l.waiting, b), append(l.all, b)
	}
	l.proposals = append(l.proposals, len(batches))
	return base, nil
}

// take returns what is proposed and not committed, as the log commits it.
func (l *fakeLog) take() []metadata.Batch {
	batches := l.waiting
	l.waiting = nil
	return batches
}

func (l *fakeLog) Fetch(context.Context, FetchRequest) FetchResult { return FetchResult{ErrorCode: -1} }

func (l *fakeLog) OpenSnapshot(int64, int32, int64) (io.ReadCloser, int64, error) {
	return nil, 0, errors.New("no snapshot")
}

func (l *fakeLog) Leader() (id, epoch int32)              { return l.quorum.LeaderID, l.quorum.LeaderEpoch }
func (l *fakeLog) Quorum() Quorum                         { return l.quorum }
func (l *fakeLog) Peers() []Peer                          { return l.peers }
func (l *fakeLog) Barrier(context.Context) (int64, error) { return l.end, nil }

// testStart is when every test begins.
var testStart = time.UnixMilli(1_700_000_000_000)

// fakeClock stands still until it is advanced; timers fire on the goroutine that advances it.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	at      time.Time
	f       func()
	stopped bool
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{at: c.now.Add(d), f: f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := t.stopped
		t.stopped = true
		return !was
	}
}

// jump moves the clock by d and fires nothing, as for a process that stood still.
func (c *fakeClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// advance moves the clock by d and fires what falls due on the way, each at its time, and calls after behind each.
func (c *fakeClock) advance(d time.Duration, after func()) {
	end := c.Now().Add(d)
	for {
		t := c.pop(end)
		if t == nil {
			break
		}
		t.f()
		after()
	}
	c.mu.Lock()
	c.now = end
	c.mu.Unlock()
}

// pop removes the earliest timer that is due by end, and sets the clock to its time.
func (c *fakeClock) pop(end time.Time) *fakeTimer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = slices.DeleteFunc(c.timers, func(t *fakeTimer) bool { return t.stopped })
	if len(c.timers) == 0 {
		return nil
	}
	t := slices.MinFunc(c.timers, func(a, b *fakeTimer) int { return a.at.Compare(b.at) })
	if t.at.After(end) {
		return nil
	}
	t.stopped = true
	if t.at.After(c.now) {
		c.now = t.at
	}
	return t
}

func testConfig() Config {
	return Config{
		NodeID: 3000, ClusterID: "Z3NnZmRnZmRnZmRnZmRnZg", DirectoryID: testUUID(3000),
		Registration: record.RegisterController{
			ControllerID: 3000, IncarnationID: testUUID(30001),
			Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "c1", Port: 9093}},
			Features:  metadata.SupportedFeatures(false),
		},
		InitialVoters: func() record.Voters {
			return record.Voters{Voters: []record.Voter{{
				ID: 3000, DirectoryID: testUUID(3000), KRaftVersionMax: 1,
				Endpoints: []record.VoterEndpoint{{Name: "CONTROLLER", Host: "c1", Port: 9093}},
			}}}
		},
		Bootstrap:         metadata.BootstrapFeatures(metadata.LatestVersion),
		DefaultPartitions: 1, DefaultReplicationFactor: 1, MinISR: 1, DeleteTopics: true,
		SessionTimeout: 9 * time.Second, HeartbeatInterval: 2 * time.Second, PreferredInterval: 300 * time.Second, UncleanInterval: 300 * time.Second,
		Clock: &fakeClock{now: testStart}, Random: rand.NewPCG(1, 2), Logger: slog.New(slog.DiscardHandler),
		Stop: func(err error) { panic(err) },
	}
}

// testUUID is an id that is not reserved and that sorts by n.
func testUUID(n int) record.UUID {
	return record.UUID{0: 0x40, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

// testCore is an active core over a fakeLog, without a driver: time is its clock, and what it proposes commits at once.
type testCore struct {
	*core
	t     testing.TB
	log   *fakeLog
	clock *fakeClock
}

// newTestCore makes a core that is active in epoch 1 of a new cluster, bootstrapped; options change the configuration first.
func newTestCore(t testing.TB, options ...func(*Config)) *testCore {
	t.Helper()
	cfg := testConfig()
	for _, o := range options {
		o(&cfg)
	}
	log := new(fakeLog)
	cfg.Log = log
	tc := &testCore{core: newCore(&cfg), t: t, log: log, clock: cfg.Clock.(*fakeClock)}
	tc.lead(1)
	return tc
}

// lead opens an epoch as the log does, and claims it.
func (tc *testCore) lead(epoch int32) {
	tc.t.Helper()
	tc.renounce()
	controller := &Controller{cfg: *tc.cfg}
	controller.published.Store(tc.committed)
	if _, err := tc.log.Propose(epoch, controller.EpochStart(epoch, tc.log.end == 0)); err != nil {
		tc.t.Fatal(err)
	}
	tc.commitAll()
	if err := tc.claim(tc.clock.now, epoch); err != nil {
		tc.t.Fatal(err)
	}
	tc.commitAll()
	tc.runBacklog()
}

// runBacklog runs what the core began on its own.
func (tc *testCore) runBacklog() {
	tc.t.Helper()
	for _, b := range tc.take().backlog {
		tc.do(b.run)
	}
}

// commitAll commits whatever is proposed.
func (tc *testCore) commitAll() {
	tc.t.Helper()
	for _, b := range tc.log.take() {
		if err := tc.commit([]*feed.Batch{{Batch: b}}, false); err != nil {
			tc.t.Fatal(err)
		}
	}
}

// apply writes records as one batch and commits it.
func (tc *testCore) apply(records ...record.Record) {
	tc.t.Helper()
	if err := tc.append(tc.clock.now, result{records: records, atomic: true}); err != nil {
		tc.t.Fatal(err)
	}
	tc.commitAll()
}

// do runs an operation to its end, part by part, committing each, and returns what it wrote and answered.
func (tc *testCore) do(f func(op) result) (records []record.Record, response kmsg.Response) {
	tc.t.Helper()
	for f != nil {
		r := f(op{now: tc.clock.now})
		records = append(records, r.records...)
		if err := tc.append(tc.clock.now, r); err != nil {
			tc.t.Fatal(err)
		}
		if r.more == nil {
			tc.answer(&r, func(resp kmsg.Response, _ error) { response = resp }, func(err *protocol.Error) { tc.t.Fatal(err) })
		}
		tc.commitAll()
		for _, answer := range tc.take().answers {
			answer()
		}
		f = r.more
	}
	return records, response
}

// handle runs a write request through the API table.
func (tc *testCore) handle(req kmsg.Request) (records []record.Record, response kmsg.Response) {
	tc.t.Helper()
	return tc.do(func(o op) result { return apiOf(req.Key()).write(tc.core, o, req) })
}

// addBrokers registers brokers, unfenced, each with the log directory testUUID(id).
func (tc *testCore) addBrokers(ids ...int32) {
	tc.t.Helper()
	for _, id := range ids {
		tc.apply(&record.RegisterBroker{
			BrokerID: id, IncarnationID: testUUID(int(id) + 1_000_000), BrokerEpoch: tc.nextOffset(), LogDirs: []record.UUID{testUUID(int(id))},
			Endpoints: []record.Endpoint{{Name: "PLAINTEXT", Host: "b", Port: 9092}}, Features: metadata.SupportedFeatures(false),
		})
	}
}

// addTopic makes a topic whose partitions have these replicas, all in sync, the first leading.
func (tc *testCore) addTopic(name string, replicas ...[]int32) record.UUID {
	tc.t.Helper()
	id := newUUID(tc.cfg.Random)
	records := []record.Record{&record.Topic{Name: name, TopicID: id}}
	for i, r := range replicas {
		dirs := make([]record.UUID, len(r))
		for j, b := range r {
			dirs[j] = tc.working.Broker(b).DefaultDirectory()
		}
		records = append(records, &record.Partition{PartitionID: int32(i), TopicID: id, Replicas: r, ISR: r, Leader: r[0], Directories: dirs})
	}
	tc.apply(records...)
	return id
}
