package controller

import (
	"iter"
	"slices"
	"time"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Fencing, unfencing, controlled shutdown and offline directories: the changes of partitions when
// brokers leave and return.
//
// The usual case is one batch, in Kafka's order of records. A broker with more than
// partitionsPerPart partitions takes several parts, between which heartbeats and other requests
// run. Then the BrokerRegistrationChange is written first: from there on the registration keeps the
// broker from being elected or from joining an ISR (or allows it), so that no partition changes
// back after the walk has passed it, and each part computes its changes from the newest image.
// Between two parts
//
//   - the broker may be unfenced again: the walk ends. The remaining partitions keep the broker in
//     their ISR, which is correct: no leader has dropped it, so it lacks nothing acknowledged.
//   - the broker may register again or be unregistered: the walk ends. Both take the broker out of
//     all partitions first, whatever state they find.
//   - the broker may be fenced again: a second walk begins, and the two find different work.
//   - leadership may be lost: the next leader finds an inactive broker in partitions that it should
//     have left, and finishes the walk (see repair). No record says that a walk was under way.

// partitionsPerPart bounds the time of one part. With a registration change a part must stay below
// recordsPerBatch, so that the change and the first part are in one batch.
const partitionsPerPart = 900

// walk is an update of many partitions, and how far it has come.
type walk struct {
	session session // the broker and its registration
	kind    walkKind
	dirs    []protocol.UUID // for walkDirs
	after   metadata.TopicPartition
}

type walkKind uint8

const (
	walkLeave walkKind = iota // the broker is inactive: it leaves ISRs and leads nothing
	// the broker is active: its leaderless partitions have another election
	walkJoin
	walkDirs // as walkLeave, for its partitions in some directories
)

// due reports whether the broker is still registered in the state in which the walk began.
func (w walk) due(b *metadata.Broker) bool {
	if b == nil || sessionOf(b) != w.session {
		return false
	}
	switch w.kind {
	case walkLeave:
		return !b.Active()
	case walkJoin:
		return b.Active()
	}
	return true
}

func (w walk) partitions(img *metadata.Image) iter.Seq[metadata.TopicPartition] {
	if w.kind == walkJoin {
		return img.LeaderlessOnAfter(w.session.broker, w.after)
	}
	return img.HostedAfter(w.session.broker, w.after)
}

func (w walk) update() partition.Update {
	switch w.kind {
	case walkJoin:
		return partition.Add(w.session.broker)
	case walkDirs:
		return partition.RemoveDirs(w.session.broker, w.dirs)
	}
	return partition.Remove(w.session.broker)
}

// walkPart returns the changes of the next part, and the rest of the walk if there is one.
func (c *core) walkPart(img *metadata.Image, w walk) (changes []record.Record, rest *walk) {
	changes, last := c.updateReplicas(img, w.update(), w.partitions(img), c.partMax)
	if last == nil {
		return changes, nil
	}
	w.after = *last
	return changes, &w
}

// continueWalk continues a walk, part by part, and then with done.
func (c *core) continueWalk(w walk, done func(op) result) func(op) result {
	return func(o op) result {
		if !w.due(c.working.Broker(w.session.broker)) {
			return done(o)
		}
		changes, rest := c.walkPart(c.working, w)
		r := result{records: changes, more: done}
		if rest != nil {
			r.more = c.continueWalk(*rest, done)
		}
		if len(changes) > 0 {
			r.then = func(end int64) { c.raiseShutdownOffset(w.session, end-1) }
		}
		return r
	}
}

// raiseShutdownOffset makes a broker in controlled shutdown wait until the others have replayed
// this part too.
func (c *core) raiseShutdownOffset(key session, offset int64) {
	c.brokers.update(key, func(k *contact) {
		if k.shutdownOffset >= 0 {
			k.shutdownOffset = offset
		}
	})
}

func finished(op) result { return result{} }

// transition returns the records of a broker's change of state, and the rest of it when it is long.
func (c *core) transition(
	img *metadata.Image, b *metadata.Broker, from, to brokerState,
) (records []record.Record, rest *walk) {
	switch {
	case from == to:
		return nil, nil
	case to == brokerUnfenced:
		return c.unfence(img, b)
	case to == brokerControlledShutdown:
		return c.shutDown(img, b)
	}
	return c.fence(img, b)
}

func (c *core) fence(img *metadata.Image, b *metadata.Broker) ([]record.Record, *walk) {
	if b.Fenced {
		return nil, nil
	}
	changes, rest := c.walkPart(img, walk{session: sessionOf(b)})
	if rest != nil {
		return slices.Insert(changes, 0, fenceRecord(b)), rest
	}
	return append(changes, fenceRecord(b)), nil
}

func (c *core) unfence(img *metadata.Image, b *metadata.Broker) ([]record.Record, *walk) {
	change := record.Record(&record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
		Fenced: record.FencedUnfence})
	// it has asked to shut down before: only a new incarnation may lead again
	if b.InControlledShutdown {
		return []record.Record{change}, nil
	}
	changes, rest := c.walkPart(img, walk{session: sessionOf(b), kind: walkJoin})
	return slices.Insert(changes, 0, change), rest
}

func (c *core) shutDown(img *metadata.Image, b *metadata.Broker) ([]record.Record, *walk) {
	changes, rest := c.walkPart(img, walk{session: sessionOf(b)})
	if !b.InControlledShutdown {
		change := record.Record(&record.BrokerRegistrationChange{BrokerID: b.ID,
			BrokerEpoch: b.Epoch, InControlledShutdown: 1})
		changes = slices.Insert(changes, 0, change)
	}
	return changes, rest
}

// takeDirsOffline returns the records for directories that went offline; none when they are the
// broker's last, because then it is fenced.
func (c *core) takeDirsOffline(
	img *metadata.Image, b *metadata.Broker, known contact, offline [][16]byte,
) ([]record.Record, *walk) {
	dirs := newlyOffline(b, known, offline)
	if len(dirs) == 0 || !img.Version().HasDirectories() {
		return nil, nil
	}
	gone := partition.NewDirSet(dirs)
	remaining := slices.DeleteFunc(slices.Clone(b.LogDirs),
		func(d protocol.UUID) bool { return gone[d] })
	c.cfg.Logger.Warn("directories of a broker are offline", "broker", b.ID, "offline", dirs,
		"online", remaining)
	changes, rest := c.walkPart(img, walk{session: sessionOf(b), kind: walkDirs, dirs: dirs})
	if len(remaining) == len(b.LogDirs) {
		return changes, rest
	}
	change := record.Record(&record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
		LogDirs: remaining})
	if rest != nil {
		return slices.Insert(changes, 0, change), rest
	}
	return append(changes, change), nil
}

// extendAfterPause extends every session when the check of sessions itself runs very late: then
// this process was suspended, and heartbeats of that time may still be in its sockets.
func (c *core) extendAfterPause(now time.Time) {
	late := now.Sub(c.staleChecked) - c.stalePeriod()
	if late > c.cfg.SessionTimeout/2 {
		c.cfg.Logger.Warn("this controller stood still: sessions of brokers are extended",
			"late", late)
		c.brokers.extend(late)
	}
	c.staleChecked = now
}

// fenceStale fences the broker whose session ended first. It fences one at a time, so that the
// elections for the next broker see the result.
func (c *core) fenceStale(o op) (r result, again bool) {
	key, ok := c.brokers.expired(o.now)
	if !ok {
		return result{}, false
	}
	r.then = func(int64) { c.brokers.drop(key) }
	b := c.working.Broker(key.broker)
	if b == nil || sessionOf(b) != key || b.Fenced {
		return r, true
	}
	r.then = func(int64) { // only once the log has accepted it; it is retried until then
		c.cfg.Logger.Info("fencing a broker: its session is over", "broker", b.ID, "epoch", b.Epoch,
			"timeout", c.cfg.SessionTimeout)
		c.brokers.drop(key)
	}
	records, rest := c.fence(c.working, b)
	r.records = records
	if rest != nil {
		r.more = c.continueWalk(*rest, finished)
	}
	return r, true
}

// stalePeriod is how often fenceStale runs.
func (c *core) stalePeriod() time.Duration { return max(c.cfg.SessionTimeout/8, time.Millisecond) }

// repair returns the operation that finishes the walks of the last leader: it takes inactive
// brokers out of the partitions that they should have left, and holds elections for leaderless
// partitions. It writes nothing when there is nothing to repair.
func (c *core) repair(ids []int32) func(op) result {
	return func(o op) result {
		if len(ids) == 0 {
			return c.electLeaderless(metadata.TopicPartition{})
		}
		b := c.working.Broker(ids[0])
		if b == nil || b.Active() {
			return c.repair(ids[1:])(o)
		}
		return c.continueWalk(walk{session: sessionOf(b)}, c.repair(ids[1:]))(o)
	}
}

func (c *core) electLeaderless(after metadata.TopicPartition) result {
	changes, last := c.updateReplicas(c.working, partition.NoUpdate,
		c.working.LeaderlessAfter(after), c.partMax)
	r := result{records: changes}
	if last != nil {
		r.more = func(op) result { return c.electLeaderless(*last) }
	}
	return r
}

// inactive are the brokers that should lead nothing, yet lead a partition or are in an ISR or ELR.
func inactive(img *metadata.Image) []int32 {
	var ids []int32
	for id, b := range img.Brokers() {
		if b.Active() {
			continue
		}
		for range img.Hosted(id) {
			ids = append(ids, id)
			break
		}
	}
	return ids
}

func fenceRecord(b *metadata.Broker) record.Record {
	return &record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
		Fenced: record.FencedFence}
}
