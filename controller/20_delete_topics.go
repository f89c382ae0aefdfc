package controller

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// DELETE_TOPICS (20), versions 1 to 6.
//
// Behaviour: each entry succeeds or fails by itself. A topic is one RemoveTopicRecord, however many
// partitions it has, and all of them are one batch. The sender needs DELETE on the cluster, or else
// DESCRIBE and DELETE on each topic. An entry that it may not delete does not reveal which name
// belongs to an id, nor, without DESCRIBE, whether a name exists. The answers come in random order,
// so that their places do not reveal which topics exist.
//
// Versions: 6 names topics by id (KIP-516).
//
// Differs from Kafka: names and ids are looked up in the newest state, not in the committed one, so
// a topic whose creation is not yet committed can be deleted.
//
// Kafka: ControllerApis.deleteTopics.
func (c *core) deleteTopics(o op, req *kmsg.DeleteTopicsRequest) result {
	if !c.cfg.DeleteTopics {
		err := protocol.Errorf(kerr.TopicDeletionDisabled, "Topic deletion is disabled.")
		if req.Version < 3 {
			err = protocol.Errorf(kerr.InvalidRequest,
				"This version does not support topic deletion.")
		}
		return result{response: failDeleteTopics(req, err)}
	}
	entries := topicEntries(req)
	deletion := topicDeletion{
		img: c.working, quota: c.allowance(o, req.Version >= strictDeleteTopics), rights: o.rights,
		times: make(map[topicEntry]int, len(entries)), answers: make([]deletionAnswer, 0,
			len(entries)),
	}
	for _, e := range entries {
		deletion.times[e]++
	}
	for _, e := range entries {
		deletion.entry(e)
	}
	records := deletion.records()
	if len(records) > recordsPerUserOp {
		return result{response: failDeleteTopics(req, errTooLarge)}
	}
	partition.Shuffle(c.cfg.Random, deletion.answers)
	return result{records: records, response: deletion.response(req), atomic: true,
		then: func(int64) {
			c.quota.Spend(deletion.quota)
			deletion.log(c.cfg.Logger, o.caller)
		}}
}

// decideDeleteTopics decides which topics may be deleted, and which may be named. Those whose names
// the committed image does not have are left to the core.
func decideDeleteTopics(r *rights, req *kmsg.DeleteTopicsRequest) (some bool) {
	r.take(acls.OnCluster(acls.Delete))
	n := len(req.TopicNames) + len(req.Topics)
	for i := range n {
		e := topicEntryOf(req, i)
		byID := !e.named
		if t := r.img.Topic(e.id); byID && t != nil {
			e.named, e.name = true, t.Name
		}
		if !e.named || r.onCluster(acls.Delete) {
			some = true
			continue
		}
		described := r.takeTopic(acls.Describe, e.name)
		some = r.takeTopic(acls.Delete, e.name) && (described || byID) || some
	}
	return some || n == 0
}

// strictDeleteTopics is the version from which clients know THROTTLING_QUOTA_EXCEEDED.
const strictDeleteTopics = 5

// topicEntry is a topic as a request names it.
type topicEntry struct {
	named bool
	name  string
	id    protocol.UUID // zero when the request gives none
}

func topicEntries(req *kmsg.DeleteTopicsRequest) []topicEntry {
	entries := make([]topicEntry, len(req.TopicNames)+len(req.Topics))
	for i := range entries {
		entries[i] = topicEntryOf(req, i)
	}
	return entries
}

// topicEntryOf is the entry of that index, first of the names that versions before 6 have.
func topicEntryOf(req *kmsg.DeleteTopicsRequest, i int) topicEntry {
	if i < len(req.TopicNames) {
		return topicEntry{named: true, name: req.TopicNames[i]}
	}
	t := &req.Topics[i-len(req.TopicNames)]
	e := topicEntry{id: t.TopicID}
	if t.Topic != nil {
		e.named, e.name = true, *t.Topic
	}
	return e
}

// deletionAnswer is the answer to one entry; a nil err is success.
type deletionAnswer struct {
	topicEntry
	err *protocol.Error
}

func (e *topicEntry) response(err *protocol.Error, message *string) kmsg.DeleteTopicsResponseTopic {
	t := kmsg.NewDeleteTopicsResponseTopic()
	if e.named {
		t.Topic = &e.name
	}
	t.TopicID, t.ErrorCode, t.ErrorMessage = e.id, err.Code(), message
	return t
}

// topicDeletion sorts out the entries of one request.
type topicDeletion struct {
	img      *metadata.Image
	quota    *quota.Allowance
	rights   *rights
	times    map[topicEntry]int // how often the request names it; answered once all of them are
	answers  []deletionAnswer
	messages protocol.Messages
}

func (d *topicDeletion) response(req *kmsg.DeleteTopicsRequest) kmsg.Response {
	resp := responseTo[*kmsg.DeleteTopicsResponse](req)
	resp.ThrottleMillis = d.quota.ThrottleMs()
	return list(resp, &resp.Topics, len(d.answers), func(i int) kmsg.DeleteTopicsResponseTopic {
		a := &d.answers[i]
		return a.response(a.err, a.err.Text())
	})
}

const answered = -1

func (d *topicDeletion) answer(e topicEntry, err *protocol.Error) {
	d.answers = append(d.answers, deletionAnswer{e, d.messages.Bounded(err)})
}

func (d *topicDeletion) entry(e topicEntry) {
	switch {
	case !e.named && e.id.IsZero():
		d.answer(e, protocol.Errorf(kerr.InvalidRequest,
			"Neither topic name nor id were specified."))
	case e.named && !e.id.IsZero():
		d.answer(e, protocol.Errorf(kerr.InvalidRequest,
			"You may not specify both topic name and topic id."))
	case d.times[e] > 1:
		d.times[e] = answered
		if e.named {
			d.answer(e, protocol.Errorf(kerr.InvalidRequest, "Duplicate topic name."))
		} else {
			d.answer(e, protocol.Errorf(kerr.InvalidRequest, "Duplicate topic id."))
		}
	case d.times[e] == answered:
	case e.named:
		d.byName(e)
	default:
		d.byID(e)
	}
}

func (d *topicDeletion) byName(e topicEntry) {
	t := d.img.TopicByName(e.name)
	switch {
	case !d.may(acls.Describe, e.name):
		d.answer(e, errTopicDenied)
	case t == nil:
		d.answer(e, protocol.Errorf(kerr.UnknownTopicOrPartition,
			"This server does not host this topic-partition."))
	case !d.may(acls.Delete, e.name):
		d.answer(e, errTopicDenied)
	case d.times[topicEntry{id: t.ID}] != 0:
		e.id = t.ID
		d.answer(e, protocol.Errorf(kerr.InvalidRequest,
			"The provided topic name maps to an ID that was already supplied."))
	default:
		d.remove(t)
	}
}

// may reports whether an operation is allowed on a topic; who may delete topics of the cluster may
// do either.
func (d *topicDeletion) may(operation int8, topic string) bool {
	return d.rights.onCluster(acls.Delete) || d.rights.onTopic(operation, topic)
}

func (d *topicDeletion) byID(e topicEntry) {
	t := d.img.Topic(e.id)
	switch {
	case t == nil:
		d.answer(e, protocol.Errorf(kerr.UnknownTopicID,
			"This server does not host this topic ID."))
	case !d.may(acls.Delete, t.Name):
		if d.may(acls.Describe, t.Name) {
			e.named, e.name = true, t.Name
		}
		d.answer(e, errTopicDenied)
	case d.times[topicEntry{named: true, name: t.Name}] == 1 && d.may(acls.Describe, t.Name):
		// byName answers for both
	default:
		d.remove(t)
	}
}

func (d *topicDeletion) remove(t *metadata.Topic) {
	d.answer(topicEntry{true, t.Name, t.ID}, d.quota.Charge(t.Len()))
}

func (d *topicDeletion) records() []record.Record {
	var records []record.Record
	for i := range d.answers {
		if d.answers[i].err == nil {
			records = append(records, &record.RemoveTopic{TopicID: d.answers[i].id})
		}
	}
	return records
}

// deletionsLogged bounds the lines of one request.
const deletionsLogged = 100

func (d *topicDeletion) log(log *slog.Logger, by protocol.Caller) {
	deleted := 0
	for i := range d.answers {
		if a := &d.answers[i]; a.err == nil {
			if deleted++; deleted <= deletionsLogged {
				log.Info("topic deleted", "topic", a.name, "id", a.id, "by", by.Principal,
					"from", by.ClientAddr)
			}
		}
	}
	if deleted > deletionsLogged {
		log.Info("more topics deleted by the same request", "topics", deleted-deletionsLogged, "by",
			by.Principal, "from", by.ClientAddr)
	}
}

func failDeleteTopics(req *kmsg.DeleteTopicsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.DeleteTopicsResponse](req)
	return list(resp, &resp.Topics, len(req.TopicNames)+len(req.Topics),
		func(i int) kmsg.DeleteTopicsResponseTopic {
			e := topicEntryOf(req, i)
			return e.response(err, err.TextAt(i))
		})
}

func deleteTopicsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.DeleteTopicsRequest).TimeoutMillis)
}
