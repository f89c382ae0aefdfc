package httpapi

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Heartbeat is a broker's report to broker_mgmt: which registration it is, and what it holds.
type Heartbeat struct {
	BrokerArgs
	// Epoch of the broker's registration.
	Epoch int64 `query:"epoch" json:"epoch" required:"true" minimum:"0" maximum:"9007199254740991"`
	Since
}

// HeartbeatInput is the input of broker_mgmt by GET.
type HeartbeatInput struct {
	HeartbeatParams
	WaitParams
	Heartbeat
}

// HeartbeatBody is the body of broker_mgmt by POST.
type HeartbeatBody struct {
	Heartbeat
	// Partitions for which this broker's replica has caught up, if their leaders also have no
	// process of their own that would report it.
	InSync []InSync `json:"inSync,omitempty" maxItems:"10000"`
}

// InSync names a partition for which a broker's replica has caught up.
type InSync struct {
	// Id of the topic.
	TopicUUID uuidText `json:"topicUUID" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Id of the partition.
	PartitionID int32 `json:"partitionId" minimum:"0" maximum:"2147483647" example:"0"`
}

func (a *API) brokerFeed() {
	feed := operation{
		kind: writeKind, name: "broker_mgmt", tag: tagFeeds,
		needs:   onCluster(acls.ClusterAction),
		summary: "A broker's heartbeat and its feed",
		text: "A heartbeat with the offset of the broker's newest update unfences the broker; " +
			"without heartbeats it is fenced when its session ends. A broker counts as alive while " +
			"its long poll waits; a stream is a heartbeat only when it begins. The answer contains " +
			"every record since the offset, or a snapshot, as that of client_mgmt, with records of " +
			"all kinds. A heartbeat has no dryRun, If-Match or Idempotency-Key: it says that the " +
			"broker is alive now, whatever the state, and each repetition says so again.",
		responses: okResponse(a.feedAnswer()),
	}
	handle(a, feed, func(ctx context.Context, in *struct {
		HeartbeatParams
		WaitParams
		Body HeartbeatBody
	}) (*huma.StreamResponse, error) {
		return a.report(ctx, in.WaitParams, in.Body)
	})
	handle(a, feed.by(http.MethodGet),
		func(ctx context.Context, in *HeartbeatInput) (*huma.StreamResponse, error) {
			return a.report(ctx, in.WaitParams, HeartbeatBody{Heartbeat: in.Heartbeat})
		})
}

func (a *API) report(
	ctx context.Context, w WaitParams, h HeartbeatBody,
) (*huma.StreamResponse, error) {
	p, err := a.params(w, h.Since)
	if err != nil {
		return nil, err
	}
	beat := func(ctx context.Context, offset int64) error { return a.heartbeat(ctx, h, offset) }
	if err := beat(ctx, p.offset); err != nil {
		return nil, err
	}
	for _, s := range h.InSync {
		if err := a.joinISR(ctx, h, s); err != nil {
			return nil, err
		}
	}
	return a.follow(ctx, p, feed.AudienceBrokers, beat)
}

// heartbeat sends the heartbeat that the broker's own process would send.
func (a *API) heartbeat(ctx context.Context, h HeartbeatBody, offset int64) error {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	b := a.cfg.Controller.Image().Broker(h.BrokerID)
	if b == nil {
		return kafkaProblem(kerr.BrokerIDNotRegistered, notRegistered(h.BrokerID))
	}
	if offset >= a.cfg.Controller.Image().EndOffset() {
		offset = -1 // not an offset of this log: from another cluster, or invented
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 2, h.BrokerID, h.Epoch
	req.CurrentMetadataOffset = offset
	if offset >= b.RegisteredAt {
		req.CordonedLogDirs = [][16]byte{} // as a broker does from when it has caught up
	}
	resume := turnOf(ctx).pause()
	outcome, err := a.cfg.Controller.Do(ctx, caller(ctx), req)
	resume()
	if err != nil {
		return problemOf(err)
	}
	resp := outcome.Response.(*kmsg.BrokerHeartbeatResponse)
	if err := codeProblem(resp.ErrorCode, nil); err != nil {
		return err
	}
	a.httpBrokers.add(h.BrokerID, h.Epoch)
	return nil
}

// httpBrokers are the brokers whose heartbeats have reached this node over HTTP: they have no
// process that could lead a partition. A new leader of the quorum learns of each with its next
// heartbeat.
type httpBrokers struct {
	mu     sync.Mutex
	epochs map[int32]int64 // broker -> epoch of its registration
}

func (h *httpBrokers) add(id int32, epoch int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.epochs == nil {
		h.epochs = make(map[int32]int64)
	}
	h.epochs[id] = epoch
}

func (h *httpBrokers) has(b *metadata.Broker) bool {
	if b == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	epoch, ok := h.epochs[b.ID]
	return ok && epoch == b.Epoch
}

// joinISR adds the broker to a partition's ISR on behalf of the leader, if that is an HTTP broker
// too.
func (a *API) joinISR(ctx context.Context, h HeartbeatBody, s InSync) error {
	outcome, err := a.do(ctx, controller.Operation{
		Name: "broker_mgmt inSync",
		Make: func(img *metadata.Image) (kmsg.Request, error) { return a.newISR(img, h, s) },
	})
	if err != nil {
		return problemOf(err)
	}
	resp := outcome.Response.(*kmsg.AlterPartitionResponse)
	if err := codeProblem(resp.ErrorCode, nil); err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == kerr.NewLeaderElected.Code {
				continue // the change was made, and elected another leader
			}
			if err := codeProblem(p.ErrorCode, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *API) newISR(img *metadata.Image, h HeartbeatBody, s InSync) (kmsg.Request, error) {
	topic, err := s.TopicUUID.parse()
	id := s.PartitionID
	t := img.Topic(topic)
	if err != nil || t == nil || t.Partition(id) == nil {
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition,
			"There is no partition %d of a topic with the id %v.", id, topic)
	}
	p := t.Partition(id)
	leader := img.Broker(p.Leader)
	switch {
	case !slices.Contains(p.Replicas, h.BrokerID):
		return nil, protocol.Errorf(kerr.ReplicaNotAvailable,
			"Broker %d has no replica of %s-%d.", h.BrokerID, t.Name, id)
	case leader == nil:
		return nil, protocol.Errorf(kerr.IneligibleReplica,
			"%s-%d has no leader to be in sync with.", t.Name, id)
	case !a.httpBrokers.has(leader):
		return nil, newProblem(http.StatusConflict, kerr.IneligibleReplica,
			"Broker %d leads %s-%d and reports the ISR itself. Leave inSync out, or send broker_mgmt "+
				"for that broker first.", p.Leader, t.Name, id)
	}
	return alterPartition(leader, t.ID, id, p, h.BrokerID), nil
}

// alterPartition is the request by which the leader would report that a broker is in sync.
func alterPartition(
	leader *metadata.Broker, topic protocol.UUID, id int32, p *metadata.Partition, broker int32,
) *kmsg.AlterPartitionRequest {
	isr := p.ISR
	if !slices.Contains(isr, broker) {
		isr = append(slices.Clone(isr), broker)
	}
	change := kmsg.NewAlterPartitionRequestTopicPartition()
	change.Partition, change.LeaderEpoch, change.PartitionEpoch = id, p.LeaderEpoch, p.PartitionEpoch
	change.LeaderRecoveryState = record.Recovered
	for _, member := range isr {
		m := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		m.BrokerID = member
		change.NewEpochISR = append(change.NewEpochISR, m)
	}
	t := kmsg.NewAlterPartitionRequestTopic()
	t.TopicID = topic
	t.Partitions = append(t.Partitions, change)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, leader.ID, leader.Epoch
	req.Topics = append(req.Topics, t)
	return req
}
