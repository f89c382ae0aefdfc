package partition

import (
	"fmt"
	"iter"
	"log/slog"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// NoBroker stands for no broker where an id is expected.
const NoBroker int32 = -1

// Update says what happens to a broker whose partitions are looked at. Make it with Remove, Add or
// Unclean.
type Update struct {
	remove  int32 // leaves the ISR and may not lead: fenced, shutting down, unregistered, or its directory is offline
	add     int32 // counts as active although its registration is still fenced: it is being unfenced in the same batch
	unclean int32 // came back after an unclean shutdown: leaves the ISR and the ELR and may not lead
	// dirs, if not nil, are the directories of the broker removed that are offline: no partition is
	// changed whose replica is elsewhere.
	dirs DirSet
}

// NoUpdate changes no broker.
var NoUpdate = Update{remove: NoBroker, add: NoBroker, unclean: NoBroker}

// Remove has a broker leave; see Update.
func Remove(id int32) Update {
	return Update{remove: id, add: NoBroker, unclean: NoBroker}
}

// Add has a broker count as active; see Update.
func Add(id int32) Update {
	return Update{remove: NoBroker, add: id, unclean: NoBroker}
}

// Unclean has a broker leave that lost what it had; see Update.
func Unclean(id int32) Update {
	return Update{remove: NoBroker, add: NoBroker, unclean: id}
}

// RemoveDirs has a broker leave the partitions in some of its directories.
func RemoveDirs(id int32, dirs []record.UUID) Update {
	u := Remove(id)
	u.dirs = NewDirSet(dirs)
	return u
}

// elsewhere reports whether the partition's replica is in a directory that the update is not about.
func (u Update) elsewhere(p *metadata.Partition) bool {
	return u.dirs != nil && (!slices.Contains(p.Replicas, u.remove) || !u.dirs[p.Directory(u.remove)])
}

// PassedOver is how many partitions may be passed over in the time of one that is looked at.
const PassedOver = 10

// UpdateReplicas makes the changes that the update of r brings to partitions of its image. It looks at no more than max partitions, which bounds
// its time; last is the last one looked at when there are more, nil when all were. A long update goes on with
// img.HostedAfter(broker, *last) or img.LeaderlessOnAfter(broker, *last), against the newest image by then:
//
//	fence, controlled shutdown, unregister, clean return:  Remove(b), img.Hosted(b)
//	unclean return with ELR on:                            Unclean(b), img.Hosted(b)
//	unfence:                                               Add(b), img.LeaderlessOnAfter(b, ...): no other partition can have waited for it
//	offline directories:                                   RemoveDirs(b, dirs), img.Hosted(b)
//
// An update in several parts needs the broker inactive (or active) from the first part on, or what happens between two parts
// could bring it back behind the walk: write the BrokerRegistrationChange first. Hosted covers ISR and ELR in one pass.
func (r *Rules) UpdateReplicas(
	partitions iter.Seq[metadata.TopicPartition], max int,
) (changes []record.Record, losses UncleanElections, last *metadata.TopicPartition) {
	u := r.update
	looked, passed := 0, 0
	var at metadata.TopicPartition
	for tp := range partitions {
		if looked+passed/PassedOver >= max {
			return changes, losses, &at
		}
		at = tp
		if u.elsewhere(tp.Partition) {
			passed++
			continue
		}
		looked++
		if u.remove != NoBroker && !slices.Contains(tp.Partition.ISR, u.remove) {
			continue // an ELR waits for its members: their going is no reason to elect somebody else at the price of what they have
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

func (u *UncleanElections) Add(c *Change) {
	if c.lossy {
		u.n++
		if u.n == 1 {
			u.first = fmt.Sprintf("%s-%d", c.rules.topic.Name, c.id)
		}
	}
}

func (u *UncleanElections) Warn(log *slog.Logger) {
	if u.n > 0 {
		log.Warn("unclean leader elections: replicas lead that were not in sync; if records were "+
			"acknowledged that they do not have, those are lost", "partitions", u.n, "first", u.first)
	}
}

// DirSet are directories; a broker may name many.
type DirSet map[record.UUID]bool

func NewDirSet(dirs []record.UUID) DirSet {
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
