package controller

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// TestRandomLivesOfBrokers lets brokers register, heartbeat, die and be unregistered at random,
// with operations of many small parts, a log that refuses now and then, and failovers at any
// moment. When the dust settles, whatever the order was:
//
//   - every request was answered exactly once,
//   - inactive brokers lead nothing and are in no ISR that can do without them,
//   - no partition is without a leader that has an active member of its ISR,
//   - every unfenced broker has a session that can end,
//   - the log alone gives the image that was published.
func TestRandomLivesOfBrokers(t *testing.T) {
	for seed := range uint64(60) {
		w := newBrokerWorld(t, seed)
		for range 400 {
			w.act()
		}
		w.check()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

type brokerWorld struct {
	*testDriver
	rand   *rand.Rand
	epoch  int32
	epochs map[int32]int64 // broker -> its epoch, as its process knows it
	asked  []*kmsg.Response
}

const worldBrokers = 5

func newBrokerWorld(t *testing.T, seed uint64) *brokerWorld {
	elr := int16(seed % 2)
	d := newTestDriver(t, func(cfg *Config) {
		cfg.Bootstrap = []record.Record{&record.FeatureLevel{Name: metadata.FeatureMetadata,
			Level: int16(metadata.LatestVersion)}}
		if elr > 0 {
			cfg.Bootstrap = append(cfg.Bootstrap,
				&record.FeatureLevel{Name: metadata.FeatureElr, Level: elr})
			cfg.MinISR = 2
		}
	})
	d.core.partMax = 3
	w := &brokerWorld{testDriver: d, rand: rand.New(rand.NewPCG(seed, 1)), epoch: 1,
		epochs: make(map[int32]int64)}
	for id := range int32(worldBrokers) {
		w.epochs[id] = w.addBroker(id)
	}
	w.addPartitions("foo", 40, func(int) []int32 {
		replicas := w.rand.Perm(worldBrokers)[:1+w.rand.IntN(3)]
		var ids []int32
		for _, r := range replicas {
			ids = append(ids, int32(r))
		}
		return ids
	})
	return w
}

func (w *brokerWorld) act() {
	id := w.rand.Int32N(worldBrokers)
	switch n := w.rand.IntN(100); {
	case n < 35:
		w.steps(1 + w.rand.IntN(4))
	case n < 65:
		w.heartbeat(id)
	case n < 75:
		w.register(id)
	case n < 77:
		req := kmsg.NewPtrUnregisterBrokerRequest()
		req.BrokerID = id
		w.asked = append(w.asked, w.ask(req))
	case n < 87:
		w.clock.Advance(time.Duration(w.rand.IntN(3000))*time.Millisecond,
			func() { w.steps(w.rand.IntN(3)) })
	case n < 92:
		w.log.Refused = func() error {
			if w.rand.IntN(3) == 0 {
				return ErrTooManyPending
			}
			return nil
		}
	case n < 97:
		w.log.Refused = nil
	default:
		w.failover()
	}
}

// steps runs some turns; each commits what it proposed, or leaves it for later.
func (w *brokerWorld) steps(n int) {
	for range n {
		for _, e := range w.queue.take(w.core.mayRunPart()) {
			w.turn(e)
			w.afterTurns()
		}
		if w.rand.IntN(3) > 0 {
			for _, b := range w.log.Take() {
				w.Committed([][]byte{b})
			}
		}
	}
}

func (w *brokerWorld) heartbeat(id int32) {
	req := heartbeatRequest(id, w.epochs[id], w.log.End)
	if w.rand.IntN(8) == 0 {
		req.CurrentMetadataOffset = w.epochs[id] - 1
	}
	req.WantFence, req.WantShutdown = w.rand.IntN(6) == 0, w.rand.IntN(8) == 0
	if w.rand.IntN(6) == 0 {
		req.OfflineLogDirs = [][16]byte{testUUID(int(id))}
	}
	if w.rand.IntN(6) == 0 {
		req.CordonedLogDirs = [][16]byte{testUUID(int(id))}
	}
	w.asked = append(w.asked, w.ask(req))
}

func (w *brokerWorld) register(id int32) {
	req := registrationRequest(w.cfg.ClusterID, id, w.rand.IntN(3))
	req.LogDirs = append(req.LogDirs, testUUID(int(id)+100))
	// a process does not get a failed disk back
	if b := w.core.working.Broker(id); b != nil && b.IncarnationID == req.IncarnationID {
		req.LogDirs = nil
		for _, d := range b.LogDirs {
			req.LogDirs = append(req.LogDirs, d)
		}
	}
	req.PreviousBrokerEpoch = w.epochs[id] - int64(w.rand.IntN(2))
	slot := new(kmsg.Response)
	w.asked = append(w.asked, slot)
	w.Handle(w.t.Context(), protocol.Caller{}, req, func(resp kmsg.Response) {
		if *slot != nil {
			w.t.Error("a registration is answered twice")
		}
		*slot = resp
		if r := resp.(*kmsg.BrokerRegistrationResponse); r.ErrorCode == 0 {
			w.epochs[id] = r.BrokerEpoch
		}
	})
}

// failover makes this node lose its leadership and win the next epoch. The proposed batches are
// committed, or the last of them are lost.
func (w *brokerWorld) failover() {
	w.log.Refused = func() error { return errors.New("not the leader") }
	w.LeaderChanged(-1, w.epoch)
	batches := w.log.Take()
	kept := batches[:w.rand.IntN(len(batches)+1)]
	for _, b := range kept {
		w.Committed([][]byte{b})
	}
	for _, b := range slices.Backward(batches[len(kept):]) {
		w.log.End = b.BaseOffset()
		w.log.All = slices.DeleteFunc(w.log.All,
			func(x batch.Batch) bool { return &x[0] == &b[0] })
	}
	w.work()
	w.log.Refused = nil
	w.epoch += 2
	w.lead(w.epoch)
}

// check lets everything end and looks at what has come of it.
func (w *brokerWorld) check() {
	t := w.t
	w.log.Refused = nil
	w.settle()
	w.advance(2 * againAfter)
	for _, slot := range w.asked {
		if *slot == nil {
			t.Error("a request is not answered")
		}
	}
	if w.Stats().Faults != 0 || len(w.stopped) != 0 {
		t.Errorf("%+v, stopped %v", w.Stats(), w.stopped)
	}
	w.checkDeparted()
	w.checkLeaders()
	w.checkSessions()
	img := metadata.Empty()
	for _, b := range w.log.All {
		next, err := img.ReplayBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		img = next
	}
	var a, b bytes.Buffer
	if metadata.WriteSnapshot(&a, img) != nil || metadata.WriteSnapshot(&b, w.Image()) != nil ||
		!bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the log gives another image than the one that was published")
	}
}

func (w *brokerWorld) checkLeaders() {
	img := w.Image()
	for tp := range img.Leaderless() {
		for _, r := range tp.Partition.ISR {
			if b := img.Broker(r); b.Active() && b.DirectoryOnline(tp.Partition.Directory(r)) {
				w.t.Errorf("%s-%d has no leader, and an active replica in its ISR: %+v",
					tp.Topic.Name, tp.ID, tp.Partition)
			}
		}
	}
}

// checkSessions checks that each unfenced broker is fenced when it is silent from now on.
func (w *brokerWorld) checkSessions() {
	w.advance(2 * w.cfg.SessionTimeout)
	for id, b := range w.Image().Brokers() {
		if !b.Fenced {
			w.t.Errorf("broker %d is silent and never fenced: it has no session", id)
		}
	}
	w.checkDeparted()
}
