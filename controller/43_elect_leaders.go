package controller

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ELECT_LEADERS (43), versions 0 to 2.
//
// Behaviour: type 0 gives partitions to their preferred leaders. Type 1 gives leaders to leaderless
// partitions, and loses the records that only lost replicas had, whatever the topic's
// unclean.leader.election.enable says. Each partition succeeds or fails by itself. Null topics
// stand for all partitions: every topic is listed, without the partitions that need no election. An
// empty list stands for none. More than 10,000 changes are refused as a whole. As in Kafka, a
// partition whose preferred replica cannot lead is a success when the election gives it to another
// replica. A long request runs in parts.
//
// Differs from Kafka: a partition that a request names twice has one election and one record.
//
// KIP-183, KIP-460. Kafka: ReplicationControlManager.electLeaders.
func (c *core) electLeaders(_ op, req *kmsg.ElectLeadersRequest) result {
	if req.Topics != nil && len(req.Topics) == 0 {
		return result{response: req.ResponseKind()}
	}
	w := &leaderElections{core: c, req: req}
	switch req.ElectionType {
	case 0:
		w.kind = partition.Preferred
	case 1:
		w.kind = partition.Uncleanly
	default:
		err := protocol.Errorf(kerr.InvalidRequest, "Unknown election type %d", req.ElectionType)
		return result{response: failElectLeaders(req, err)}
	}
	if w.candidates() > recordsPerUserOp {
		return w.count(electionPlace{}, 0)
	}
	return w.elect(electionPlace{})
}

// leaderElections are the elections of one request. They run in parts, each against the state it
// finds: first it counts, should there be more than one request may change, then it elects.
type leaderElections struct {
	core *core
	req  *kmsg.ElectLeadersRequest
	kind partition.Election

	// The result of the parts proposed so far: outcomes in the order of the request, or, when all
	// partitions are asked for, topics with the partitions that the response names.
	outcomes []electionOutcome
	topics   []electedTopic
	ids      []int32
}

// electedTopic is a topic in the response. Its partitions are [first, end) in leaderElections.ids
// and outcomes.
type electedTopic struct {
	name       string
	first, end int32
}

// electionPlace is where the next part begins: in the request, or among all partitions.
type electionPlace struct {
	named place
	after metadata.TopicPartition
}

// electionOutcome is the answer for one partition, of which there may be a million.
type electionOutcome uint8

const (
	electionDone electionOutcome = iota
	electionNotNeeded
	noPreferredLeader
	noEligibleLeader
	electionTopicUnknown
	electionPartitionUnknown
)

// err is the error that answers for a partition; nil if it got its leader.
func (o electionOutcome) err(topic string, id int32) *protocol.Error {
	switch o {
	case electionNotNeeded:
		return errElectionNotNeeded
	case noPreferredLeader:
		return errNoPreferredLeader
	case noEligibleLeader:
		return errNoEligibleLeader
	case electionTopicUnknown:
		return protocol.Errorf(kerr.UnknownTopicOrPartition, "No such topic as %s", topic)
	case electionPartitionUnknown:
		return protocol.Errorf(kerr.UnknownTopicOrPartition, "No such partition as %s-%d", topic,
			id)
	}
	return nil
}

var (
	errElectionNotNeeded = protocol.Errorf(kerr.ElectionNotNeeded,
		"Leader election not needed for topic partition.")
	errNoPreferredLeader = protocol.Errorf(kerr.PreferredLeaderNotAvailable,
		"The preferred leader was not available.")
	errNoEligibleLeader = protocol.Errorf(kerr.EligibleLeadersNotAvailable,
		"Eligible topic partition leaders are not available.")
)

// candidates is the number of partitions to examine.
func (w *leaderElections) candidates() int {
	switch {
	case w.req.Topics != nil:
		return w.lists().total()
	case w.kind == partition.Uncleanly:
		return w.core.working.LeaderlessCount()
	}
	return w.core.working.ImbalancedCount()
}

func (w *leaderElections) lists() entryLists { return electionLists(w.req) }

func electionLists(req *kmsg.ElectLeadersRequest) entryLists {
	return entryLists{len(req.Topics), func(i int) int { return len(req.Topics[i].Partitions) }}
}

// electionWork holds elections that are not proposed yet.
type electionWork struct {
	rules    *partition.Rules
	kind     partition.Election
	records  []record.Record
	losses   partition.UncleanElections
	outcomes []electionOutcome
	seen     map[metadata.TopicPartition]electionOutcome
	found    []metadata.TopicPartition // those with an outcome, when all partitions are asked for
	next     electionPlace
	more     bool
}

func (w *leaderElections) part(at electionPlace) *electionWork {
	p := &electionWork{rules: w.core.partitionRules(w.core.working, partition.NoUpdate),
		kind: w.kind, next: at}
	if w.req.Topics != nil {
		p.named(w.req.Topics, w.lists(), w.core.partMax)
		return p
	}
	candidates := w.core.working.ImbalancedAfter(at.after)
	if w.kind == partition.Uncleanly {
		candidates = w.core.working.LeaderlessAfter(at.after)
	}
	for tp := range candidates {
		if len(p.outcomes) == w.core.partMax {
			p.more = true
			break
		}
		p.next.after = tp
		p.found, p.outcomes = append(p.found, tp), append(p.outcomes,
			p.elect(tp.Topic, tp.ID, tp.Partition))
	}
	return p
}

// named looks at the next partitions of a request.
func (p *electionWork) named(topics []kmsg.ElectLeadersRequestTopic, lists entryLists, max int) {
	p.seen = make(map[metadata.TopicPartition]electionOutcome)
	runs, next := lists.part(p.next.named, max)
	for _, r := range runs {
		asked := &topics[r.list]
		t := p.rules.Image().TopicByName(asked.Topic)
		for _, id := range asked.Partitions[r.entry:r.end] {
			p.outcomes = append(p.outcomes, p.one(t, id))
		}
	}
	p.next.named, p.more = next, next.list < lists.n
}

// one answers for one partition of the request; t is nil when there is no such topic.
func (p *electionWork) one(t *metadata.Topic, id int32) electionOutcome {
	if t == nil {
		return electionTopicUnknown
	}
	old := t.Partition(id)
	if old == nil {
		return electionPartitionUnknown
	}
	key := metadata.TopicPartition{Topic: t, ID: id}
	outcome, again := p.seen[key]
	if !again {
		outcome = p.elect(t, id, old)
		p.seen[key] = outcome
	}
	return outcome
}

func (p *electionWork) elect(t *metadata.Topic, id int32, old *metadata.Partition) electionOutcome {
	none, needed := noPreferredLeader, !old.Preferred()
	if p.kind == partition.Uncleanly {
		none, needed = noEligibleLeader, old.Leader < 0
	}
	if !needed {
		return electionNotNeeded
	}
	change := p.rules.Of(t).Change(id, old)
	change.SetElection(p.kind)
	r := change.Record()
	if r == nil {
		return none
	}
	p.records = append(p.records, r)
	p.losses.Add(&change)
	return electionDone
}

// count finds out whether there is too much to do, before anything is done.
func (w *leaderElections) count(at electionPlace, counted int) result {
	p := w.part(at)
	counted += len(p.records)
	switch {
	case counted > recordsPerUserOp:
		return result{response: failElectLeaders(w.req, errTooLarge)}
	case p.more:
		return result{more: func(op) result { return w.count(p.next, counted) }}
	}
	return result{more: func(op) result { return w.elect(electionPlace{}) }}
}

func (w *leaderElections) elect(at electionPlace) result {
	p := w.part(at)
	r := result{records: p.records, keep: func() { w.keep(p) }, then: func(int64) {
		p.losses.Warn(w.core.cfg.Logger)
	}}
	if p.more {
		r.more = func(op) result { return w.elect(p.next) }
		return r
	}
	if at == (electionPlace{}) { // that is all: the answer needs no turn of its own
		w.topics, w.ids, w.outcomes = nil, nil, nil
		w.keep(p)
		r.keep = nil
		r.response = w.response()
		return r
	}
	r.more = func(op) result { return result{response: w.response()} }
	return r
}

// keep stores the answers of a part.
func (w *leaderElections) keep(p *electionWork) {
	for i, tp := range p.found {
		if p.outcomes[i] == electionNotNeeded {
			continue
		}
		if n := len(w.topics); n == 0 || w.topics[n-1].name != tp.Topic.Name {
			w.topics = append(w.topics, electedTopic{tp.Topic.Name, int32(len(w.ids)), 0})
		}
		w.ids, w.outcomes = append(w.ids, tp.ID), append(w.outcomes, p.outcomes[i])
		w.topics[len(w.topics)-1].end = int32(len(w.ids))
	}
	if p.found == nil {
		w.outcomes = append(w.outcomes, p.outcomes...)
	}
}

// response returns the response, once every partition has an outcome.
func (w *leaderElections) response() kmsg.Response {
	resp := responseTo[*kmsg.ElectLeadersResponse](w.req)
	if w.req.Topics == nil {
		return w.everyTopic(resp, w.core.working)
	}
	return nested(resp, &resp.Topics, w.lists(), func(r run) kmsg.ElectLeadersResponseTopic {
		t := &w.req.Topics[r.list]
		return w.answer(t.Topic, t.Partitions[r.entry:r.end], r.index)
	})
}

// everyTopic lists the topics of an image. A topic that was deleted meanwhile is omitted.
func (w *leaderElections) everyTopic(
	resp *kmsg.ElectLeadersResponse, img *metadata.Image,
) kmsg.Response {
	sort := sync.OnceFunc(func() {
		slices.SortFunc(w.topics, func(a,
			b electedTopic) int {
			return strings.Compare(a.name, b.name)
		})
	})
	return topicsByName(resp, &resp.Topics, img, len(w.ids), nil,
		func() topicElement[kmsg.ElectLeadersResponseTopic] {
			sort() // where the response is written, and not on the core
			answered := w.topics
			return func(t *metadata.Topic) (kmsg.ElectLeadersResponseTopic, int) {
				for len(answered) > 0 && answered[0].name < t.Name {
					answered = answered[1:]
				}
				if len(answered) == 0 || answered[0].name != t.Name {
					return w.answer(t.Name, nil, 0), 0
				}
				ids := w.ids[answered[0].first:answered[0].end]
				return w.answer(t.Name, ids, int(answered[0].first)), len(ids)
			}
		})
}

// answer returns a topic's entry in the response. The outcome of ids[0] is at index, and those of
// the other ids follow it.
func (w *leaderElections) answer(
	topic string, ids []int32, index int,
) kmsg.ElectLeadersResponseTopic {
	t := kmsg.NewElectLeadersResponseTopic()
	t.Topic = topic
	if len(ids) > 0 {
		t.Partitions = make([]kmsg.ElectLeadersResponseTopicPartition, len(ids))
	}
	for i, id := range ids {
		err := w.outcomes[index+i].err(topic, id)
		t.Partitions[i] = electionAnswer(id, err, index+i)
	}
	return t
}

func electionAnswer(
	id int32, err *protocol.Error, index int,
) kmsg.ElectLeadersResponseTopicPartition {
	p := kmsg.NewElectLeadersResponseTopicPartition()
	p.Partition, p.ErrorCode, p.ErrorMessage = id, err.Code(), err.TextAt(index)
	return p
}

func failElectLeaders(req *kmsg.ElectLeadersRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.ElectLeadersResponse](req)
	resp.ErrorCode = err.Code()
	return nested(resp, &resp.Topics, electionLists(req),
		func(r run) kmsg.ElectLeadersResponseTopic {
			t := kmsg.NewElectLeadersResponseTopic()
			t.Topic = req.Topics[r.list].Topic
			for i, id := range req.Topics[r.list].Partitions[r.entry:r.end] {
				t.Partitions = append(t.Partitions, electionAnswer(id, err, r.index+i))
			}
			return t
		})
}

func electLeadersTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.ElectLeadersRequest).TimeoutMillis)
}
