package partition

import (
	"fmt"
	"iter"
	"log/slog"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// NoBroker stands for no broker where an id is expected.
const NoBroker int32 = -1

// Update is the change of one broker that its partitions follow. Make it with Remove, Add, Unclean
// or RemoveDirs.
type Update struct {
	// the broker that leaves ISRs and may not lead: fenced, shutting down, unregistered, or its
	// directory is offline
	remove int32
	// the broker that counts as active although its registration is still fenced: the same batch
	// unfences it
	add int32
	// the broker that returned after an unclean shutdown: it leaves ISRs and ELRs and may not lead
	unclean int32
	// dirs, if not nil, are offline directories of the removed broker: partitions whose replica is
	// elsewhere stay as they are.
	dirs DirSet
}

// NoUpdate changes no broker.
var NoUpdate = Update{remove: NoBroker, add: NoBroker, unclean: NoBroker}

// Remove returns the update of a broker that leaves.
func Remove(id int32) Update {
	return Update{remove: id, add: NoBroker, unclean: NoBroker}
}

// Add returns the update of a broker that becomes active.
func Add(id int32) Update {
	return Update{remove: NoBroker, add: id, unclean: NoBroker}
}

// Unclean returns the update of a broker that may have lost acknowledged records.
func Unclean(id int32) Update {
	return Update{remove: NoBroker, add: NoBroker, unclean: id}
}

// RemoveDirs returns the update of a broker that leaves the partitions in some of its directories.
func RemoveDirs(id int32, dirs []protocol.UUID) Update {
	u := Remove(id)
	u.dirs = NewDirSet(dirs)
	return u
}

// elsewhere reports whether the partition's replica is outside the directories of the update.
func (u Update) elsewhere(p *metadata.Partition) bool {
	return u.dirs != nil && (!slices.Contains(p.Replicas, u.remove) ||
		!u.dirs[p.Directory(u.remove)])
}

// SkippedPerLook is how many partitions can be skipped in the time of one that is looked at.
const SkippedPerLook = 10

// UpdateReplicas computes the changes that the update brings to partitions. It looks at no more
// than max of them, which bounds its time; last is the last one when there are more, else nil. A
// long update continues with img.HostedAfter(broker, *last) or img.LeaderlessOnAfter(broker,
// *last), on the newest image of that time:
//
// fence, controlled shutdown, unregister, clean return:  Remove(b), img.Hosted(b) unclean return
// with ELR on:                            Unclean(b), img.Hosted(b) unfence: Add(b),
// img.LeaderlessOnAfter(b, ...) offline directories: RemoveDirs(b, dirs), img.Hosted(b)
//
// Unfencing a broker can help only leaderless partitions. An update in several parts needs the
// broker inactive (or active) from the first part on, or changes between two parts could revert
// partitions that it has passed: write the BrokerRegistrationChange first. Hosted covers ISR and
// ELR in one pass.
func (r *Rules) UpdateReplicas(
	partitions iter.Seq[metadata.TopicPartition], max int,
) (changes []record.Record, losses UncleanElections, last *metadata.TopicPartition) {
	u := r.update
	looked, passed := 0, 0
	var at metadata.TopicPartition
	for tp := range partitions {
		if looked+passed/SkippedPerLook >= max {
			return changes, losses, &at
		}
		at = tp
		if u.elsewhere(tp.Partition) {
			passed++
			continue
		}
		looked++
		if u.remove != NoBroker && !slices.Contains(tp.Partition.ISR, u.remove) {
			// An ELR waits for its members. When one of them leaves, that is no reason to elect
			// another broker uncleanly.
			continue
		}
		change := r.Of(tp.Topic).Change(tp.ID, tp.Partition)
		change.isr = without(change.isr, u.remove, u.unclean)
		change.election = r.Election()
		if rec := change.Record(); rec != nil {
			changes = append(changes, rec)
			losses.Add(&change)
		}
	}
	return changes, losses, nil
}

// UncleanElections counts elections that may lose acknowledged records, for one line in the log.
type UncleanElections struct {
	n     int
	first string
}

// Add counts the change if it elects a replica that was not in sync.
func (u *UncleanElections) Add(c *Change) {
	if c.lossy {
		u.n++
		if u.n == 1 {
			u.first = fmt.Sprintf("%s-%d", c.rules.topic.Name, c.id)
		}
	}
}

// Warn logs the count and the first partition, or nothing if there was no such election.
func (u *UncleanElections) Warn(log *slog.Logger) {
	if u.n > 0 {
		log.Warn("unclean leader elections: replicas lead that were not in sync; if records were "+
			"acknowledged that they do not have, those are lost",
			"partitions", u.n, "first", u.first)
	}
}

// DirSet is a set of directories; a broker may have many.
type DirSet map[protocol.UUID]bool

// NewDirSet returns the set of the given directories.
func NewDirSet(dirs []protocol.UUID) DirSet {
	s := make(DirSet, len(dirs))
	for _, d := range dirs {
		s[d] = true
	}
	return s
}

// Broker is the broker that the update is about.
func (u Update) Broker() int32 { return max(u.remove, u.add, u.unclean) }

// Joins reports whether the broker counts as active.
func (u Update) Joins() bool { return u.add != NoBroker }
