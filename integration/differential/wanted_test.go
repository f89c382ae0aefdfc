package differential

import (
	"bytes"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// differences are the intended ones. Each examines one operation and changes Kafka's outcome into
// what it would be without the difference.
func differences() []difference {
	return []difference{
		{"a fenced broker is not fenced again", notFencedAgain},
		{"an unknown security protocol is INVALID_REQUEST and no failover", unknownProtocol},
		{"a cancellation can restore the original replicas after a new target", originalKept},
		{"a new target does not drop all replicas in sync", syncKept},
		{"an ELR holds replicas only", elrOfReplicas},
		{"an unregistered broker leaves as one that comes back uncleanly", leavesUncleanly},
		{"a partition that comes twice in an ALTER_PARTITION is refused the second time",
			alteredTwice},
		{"a partition that comes twice in an ALTER_PARTITION_REASSIGNMENTS is refused the " +
			"second time", reassignedTwice},
		{"a partition that comes twice in an ELECT_LEADERS has one election", electedTwice},
		{"this controller has no loggers", noLoggers},
		{"a config operation without a value, or of no known kind, is INVALID_REQUEST", noValue},
		{"who is unfenced gives leaders to partitions with a replica on it only", ownPartitions},
		{"the last known leader is a replica", lastKnownReplica},
		{"directories go before the end of a controlled shutdown", dirsFirst},
		{"a replica in an offline directory leaves the partition as its first change made it",
			fromFirstChange},
		{"a replica that is in no ISR leaves none when its directory is offline", notInISR},
		{"preferred elections pass over partitions whose preferred replica cannot lead",
			passedOver},
		{"an unclean return ends an ELR that the feature left behind", endsStaleELR},
		{"a directory that goes offline takes away its own broker's replicas only", ownReplicas},
		{"a broker in controlled shutdown that is unfenced leads nothing", leadsNothing},
		{"a topic that fails gets no partition at all", noPartialTopics},
		{"too many partitions for one request are POLICY_VIOLATION", tooManyPartitions},
		{"brokers in controlled shutdown are placed like fenced ones", shuttingDownPlaced},
		{"an unknown recovery state is INVALID_REQUEST and no failover", unknownRecovery},
	}
}

// without removes records.
func (s *side) without(gone func(record.Record) bool) bool {
	n := len(s.records)
	s.records = slices.DeleteFunc(s.records, func(w written) bool { return gone(w.record) })
	return len(s.records) < n
}

// notFencedAgain: a fenced broker is not fenced again. So the leaderless partitions in whose ISR it
// is the last member are not examined again, although they may now have a leader, or an ELR that
// contains the broker.
func notFencedAgain(d *divergence) bool {
	var again []int32
	if !d.kafka.without(func(r record.Record) bool {
		c, ok := r.(*record.BrokerRegistrationChange)
		if !ok || c.Fenced != record.FencedFence || !d.before.Broker(c.BrokerID).Fenced {
			return false
		}
		again = append(again, c.BrokerID)
		return true
	}) {
		return false
	}
	d.eachChange(func(c *change) bool {
		if c.ours == nil && c.kafka != nil && c.old.Leader < 0 && len(keep(c.old.ISR, again)) > 0 {
			c.kafka = nil
			return true
		}
		return false
	})
	return true
}

// leadsNothing: once a broker has begun a controlled shutdown, only a new registration lets it
// lead. In Kafka's elections the heartbeat that unfences it makes it look active, which it is not.
// Ours examines no partition then.
func leadsNothing(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || d.before.Broker(req.BrokerID) == nil ||
		!d.before.Broker(req.BrokerID).InControlledShutdown {
		return false
	}
	return d.eachChange(func(c *change) bool {
		if c.ours != nil || c.kafka == nil || c.old.Leader >= 0 {
			return false
		}
		c.kafka = nil
		return true
	})
}

func unknownProtocol(d *divergence) bool {
	if len(d.kafka.faults) != 1 || len(d.kafka.records) > 0 || !namesUnknownProtocol(d.request) {
		return false
	}
	var code *int16
	switch resp := d.kafka.response.(type) {
	case *kmsg.BrokerRegistrationResponse:
		code = &resp.ErrorCode
	case *kmsg.ControllerRegistrationResponse:
		code = &resp.ErrorCode
	}
	if *code != kerr.UnknownServerError.Code {
		return false
	}
	*code, d.kafka.faults = kerr.InvalidRequest.Code, nil
	return true
}

func namesUnknownProtocol(request kmsg.Request) bool {
	unknown := func(protocol int16) bool { return protocol < 0 || protocol > 3 }
	switch req := request.(type) {
	case *kmsg.BrokerRegistrationRequest:
		return slices.ContainsFunc(req.Listeners,
			func(l kmsg.BrokerRegistrationRequestListener) bool {
				return unknown(l.SecurityProtocol)
			})
	case *kmsg.ControllerRegistrationRequest:
		return slices.ContainsFunc(req.Listeners,
			func(l kmsg.ControllerRegistrationRequestListener) bool {
				return unknown(l.SecurityProtocol)
			})
	}
	return false
}

// unknownRecovery applies only to requests with one partition, so that Kafka's failure can hide
// nothing else.
func unknownRecovery(d *divergence) bool {
	req, ok := d.request.(*kmsg.AlterPartitionRequest)
	if !ok || len(d.kafka.faults) != 1 || len(d.kafka.records) > 0 || len(req.Topics) != 1 ||
		len(req.Topics[0].Partitions) != 1 {
		return false
	}
	p := req.Topics[0].Partitions[0]
	resp := d.kafka.response.(*kmsg.AlterPartitionResponse)
	if p.LeaderRecoveryState == 0 || p.LeaderRecoveryState == 1 ||
		resp.ErrorCode != kerr.UnknownServerError.Code {
		return false
	}
	answer := kmsg.NewAlterPartitionResponseTopicPartition()
	answer.Partition, answer.ErrorCode = p.Partition, kerr.InvalidRequest.Code
	topic := kmsg.NewAlterPartitionResponseTopic()
	topic.TopidID, topic.Partitions = req.Topics[0].TopicID,
		[]kmsg.AlterPartitionResponseTopicPartition{answer}
	resp.ErrorCode, resp.Topics, d.kafka.faults = 0, []kmsg.AlterPartitionResponseTopic{topic}, nil
	return true
}

// originalKept: while a reassignment runs, the original replicas are the replicas minus the adding
// ones, also after a new target. Kafka computes the lists from all current replicas, and keeps a
// list of the former target where the new list is empty.
func originalKept(d *divergence) bool {
	req, ok := d.request.(*kmsg.AlterPartitionAssignmentsRequest)
	if !ok {
		return false
	}
	return d.eachChange(func(c *change) bool {
		target := targetOf(req, c.topic.Name, c.id)
		if target == nil || !c.old.Reassigning() || c.ours == nil {
			return false
		}
		original := minus(c.old.Replicas, c.old.Adding())
		adding, removing := minus(target, original), minus(original, target)
		replicas := append(slices.Clone(target), removing...)
		isr := keep(c.old.ISR, replicas)
		if mayComplete(target, adding, removing, isr) {
			replicas, isr, adding, removing = target, keep(isr, target), nil, nil
		}
		p, theirs := c.after, c.old
		if c.kafka != nil {
			theirs = c.old.Merge(c.kafka)
		}
		if len(c.old.ISR) == 0 && theirs.Leader == p.Leader { // both may elect uncleanly
			isr = theirs.ISR
		}
		if !slices.Equal(p.Replicas, replicas) || !slices.Equal(p.Adding(), adding) ||
			!slices.Equal(p.Removing(), removing) || !slices.Equal(p.ISR, isr) ||
			p.Leader >= 0 && !slices.Contains(p.ISR, p.Leader) {
			return false
		}
		if slices.Equal(theirs.Replicas, p.Replicas) && slices.Equal(theirs.Adding(), p.Adding()) &&
			slices.Equal(theirs.Removing(), p.Removing()) {
			return false // the divergence is another one
		}
		c.kafka = c.ours
		return true
	})
}

// syncKept: a target that drops every replica in sync is refused.
func syncKept(d *divergence) bool {
	req, ok := d.request.(*kmsg.AlterPartitionAssignmentsRequest)
	if !ok {
		return false
	}
	ours := d.ours.response.(*kmsg.AlterPartitionAssignmentsResponse)
	theirs := d.kafka.response.(*kmsg.AlterPartitionAssignmentsResponse)
	if len(ours.Topics) != len(theirs.Topics) {
		return false
	}
	applied := false
	for i := range ours.Topics {
		t := d.before.TopicByName(ours.Topics[i].Topic)
		for j := range ours.Topics[i].Partitions {
			o, k := ours.Topics[i].Partitions[j], &theirs.Topics[i].Partitions[j]
			target := targetOf(req, ours.Topics[i].Topic, o.Partition)
			if t == nil || target == nil || t.Partition(o.Partition) == nil ||
				o.ErrorCode != kerr.InvalidReplicaAssignment.Code || k.ErrorCode != 0 {
				continue
			}
			p := t.Partition(o.Partition)
			dropped := minus(p.Adding(), target)
			if len(p.ISR) > 0 && len(minus(p.ISR, dropped)) == 0 {
				k.ErrorCode, applied = o.ErrorCode, true
				d.dropBeyondOurs(t.ID, o.Partition)
			}
		}
	}
	return applied
}

// mayComplete reports whether a reassignment ends
// (PartitionReassignmentReplicas.maybeCompleteReassignment): part of the ISR remains, the ISR
// contains all added replicas and, if the replicas become fewer, all target replicas.
func mayComplete(target, adding, removing, isr []int32) bool {
	left := keep(isr, target)
	return (len(removing) == 0 || len(left) > 0) && len(minus(adding, left)) == 0 &&
		(len(adding) >= len(removing) || len(minus(target, left)) == 0)
}

func targetOf(req *kmsg.AlterPartitionAssignmentsRequest, topic string, partition int32) []int32 {
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			if t.Topic == topic && p.Partition == partition {
				return p.Replicas
			}
		}
	}
	return nil
}

// elrOfReplicas: when a reassignment ends while the ISR is too small, Kafka may leave a removed
// replica in the ELR.
func elrOfReplicas(d *divergence) bool {
	return d.eachChange(func(c *change) bool {
		if c.kafka == nil {
			return false
		}
		replicas, elr := c.replicas(), c.kafka.EligibleLeaderReplicas
		if elr == nil {
			elr = c.old.ELR()
		}
		gone := minus(elr, replicas)
		if len(gone) == 0 {
			return false
		}
		c.kafka.EligibleLeaderReplicas = changed(c.old.ELR(), minus(elr, gone))
		return true
	})
}

// leavesUncleanly belongs to translateUnregistration: ours does not write the registration in it.
func leavesUncleanly(d *divergence) bool {
	_, ok := d.request.(*kmsg.UnregisterBrokerRequest)
	return ok && d.kafka.without(func(r record.Record) bool {
		return r.Type() == record.TypeRegisterBroker
	})
}

// afterVersion are the outcomes of an ALTER_PARTITION after its partition epoch was found correct.
var afterVersion = []int16{0, kerr.NewLeaderElected.Code, kerr.IneligibleReplica.Code,
	kerr.InvalidRequest.Code}

// alteredTwice: the first change increments the partition epoch, so the second is stale. Kafka
// computes both from the same state.
func alteredTwice(d *divergence) bool {
	if _, ok := d.request.(*kmsg.AlterPartitionRequest); !ok {
		return false
	}
	ours, theirs := d.ours.response.(*kmsg.AlterPartitionResponse),
		d.kafka.response.(*kmsg.AlterPartitionResponse)
	if len(ours.Topics) != len(theirs.Topics) {
		return false
	}
	applied := false
	type key struct {
		topic     protocol.UUID
		partition int32
	}
	seen := make(map[key]bool)
	for i := range ours.Topics {
		for j := range ours.Topics[i].Partitions {
			o, k := ours.Topics[i].Partitions[j], &theirs.Topics[i].Partitions[j]
			at := key{ours.Topics[i].TopidID, o.Partition}
			if seen[at] && o.ErrorCode == kerr.InvalidUpdateVersion.Code &&
				slices.Contains(afterVersion, k.ErrorCode) {
				d.dropBeyondOurs(at.topic, at.partition)
				*k = kmsg.NewAlterPartitionResponseTopicPartition()
				k.Partition, k.ErrorCode = o.Partition, o.ErrorCode
				applied = true
			}
			seen[at] = true
		}
	}
	return applied
}

// reassignedTwice: Kafka computes both changes from the same state. If the first is refused, ours
// refuses the second too.
func reassignedTwice(d *divergence) bool {
	if _, ok := d.request.(*kmsg.AlterPartitionAssignmentsRequest); !ok {
		return false
	}
	ours, theirs := d.ours.response.(*kmsg.AlterPartitionAssignmentsResponse),
		d.kafka.response.(*kmsg.AlterPartitionAssignmentsResponse)
	if len(ours.Topics) != len(theirs.Topics) {
		return false
	}
	applied := false
	for i := range ours.Topics {
		seen := make(map[int32]bool)
		for j := range ours.Topics[i].Partitions {
			o, k := ours.Topics[i].Partitions[j], &theirs.Topics[i].Partitions[j]
			t := d.before.TopicByName(ours.Topics[i].Topic)
			if seen[o.Partition] && o.ErrorCode == kerr.InvalidRequest.Code &&
				t.Partition(o.Partition) != nil {
				k.ErrorCode, applied = o.ErrorCode, true
				d.dropBeyondOurs(t.ID, o.Partition)
			}
			seen[o.Partition] = true
		}
	}
	return applied
}

// electedTwice: Kafka writes the same change twice.
func electedTwice(d *divergence) bool {
	req, ok := d.request.(*kmsg.ElectLeadersRequest)
	if !ok {
		return false
	}
	applied := false
	for _, t := range req.Topics {
		known := d.before.TopicByName(t.Topic)
		for i, id := range t.Partitions {
			if slices.Contains(t.Partitions[:i], id) && known != nil &&
				d.dropBeyondOurs(known.ID, id) {
				applied = true
			}
		}
	}
	return applied
}

// dropBeyondOurs removes Kafka's last changes of a partition if ours has fewer.
func (d *divergence) dropBeyondOurs(topic protocol.UUID, partition int32) bool {
	of := &record.PartitionChange{TopicID: topic, PartitionID: partition}
	left := d.ours.changes(of)
	return d.kafka.without(func(r record.Record) bool {
		c, ok := r.(*record.PartitionChange)
		if !ok || c.TopicID != topic || c.PartitionID != partition {
			return false
		}
		left--
		return left < 0
	})
}

// noValue: Kafka's brokers refuse that too. Its controller treats a SET without a value as a
// deletion, and fails over at the other operations. The difference applies only to requests with
// one operation, so that it can hide nothing else.
func noValue(d *divergence) bool {
	if len(d.ours.records) > 0 {
		return false
	}
	switch req := d.request.(type) {
	case *kmsg.AlterConfigsRequest:
		ours := d.ours.response.(*kmsg.AlterConfigsResponse)
		if len(req.Resources) != 1 ||
			!slices.ContainsFunc(req.Resources[0].Configs,
				func(c kmsg.AlterConfigsRequestResourceConfig) bool {
					return c.Value == nil
				}) ||
			ours.Resources[0].ErrorCode != kerr.InvalidRequest.Code {
			return false
		}
	case *kmsg.IncrementalAlterConfigsRequest:
		ours := d.ours.response.(*kmsg.IncrementalAlterConfigsResponse)
		if len(req.Resources) != 1 || len(req.Resources[0].Configs) != 1 ||
			ours.Resources[0].ErrorCode != kerr.InvalidRequest.Code {
			return false
		}
		c := req.Resources[0].Configs[0]
		if known := c.Op >= 0 && c.Op <= 3; known &&
			(c.Value != nil || c.Op == kmsg.IncrementalAlterConfigOpDelete) {
			return false
		}
	default:
		return false
	}
	d.kafka = side{response: d.ours.response}
	return true
}

// tooManyPartitions: Kafka places them, if it can, and then exceeds its list of records, which is
// an UNKNOWN_SERVER_ERROR. Ours checks first, as Kafka does for new topics.
func tooManyPartitions(d *divergence) bool {
	theirs, ok := d.kafka.response.(*kmsg.CreatePartitionsResponse)
	if !ok {
		return false
	}
	applied := false
	for i, ours := range d.ours.response.(*kmsg.CreatePartitionsResponse).Topics {
		if k := &theirs.Topics[i]; ours.ErrorCode == kerr.PolicyViolation.Code &&
			(k.ErrorCode == kerr.UnknownServerError.Code ||
				k.ErrorCode == kerr.InvalidReplicationFactor.Code) {
			k.ErrorCode, applied = ours.ErrorCode, true
		}
	}
	return applied
}

// noLoggers: Kafka's answer concerns a logger of its process.
func noLoggers(d *divergence) bool {
	theirs, ok := d.kafka.response.(*kmsg.IncrementalAlterConfigsResponse)
	if !ok {
		return false
	}
	applied := false
	for i := range theirs.Resources {
		if r := &theirs.Resources[i]; r.ResourceType == kmsg.ConfigResourceTypeBrokerLogger &&
			r.ErrorCode != kerr.InvalidRequest.Code {
			r.ErrorCode, applied = kerr.InvalidRequest.Code, true
		}
	}
	return applied
}

// ownPartitions: whichever broker returns, Kafka examines all leaderless partitions, so that one
// that could have had a leader for another reason, such as a changed config, gets it. Ours gets it
// from the periodic elections.
func ownPartitions(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || !d.before.Broker(req.BrokerID).Fenced || d.after.Broker(req.BrokerID).Fenced {
		return false
	}
	return d.eachChange(func(c *change) bool {
		if c.ours != nil || c.kafka == nil || c.old.Leader >= 0 ||
			slices.Contains(c.old.Replicas, req.BrokerID) {
			return false
		}
		c.kafka = nil
		return true
	})
}

// lastKnownReplica: when a reassignment removes the leader and no replica may replace it, Kafka
// remembers a last known leader that is no longer a replica; for a partition that had no leader it
// remembers -1. It does not forget a removed one, and fails because of that later.
func lastKnownReplica(d *divergence) bool {
	return d.eachChange(func(c *change) bool {
		if c.kafka == nil {
			return false
		}
		known, old := c.kafka.LastKnownELR, c.old.LastKnownELR()
		switch {
		case len(known) == 1 && !slices.Contains(c.replicas(), known[0]):
			c.kafka.LastKnownELR = nil
		case known == nil && len(old) == 1 && slices.Contains(c.old.Replicas, old[0]) &&
			!slices.Contains(c.replicas(), old[0]):
			c.kafka.LastKnownELR = []int32{}
		default:
			return false
		}
		return true
	})
}

// dirsFirst: for a broker in controlled shutdown, which takes part in no election, the order of
// directories and state only affects the order of the records.
func dirsFirst(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || len(req.OfflineLogDirs) == 0 || !d.before.Broker(req.BrokerID).InControlledShutdown ||
		len(d.ours.records) != len(d.kafka.records) {
		return false
	}
	for _, w := range d.ours.records {
		if !slices.ContainsFunc(d.kafka.records, func(k written) bool {
			return k.version == w.version && bytes.Equal(k.bytes, w.bytes)
		}) {
			return false
		}
	}
	d.kafka.records = d.ours.records
	return true
}

// notInISR: a replica whose directory goes offline, or that is assigned to an offline directory,
// leaves the ISR. Kafka examines its partition for another leader, or for the end of its
// reassignment, even if the replica was not in the ISR.
func notInISR(d *divergence) bool {
	var broker int32
	// Whether the last change of a partition is the one for its directory; else the first is.
	last := false
	switch req := d.request.(type) {
	case *kmsg.AssignReplicasToDirsRequest:
		broker, last = req.BrokerID, true
	case *kmsg.BrokerHeartbeatRequest:
		if broker = req.BrokerID; len(req.OfflineLogDirs) == 0 {
			return false
		}
	default:
		return false
	}
	drop := func(w written) bool {
		c, ok := w.record.(*record.PartitionChange)
		if !ok || c.Directories != nil && c.Replicas == nil {
			return false
		}
		old := d.before.Partition(c.TopicID, c.PartitionID)
		return old != nil && !slices.Contains(old.ISR, broker) &&
			d.ours.changes(c) < d.kafka.changes(c)
	}
	applied := false
	for i := 0; i < len(d.kafka.records); {
		n := i
		if last {
			n = len(d.kafka.records) - 1 - i
		}
		if drop(d.kafka.records[n]) {
			d.kafka.records, applied = slices.Delete(d.kafka.records, n, n+1), true
		} else {
			i++
		}
	}
	return applied
}

// changes counts the changes of a partition.
func (s *side) changes(of *record.PartitionChange) (n int) {
	for _, w := range s.records {
		if c, ok := w.record.(*record.PartitionChange); ok && c.TopicID == of.TopicID &&
			c.PartitionID == of.PartitionID {
			n++
		}
	}
	return n
}

// passedOver: when the first replica cannot lead, ours' preferred elections do not examine the
// partition unless it has no leader or is being reassigned. Kafka's may find that an ELR is no
// longer needed, as when the replicas of another partition reduced the minimum.
func passedOver(d *divergence) bool {
	if d.request != nil {
		return false
	}
	return d.eachChange(func(c *change) bool {
		first := d.before.Broker(c.old.Replicas[0])
		if c.ours != nil || c.kafka == nil || c.old.Leader < 0 || c.old.Reassigning() ||
			first != nil && first.Active() && first.DirectoryOnline(c.old.Directory(first.ID)) {
			return false
		}
		want := record.NewPartitionChange(c.topic.ID, c.id)
		want.EligibleLeaderReplicas = []int32{}
		if !sameChange(c.kafka, want) {
			return false
		}
		c.kafka = nil
		return true
	})
}

// endsStaleELR: with the feature turned off, partitions keep their ELRs until they change. A member
// that returns uncleanly ends them.
func endsStaleELR(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerRegistrationRequest)
	if !ok || d.before.ElrEnabled() {
		return false
	}
	return d.eachChange(func(c *change) bool {
		want := record.NewPartitionChange(c.topic.ID, c.id)
		want.EligibleLeaderReplicas = []int32{}
		if c.kafka != nil || !slices.Contains(c.old.ELR(), req.BrokerID) ||
			slices.Contains(c.old.ISR, req.BrokerID) || !sameChange(c.ours, want) {
			return false
		}
		c.kafka = want
		return true
	})
}

// ownReplicas: when another broker reported that its replica is in a directory that belongs to a
// different broker, Kafka removes that different broker from the partition's ISR when the directory
// goes offline, wherever its own replica is.
func ownReplicas(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || len(req.OfflineLogDirs) == 0 {
		return false
	}
	offline := func(dir protocol.UUID) bool {
		return !dir.Reserved() && slices.Contains(req.OfflineLogDirs, [16]byte(dir))
	}
	applied := false
	// the first change of a partition is the one for its directory
	for n := 0; n < len(d.kafka.records); n++ {
		c, ok := d.kafka.records[n].record.(*record.PartitionChange)
		if !ok {
			continue
		}
		old := d.before.Partition(c.TopicID, c.PartitionID)
		if !offline(old.Directory(req.BrokerID)) && slices.ContainsFunc(old.Directories, offline) &&
			d.ours.changes(c) < d.kafka.changes(c) {
			d.kafka.records, applied = slices.Delete(d.kafka.records, n, n+1), true
			n--
		}
	}
	return applied
}

// fromFirstChange: a replica that is assigned to an offline directory causes two changes, of which
// the first may do more than set the directory. Kafka computes the second from the same state,
// which may restore what the first has removed.
func fromFirstChange(d *divergence) bool {
	req, ok := d.request.(*kmsg.AssignReplicasToDirsRequest)
	if !ok {
		return false
	}
	applied := false
	for n, w := range d.kafka.records {
		c, ok := w.record.(*record.PartitionChange)
		if !ok || n == 0 || n >= len(d.ours.records) || d.ours.changes(c) != d.kafka.changes(c) {
			continue
		}
		first, ok := d.kafka.records[n-1].record.(*record.PartitionChange)
		if !ok || first.TopicID != c.TopicID || first.PartitionID != c.PartitionID ||
			first.Replicas == nil && first.Leader == record.NoLeaderChange {
			continue
		}
		after := d.after.Partition(c.TopicID, c.PartitionID)
		if len(minus(after.ISR, after.Replicas))+len(minus(after.ELR(), after.Replicas)) == 0 &&
			after.Leader != req.BrokerID &&
			(len(after.ISR) == 1 || !slices.Contains(after.ISR, req.BrokerID)) &&
			!bytes.Equal(d.ours.records[n].bytes, w.bytes) {
			d.kafka.records[n], applied = d.ours.records[n], true
		}
	}
	return applied
}
