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

// BROKER_REGISTRATION (62), versions 0 to 4: a broker's process registers and gets its epoch.
//
// Behaviour: a new incarnation first leaves the partitions of the one before it, and is registered
// fenced; heartbeats do the rest. The same incarnation amends its registration and keeps its epoch,
// so a request may be repeated. Registering begins no session: until the first heartbeat another
// incarnation may take the id over. The epoch is the offset at which the operation begins to write,
// not always that of the registration's own record.
//
// Versions: 1 has IsMigratingZkBroker, 2 LogDirs (KIP-858), 3 PreviousBrokerEpoch (KIP-966), by
// which the broker shows that its last shutdown was clean; 4 lists features whose lowest level is
// 0, too.
//
// Differs from Kafka: a registration that brokers would not accept (an unknown security protocol,
// an unnamed listener, two of one name, no host, port 0, a string over 32,767 bytes) is
// INVALID_REQUEST; Kafka writes some of these and fails over at others. A granted shutdown ended
// the session, so the next incarnation is accepted at once.
func (c *core) brokerRegistration(o op, req *kmsg.BrokerRegistrationRequest) result {
	return c.register(o, req, nil)
}

// register is one part of a registration. after is nil in the first, else the last partition that
// earlier parts looked at. Every part checks the request again, because another process may have
// taken the id in between.
func (c *core) register(
	o op, req *kmsg.BrokerRegistrationRequest, after *metadata.TopicPartition,
) result {
	img := c.working
	r, err := c.checkedRegistration(o, img, req)
	if err != nil {
		c.cfg.Logger.Info("a broker's registration is refused", "broker", req.BrokerID, "err", err)
		return result{response: failBrokerRegistration(req, err), message: err.Text()}
	}
	existing := img.Broker(req.BrokerID)
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	if existing != nil && existing.IncarnationID == r.IncarnationID {
		r.BrokerEpoch, r.Fenced = existing.Epoch, existing.Fenced
		r.InControlledShutdown = existing.InControlledShutdown
		resp.BrokerEpoch = r.BrokerEpoch
		return result{records: []record.Record{r}, response: resp, then: func(int64) {
			c.brokers.update(sessionOf(existing),
				func(k *contact) { *k = contact{k.last, -1, -1, nil} })
		}}
	}
	changes, rest := c.leaveForRegistration(img, req, existing, after)
	if rest != nil {
		return result{records: changes, more: func(o op) result { return c.register(o, req, rest) }}
	}
	r.BrokerEpoch, r.Fenced = c.nextOffset(), true
	resp.BrokerEpoch = r.BrokerEpoch
	c.cfg.Logger.Info("registering a broker", "broker", r.BrokerID, "epoch", r.BrokerEpoch,
		"incarnation", r.IncarnationID, "changes", len(changes))
	return result{records: append(changes, r), response: resp, then: func(int64) {
		if existing != nil {
			c.brokers.drop(sessionOf(existing))
		}
	}}
}

// leaveForRegistration takes the broker out of the partitions of its last incarnation. When that is
// long, the old registration is fenced first; if it becomes active again, the walk starts again.
func (c *core) leaveForRegistration(
	img *metadata.Image, req *kmsg.BrokerRegistrationRequest,
	existing *metadata.Broker, after *metadata.TopicPartition,
) ([]record.Record, *metadata.TopicPartition) {
	clean := req.Version >= 3 && existing != nil && req.PreviousBrokerEpoch == existing.Epoch
	u := partition.Remove(req.BrokerID)
	if !clean { // even with the feature off, since it clears an ELR that the feature left
		u = partition.Unclean(req.BrokerID)
	}
	from := metadata.TopicPartition{}
	if after != nil && !existing.Active() {
		from = *after
	}
	changes, rest := c.updateReplicas(img, u, img.HostedAfter(req.BrokerID, from), c.partMax)
	if rest != nil && existing.Active() {
		changes = slices.Insert(changes, 0, fenceRecord(existing))
	}
	return changes, rest
}

// checkedRegistration is the record of a registration, or the first reason in Kafka's order to
// refuse it.
func (c *core) checkedRegistration(
	o op, img *metadata.Image, req *kmsg.BrokerRegistrationRequest,
) (*record.RegisterBroker, *protocol.Error) {
	if err := c.checkRegistration(o, img, req); err != nil {
		return nil, err
	}
	r := registration(img, req)
	if err := invalidRecord(record.Check(r)); err != nil {
		return nil, err
	}
	return r, checkBrokerFeatures(img, req)
}

// checkRegistration checks everything but listeners and features.
func (c *core) checkRegistration(
	o op, img *metadata.Image, req *kmsg.BrokerRegistrationRequest,
) *protocol.Error {
	if req.ClusterID != c.cfg.ClusterID {
		return protocol.Errorf(kerr.InconsistentClusterID,
			"Expected cluster ID %s, but got cluster ID %s.", c.cfg.ClusterID, req.ClusterID)
	}
	existing := img.Broker(req.BrokerID)
	if existing != nil && existing.IncarnationID != req.IncarnationID &&
		c.brokers.valid(o.now, sessionOf(existing)) {
		return protocol.Errorf(kerr.DuplicateBrokerRegistration,
			"Another process is registered as broker %d; its session ends "+
				"%v after its last heartbeat.", req.BrokerID, c.cfg.SessionTimeout)
	}
	if req.IsMigratingZkBroker {
		return protocol.Errorf(kerr.BrokerIDNotRegistered,
			"Brokers that migrate from ZooKeeper are not supported.")
	}
	if img.Version().HasDirectories() {
		return checkLogDirs(img, req)
	}
	return nil
}

func checkLogDirs(img *metadata.Image, req *kmsg.BrokerRegistrationRequest) *protocol.Error {
	if len(req.LogDirs) == 0 {
		return protocol.Errorf(kerr.InvalidRegistration, "No directories specified in request.")
	}
	mine := make(map[protocol.UUID]bool, len(req.LogDirs))
	for _, d := range req.LogDirs {
		switch dir := protocol.UUID(d); {
		case dir.Reserved():
			return protocol.Errorf(kerr.InvalidRegistration,
				"Reserved directory ID %v in request.", dir)
		case mine[dir]:
			return protocol.Errorf(kerr.InvalidRegistration,
				"Duplicate directory ID %v in request.", dir)
		}
		mine[d] = true
	}
	for id, b := range img.Brokers() {
		for _, d := range b.LogDirs {
			if id != req.BrokerID && mine[d] {
				return protocol.Errorf(kerr.InvalidRegistration,
					"Broker %d is already registered with directory %v.", id, d)
			}
		}
	}
	return nil
}

// checkBrokerFeatures checks that the broker supports all finalized features: first those that it
// lists, then those that it does not list.
func checkBrokerFeatures(img *metadata.Image, req *kmsg.BrokerRegistrationRequest) *protocol.Error {
	listed := make(map[string]bool, len(req.Features))
	for _, f := range req.Features {
		if level := img.Feature(f.Name); level < f.MinSupportedVersion ||
			level > f.MaxSupportedVersion {
			return protocol.Errorf(kerr.UnsupportedVersion,
				"The broker does not support finalized version %d of %s; it wants a version "+
					"between %d and %d.",
				level, f.Name, f.MinSupportedVersion, f.MaxSupportedVersion)
		}
		listed[f.Name] = true
	}
	if !listed[metadata.FeatureMetadata] {
		return protocol.Errorf(kerr.InvalidRegistration,
			"Request features do not contain %q.", metadata.FeatureMetadata)
	}
	if level := img.KRaftVersion(); level != 0 && !listed[metadata.FeatureKRaft] {
		return protocol.Errorf(kerr.UnsupportedVersion,
			"The broker does not list %s, of "+
				"which version %d is finalized.", metadata.FeatureKRaft, level)
	}
	for name, level := range img.Features() {
		if level != 0 && !listed[name] {
			return protocol.Errorf(kerr.UnsupportedVersion,
				"The broker does not list %s, of which version %d is finalized.", name, level)
		}
	}
	return nil
}

func registration(img *metadata.Image, req *kmsg.BrokerRegistrationRequest) *record.RegisterBroker {
	r := &record.RegisterBroker{BrokerID: req.BrokerID, IncarnationID: req.IncarnationID,
		Rack: req.Rack}
	for _, l := range req.Listeners {
		r.Endpoints = append(r.Endpoints, record.Endpoint{Name: l.Name, Host: l.Host, Port: l.Port,
			SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, record.FeatureRange{Name: f.Name,
			Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	if img.Version().HasDirectories() {
		r.LogDirs = uuids(req.LogDirs)
	}
	return r
}

func failBrokerRegistration(
	req *kmsg.BrokerRegistrationRequest, err *protocol.Error,
) *kmsg.BrokerRegistrationResponse {
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	resp.ErrorCode = err.Code()
	return resp
}
