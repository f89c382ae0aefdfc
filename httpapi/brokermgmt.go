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
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Heartbeat is who reports to broker_mgmt and where it stands.
type Heartbeat struct {
	BrokerID int32 `query:"brokerId" json:"brokerId" required:"true" minimum:"0" maximum:"2147483647" doc:"Id of the broker." example:"1"`
	Epoch    int64 `query:"epoch" json:"epoch" required:"true" minimum:"0" maximum:"9007199254740991" doc:"Epoch of its registration." example:"7"`
	Since
}

// HeartbeatInput is broker_mgmt by GET.
type HeartbeatInput struct {
	WriteParams
	WaitParams
	Heartbeat
}

// HeartbeatBody is broker_mgmt by POST.
type HeartbeatBody struct {
	Heartbeat
	InSync []InSync `json:"inSync,omitempty" maxItems:"10000" doc:"Partitions of which this broker's replica has caught up, for partitions whose leader has no process of its own to say so."`
}

// InSync names a partition whose replica has caught up.
type InSync struct {
	TopicUUID   string `json:"topicUUID" pattern:"^([A-Za-z0-9_-]{21}[AQgw]|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$" doc:"Id of the topic." example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	PartitionID int32  `json:"partitionId" minimum:"0" maximum:"2147483647" doc:"The partition." example:"0"`
}

func (a *API) brokerFeed() {
	text := "The heartbeat of a broker: with the offset of its newest update it is unfenced, without heartbeats it is fenced when its session is over. While a long poll waits its broker counts as " +
		"alive; a stream is a heartbeat only when it begins. Answers every record since, or a snapshot, as client_mgmt does, of all kinds."
	get := a.feedOperation(http.MethodGet, "broker_mgmt", "A broker's heartbeat, and what it missed", text, writeStatuses)
	get.OperationID = "broker_mgmt_get"
	huma.Register(a.huma, get, func(ctx context.Context, in *HeartbeatInput) (*huma.StreamResponse, error) {
		return a.report(ctx, in.WaitParams, HeartbeatBody{Heartbeat: in.Heartbeat})
	})
	huma.Register(a.huma, a.feedOperation(http.MethodPost, "broker_mgmt", "A broker's heartbeat, and what it missed", text, writeStatuses), func(ctx context.Context, in *struct {
		WriteParams
		WaitParams
		Body HeartbeatBody
	}) (*huma.StreamResponse, error) {
		return a.report(ctx, in.WaitParams, in.Body)
	})
}

func (a *API) report(ctx context.Context, w WaitParams, h HeartbeatBody) (*huma.StreamResponse, error) {
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

// heartbeat reports a broker as a process of its own would.
func (a *API) heartbeat(ctx context.Context, h HeartbeatBody, offset int64) error {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	b := a.cfg.Controller.Image().Broker(h.BrokerID)
	if b == nil {
		return kafkaProblem(kerr.BrokerIDNotRegistered, notRegistered(h.BrokerID))
	}
	if offset >= a.cfg.Controller.Image().EndOffset() {
		offset = -1 // from the future: another cluster's, or made up
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version, req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = 2, h.BrokerID, h.Epoch, offset
	if offset >= b.RegisteredAt {
		req.CordonedLogDirs = [][16]byte{} // a broker says so once it has caught up
	}
	resume := turnOf(ctx).pause()
	outcome, err := a.cfg.Controller.Do(ctx, caller(ctx), req)
	resume()
	if err != nil {
		return problemOf(err)
	}
	if err := codeProblem(outcome.Response.(*kmsg.BrokerHeartbeatResponse).ErrorCode, nil); err != nil {
		return err
	}
	a.heard.note(h.BrokerID, h.Epoch)
	return nil
}

// httpBrokers are the brokers whose heartbeats have come over HTTP to this node, by id, with the epoch of their registration: they have no process
// that would lead a partition. A new leader learns of each with its next heartbeat.
type httpBrokers struct {
	mu     sync.Mutex
	epochs map[int32]int64
}

func (h *httpBrokers) note(id int32, epoch int64) {
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

// joinISR adds the broker to a partition's ISR in the name of the leader, if that has no process either.
func (a *API) joinISR(ctx context.Context, h HeartbeatBody, s InSync) error {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	id, _ := parseUUID(s.TopicUUID)
	outcome, err := a.do(ctx, controller.Operation{Name: "broker_mgmt inSync", Make: func(img *metadata.Image) (kmsg.Request, error) {
		return a.newISR(img, h, id, s.PartitionID)
	}})
	if err != nil {
		return problemOf(err)
	}
	resp := outcome.Response.(*kmsg.AlterPartitionResponse)
	if err := codeProblem(resp.ErrorCode, nil); err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 && p.ErrorCode != kerr.NewLeaderElected.Code { // that one is a success that ended the leader's time
				return codeProblem(p.ErrorCode, nil)
			}
		}
	}
	return nil
}

func (a *API) newISR(img *metadata.Image, h HeartbeatBody, topic record.UUID, id int32) (kmsg.Request, error) {
	t := img.Topic(topic)
	if t == nil || t.Partition(id) == nil {
		return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "There is no partition %d of a topic with the id %v.", id, topic)
	}
	p := t.Partition(id)
	leader := img.Broker(p.Leader)
	switch {
	case !slices.Contains(p.Replicas, h.BrokerID):
		return nil, protocol.Errorf(kerr.ReplicaNotAvailable, "Broker %d is no replica of %s-%d.", h.BrokerID, t.Name, id)
	case leader == nil:
		return nil, protocol.Errorf(kerr.IneligibleReplica, "%s-%d has no leader to be in sync with.", t.Name, id)
	case !a.heard.has(leader):
		return nil, newProblem(http.StatusConflict, kerr.IneligibleReplica, "Broker %d, which leads %s-%d, reports its ISR itself. Leave inSync out, or have that broker send broker_mgmt first.", p.Leader, t.Name, id)
	}
	return alterPartition(leader, t.ID, id, p, h.BrokerID), nil
}

// alterPartition is what the leader would send if it found the broker in sync.
func alterPartition(leader *metadata.Broker, topic record.UUID, id int32, p *metadata.Partition, broker int32) *kmsg.AlterPartitionRequest {
	isr := p.ISR
	if !slices.Contains(isr, broker) {
		isr = append(slices.Clone(isr), broker)
	}
	part := kmsg.NewAlterPartitionRequestTopicPartition()
	part.Partition, part.LeaderEpoch, part.PartitionEpoch, part.LeaderRecoveryState = id, p.LeaderEpoch, p.PartitionEpoch, record.Recovered
	for _, member := range isr {
		m := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		m.BrokerID = member
		part.NewEpochISR = append(part.NewEpochISR, m)
	}
	t := kmsg.NewAlterPartitionRequestTopic()
	t.TopicID = topic
	t.Partitions = append(t.Partitions, part)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, leader.ID, leader.Epoch
	req.Topics = append(req.Topics, t)
	return req
}
