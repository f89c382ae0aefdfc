package partition

import (
	"errors"
	"fmt"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// state is the part of a partition that its invariants are about.
type state struct {
	replicas, isr, elr, known, removing, adding []int32
	leader                                      int32
	directories                                 int
}

// Check returns the first invariant of partitions that p breaks, nil when it breaks none:
//
//   - replicas, ISR and ELR name no broker twice;
//   - the ISR, the ELR, and the replicas that are added or removed are replicas;
//   - the leader is in the ISR; no broker is in both the ISR and the ELR;
//   - there is at most one last known leader, and with ELR on none beside a leader;
//   - there are as many directories as replicas.
func Check(p *metadata.Partition, elrEnabled bool) error {
	return stateOf(p).check(elrEnabled)
}

func stateOf(p *metadata.Partition) state {
	return state{
		replicas: p.Replicas, isr: p.ISR, elr: p.ELR(), known: p.LastKnownELR(),
		removing: p.Removing(), adding: p.Adding(),
		leader: p.Leader, directories: len(p.Directories),
	}
}

func (s state) check(elrEnabled bool) error {
	switch {
	case hasDuplicates(s.replicas), hasDuplicates(s.isr), hasDuplicates(s.elr):
		return errors.New("a broker is named twice")
	case !containsAll(s.replicas, s.isr), !containsAll(s.replicas, s.elr),
		!containsAll(s.replicas, s.removing), !containsAll(s.replicas, s.adding):
		return errors.New("a broker is no replica")
	case s.leader >= 0 && !slices.Contains(s.isr, s.leader):
		return errors.New("the leader is not in the ISR")
	case overlap(s.elr, s.isr):
		return errors.New("a broker is in the ISR and the ELR")
	case len(s.known) > 1, elrEnabled && s.leader >= 0 && len(s.known) > 0:
		return errors.New("a last known leader beside a leader, or several")
	case s.directories != len(s.replicas):
		return errors.New("the directories do not match the replicas")
	}
	return nil
}

// after is the state of the partition once the record is replayed. It allocates nothing: it is
// computed for every change.
func (s state) after(r *record.PartitionChange) state {
	for _, list := range [...]struct{ to, from *[]int32 }{
		{&s.replicas, &r.Replicas}, {&s.isr, &r.ISR}, {&s.elr, &r.EligibleLeaderReplicas},
		{&s.known, &r.LastKnownELR}, {&s.removing, &r.RemovingReplicas},
		{&s.adding, &r.AddingReplicas},
	} {
		if *list.from != nil {
			*list.to = *list.from
		}
	}
	if r.Leader != record.NoLeaderChange {
		s.leader = r.Leader
	}
	switch {
	case r.Directories != nil:
		s.directories = len(r.Directories)
	case r.Replicas != nil: // replayed as unassigned
		s.directories = len(r.Replicas)
	}
	return s
}

// assertValid panics if the record would break a partition that is valid now. A record of an
// earlier release, or of Apache's controllers, may have left an invalid partition, which it must
// still be possible to change.
func (c *Change) assertValid(r *record.PartitionChange) {
	before := stateOf(c.old)
	err := before.after(r).check(c.rules.elr)
	if err != nil && before.check(c.rules.elr) == nil {
		panic(fmt.Sprintf("a change would break partition %d of %v: %v: %+v by %+v",
			c.id, c.topic, err, c.old, r))
	}
}

func overlap(a, b []int32) bool {
	return slices.ContainsFunc(a, func(id int32) bool { return slices.Contains(b, id) })
}
