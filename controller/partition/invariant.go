package partition

import (
	"errors"
	"fmt"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Check returns the first invariant of partitions that p breaks, nil when it breaks none:
//
//   - replicas, ISR and ELR name no broker twice;
//   - the ISR, the ELR, and what is added or removed are replicas;
//   - the leader is in the ISR; no broker is in the ISR and the ELR;
//   - with ELR on, a partition with a leader has no last known leader, and there is at most one.
func Check(p *metadata.Partition, elrEnabled bool) error {
	switch isr, elr := p.ISR, p.ELR(); {
	case hasDuplicates(p.Replicas), hasDuplicates(isr), hasDuplicates(elr):
		return errors.New("a broker is named twice")
	case !containsAll(p.Replicas, isr), !containsAll(p.Replicas, elr),
		!containsAll(p.Replicas, p.Removing()), !containsAll(p.Replicas, p.Adding()):
		return errors.New("a broker is no replica")
	case p.Leader >= 0 && !slices.Contains(isr, p.Leader):
		return errors.New("the leader is not in the ISR")
	case slices.ContainsFunc(elr, func(id int32) bool { return slices.Contains(isr, id) }):
		return errors.New("a broker is in the ISR and the ELR")
	}
	known := p.LastKnownELR()
	if len(known) > 1 || elrEnabled && p.Leader >= 0 && len(known) > 0 {
		return errors.New("a last known leader beside a leader, or several")
	}
	if len(p.Directories) != len(p.Replicas) {
		return errors.New("directories do not match the replicas")
	}
	return nil
}

// assertValid panics if a change breaks a partition that was valid. A record of an earlier release,
// or of Apache's controllers, may have left one that is not: changes to that are not judged.
func (c *Change) assertValid(r *record.PartitionChange) {
	after := c.old.Merge(r)
	err := Check(after, c.rules.elr)
	if err != nil && Check(c.old, c.rules.elr) == nil {
		panic(fmt.Sprintf("partition %d of %v: %v: %+v by %+v", c.id, c.topic, err, after, r))
	}
}
