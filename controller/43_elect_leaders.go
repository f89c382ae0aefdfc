package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// ELECT_LEADERS (43), versions 0-2 (KIP-183, KIP-460) (ReplicationControlManager.electLeaders).
//
// Type 0 gives partitions to their preferred leaders, type 1 gives leaders to partitions that have none, at the price of what only lost
// replicas had: the topic's unclean.leader.election.enable is not asked. Each partition succeeds or fails by itself. Null topics ask for
// all partitions: then every topic is listed, and partitions that need no election are left out; an empty list asks for none. More than
// 10,000 changes are refused as a whole. As in Kafka, a partition whose preferred replica cannot lead is a success when the election
// gives it to another one.
//
// Differs from Kafka on purpose: a partition that comes twice in a request gets the same answer twice and one record, where Kafka writes two.
func (c *core) electLeaders(_ op, req *kmsg.ElectLeadersRequest) result {
	e := leaderElections{rules: c.partitionRules(c.working, noUpdate), answers: make(map[metadata.TopicPartition]*apiError)}
	defer e.losses.warn(c.cfg.Logger)
	resp := responseTo[*kmsg.ElectLeadersResponse](req)
	switch {
	case req.Topics != nil && len(req.Topics) == 0:
		return result{response: resp}
	case req.ElectionType == 0:
		e.kind = electPreferred
	case req.ElectionType == 1:
		e.kind = electUncleanly
	default:
		return result{response: failElectLeaders(req, errorf(kerr.InvalidRequest, "Unknown election type %d", req.ElectionType))}
	}
	if req.Topics == nil {
		for t := range c.working.TopicsByName("") {
			resp.Topics = append(resp.Topics, e.wholeTopic(t))
		}
	}
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, e.topic(&req.Topics[i]))
	}
	if len(e.records) > recordsPerUserOp {
		return result{response: failElectLeaders(req, errTooLarge)}
	}
	return result{records: e.records, response: resp}
}

// leaderElections are the elections of one request.
type leaderElections struct {
	rules   *partitionRules
	kind    election
	answers map[metadata.TopicPartition]*apiError // of the partitions named so far
	records []record.Record
	losses  uncleanElections
}

func (e *leaderElections) wholeTopic(t *metadata.Topic) kmsg.ElectLeadersResponseTopic {
	answer := kmsg.NewElectLeadersResponseTopic()
	answer.Topic = t.Name
	for id, p := range t.Partitions() {
		if err := e.elect(t, id, p); err != errElectionNotNeeded {
			answer.Partitions = append(answer.Partitions, electionAnswer(id, err))
		}
	}
	return answer
}

func (e *leaderElections) topic(req *kmsg.ElectLeadersRequestTopic) kmsg.ElectLeadersResponseTopic {
	answer := kmsg.NewElectLeadersResponseTopic()
	answer.Topic = req.Topic
	t := e.rules.img.TopicByName(req.Topic)
	for _, id := range req.Partitions {
		answer.Partitions = append(answer.Partitions, electionAnswer(id, e.partition(t, req.Topic, id)))
	}
	return answer
}

// partition answers for one partition of the request; t is nil when there is no such topic.
func (e *leaderElections) partition(t *metadata.Topic, name string, id int32) *apiError {
	if t == nil {
		return errorf(kerr.UnknownTopicOrPartition, "No such topic as %s", name)
	}
	p := t.Partition(id)
	if p == nil {
		return errorf(kerr.UnknownTopicOrPartition, "No such partition as %s-%d", name, id)
	}
	key := metadata.TopicPartition{Topic: t, ID: id}
	err, again := e.answers[key]
	if !again {
		err = e.elect(t, id, p)
		e.answers[key] = err
	}
	return err
}

var (
	errElectionNotNeeded = errorf(kerr.ElectionNotNeeded, "Leader election not needed for topic partition.")
	errNoPreferredLeader = errorf(kerr.PreferredLeaderNotAvailable, "The preferred leader was not available.")
	errNoEligibleLeader  = errorf(kerr.EligibleLeadersNotAvailable, "Eligible topic partition leaders are not available.")
)

func (e *leaderElections) elect(t *metadata.Topic, id int32, p *metadata.Partition) *apiError {
	none := errNoPreferredLeader
	needed := !p.Preferred()
	if e.kind == electUncleanly {
		none, needed = errNoEligibleLeader, p.Leader < 0
	}
	if !needed {
		return errElectionNotNeeded
	}
	change := e.rules.of(t).change(id, p)
	change.election = e.kind
	r := change.record()
	if r == nil {
		return none
	}
	e.records = append(e.records, r)
	e.losses.note(&change)
	return nil
}

func electionAnswer(id int32, err *apiError) kmsg.ElectLeadersResponseTopicPartition {
	p := kmsg.NewElectLeadersResponseTopicPartition()
	p.Partition, p.ErrorCode, p.ErrorMessage = id, err.code(), err.text()
	return p
}

func failElectLeaders(req *kmsg.ElectLeadersRequest, err *apiError) *kmsg.ElectLeadersResponse {
	resp := responseTo[*kmsg.ElectLeadersResponse](req)
	resp.ErrorCode = err.code()
	for _, asked := range req.Topics {
		t := kmsg.NewElectLeadersResponseTopic()
		t.Topic = asked.Topic
		for _, id := range asked.Partitions {
			t.Partitions = append(t.Partitions, electionAnswer(id, err))
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

func electLeadersTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.ElectLeadersRequest).TimeoutMillis)
}
