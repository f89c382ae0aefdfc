package differential

import (
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// part is a request for Kafka's controller, with the records that ours wrote for it.
type part struct {
	req  kmsg.Request
	ours []written
}

// translate turns a request into the requests with which Kafka's controller does what ours does.
// Mostly that is the same request.
func (p *pair) translate(req kmsg.Request, d *divergence) []part {
	switch req := req.(type) {
	case *kmsg.BrokerHeartbeatRequest:
		return p.translateHeartbeat(req, d)
	case *kmsg.UnregisterBrokerRequest:
		return p.translateUnregistration(req, d)
	}
	return []part{{req, d.ours.records}}
}

// ownRegistration is the request with which a node of Kafka registers as our active controller does
// by itself, once metadata.version allows that; nil for other records.
func ownRegistration(ours []written) kmsg.Request {
	if len(ours) != 1 {
		return nil
	}
	r, ok := ours[0].record.(*record.RegisterController)
	if !ok {
		return nil
	}
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID, req.IncarnationID, req.ZkMigrationReady = r.ControllerID, r.IncarnationID,
		r.ZkMigrationReady
	for _, e := range r.Endpoints {
		l := kmsg.NewControllerRegistrationRequestListener()
		l.Name, l.Host, l.Port, l.SecurityProtocol = e.Name, e.Host, e.Port, e.SecurityProtocol
		req.Listeners = append(req.Listeners, l)
	}
	for _, f := range r.Features {
		feature := kmsg.NewControllerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Name, f.Min,
			f.Max
		req.Features = append(req.Features, feature)
	}
	return req
}

// translateHeartbeat splits a heartbeat that reports offline directories into up to three requests,
// since ours
//
//   - examines the partitions in directories that went offline earlier once more, since that leader
//     may not have finished: as if the broker had assigned them again (ASSIGN_REPLICAS_TO_DIRS),
//   - handles directories before the broker's state, so that no election chooses an offline one: as
//     if there had been two heartbeats,
//   - fences a broker whose last directory is offline, as if the broker had requested it. Kafka
//     writes a change of its registration that says "no change", and may elect the broker again.
func (p *pair) translateHeartbeat(req *kmsg.BrokerHeartbeatRequest, d *divergence) []part {
	b := d.before.Broker(req.BrokerID)
	if b == nil || b.Epoch != req.BrokerEpoch {
		return []part{{req, d.ours.records}}
	}
	if b.InControlledShutdown {
		p.doNotWait(b, d.before)
	}
	if !d.before.Version().HasDirectories() || len(req.OfflineLogDirs) == 0 || len(b.LogDirs) == 0 {
		return []part{{req, d.ours.records}}
	}
	offline := func(dir protocol.UUID) bool {
		return !dir.Reserved() && slices.Contains(req.OfflineLogDirs, [16]byte(dir))
	}
	online := slices.DeleteFunc(slices.Clone(b.LogDirs), offline)
	rest := *req
	rest.OfflineLogDirs = nil
	if len(online) == 0 {
		p.counts.differences.add("", "a broker without a directory is fenced")
		rest.WantFence = true
		return []part{{&rest, d.ours.records}}
	}
	var parts []part
	again, newly, left := splitByDirectory(d, b, offline)
	if len(again) > 0 {
		p.counts.differences.add("",
			"partitions in a directory that was offline before are looked at again")
		parts = append(parts, part{assignAgain(d, b, again), again})
	}
	// any heartbeat may complete the shutdown: see dirsFirst
	if len(online) < len(b.LogDirs) && !b.Fenced && b.InControlledShutdown {
		return append(parts, part{req, append(newly, left...)})
	}
	if len(online) < len(b.LogDirs) {
		first := *req
		first.WantFence, first.WantShutdown, first.CordonedLogDirs = b.Fenced, false, nil
		parts = append(parts, part{&first, newly})
	}
	return append(parts, part{&rest, left})
}

// doNotWait: a broker may stop when all others have seen that it leads nothing, except for those
// that are in controlled shutdown themselves by their registrations. Kafka knows these only until
// they are fenced or it has another leader, and then waits for them again: so Kafka's side is given
// heartbeats with which they have seen everything.
func (p *pair) doNotWait(b *metadata.Broker, img *metadata.Image) {
	for _, other := range img.Brokers() {
		if other.ID != b.ID && other.InControlledShutdown && !other.Fenced {
			p.must(p.kafka.call("read %d false %d", other.ID, math.MaxInt64))
			p.counts.differences.add("",
				"who shuts down does not wait for others in controlled shutdown")
		}
	}
}

// splitByDirectory splits our records for a heartbeat: those for directories that were offline
// before, for those that go offline with it, and the rest.
func splitByDirectory(
	d *divergence, b *metadata.Broker, offline func(protocol.UUID) bool,
) (again, newly, rest []written) {
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
		partition := kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{Partition: r.PartitionID}
		req.Directories = append(req.Directories, kmsg.AssignReplicasToDirsRequestDirectory{
			ID: d.before.Partition(r.TopicID, r.PartitionID).Directory(b.ID),
			Topics: []kmsg.AssignReplicasToDirsRequestDirectoryTopic{{
				TopicID:    r.TopicID,
				Partitions: []kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{partition},
			}},
		})
	}
	return req
}

// translateUnregistration: with ELR, an unregistered broker loses its claim to a clean election, as
// if it had returned uncleanly before. Kafka leaves it in the ELR, or even moves it from the ISR
// into the ELR.
func (p *pair) translateUnregistration(req *kmsg.UnregisterBrokerRequest, d *divergence) []part {
	b := d.before.Broker(req.BrokerID)
	if b == nil || !d.before.ElrEnabled() {
		return []part{{req, d.ours.records}}
	}
	back := kmsg.NewPtrBrokerRegistrationRequest()
	back.Version, back.BrokerID, back.ClusterID, back.IncarnationID, back.LogDirs = 2, b.ID,
		clusterID, seeded('u', uint64(b.Epoch)), raw(b.LogDirs)
	if len(b.LogDirs) == 0 { // registered under an old metadata.version
		back.LogDirs = raw([]protocol.UUID{seeded('u', uint64(b.Epoch))})
	}
	for _, f := range metadata.SupportedFeatures(false) {
		back.Features = append(back.Features,
			kmsg.BrokerRegistrationRequestFeature{Name: f.Name, MinSupportedVersion: f.Min,
				MaxSupportedVersion: f.Max})
	}
	p.must(p.kafka.call("end %d %d", b.ID, b.Epoch))
	n := len(d.ours.records) - 1
	return []part{{back, d.ours.records[:n]}, {req, d.ours.records[n:]}}
}
