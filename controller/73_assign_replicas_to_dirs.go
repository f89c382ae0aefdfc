package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// ASSIGN_REPLICAS_TO_DIRS (73), version 0: a broker tells in which of its directories replicas lie (KIP-858)
// (ReplicationControlManager.handleAssignReplicasToDirs). A directory that is not online, be it unknown, is noted all the same, and
// a second change takes the broker out of the partition's ISR and leadership.
func (c *core) assignReplicasToDirs(o op, req *kmsg.AssignReplicasToDirsRequest) result {
	if !c.working.Version().HasDirectories() {
		return result{response: failAssignReplicasToDirs(req, errorf(kerr.UnsupportedVersion, "Directory assignment is not supported yet."))}
	}
	if err := checkBrokerEpoch(c.working, req.BrokerID, req.BrokerEpoch); err != nil {
		return result{response: failAssignReplicasToDirs(req, err)}
	}
	resp := req.ResponseKind().(*kmsg.AssignReplicasToDirsResponse)
	a := dirAssignment{rules: c.partitionRules(c.working, noUpdate), broker: c.working.Broker(req.BrokerID), known: make(map[metadata.TopicPartition]bool)}
	for i := range req.Directories {
		resp.Directories = append(resp.Directories, a.directory(&req.Directories[i]))
	}
	return result{records: append(a.records, c.leaveOffline(&a)...), response: resp}
}

// leaveOffline takes the broker out of the partitions that are now in a directory that cannot serve, as they are after the changes so far: one
// of those may have ended a reassignment. Kafka computes both changes from the same state.
func (c *core) leaveOffline(a *dirAssignment) []record.Record {
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
	lost, _ := c.updateReplicas(img, removeBroker(a.broker.ID), partitions, len(a.offline))
	return lost
}

// dirAssignment collects the changes of one request.
type dirAssignment struct {
	rules   *partitionRules
	broker  *metadata.Broker
	records []record.Record
	offline []metadata.TopicPartition // now in a directory that cannot serve, each once
	known   map[metadata.TopicPartition]bool
}

func (a *dirAssignment) directory(req *kmsg.AssignReplicasToDirsRequestDirectory) kmsg.AssignReplicasToDirsResponseDirectory {
	answer := kmsg.NewAssignReplicasToDirsResponseDirectory()
	answer.ID = req.ID
	for i := range req.Topics {
		answer.Topics = append(answer.Topics, a.assignTopic(req.ID, &req.Topics[i]))
	}
	return answer
}

func (a *dirAssignment) assignTopic(dir record.UUID, req *kmsg.AssignReplicasToDirsRequestDirectoryTopic) kmsg.AssignReplicasToDirsResponseDirectoryTopic {
	answer := kmsg.NewAssignReplicasToDirsResponseDirectoryTopic()
	answer.TopicID = req.TopicID
	t := a.rules.img.Topic(req.TopicID)
	for _, p := range req.Partitions {
		partition := kmsg.NewAssignReplicasToDirsResponseDirectoryTopicPartition()
		partition.Partition = p.Partition
		if err := a.assign(dir, t, p.Partition); err != nil {
			partition.ErrorCode = err.Code
		}
		answer.Partitions = append(answer.Partitions, partition)
	}
	return answer
}

// assign notes the directory of one replica; t may be nil.
func (a *dirAssignment) assign(dir record.UUID, t *metadata.Topic, id int32) *kerr.Error {
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
	change := a.rules.of(t).change(id, p)
	change.moved, change.movedTo = a.broker.ID, dir
	if r := change.record(); r != nil {
		a.records = append(a.records, r)
	}
	if tp := (metadata.TopicPartition{Topic: t, ID: id, Partition: p}); !a.broker.DirectoryOnline(dir) && !a.known[tp] {
		a.offline, a.known[tp] = append(a.offline, tp), true
	}
	return nil
}

func failAssignReplicasToDirs(req *kmsg.AssignReplicasToDirsRequest, err *apiError) *kmsg.AssignReplicasToDirsResponse {
	resp := req.ResponseKind().(*kmsg.AssignReplicasToDirsResponse)
	resp.ErrorCode = err.code()
	return resp
}
