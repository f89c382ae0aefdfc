package controller

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// fakeLog is a Log that gives offsets and commits when a test says so.
type fakeLog struct {
	controllertest.Log
	peers  []Peer
	quorum Quorum
	behind int64 // the answer of CaughtUp; negative: not known yet
}

func (l *fakeLog) Fetch(context.Context,
	FetchRequest) FetchResult {
	return FetchResult{ErrorCode: -1}
}

func (l *fakeLog) OpenSnapshot(int64, int32, int64) (io.ReadCloser, int64, error) {
	return nil, 0, errors.New("no snapshot")
}

func (l *fakeLog) Leader() (id, epoch int32) {
	return l.quorum.LeaderID,
		l.quorum.LeaderEpoch
}
func (l *fakeLog) Quorum() Quorum                         { return l.quorum }
func (l *fakeLog) Peers() []Peer                          { return l.peers }
func (l *fakeLog) CaughtUp() (offset int64, ok bool)      { return l.behind, l.behind >= 0 }
func (l *fakeLog) Barrier(context.Context) (int64, error) { return l.End, nil }

var testStart = controllertest.Start

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
		SessionTimeout: 9 * time.Second, HeartbeatInterval: 2 * time.Second,
		PreferredInterval: 300 * time.Second, UncleanInterval: 300 * time.Second,
		Clock: controllertest.NewClock(), Random: rand.NewPCG(1,
			2), Logger: slog.New(slog.DiscardHandler),
		Stop: func(err error) { panic(err) },
	}
}

func testUUID(n int) protocol.UUID { return controllertest.UUID(n) }

// testCore is an active core over a fakeLog, without a driver: time is its clock, and what it
// proposes commits at once.
type testCore struct {
	*core
	t     testing.TB
	log   *fakeLog
	clock *controllertest.Clock
}

// newTestCore makes a core that is active in epoch 1 of a new cluster, bootstrapped; options change
// the configuration first.
func newTestCore(t testing.TB, options ...func(*Config)) *testCore {
	t.Helper()
	cfg := testConfig()
	for _, o := range options {
		o(&cfg)
	}
	log := new(fakeLog)
	cfg.Log = log
	tc := &testCore{core: newCore(&cfg), t: t, log: log, clock: cfg.Clock.(*controllertest.Clock)}
	tc.lead(1)
	return tc
}

// lead opens an epoch as the log does, and claims it.
func (tc *testCore) lead(epoch int32) {
	tc.t.Helper()
	tc.renounce()
	controller := &Controller{cfg: *tc.cfg}
	controller.published.Store(tc.committed)
	if _, err := tc.log.Propose(epoch, controller.EpochStart(epoch, tc.log.End == 0)); err != nil {
		tc.t.Fatal(err)
	}
	tc.commitAll()
	if err := tc.claim(tc.clock.Now(), epoch); err != nil {
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
	for _, b := range tc.log.Take() {
		if err := tc.commit([]*feed.Batch{{Batch: b}}, false); err != nil {
			tc.t.Fatal(err)
		}
	}
}

// apply writes records as one batch and commits it.
func (tc *testCore) apply(records ...record.Record) {
	tc.t.Helper()
	if err := tc.append(tc.clock.Now(), result{records: records, atomic: true}); err != nil {
		tc.t.Fatal(err)
	}
	tc.commitAll()
}

// do runs an operation to its end, part by part, committing each, and returns what it wrote and
// answered.
func (tc *testCore) do(f func(op) result) (records []record.Record, response kmsg.Response) {
	tc.t.Helper()
	for f != nil {
		r := f(op{now: tc.clock.Now()})
		records = append(records, r.records...)
		if err := tc.append(tc.clock.Now(), r); err != nil {
			tc.t.Fatal(err)
		}
		if r.more == nil {
			tc.answer(&r, func(resp kmsg.Response, _ error) { response = resp },
				func(err *protocol.Error) { tc.t.Fatal(err) })
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
			BrokerID: id, IncarnationID: testUUID(int(id) +
				1_000_000), BrokerEpoch: tc.nextOffset(), LogDirs: []protocol.UUID{testUUID(int(id))},
			Endpoints: []record.Endpoint{{Name: "PLAINTEXT", Host: "b",
				Port: 9092}}, Features: metadata.SupportedFeatures(false),
		})
	}
}

// addTopic makes a topic whose partitions have these replicas, all in sync, the first leading.
func (tc *testCore) addTopic(name string, replicas ...[]int32) protocol.UUID {
	tc.t.Helper()
	id := newUUID(tc.cfg.Random)
	records := []record.Record{&record.Topic{Name: name, TopicID: id}}
	for i, r := range replicas {
		dirs := make([]protocol.UUID, len(r))
		for j, b := range r {
			dirs[j] = tc.working.Broker(b).DefaultDirectory()
		}
		records = append(records, &record.Partition{PartitionID: int32(i), TopicID: id, Replicas: r,
			ISR: r, Leader: r[0], Directories: dirs})
	}
	tc.apply(records...)
	return id
}
