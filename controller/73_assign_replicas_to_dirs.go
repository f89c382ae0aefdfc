package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ASSIGN_REPLICAS_TO_DIRS (73), version 0: a broker reports the directories of replicas.
//
// Behaviour: a directory that is not online, even an unknown one, is recorded too, and a
// second change removes the broker from the partition's ISR and leadership. A request with many
// replicas runs in parts, each of which checks the sender again.
//
// KIP-858. Kafka: ReplicationControlManager.handleAssignReplicasToDirs.
func (c *core) assignReplicasToDirs(_ op, req *kmsg.AssignReplicasToDirsRequest) result {
	a := &dirAssignment{core: c, req: req}
	for i := range req.Directories {
		for j := range req.Directories[i].Topics {
			a.topics = append(a.topics, assignedTopic{int32(i), int32(j)})
		}
	}
	return a.part(place{})
}

// dirAssignment is one request in progress. It has the error codes of the finished parts, in the
// order of the request.
type dirAssignment struct {
	core    *core
	req     *kmsg.AssignReplicasToDirsRequest
	topics  []assignedTopic
	answers []int16
}

// assignedTopic is a topic of the request: its directory's index, and its own in the directory.
type assignedTopic struct{ dir, topic int32 }

func (a *dirAssignment) lists() entryLists {
	return entryLists{len(a.topics), func(i int) int { return len(a.topic(i).Partitions) }}
}

func (a *dirAssignment) topic(i int) *kmsg.AssignReplicasToDirsRequestDirectoryTopic {
	t := a.topics[i]
	return &a.req.Directories[t.dir].Topics[t.topic]
}

// part changes the replicas from a place on.
func (a *dirAssignment) part(at place) result {
	c, req := a.core, a.req
	if !c.working.Version().HasDirectories() {
		return result{response: failAssignReplicasToDirs(req,
			protocol.Errorf(kerr.UnsupportedVersion, "Directory assignment is not supported yet."))}
	}
	broker, err := registered(c.working, req.BrokerID, req.BrokerEpoch)
	if err != nil {
		return result{response: failAssignReplicasToDirs(req, err)}
	}
	p := &dirPart{
		rules: c.partitionRules(c.working, partition.NoUpdate), broker: broker,
		known: make(map[metadata.TopicPartition]bool), answers: a.answers[:at.index],
	}
	runs, next := a.lists().part(at, c.partMax)
	for _, r := range runs {
		p.assignTopic(req.Directories[a.topics[r.list].dir].ID, a.topic(r.list), r)
	}
	a.answers = p.answers
	records := append(p.records, c.leaveOffline(p)...)
	if next.list < len(a.topics) {
		return result{records: records, more: func(op) result { return a.part(next) }}
	}
	return result{records: records, response: a.response()}
}

// response is not made in parts: brokers report a few thousand replicas at a time.
func (a *dirAssignment) response() *kmsg.AssignReplicasToDirsResponse {
	resp := responseTo[*kmsg.AssignReplicasToDirsResponse](a.req)
	answers := a.answers
	for i := range a.req.Directories {
		dir := kmsg.NewAssignReplicasToDirsResponseDirectory()
		dir.ID = a.req.Directories[i].ID
		for _, asked := range a.req.Directories[i].Topics {
			t := kmsg.NewAssignReplicasToDirsResponseDirectoryTopic()
			t.TopicID = asked.TopicID
			for j, p := range asked.Partitions {
				answer := kmsg.NewAssignReplicasToDirsResponseDirectoryTopicPartition()
				answer.Partition, answer.ErrorCode = p.Partition, answers[j]
				t.Partitions = append(t.Partitions, answer)
			}
			answers = answers[len(asked.Partitions):]
			dir.Topics = append(dir.Topics, t)
		}
		resp.Directories = append(resp.Directories, dir)
	}
	return resp
}

// leaveOffline takes the broker out of the partitions that are now in an offline directory, as the
// changes so far leave them: one of these may have ended a reassignment. Kafka computes both
// changes from the same state.
func (c *core) leaveOffline(a *dirPart) []record.Record {
	if len(a.offline) == 0 {
		return nil
	}
	img := preview(c.working, a.records)
	partitions := func(yield func(metadata.TopicPartition) bool) {
		for _, tp := range a.offline {
			t := img.Topic(tp.Topic.ID)
			if !yield(metadata.TopicPartition{Topic: t, ID: tp.ID, Partition: t.Partition(tp.ID)}) {
				return
			}
		}
	}
	lost, _ := c.updateReplicas(img, partition.Remove(a.broker.ID), partitions, len(a.offline))
	return lost
}

// dirPart collects the changes and answers of one part.
type dirPart struct {
	rules   *partition.Rules
	broker  *metadata.Broker
	records []record.Record
	answers []int16
	offline []metadata.TopicPartition // now in an offline directory, each once
	known   map[metadata.TopicPartition]bool
}

func (a *dirPart) assignTopic(
	dir protocol.UUID, req *kmsg.AssignReplicasToDirsRequestDirectoryTopic, r run,
) {
	t := a.rules.Image().Topic(req.TopicID)
	for _, p := range req.Partitions[r.entry:r.end] {
		code := int16(0)
		if err := a.assign(dir, t, p.Partition); err != nil {
			code = err.Code
		}
		a.answers = append(a.answers, code)
	}
}

// assign records the directory of one replica; t may be nil.
func (a *dirPart) assign(dir protocol.UUID, t *metadata.Topic, id int32) *kerr.Error {
	if t == nil {
		return kerr.UnknownTopicID
	}
	p := t.Partition(id)
	switch {
	case p == nil:
		return kerr.UnknownTopicOrPartition
	case !slices.Contains(p.Replicas, a.broker.ID):
		return kerr.NotLeaderForPartition
	}
	change := a.rules.Of(t).Change(id, p)
	change.MoveReplica(a.broker.ID, dir)
	if r := change.Record(); r != nil {
		a.records = append(a.records, r)
	}
	if tp := (metadata.TopicPartition{Topic: t, ID: id,
		Partition: p}); !a.broker.DirectoryOnline(dir) && !a.known[tp] {
		a.offline, a.known[tp] = append(a.offline, tp), true
	}
	return nil
}

func failAssignReplicasToDirs(
	req *kmsg.AssignReplicasToDirsRequest, err *protocol.Error,
) *kmsg.AssignReplicasToDirsResponse {
	resp := req.ResponseKind().(*kmsg.AssignReplicasToDirsResponse)
	resp.ErrorCode = err.Code()
	return resp
}
