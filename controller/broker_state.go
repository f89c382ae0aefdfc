package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// brokerState is a step in the life of a registration (BrokerControlState).
type brokerState uint8

const (
	brokerFenced brokerState = iota
	brokerUnfenced
	brokerControlledShutdown
	brokerShutdownNow
)

func (s brokerState) String() string {
	return [...]string{"fenced", "unfenced", "controlled shutdown", "shutdown now"}[s]
}

// fenced is the flag for the state in the answer to a heartbeat.
func (s brokerState) fenced() bool { return s == brokerFenced || s == brokerShutdownNow }

// registered returns the registration that a request of a broker speaks for, or STALE_BROKER_EPOCH
// when the broker is not registered, or not with that epoch any more.
func registered(
	img *metadata.Image, id int32, epoch int64,
) (*metadata.Broker, *protocol.Error) {
	b := img.Broker(id)
	if b == nil {
		return nil, protocol.Errorf(kerr.StaleBrokerEpoch, "Broker %d is not registered.", id)
	}
	if b.Epoch != epoch {
		return nil, protocol.Errorf(kerr.StaleBrokerEpoch,
			"Broker %d has epoch %d, not %d.", id, b.Epoch, epoch)
	}
	return b, nil
}

// stateOf derives the state from a registration and its session. A new leader does not know which
// brokers were in controlled shutdown: such a broker counts as unfenced until it asks again.
func stateOf(b *metadata.Broker, k contact) brokerState {
	switch {
	case k.shutdownOffset >= 0:
		return brokerControlledShutdown
	case b.Fenced:
		return brokerFenced
	}
	return brokerUnfenced
}

// nextState is the table of BrokerHeartbeatManager.calculateNextBrokerState. leads reports whether
// the broker still leads a partition, drained whether every active broker has replayed the records
// of its controlled shutdown.
func nextState(current brokerState, b *metadata.Broker, req *kmsg.BrokerHeartbeatRequest, leads,
	drained func() bool) brokerState {
	wantFence := req.WantFence || lostDirs(b, req)
	switch {
	case current == brokerFenced:
		switch {
		case req.WantShutdown:
			return brokerShutdownNow
		case !wantFence && caughtUp(b, req):
			return brokerUnfenced
		}
	case current == brokerUnfenced:
		switch {
		case wantFence && req.WantShutdown:
			return brokerShutdownNow
		case wantFence:
			return brokerFenced
		case req.WantShutdown && leads():
			return brokerControlledShutdown
		case req.WantShutdown:
			return brokerShutdownNow
		}
	case !leads() && drained():
		return brokerShutdownNow
	}
	return current
}

// lostDirs reports whether all directories of the broker are offline.
func lostDirs(b *metadata.Broker, req *kmsg.BrokerHeartbeatRequest) bool {
	if len(req.OfflineLogDirs) < len(b.LogDirs) || len(b.LogDirs) == 0 {
		return false
	}
	offline := make(partition.DirSet, len(req.OfflineLogDirs))
	for _, d := range req.OfflineLogDirs {
		offline[d] = true
	}
	return !slices.ContainsFunc(b.LogDirs, func(d protocol.UUID) bool { return !offline[d] })
}

// caughtUp reports whether the broker has replayed its own registration.
func caughtUp(b *metadata.Broker, req *kmsg.BrokerHeartbeatRequest) bool {
	return req.CurrentMetadataOffset >= b.RegisteredAt
}

// steady reports whether the heartbeat of a broker without pending changes changes nothing, and in
// which state. It serves the fast path, so every doubtful case is false.
func steady(
	b *metadata.Broker, k contact, v metadata.Version, req *kmsg.BrokerHeartbeatRequest,
) (state brokerState, ok bool) {
	state = stateOf(b, k)
	if req.WantShutdown || state == brokerControlledShutdown ||
		nextState(state, b, req, nil, nil) != state {
		return state, false
	}
	if v.HasDirectories() && len(newlyOffline(b, k, req.OfflineLogDirs)) > 0 {
		return state, false
	}
	return state, !v.HasCordonedDirectories() || !cordonChanged(b, req.CordonedLogDirs)
}

// newlyOffline are the offline directories to remove: those that the registration still has, and
// those that this leader has not walked yet. There are none when they are the broker's last,
// because then the broker is fenced. Reserved ids are left out: many replicas may have one, such as
// the id of a directory that is not known yet.
func newlyOffline(b *metadata.Broker, k contact, offline [][16]byte) []protocol.UUID {
	if len(offline) == 0 {
		return nil
	}
	var dirs []protocol.UUID
	registered := 0
	known, walked := partition.NewDirSet(b.LogDirs), partition.NewDirSet(k.walkedDirs)
	seen := make(partition.DirSet, len(offline))
	for _, dir := range offline {
		d := protocol.UUID(dir)
		if d.Reserved() || seen[d] {
			continue
		}
		seen[d] = true
		if known[d] {
			registered++
		}
		if known[d] || !walked[d] {
			dirs = append(dirs, d)
		}
	}
	if registered >= len(b.LogDirs) {
		return nil
	}
	return dirs
}

// cordonChanged reports whether a heartbeat changes the cordoned directories; nil leaves them.
func cordonChanged(b *metadata.Broker, dirs [][16]byte) bool {
	if dirs == nil {
		return false
	}
	if b.CordonedLogDirs == nil || len(b.CordonedLogDirs) != len(dirs) {
		return true
	}
	if len(dirs) == 0 {
		return false
	}
	cordoned := partition.NewDirSet(b.CordonedLogDirs)
	return slices.ContainsFunc(dirs, func(d [16]byte) bool { return !cordoned[d] })
}

// uuids copies ids out of a request. The result is not nil.
func uuids(ids [][16]byte) []protocol.UUID {
	all := make([]protocol.UUID, len(ids))
	for i, id := range ids {
		all[i] = id
	}
	return all
}

func heartbeatResponse(
	b *metadata.Broker, req *kmsg.BrokerHeartbeatRequest, state brokerState,
) *kmsg.BrokerHeartbeatResponse {
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	resp.IsCaughtUp = caughtUp(b, req)
	resp.IsFenced = state.fenced()
	resp.ShouldShutdown = state == brokerShutdownNow
	return resp
}
