package metadata

import (
	"cmp"
	"iter"
	"slices"
)

// ascending is a table for keys that come, nearly all of them, in ascending order: a tree, and behind it a run of what was added since the
// tree was last changed there. An addition behind all others is written into the run, where a tree would copy a node of each level. Any other
// change in the run's range moves the run into the tree first: so its keys are always in order, and greater than all of the tree's.
//
// Generations share a run, and each knows how much of it is its own. Nothing below that is ever written again: any number of goroutines may
// read a table that no editor owns any more, while editors of later generations append. The zero table is empty.
type ascending[K cmp.Ordered, V any] struct {
	tree table[K, V]
	run  *run[K, V]
	n    int // entries of the run that are this table's
}

// runMax makes a run of partition references 256 bytes. One of twice the size saves no more than a hundredth of what a create allocates.
const runMax = 31

type run[K cmp.Ordered, V any] struct {
	used    int // by the table that appended last; only for editors, which all belong to one goroutine
	entries [runMax]entry[K, V]
}

type entry[K cmp.Ordered, V any] struct {
	value V // before the key: a struct{} at the end would take the space of another key
	key   K
}

func (t *ascending[K, V]) get(k K) (v V, ok bool) {
	if !t.inRun(k) {
		return t.tree.get(k)
	}
	if i, ok := t.find(k); ok {
		return t.run.entries[i].value, true
	}
	return v, false
}

// all iterates in key order.
func (t *ascending[K, V]) all() iter.Seq2[K, V] { return concat(t.tree.all(), t.own()) }

// from iterates in key order from k on.
func (t *ascending[K, V]) from(k K) iter.Seq2[K, V] {
	i, _ := t.find(k)
	return concat(t.tree.from(k), t.own()[i:])
}

func (t *ascending[K, V]) set(gen uint64, k K, v V) {
	if t.appends(gen, k) {
		t.append(k, v)
		return
	}
	if t.inRun(k) {
		t.flush(gen)
	}
	t.tree.set(gen, k, v)
}

func (t *ascending[K, V]) delete(gen uint64, k K) {
	if t.inRun(k) {
		if _, ok := t.find(k); !ok {
			return
		}
		t.flush(gen)
	}
	t.tree.delete(gen, k)
}

// own is the part of the run that is this table's.
func (t *ascending[K, V]) own() []entry[K, V] {
	if t.n == 0 {
		return nil
	}
	return t.run.entries[:t.n]
}

// inRun reports whether k lies in the run's range or behind it: if the table has it at all, then in the run.
func (t *ascending[K, V]) inRun(k K) bool { return t.n > 0 && k >= t.run.entries[0].key }

// find is the place of the first entry in the run that is not less than k, and whether it is k.
func (t *ascending[K, V]) find(k K) (int, bool) {
	return slices.BinarySearchFunc(t.own(), k, func(e entry[K, V], k K) int { return cmp.Compare(e.key, k) })
}

// appends reports whether k belongs into the run. A tree that the editor owns takes it more cheaply than a new run: its nodes are copied already.
func (t *ascending[K, V]) appends(gen uint64, k K) bool {
	if t.n > 0 {
		return t.n < runMax && k > t.run.entries[t.n-1].key
	}
	if t.tree.owned(gen) {
		return false
	}
	last, ok := t.tree.last()
	return !ok || k > last
}

func (t *ascending[K, V]) append(k K, v V) {
	if t.run == nil || t.run.used != t.n { // what follows in it is another successor's
		next := new(run[K, V])
		copy(next.entries[:], t.own())
		t.run = next
	}
	t.run.entries[t.n] = entry[K, V]{v, k}
	t.n++
	t.run.used = t.n
}

// flush moves the run into the tree.
func (t *ascending[K, V]) flush(gen uint64) {
	for _, e := range t.own() {
		t.tree.set(gen, e.key, e.value)
	}
	t.run, t.n = nil, 0
}

func concat[K cmp.Ordered, V any](tree iter.Seq2[K, V], run []entry[K, V]) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range tree {
			if !yield(k, v) {
				return
			}
		}
		for i := range run {
			if !yield(run[i].key, run[i].value) {
				return
			}
		}
	}
}
