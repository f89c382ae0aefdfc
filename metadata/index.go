package metadata

import "slices"

// reindex updates the indexes for a change of a partition from a to b; nil stands for a partition
// that does not exist. Its cost depends on the replicas of the two, not on the size of the image.
func (e *Editor) reindex(ref partitionRef, a, b *Partition) {
	img := e.img
	e.orphan(ref, a, b)
	flag(e, &img.imbalanced, ref, a != nil && !a.Preferred(), b != nil && !b.Preferred())
	flag(e, &img.reassigns, ref, a != nil && a.Reassigning(), b != nil && b.Reassigning())
	if a != nil && b != nil && slices.Equal(a.ISR, b.ISR) && slices.Equal(a.ELR(), b.ELR()) &&
		a.Leader == b.Leader {
		return
	}
	e.count(a, -1)
	e.count(b, +1)
	if a != nil {
		e.leave(ref, a, b)
	}
	if b != nil {
		e.join(ref, a, b)
	}
}

// orphan indexes a partition without a leader, in leaderless and under each broker with a replica.
func (e *Editor) orphan(ref partitionRef, a, b *Partition) {
	was, is := a != nil && a.Leader < 0, b != nil && b.Leader < 0
	flag(e, &e.img.leaderless, ref, was, is)
	if was {
		for _, broker := range a.Replicas {
			if !is || !slices.Contains(b.Replicas, broker) {
				e.host(broker).leaderless.delete(e.img.gen, ref)
			}
		}
	}
	if is {
		for _, broker := range b.Replicas {
			if !was || !slices.Contains(a.Replicas, broker) {
				e.host(broker).leaderless.set(e.img.gen, ref, struct{}{})
			}
		}
	}
}

func flag(e *Editor, set *table[partitionRef, struct{}], ref partitionRef, was, is bool) {
	switch {
	case is && !was:
		set.set(e.img.gen, ref, struct{}{})
	case was && !is:
		set.delete(e.img.gen, ref)
	}
}

func (e *Editor) count(p *Partition, n int) {
	if p != nil && p.Leader >= 0 {
		e.host(p.Leader).leads += n
	}
}

func (p *Partition) hasMember(broker int32) bool {
	return slices.Contains(p.ISR, broker) || slices.Contains(p.ELR(), broker)
}

func (e *Editor) leave(ref partitionRef, a, b *Partition) {
	for _, list := range [2][]int32{a.ISR, a.ELR()} {
		for _, broker := range list {
			if b == nil || !b.hasMember(broker) {
				e.host(broker).members.delete(e.img.gen, ref)
			}
		}
	}
}

func (e *Editor) join(ref partitionRef, a, b *Partition) {
	for _, list := range [2][]int32{b.ISR, b.ELR()} {
		for _, broker := range list {
			if a == nil || !a.hasMember(broker) {
				e.host(broker).members.set(e.img.gen, ref, struct{}{})
			}
		}
	}
}

// host returns the broker's index entry, owned by this editor.
func (e *Editor) host(broker int32) *host {
	h, ok := e.img.hosts.get(broker)
	if ok && h.gen == e.img.gen {
		return h
	}
	n := &host{gen: e.img.gen}
	if ok {
		n.members, n.leaderless, n.leads = h.members, h.leaderless, h.leads
	}
	e.img.hosts.set(e.img.gen, broker, n)
	return n
}
