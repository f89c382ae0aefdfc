package differential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

const (
	nodeID    = 3000
	clusterID = "Z3NnZmRnZmRnZmRnZmRnZg"

	sessionTimeout = 9 * time.Second
	// The fractions keep periodic elections from being due at the same instant as another task.
	preferredInterval = 7*time.Second + time.Nanosecond
	uncleanInterval   = 11*time.Second + time.Microsecond
)

// start is when every run begins. Kafka's side counts its nanoseconds from it, and from 1.
var start = controllertest.Start

// ours is our controller over a log in memory. It runs inside a synctest bubble, which detects when
// it is idle.
type ours struct {
	*controller.Controller
	log     *memoryLog
	clock   *controllertest.Clock
	epoch   int32
	stopped error
}

func startOurs(s setting, seed uint64) *ours {
	partitions, factor := s.defaults()
	o := &ours{log: new(memoryLog), clock: controllertest.NewClock()}
	voters := record.Voters{Voters: []record.Voter{{
		ID: nodeID, DirectoryID: protocol.UUID{0: 0x40, 15: 1}, KRaftVersionMax: 1,
		Endpoints: []record.VoterEndpoint{{Name: "CONTROLLER", Host: "localhost", Port: 9093}},
	}}}
	o.Controller = controller.New(controller.Config{
		NodeID: nodeID, ClusterID: clusterID, DirectoryID: voters.Voters[0].DirectoryID,
		Registration: record.RegisterController{
			ControllerID: nodeID, IncarnationID: protocol.UUID{0: 0x40, 15: 2},
			Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "localhost", Port: 9093}},
			Features:  metadata.SupportedFeatures(false),
		},
		InitialVoters: func() record.Voters { return voters }, Bootstrap: s.bootstrap(),
		DefaultPartitions: partitions, DefaultReplicationFactor: int16(factor), MinISR: s.minISR,
		UncleanElection: s.unclean, DeleteTopics: !s.keeps, Static: s.properties(),
		SessionTimeout: sessionTimeout, HeartbeatInterval: 2 * time.Second,
		PreferredInterval: preferredInterval, UncleanInterval: uncleanInterval,
		Log: o.log, Clock: o.clock, Random: rand.NewPCG(seed, 0),
		Logger: slog.New(slog.DiscardHandler),
		Stop:   func(err error) { o.stopped = err },
	})
	o.Start()
	return o
}

// lead opens an epoch as the log does and makes the controller its leader. It returns the written
// batches.
func (o *ours) lead() []batch.Batch {
	o.LeaderChanged(-1, o.epoch)
	o.commitAll()
	from := len(o.log.All)
	o.epoch++
	if _, err := o.log.Propose(o.epoch, o.EpochStart(o.epoch, o.log.End == 0)); err != nil {
		panic(err)
	}
	o.commitAll()
	o.LeaderChanged(nodeID, o.epoch)
	o.commitAll()
	return o.log.All[from:]
}

// commitAll commits proposals until there are none and the controller is idle.
func (o *ours) commitAll() {
	for {
		synctest.Wait()
		var batches [][]byte
		for _, b := range o.log.Take() {
			batches = append(batches, b)
		}
		if len(batches) == 0 {
			break
		}
		o.Committed(batches)
	}
	if o.stopped != nil {
		panic(fmt.Errorf("our controller stopped: %w", o.stopped))
	}
}

// request runs a request to its end and returns its answer, in its wire form, and the written
// batches.
func (o *ours) request(req kmsg.Request) (kmsg.Response, []written) {
	from := len(o.log.All)
	var resp kmsg.Response
	o.Handle(context.Background(), protocol.Caller{Listener: "CONTROLLER",
		Principal: "User:ANONYMOUS", ClientAddr: "127.0.0.1"}, req, func(r kmsg.Response) {
		resp = decodeResponse(req, r.AppendTo(nil))
	})
	o.commitAll()
	if resp == nil {
		panic(fmt.Sprintf("our controller did not answer %T", req))
	}
	return resp, dataRecords(o.log.All[from:])
}

// dataRecords are the records of all batches except control batches.
func dataRecords(batches []batch.Batch) []written {
	var all []written
	for _, b := range batches {
		if b.IsControl() {
			continue
		}
		err := b.Each(func(_ int64, _, value []byte) error {
			w, err := decode(slices.Clone(value))
			all = append(all, w)
			return err
		})
		if err != nil {
			panic(err)
		}
	}
	return all
}

// memoryLog is a controller.Log that takes everything.
type memoryLog struct{ controllertest.Log }

var errNotHere = errors.New("not in this log")

func (l *memoryLog) Fetch(context.Context, controller.FetchRequest) controller.FetchResult {
	return controller.FetchResult{ErrorCode: -1}
}

func (l *memoryLog) OpenSnapshot(int64, int32, int64) (io.ReadCloser, int64, error) {
	return nil, 0, errNotHere
}

func (l *memoryLog) Leader() (id, epoch int32) { return -1, 0 }

// Quorum reports the controllers that register as observers of the log: ours accepts no other
// registrations.
func (l *memoryLog) Quorum() controller.Quorum {
	return controller.Quorum{Observers: []controller.ReplicaState{{ID: 3001}, {ID: 3002},
		{ID: 3003}}}
}

func (l *memoryLog) Peers() []controller.Peer               { return nil }
func (l *memoryLog) CaughtUp() (int64, bool)                { return 0, true }
func (l *memoryLog) Barrier(context.Context) (int64, error) { return 0, errNotHere }
