package differential

import (
	"reflect"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// differences are the wanted ones. Each looks at one operation, and changes what Kafka made of it to what it would be without the difference.
func differences() []difference {
	return []difference{
		{"a fenced broker is not fenced again", notFencedAgain},
		{"an unknown security protocol is INVALID_REQUEST and no failover", unknownProtocol},
		{"a new target sets both lists of a reassignment", newTarget},
		{"an ELR holds replicas only", elrOfReplicas},
		{"an unregistered broker leaves the ELR", unregisteredLeavesELR},
		{"a partition that comes twice in an ALTER_PARTITION is refused the second time", alteredTwice},
		{"who is unfenced gives leaders to partitions with a replica on it only", ownPartitions},
		{"the last known leader is a replica", lastKnownReplica},
		{"who shuts down does not wait for others in controlled shutdown", drainedAmongLeaving},
		{"a broker in controlled shutdown that is unfenced leads nothing", leadsNothing},
		{"brokers in controlled shutdown are placed like fenced ones", shuttingDownPlaced},
		{"an unknown recovery state is INVALID_REQUEST and no failover", unknownRecovery},
	}
}

// part is a request as Kafka's controller gets it, with what ours wrote for it.
type part struct {
	req  kmsg.Request
	ours []written
}

// translate puts a request into the words in which Kafka's controller does what ours does. Mostly they are the same.
func (p *pair) translate(req kmsg.Request, d *divergence) []part {
	if beat, ok := req.(*kmsg.BrokerHeartbeatRequest); ok {
		return p.translateHeartbeat(beat, d)
	}
	return []part{{req, d.ours.records}}
}

// translateHeartbeat: a broker whose last directory is offline is fenced, as if it had asked for it. Kafka writes a change of its registration
// that says "no change", and may elect it again. And directories are dealt with before the broker's state, so that no election picks one
// that is offline: as if there had been two heartbeats.
func (p *pair) translateHeartbeat(req *kmsg.BrokerHeartbeatRequest, d *divergence) []part {
	whole := []part{{req, d.ours.records}}
	b := d.before.Broker(req.BrokerID)
	if b == nil || b.Epoch != req.BrokerEpoch || !d.before.Version().HasDirectories() {
		return whole
	}
	online := slices.DeleteFunc(slices.Clone(b.LogDirs), func(dir record.UUID) bool { return slices.Contains(req.OfflineLogDirs, [16]byte(dir)) })
	rest := *req
	rest.OfflineLogDirs = nil
	switch {
	case len(online) == len(b.LogDirs):
		return whole
	case len(online) == 0:
		p.counts.differences["a broker without a directory is fenced"]++
		rest.WantFence = true
		return []part{{&rest, d.ours.records}}
	}
	first := *req
	first.WantFence, first.WantShutdown, first.CordonedLogDirs = b.Fenced, false, nil
	n := 1 + slices.IndexFunc(d.ours.records, func(w written) bool {
		c, ok := w.record.(*record.BrokerRegistrationChange)
		return ok && c.LogDirs != nil
	})
	return []part{{&first, d.ours.records[:n]}, {&rest, d.ours.records[n:]}}
}

// without removes records.
func (s *side) without(gone func(record.Record) bool) bool {
	n := len(s.records)
	s.records = slices.DeleteFunc(s.records, func(w written) bool { return gone(w.record) })
	return len(s.records) < n
}

// notFencedAgain: what was fenced is not fenced again, and so not taken again from a leaderless partition's ISR, where it may have stayed as the
// last member before there was an ELR to take it.
func notFencedAgain(d *divergence) bool {
	broker := int32(-1)
	if !d.kafka.without(func(r record.Record) bool {
		c, ok := r.(*record.BrokerRegistrationChange)
		again := ok && c.Fenced == record.FencedFence && d.before.Broker(c.BrokerID).Fenced
		if again {
			broker = c.BrokerID
		}
		return again
	}) {
		return false
	}
	d.eachChange(func(c *change) bool {
		if c.ours == nil && c.kafka != nil && c.old.Leader < 0 && c.kafka.Leader == record.NoLeaderChange && slices.Contains(c.old.ISR, broker) &&
			slices.Equal(minus(c.old.ISR, []int32{broker}), c.kafka.ISR) && len(minus(c.kafka.EligibleLeaderReplicas, append(c.old.ELR(), broker))) == 0 {
			c.kafka = nil
			return true
		}
		return false
	})
	return true
}

// leadsNothing: once a broker has begun a controlled shutdown only another registration lets it lead. In Kafka's elections the heartbeat that
// unfences it makes it look active, which it is not.
func leadsNothing(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || d.before.Broker(req.BrokerID) == nil || !d.before.Broker(req.BrokerID).InControlledShutdown {
		return false
	}
	return d.eachChange(func(c *change) bool {
		if c.ours != nil || c.kafka == nil || c.old.Leader >= 0 || c.kafka.Leader != req.BrokerID {
			return false
		}
		c.kafka = nil
		return true
	})
}

func unknownProtocol(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerRegistrationRequest)
	if !ok || len(d.kafka.faults) != 1 || len(d.kafka.records) > 0 || !slices.ContainsFunc(req.Listeners, func(l kmsg.BrokerRegistrationRequestListener) bool {
		return l.SecurityProtocol < 0 || l.SecurityProtocol > 3
	}) {
		return false
	}
	resp := d.kafka.response.(*kmsg.BrokerRegistrationResponse)
	if resp.ErrorCode != kerr.UnknownServerError.Code {
		return false
	}
	resp.ErrorCode, d.kafka.faults = kerr.InvalidRequest.Code, nil
	return true
}

// unknownRecovery knows requests with one partition only, so that there is nothing else that Kafka's failure could hide.
func unknownRecovery(d *divergence) bool {
	req, ok := d.request.(*kmsg.AlterPartitionRequest)
	if !ok || len(d.kafka.faults) != 1 || len(d.kafka.records) > 0 || len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 {
		return false
	}
	p := req.Topics[0].Partitions[0]
	resp := d.kafka.response.(*kmsg.AlterPartitionResponse)
	if p.LeaderRecoveryState == 0 || p.LeaderRecoveryState == 1 || resp.ErrorCode != kerr.UnknownServerError.Code {
		return false
	}
	answer := kmsg.NewAlterPartitionResponseTopicPartition()
	answer.Partition, answer.ErrorCode = p.Partition, kerr.InvalidRequest.Code
	topic := kmsg.NewAlterPartitionResponseTopic()
	topic.TopidID, topic.Partitions = req.Topics[0].TopicID, []kmsg.AlterPartitionResponseTopicPartition{answer}
	resp.ErrorCode, resp.Topics, d.kafka.faults = 0, []kmsg.AlterPartitionResponseTopic{topic}, nil
	return true
}

// change is what both sides wrote for one partition; nil for nothing.
type change struct {
	topic       *metadata.Topic
	id          int32
	old, after  *metadata.Partition
	ours, kafka *record.PartitionChange
}

// eachChange calls f for every partition that either side changes, once, and takes over what it makes of Kafka's record. It reports whether f
// ever says that it applied.
func (d *divergence) eachChange(f func(c *change) bool) bool {
	type key struct {
		topic     record.UUID
		partition int32
	}
	ours := make(map[key]*record.PartitionChange)
	theirs := make(map[key]bool)
	for _, w := range d.ours.records {
		if r, ok := w.record.(*record.PartitionChange); ok {
			ours[key{r.TopicID, r.PartitionID}] = r
		}
	}
	applied := false
	look := func(k key, theirs *record.PartitionChange) *record.PartitionChange {
		t := d.before.Topic(k.topic)
		if t == nil {
			return theirs
		}
		c := &change{t, k.partition, t.Partition(k.partition), d.after.Partition(k.topic, k.partition), ours[k], theirs}
		if c.old != nil && !sameChange(c.ours, c.kafka) && f(c) {
			applied = true
		}
		return c.kafka
	}
	var records []written
	for _, w := range d.kafka.records {
		r, ok := w.record.(*record.PartitionChange)
		if !ok {
			records = append(records, w)
			continue
		}
		k := key{r.TopicID, r.PartitionID}
		theirs[k] = true
		copied := *r
		if changed := look(k, &copied); changed != nil {
			records = append(records, again(changed, w.version))
		}
	}
	others := 0 // records of ours that are no changes of partitions: a new one goes behind as many
	for _, w := range d.ours.records {
		r, ok := w.record.(*record.PartitionChange)
		if !ok {
			others++
		} else if k := (key{r.TopicID, r.PartitionID}); !theirs[k] {
			if made := look(k, nil); made != nil {
				records = slices.Insert(records, behind(records, others), again(made, w.version))
			}
		}
	}
	d.kafka.records = records
	sortRuns(d.kafka.records)
	return applied
}

// behind is the place behind so many records that are no changes of partitions.
func behind(records []written, others int) int {
	for i, w := range records {
		if others == 0 {
			return i
		}
		if _, ok := w.record.(*record.PartitionChange); !ok {
			others--
		}
	}
	return len(records)
}

func sameChange(a, b *record.PartitionChange) bool { return reflect.DeepEqual(a, b) }

// newTarget: Kafka sets the list of replicas that come only when it is not empty, and so with the one of those that go. When a running
// reassignment gets another target, a list of the old one may so stay, and the reassignment never ends.
func newTarget(d *divergence) bool {
	req, ok := d.request.(*kmsg.AlterPartitionAssignmentsRequest)
	if !ok {
		return false
	}
	return d.eachChange(func(c *change) bool {
		target := targetOf(req, c.topic.Name, c.id)
		if target == nil || !c.old.Reassigning() || c.ours == nil {
			return false
		}
		adding, removing := minus(target, c.old.Replicas), minus(c.old.Replicas, target)
		stale := len(adding) == 0 && len(c.old.Adding()) > 0 || len(removing) == 0 && len(c.old.Removing()) > 0
		if !stale {
			return false
		}
		if completed := !c.after.Reassigning(); completed {
			// The end is as for any other: the target, all that is to come in the ISR, a leader of it.
			if slices.Equal(c.after.Replicas, target) && len(minus(c.after.ISR, target)) == 0 && len(minus(adding, c.after.ISR)) == 0 &&
				len(minus(c.after.ISR, c.old.ISR)) == 0 && (c.after.Leader < 0 || slices.Contains(c.after.ISR, c.after.Leader)) {
				c.kafka = c.ours
				return true
			}
			return false
		}
		if c.kafka == nil {
			c.kafka = record.NewPartitionChange(c.topic.ID, c.id)
		}
		c.kafka.AddingReplicas, c.kafka.RemovingReplicas = changed(c.old.Adding(), adding), changed(c.old.Removing(), removing)
		return true
	})
}

func changed(old, list []int32) []int32 {
	if slices.Equal(old, list) {
		return nil
	}
	return append([]int32{}, list...)
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

// minus is what a has and b has not, ascending.
func minus(a, b []int32) []int32 {
	var d []int32
	for _, id := range a {
		if !slices.Contains(b, id) {
			d = append(d, id)
		}
	}
	slices.Sort(d)
	return d
}

// elrOfReplicas: when a reassignment ends while the ISR is too small, Kafka may leave a replica that is removed in the ELR.
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

// unregisteredLeavesELR: a broker that is unregistered has no claim to a clean election any more; Kafka leaves it in the ELR, or even
// takes it from the ISR into it.
func unregisteredLeavesELR(d *divergence) bool {
	req, ok := d.request.(*kmsg.UnregisterBrokerRequest)
	if !ok {
		return false
	}
	return d.eachChange(func(c *change) bool {
		elr := c.old.ELR()
		if c.kafka != nil && c.kafka.EligibleLeaderReplicas != nil {
			elr = c.kafka.EligibleLeaderReplicas
		}
		if !slices.Contains(elr, req.BrokerID) {
			return false
		}
		if c.kafka == nil {
			c.kafka = record.NewPartitionChange(c.topic.ID, c.id)
		}
		c.kafka.EligibleLeaderReplicas = changed(c.old.ELR(), minus(elr, []int32{req.BrokerID}))
		return true
	})
}

// alteredTwice: the first change moves the partition epoch on, so the second comes too late. Kafka computes both from the same state.
func alteredTwice(d *divergence) bool {
	if _, ok := d.request.(*kmsg.AlterPartitionRequest); !ok {
		return false
	}
	ours, theirs := d.ours.response.(*kmsg.AlterPartitionResponse), d.kafka.response.(*kmsg.AlterPartitionResponse)
	if len(ours.Topics) != len(theirs.Topics) {
		return false
	}
	applied := false
	for i := range ours.Topics {
		seen := make(map[int32]bool)
		for j := range ours.Topics[i].Partitions {
			o, k := ours.Topics[i].Partitions[j], &theirs.Topics[i].Partitions[j]
			if seen[o.Partition] && o.ErrorCode == kerr.InvalidUpdateVersion.Code && (k.ErrorCode == 0 || k.ErrorCode == kerr.NewLeaderElected.Code) &&
				d.kafka.dropSecond(ours.Topics[i].TopidID, o.Partition) {
				*k = kmsg.NewAlterPartitionResponseTopicPartition()
				k.Partition, k.ErrorCode = o.Partition, o.ErrorCode
				applied = true
			}
			seen[o.Partition] = true
		}
	}
	return applied
}

// dropSecond removes the second change of a partition.
func (s *side) dropSecond(topic record.UUID, partition int32) bool {
	first := true
	return s.without(func(r record.Record) bool {
		c, ok := r.(*record.PartitionChange)
		if !ok || c.TopicID != topic || c.PartitionID != partition {
			return false
		}
		again := !first
		first = false
		return again
	})
}

// ownPartitions: Kafka looks at all leaderless partitions whoever comes back, so that one which could have had a leader for another reason,
// such as a config that was changed since, gets it. Ours gets it from the periodic elections.
func ownPartitions(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || !d.before.Broker(req.BrokerID).Fenced || d.after.Broker(req.BrokerID).Fenced {
		return false
	}
	return d.eachChange(func(c *change) bool {
		if c.ours != nil || c.kafka == nil || c.old.Leader >= 0 || slices.Contains(c.old.Replicas, req.BrokerID) {
			return false
		}
		c.kafka = nil
		return true
	})
}

// lastKnownReplica: when a reassignment removes the leader and nobody may follow it, Kafka remembers a leader that is no replica any more; of a
// partition that had none it remembers -1.
func lastKnownReplica(d *divergence) bool {
	return d.eachChange(func(c *change) bool {
		if c.kafka == nil || len(c.kafka.LastKnownELR) != 1 || slices.Contains(c.replicas(), c.kafka.LastKnownELR[0]) {
			return false
		}
		c.kafka.LastKnownELR = nil
		return true
	})
}

// replicas are those that the partition has after Kafka's change.
func (c *change) replicas() []int32 {
	if c.kafka != nil && c.kafka.Replicas != nil {
		return c.kafka.Replicas
	}
	return c.old.Replicas
}

// drainedAmongLeaving: a broker may stop when all others have seen that it leads nothing; but for those that are in controlled shutdown
// themselves by their registrations. Kafka knows of these only until they are fenced or it has another leader, and waits for them again.
func drainedAmongLeaving(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || !d.before.Broker(req.BrokerID).InControlledShutdown || len(d.kafka.records) > 0 || len(d.ours.records) != 1 {
		return false
	}
	others := false
	for id, b := range d.before.Brokers() {
		others = others || id != req.BrokerID && b.InControlledShutdown && !b.Fenced
	}
	fence, ok := d.ours.records[0].record.(*record.BrokerRegistrationChange)
	granted := d.ours.response.(*kmsg.BrokerHeartbeatResponse).ShouldShutdown
	if !others || !ok || !granted || fence.Fenced != record.FencedFence || fence.BrokerID != req.BrokerID || d.before.Leads(req.BrokerID) > 0 {
		return false
	}
	resp := d.kafka.response.(*kmsg.BrokerHeartbeatResponse)
	resp.IsFenced, resp.ShouldShutdown, d.kafka.records = true, true, d.ours.records
	return true
}
