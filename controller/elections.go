package controller

import (
	"fmt"
	"iter"
	"log/slog"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

const noBroker int32 = -1

// replicaUpdate says what happens to a broker whose partitions are looked at. Make it with removeBroker, addBroker or
// uncleanBroker.
type replicaUpdate struct {
	remove  int32 // leaves the ISR and may not lead: fenced, shutting down, unregistered, or its directory is offline
	add     int32 // counts as active although its registration is still fenced: it is being unfenced in the same batch
	unclean int32 // came back after an unclean shutdown: leaves the ISR and the ELR and may not lead
	// dirs, if not nil, are the directories of the broker removed that are offline: no partition is
	// changed whose replica is elsewhere.
	dirs dirSet
}

var noUpdate = replicaUpdate{remove: noBroker, add: noBroker, unclean: noBroker}

func removeBroker(id int32) replicaUpdate {
	return replicaUpdate{remove: id, add: noBroker, unclean: noBroker}
}
func addBroker(id int32) replicaUpdate {
	return replicaUpdate{remove: noBroker, add: id, unclean: noBroker}
}
func uncleanBroker(id int32) replicaUpdate {
	return replicaUpdate{remove: noBroker, add: noBroker, unclean: id}
}

func removeDirs(id int32, dirs []record.UUID) replicaUpdate {
	u := removeBroker(id)
	u.dirs = newDirSet(dirs)
	return u
}

// elsewhere reports whether the partition's replica is in a directory that the update is not about.
func (u replicaUpdate) elsewhere(p *metadata.Partition) bool {
	return u.dirs != nil && (!slices.Contains(p.Replicas, u.remove) || !u.dirs[p.Directory(u.remove)])
}

// passedOver is how many partitions may be passed over in the time of one that is looked at.
const passedOver = 10

// updateReplicas makes the changes that u brings to partitions of img. It looks at no more than max partitions, which bounds
// its time; last is the last one looked at when there are more, nil when all were. A long update goes on with
// img.HostedAfter(broker, *last) or img.LeaderlessOnAfter(broker, *last), against the newest image by then:
//
//	fence, controlled shutdown, unregister, clean return:  removeBroker(b), img.Hosted(b)
//	unclean return with ELR on:                            uncleanBroker(b), img.Hosted(b)
//	unfence:                                               addBroker(b), img.LeaderlessOnAfter(b, ...): no other partition can have waited for it
//	offline directories:                                   removeDirs(b, dirs), img.Hosted(b)
//
// An update in several parts needs the broker inactive (or active) from the first part on, or what happens between two parts
// could bring it back behind the walk: write the BrokerRegistrationChange first. Hosted covers ISR and ELR in one pass.
func (c *core) updateReplicas(img *metadata.Image, u replicaUpdate, partitions iter.Seq[metadata.TopicPartition], max int) (changes []record.Record, last *metadata.TopicPartition) {
	rules := c.partitionRules(img, u)
	var losses uncleanElections
	defer losses.warn(c.cfg.Logger)
	looked, passed := 0, 0
	var at metadata.TopicPartition
	for tp := range partitions {
		if looked+passed/passedOver >= max {
			return changes, &at
		}
		at = tp
		if u.elsewhere(tp.Partition) {
			passed++
			continue
		}
		looked++
		if u.remove != noBroker && !slices.Contains(tp.Partition.ISR, u.remove) {
			continue // an ELR waits for its members: their going is no reason to elect somebody else at the price of what they have
		}
		change := rules.of(tp.Topic).change(tp.ID, tp.Partition)
		change.isr = without(change.isr, u.remove, u.unclean)
		change.election = rules.election()
		if r := change.record(); r != nil {
			changes = append(changes, r)
			losses.note(&change)
		}
	}
	return changes, nil
}

// uncleanElections counts elections that may lose acknowledged records, for one line in the log.
type uncleanElections struct {
	n     int
	first string
}

func (u *uncleanElections) note(c *partitionChange) {
	if c.lossy {
		u.n++
		if u.n == 1 {
			u.first = fmt.Sprintf("%s-%d", c.rules.topic.Name, c.id)
		}
	}
}

func (u *uncleanElections) warn(log *slog.Logger) {
	if u.n > 0 {
		log.Warn("unclean leader elections: replicas lead that were not in sync; if records were "+
			"acknowledged that they do not have, those are lost", "partitions", u.n, "first", u.first)
	}
}

// electionsPerRun is how many elections a periodic task may hold at once (QuorumController.MAX_ELECTIONS_PER_IMBALANCE), candidatesPerRun
// how many partitions it may look at: most wait for a broker that is gone, and there may be a million of them.
const (
	electionsPerRun  = 1000
	candidatesPerRun = 10_000
)

// electPreferred gives partitions to their preferred leaders, those of one run; again asks for another run soon, which goes on where
// this one ended. As in KRaft there is no percentage of imbalance to wait for.
func (c *core) electPreferred(op) (r result, again bool) {
	return c.elections(&c.preferredAfter, c.working.ImbalancedAfter(c.preferredAfter), electPreferred, func(rules *partitionRules, p *metadata.Partition) bool {
		// Most others wait for a dead broker: pass over them fast. A reassignment may end here, whoever leads, and a leader be
		// replaced whose broker came back with other directories.
		return p.Leader < 0 || p.Reassigning() || rules.acceptable(p, p.Replicas[0]) || !rules.acceptable(p, p.Leader)
	})
}

// electUnclean gives leaders to leaderless partitions of topics that allow an unclean election, as electPreferred does.
func (c *core) electUnclean(op) (r result, again bool) {
	return c.elections(&c.uncleanAfter, c.working.LeaderlessAfter(c.uncleanAfter), electUncleanly, func(rules *partitionRules, _ *metadata.Partition) bool { return rules.unclean })
}

// elections is one run over partitions, which begin behind after; there it notes where the next run is to begin.
func (c *core) elections(after *metadata.TopicPartition, partitions iter.Seq[metadata.TopicPartition], kind election, allowed func(*partitionRules, *metadata.Partition) bool) (r result, again bool) {
	rules := c.partitionRules(c.working, noUpdate)
	var losses uncleanElections
	defer losses.warn(c.cfg.Logger)
	var next metadata.TopicPartition
	r.then = func(int64) { *after = next }
	looked := 0
	for tp := range partitions {
		if len(r.records) == electionsPerRun || looked == candidatesPerRun {
			return r, true
		}
		looked, next = looked+1, tp
		if !allowed(rules.of(tp.Topic), tp.Partition) {
			continue
		}
		change := rules.change(tp.ID, tp.Partition)
		change.election = kind
		if rec := change.record(); rec != nil {
			r.records = append(r.records, rec)
			losses.note(&change)
		}
	}
	next = metadata.TopicPartition{}
	return r, false
}
