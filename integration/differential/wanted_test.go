package differential

import (
	"bytes"
	"math"
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
		{"an unregistered broker leaves as one that comes back uncleanly", leavesUncleanly},
		{"a partition that comes twice in an ALTER_PARTITION is refused the second time", alteredTwice},
		{"who is unfenced gives leaders to partitions with a replica on it only", ownPartitions},
		{"the last known leader is a replica", lastKnownReplica},
		{"directories go before the end of a controlled shutdown", dirsFirst},
		{"a replica that is in no ISR leaves none when its directory is offline", notInISR},
		{"preferred elections pass over partitions whose preferred replica cannot lead", passedOver},
		{"an unclean return ends an ELR that the feature left behind", endsStaleELR},
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
	switch req := req.(type) {
	case *kmsg.BrokerHeartbeatRequest:
		return p.translateHeartbeat(req, d)
	case *kmsg.UnregisterBrokerRequest:
		return p.translateUnregistration(req, d)
	}
	return []part{{req, d.ours.records}}
}

// translateHeartbeat splits a heartbeat that tells of offline directories into up to three, since ours
//
//   - looks again at partitions in directories that went offline before, as that leader may not have come to their end: as if the broker had said
//     once more that they are there (ASSIGN_REPLICAS_TO_DIRS),
//   - deals with directories before the broker's state, so that no election picks one that is offline: as if there had been two heartbeats,
//   - fences a broker whose last directory is offline, as if it had asked for it. Kafka writes a change of its registration that says "no
//     change", and may elect it again.
func (p *pair) translateHeartbeat(req *kmsg.BrokerHeartbeatRequest, d *divergence) []part {
	b := d.before.Broker(req.BrokerID)
	if b == nil || b.Epoch != req.BrokerEpoch {
		return []part{{req, d.ours.records}}
	}
	if b.InControlledShutdown {
		p.doNotWait(b, d.before)
	}
	if !d.before.Version().HasDirectories() || len(req.OfflineLogDirs) == 0 {
		return []part{{req, d.ours.records}}
	}
	offline := func(dir record.UUID) bool {
		return !dir.Reserved() && slices.Contains(req.OfflineLogDirs, [16]byte(dir))
	}
	online := slices.DeleteFunc(slices.Clone(b.LogDirs), offline)
	rest := *req
	rest.OfflineLogDirs = nil
	if len(online) == 0 && len(b.LogDirs) > 0 {
		p.counts.differences["a broker without a directory is fenced"]++
		rest.WantFence = true
		return []part{{&rest, d.ours.records}}
	}
	var parts []part
	again, newly, left := splitByDirectory(d, b, offline)
	if len(again) > 0 {
		p.counts.differences["partitions in a directory that was offline before are looked at again"]++
		parts = append(parts, part{assignAgain(d, b, again), again})
	}
	if len(online) < len(b.LogDirs) && !b.Fenced && b.InControlledShutdown { // any heartbeat may end that: see dirsFirst
		return append(parts, part{req, append(newly, left...)})
	}
	if len(online) < len(b.LogDirs) {
		first := *req
		first.WantFence, first.WantShutdown, first.CordonedLogDirs = b.Fenced, false, nil
		parts = append(parts, part{&first, newly})
	}
	return append(parts, part{&rest, left})
}

// doNotWait: a broker may stop when all others have seen that it leads nothing; but for those that are in controlled shutdown themselves by their
// registrations. Kafka knows of these only until they are fenced or it has another leader, and waits for them again: so it is told that they
// have seen everything.
func (p *pair) doNotWait(b *metadata.Broker, img *metadata.Image) {
	for _, other := range img.Brokers() {
		if other.ID != b.ID && other.InControlledShutdown && !other.Fenced {
			p.must(p.kafka.call("read %d false %d", other.ID, math.MaxInt64))
			p.counts.differences["who shuts down does not wait for others in controlled shutdown"]++
		}
	}
}

// splitByDirectory sorts what ours wrote for a heartbeat: for directories that were offline before, for those that go offline with it, and the
// rest.
func splitByDirectory(d *divergence, b *metadata.Broker, offline func(record.UUID) bool) (again, newly, rest []written) {
	rest = d.ours.records
	for len(rest) > 0 {
		switch r := rest[0].record.(type) {
		case *record.PartitionChange:
			dir := d.before.Partition(r.TopicID, r.PartitionID).Directory(b.ID)
			switch {
			case !offline(dir):
				return again, newly, rest
			case slices.Contains(b.LogDirs, dir):
				newly = append(newly, rest[0])
			default:
				again = append(again, rest[0])
			}
		case *record.BrokerRegistrationChange:
			if r.LogDirs == nil {
				return again, newly, rest
			}
			newly = append(newly, rest[0])
		}
		rest = rest[1:]
	}
	return again, newly, rest
}

func assignAgain(d *divergence, b *metadata.Broker, changes []written) kmsg.Request {
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = b.ID, b.Epoch
	for _, w := range changes {
		r := w.record.(*record.PartitionChange)
		req.Directories = append(req.Directories, kmsg.AssignReplicasToDirsRequestDirectory{
			ID: d.before.Partition(r.TopicID, r.PartitionID).Directory(b.ID),
			Topics: []kmsg.AssignReplicasToDirsRequestDirectoryTopic{{
				TopicID: r.TopicID, Partitions: []kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{{Partition: r.PartitionID}},
			}},
		})
	}
	return req
}

// translateUnregistration: with ELR, a broker that is unregistered has no claim to a clean election any more, as if it had come back uncleanly
// before. Kafka leaves it in the ELR, or even takes it from the ISR into it.
func (p *pair) translateUnregistration(req *kmsg.UnregisterBrokerRequest, d *divergence) []part {
	b := d.before.Broker(req.BrokerID)
	if b == nil || !d.before.ElrEnabled() {
		return []part{{req, d.ours.records}}
	}
	back := kmsg.NewPtrBrokerRegistrationRequest()
	back.Version, back.BrokerID, back.ClusterID, back.IncarnationID, back.LogDirs = 2, b.ID, clusterID, seeded('u', uint64(b.Epoch)), raw(b.LogDirs)
	if len(b.LogDirs) == 0 { // registered under an old metadata.version
		back.LogDirs = raw([]record.UUID{seeded('u', uint64(b.Epoch))})
	}
	for _, f := range metadata.SupportedFeatures(false) {
		back.Features = append(back.Features, kmsg.BrokerRegistrationRequestFeature{Name: f.Name, MinSupportedVersion: f.Min, MaxSupportedVersion: f.Max})
	}
	p.must(p.kafka.call("end %d %d", b.ID, b.Epoch))
	n := len(d.ours.records) - 1
	return []part{{back, d.ours.records[:n]}, {req, d.ours.records[n:]}}
}

// without removes records.
func (s *side) without(gone func(record.Record) bool) bool {
	n := len(s.records)
	s.records = slices.DeleteFunc(s.records, func(w written) bool { return gone(w.record) })
	return len(s.records) < n
}

// notFencedAgain: what was fenced is not fenced again. So the leaderless partitions in whose ISR it is the last member are not looked at again, which
// may have a leader by now, or an ELR to take it.
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

// leadsNothing: once a broker has begun a controlled shutdown only another registration lets it lead. In Kafka's elections the heartbeat that
// unfences it makes it look active, which it is not. Ours looks at no partition then.
func leadsNothing(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || d.before.Broker(req.BrokerID) == nil || !d.before.Broker(req.BrokerID).InControlledShutdown {
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
		if mayComplete(target, adding, removing, c.old.ISR) != !c.after.Reassigning() {
			return false
		}
		if c.kafka != nil { // mostly that is all
			c.kafka.AddingReplicas, c.kafka.RemovingReplicas = changed(c.old.Adding(), c.after.Adding()), changed(c.old.Removing(), c.after.Removing())
			if sameChange(c.ours, c.kafka) {
				return true
			}
		}
		if c.after.Reassigning() {
			want := record.NewPartitionChange(c.topic.ID, c.id)
			want.AddingReplicas, want.RemovingReplicas = changed(c.old.Adding(), adding), changed(c.old.Removing(), removing)
			if c.old.Leader < 0 && slices.Contains(c.old.ISR, c.ours.Leader) {
				want.Leader = c.ours.Leader
			}
			want.Replicas, want.Directories = changedTo(c.old.Replicas, append(slices.Clone(target), removing...)), c.ours.Directories
			if !sameChange(want, c.ours) {
				return false
			}
		} else if !slices.Equal(c.after.Replicas, target) || !slices.Equal(c.after.ISR, keep(c.old.ISR, target)) || c.after.Leader >= 0 && !slices.Contains(c.after.ISR, c.after.Leader) {
			return false
		}
		c.kafka = c.ours
		return true
	})
}

// mayComplete is when a reassignment ends (PartitionReassignmentReplicas.maybeCompleteReassignment): something is left of the ISR, all that is
// added is in it, and with fewer replicas than before all of them are.
func mayComplete(target, adding, removing, isr []int32) bool {
	left := keep(isr, target)
	return (len(removing) == 0 || len(left) > 0) && len(minus(adding, left)) == 0 && (len(adding) >= len(removing) || len(minus(target, left)) == 0)
}

// keep is what of list is in other, in the order of list.
func keep(list, other []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(list), func(id int32) bool { return !slices.Contains(other, id) })
}

// changedTo is list when it is another than old.
func changedTo(old, list []int32) []int32 {
	if slices.Equal(old, list) {
		return nil
	}
	return list
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

// leavesUncleanly is the end of translateUnregistration: the registration in it is nothing that ours writes.
func leavesUncleanly(d *divergence) bool {
	_, ok := d.request.(*kmsg.UnregisterBrokerRequest)
	return ok && d.kafka.without(func(r record.Record) bool { return r.Type() == record.TypeRegisterBroker })
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
// partition that had none it remembers -1. And it does not forget one that is removed, at which it fails later.
func lastKnownReplica(d *divergence) bool {
	return d.eachChange(func(c *change) bool {
		if c.kafka == nil {
			return false
		}
		known, old := c.kafka.LastKnownELR, c.old.LastKnownELR()
		switch {
		case len(known) == 1 && !slices.Contains(c.replicas(), known[0]):
			c.kafka.LastKnownELR = nil
		case known == nil && len(old) == 1 && slices.Contains(c.old.Replicas, old[0]) && !slices.Contains(c.replicas(), old[0]):
			c.kafka.LastKnownELR = []int32{}
		default:
			return false
		}
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

// dirsFirst: for a broker in controlled shutdown, which is in no election, the order of directories and state is only that of the records.
func dirsFirst(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || len(req.OfflineLogDirs) == 0 || !d.before.Broker(req.BrokerID).InControlledShutdown || len(d.ours.records) != len(d.kafka.records) {
		return false
	}
	for _, w := range d.ours.records {
		if !slices.ContainsFunc(d.kafka.records, func(k written) bool { return k.version == w.version && bytes.Equal(k.bytes, w.bytes) }) {
			return false
		}
	}
	d.kafka.records = d.ours.records
	return true
}

// notInISR: a replica whose directory goes offline, or is assigned one that is, leaves the ISR. Kafka looks at its partition for another leader, or
// for the end of its reassignment, even if it was not in there.
func notInISR(d *divergence) bool {
	var broker int32
	switch req := d.request.(type) {
	case *kmsg.AssignReplicasToDirsRequest:
		broker = req.BrokerID
	case *kmsg.BrokerHeartbeatRequest:
		if broker = req.BrokerID; len(req.OfflineLogDirs) == 0 {
			return false
		}
	default:
		return false
	}
	applied := false
	for n := len(d.kafka.records) - 1; n >= 0; n-- { // the last change of a partition is that for its directory
		c, ok := d.kafka.records[n].record.(*record.PartitionChange)
		if !ok || c.Directories != nil && c.Replicas == nil {
			continue
		}
		old := d.before.Partition(c.TopicID, c.PartitionID)
		if old != nil && !slices.Contains(old.ISR, broker) && d.ours.changes(c) < d.kafka.changes(c) {
			d.kafka.records, applied = slices.Delete(d.kafka.records, n, n+1), true
		}
	}
	return applied
}

// changes counts the changes of a partition.
func (s *side) changes(of *record.PartitionChange) (n int) {
	for _, w := range s.records {
		if c, ok := w.record.(*record.PartitionChange); ok && c.TopicID == of.TopicID && c.PartitionID == of.PartitionID {
			n++
		}
	}
	return n
}

// passedOver: when the first replica cannot lead, preferred elections do not look at the partition, but when it has no leader or is being
// reassigned. Kafka's may find that an ELR is not needed any more, as when another partition's replicas made the minimum smaller.
func passedOver(d *divergence) bool {
	if d.request != nil {
		return false
	}
	return d.eachChange(func(c *change) bool {
		first := d.before.Broker(c.old.Replicas[0])
		if c.ours != nil || c.kafka == nil || c.old.Leader < 0 || c.old.Reassigning() || first != nil && first.Active() && first.DirectoryOnline(c.old.Directory(first.ID)) {
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

// endsStaleELR: with the feature turned off, partitions keep their ELRs until they change. A member that comes back uncleanly ends them.
func endsStaleELR(d *divergence) bool {
	req, ok := d.request.(*kmsg.BrokerRegistrationRequest)
	if !ok || d.before.ElrEnabled() {
		return false
	}
	return d.eachChange(func(c *change) bool {
		want := record.NewPartitionChange(c.topic.ID, c.id)
		want.EligibleLeaderReplicas = []int32{}
		if c.kafka != nil || !slices.Contains(c.old.ELR(), req.BrokerID) || slices.Contains(c.old.ISR, req.BrokerID) || !sameChange(c.ours, want) {
			return false
		}
		c.kafka = want
		return true
	})
}
