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
// 10,000 changes are refused as a whole. Elections for all partitions run in parts, see everyElection. As in Kafka, a partition whose
// preferred replica cannot lead is a success when the election gives it to another one.
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
		w := &everyElection{core: c, req: req, kind: e.kind, resp: resp, answers: make(topicElections)}
		return w.begin()
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

// everyElection elects leaders of all partitions that need one, in parts, each against the state it finds: first it counts, should there
// be more than one request may change, then it elects, then it lists the topics. A topic that is deleted meanwhile is left out.
type everyElection struct {
	core    *core
	req     *kmsg.ElectLeadersRequest
	kind    election
	answers topicElections // of the parts that are proposed
	resp    *kmsg.ElectLeadersResponse
}

// topicElections are answers by topic.
type topicElections map[record.UUID][]kmsg.ElectLeadersResponseTopicPartition

func (w *everyElection) begin() result {
	candidates := w.core.working.ImbalancedCount()
	if w.kind == electUncleanly {
		candidates = w.core.working.LeaderlessCount()
	}
	if candidates > recordsPerUserOp {
		return result{more: func(op) result { return w.count(metadata.TopicPartition{}, 0) }}
	}
	return w.elect(metadata.TopicPartition{})
}

// part holds elections behind a partition, which writes nothing yet; rest is the last partition looked at when there are more.
func (w *everyElection) part(after metadata.TopicPartition) (e leaderElections, answers topicElections, rest *metadata.TopicPartition) {
	img := w.core.working
	e = leaderElections{rules: w.core.partitionRules(img, noUpdate), kind: w.kind}
	answers = make(topicElections)
	candidates := img.ImbalancedAfter(after)
	if w.kind == electUncleanly {
		candidates = img.LeaderlessAfter(after)
	}
	looked := 0
	for tp := range candidates {
		if looked == w.core.partMax {
			return e, answers, &after
		}
		looked, after = looked+1, tp
		answer := electionAnswer(tp.ID, e.elect(tp.Topic, tp.ID, tp.Partition))
		answers[tp.Topic.ID] = append(answers[tp.Topic.ID], answer)
	}
	return e, answers, nil
}

// count finds out whether there is too much to do, before anything is done.
func (w *everyElection) count(after metadata.TopicPartition, counted int) result {
	e, _, rest := w.part(after)
	counted += len(e.records)
	switch {
	case counted > recordsPerUserOp:
		return result{response: failElectLeaders(w.req, errTooLarge)}
	case rest != nil:
		return result{more: func(op) result { return w.count(*rest, counted) }}
	}
	return result{more: func(op) result { return w.elect(metadata.TopicPartition{}) }}
}

func (w *everyElection) elect(after metadata.TopicPartition) result {
	e, answers, rest := w.part(after)
	r := result{records: e.records, then: func(int64) {
		e.losses.warn(w.core.cfg.Logger)
		for id, more := range answers {
			w.answers[id] = append(w.answers[id], more...)
		}
	}}
	r.more = func(op) result { return w.list("") }
	if rest != nil {
		r.more = func(op) result { return w.elect(*rest) }
	}
	return r
}

// list names the topics from a name on.
func (w *everyElection) list(from string) result {
	var topics []kmsg.ElectLeadersResponseTopic
	r := result{response: w.resp, then: func(int64) { w.resp.Topics = append(w.resp.Topics, topics...) }}
	for t := range w.core.working.TopicsByName(from) {
		if len(topics) == w.core.partMax {
			r.response, r.more = nil, func(op) result { return w.list(t.Name) }
			break
		}
		answer := kmsg.NewElectLeadersResponseTopic()
		answer.Topic, answer.Partitions = t.Name, w.answers[t.ID]
		topics = append(topics, answer)
	}
	return r
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
