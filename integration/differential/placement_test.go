package differential

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Both controllers place replicas at random when a request leaves it to them. Our placements are
// checked against the rules that every placement satisfies, and replace Kafka's.

// placed reports whether a request leaves the replicas of a topic to the controller.
func placed(request kmsg.Request, topic string) bool {
	switch req := request.(type) {
	case *kmsg.CreateTopicsRequest:
		return slices.ContainsFunc(req.Topics, func(t kmsg.CreateTopicsRequestTopic) bool {
			return t.Topic == topic && len(t.ReplicaAssignment) == 0
		})
	case *kmsg.CreatePartitionsRequest:
		return slices.ContainsFunc(req.Topics, func(t kmsg.CreatePartitionsRequestTopic) bool {
			return t.Topic == topic && len(t.Assignment) == 0
		})
	}
	return false
}

// takePlacements gives Kafka's new partitions our replicas, if those satisfy the rules and are as
// many.
func takePlacements(d *divergence) {
	type key struct {
		topic     protocol.UUID
		partition int32
	}
	names := make(map[protocol.UUID]string)
	for t := range d.before.Topics() {
		names[t.ID] = t.Name
	}
	ours := make(map[key]*record.Partition)
	for _, w := range d.ours.records {
		switch r := w.record.(type) {
		case *record.Topic:
			names[r.TopicID] = r.Name
		case *record.Partition:
			ours[key{r.TopicID, r.PartitionID}] = r
		}
	}
	for i, w := range d.kafka.records {
		theirs, ok := w.record.(*record.Partition)
		if !ok || !placed(d.request, names[theirs.TopicID]) {
			continue
		}
		own := ours[key{theirs.TopicID, theirs.PartitionID}]
		if own == nil || len(own.Replicas) != len(theirs.Replicas) || !wellPlaced(d.before, own) {
			continue
		}
		copied := *theirs
		copied.Replicas, copied.ISR, copied.Leader, copied.Directories = own.Replicas, own.ISR,
			own.Leader, own.Directories
		d.kafka.records[i] = again(&copied, w.version)
	}
}

// wellPlaced checks the rules of every new partition: its brokers are different and registered, the
// first is active, the active ones are its ISR, the first of those leads, and each replica is in
// its broker's only directory, if the broker has only one.
func wellPlaced(img *metadata.Image, p *record.Partition) bool {
	var isr []int32
	seen := make(map[int32]bool)
	for i, id := range p.Replicas {
		b := img.Broker(id)
		if b == nil || seen[id] {
			return false
		}
		seen[id] = true
		if b.Active() {
			isr = append(isr, id)
		}
		if img.Version().HasDirectories() && p.Directories[i] != b.DefaultDirectory() {
			return false
		}
	}
	return len(isr) > 0 && slices.Equal(p.ISR, isr) && p.Leader == isr[0] && p.Replicas[0] == isr[0]
}

// shuttingDownPlaced: brokers in controlled shutdown are placed like fenced ones, as followers that
// will return. Kafka excludes them, and refuses a topic that needs them.
func shuttingDownPlaced(d *divergence) bool {
	switch r := d.ours.response.(type) {
	case *kmsg.CreateTopicsResponse:
		return shuttingDownTopics(d, r, d.kafka.response.(*kmsg.CreateTopicsResponse))
	case *kmsg.CreatePartitionsResponse:
		return shuttingDownPartitions(d, r, d.kafka.response.(*kmsg.CreatePartitionsResponse))
	}
	return false
}

func shuttingDownTopics(d *divergence, ours, theirs *kmsg.CreateTopicsResponse) (applied bool) {
	for i := range ours.Topics {
		o, k := &ours.Topics[i], &theirs.Topics[i]
		if o.ErrorCode != 0 || k.ErrorCode != kerr.InvalidReplicationFactor.Code ||
			!placed(d.request, o.Topic) ||
			!enoughWithShuttingDown(d.before, int(o.ReplicationFactor)) {
			continue
		}
		*k, applied = *o, true
		d.takeTopic(o.Topic)
	}
	return applied
}

// noPartialTopics: if the replicas of one of a topic's new partitions are refused, or cannot be
// placed, Kafka answers with the error but still writes the partitions before it.
func noPartialTopics(d *divergence) bool {
	theirs, ok := d.kafka.response.(*kmsg.CreatePartitionsResponse)
	if !ok {
		return false
	}
	failed := make(map[protocol.UUID]bool)
	for _, t := range theirs.Topics {
		if known := d.before.TopicByName(t.Topic); known != nil && t.ErrorCode != 0 {
			failed[known.ID] = true
		}
	}
	return d.kafka.without(func(r record.Record) bool {
		p, ok := r.(*record.Partition)
		return ok && failed[p.TopicID]
	})
}

func shuttingDownPartitions(
	d *divergence, ours, theirs *kmsg.CreatePartitionsResponse,
) (applied bool) {
	for i := range ours.Topics {
		o, k := &ours.Topics[i], &theirs.Topics[i]
		t := d.before.TopicByName(o.Topic)
		if o.ErrorCode != 0 || k.ErrorCode != kerr.InvalidReplicationFactor.Code ||
			!placed(d.request, o.Topic) ||
			!enoughWithShuttingDown(d.before, len(t.Partition(0).Replicas)) {
			continue
		}
		*k, applied = *o, true
		d.takeTopic(o.Topic)
	}
	return applied
}

// enoughWithShuttingDown reports whether there are enough brokers, at least one of which is in
// controlled shutdown. Kafka may fail even if the others are enough: after a change of leader it
// forgets which brokers are shutting down, and makes such a broker the first replica.
func enoughWithShuttingDown(img *metadata.Image, factor int) bool {
	all, leaving := 0, 0
	for _, b := range img.Brokers() {
		all++
		if b.InControlledShutdown {
			leaving++
		}
	}
	return all >= factor && leaving > 0
}

// takeTopic replaces Kafka's records of a topic by ours, which satisfy the rules.
func (d *divergence) takeTopic(name string) {
	var id protocol.UUID
	if t := d.after.TopicByName(name); t != nil {
		id = t.ID
	}
	var records []written
	for _, w := range d.ours.records {
		own := false
		switch r := w.record.(type) {
		case *record.Topic:
			own = r.TopicID == id
		case *record.Partition:
			own = r.TopicID == id && wellPlaced(d.before, r)
		case *record.Config:
			own = r.ResourceType == metadata.ConfigTopic && r.ResourceName == name
		case *record.ClearElr:
			own = r.TopicName == name
		}
		if own {
			records = append(records, w)
		} else if len(d.kafka.records) > 0 {
			records, d.kafka.records = append(records, d.kafka.records[0]), d.kafka.records[1:]
		}
	}
	d.kafka.records = append(records, d.kafka.records...)
}
