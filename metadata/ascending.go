package metadata

import (
	"cmp"
	"iter"
	"slices"
)

// ascending is a table for keys that are added in ascending order, nearly always: a tree, and a
// run, which is a short array of the entries after the last one of the tree. A new largest key is
// appended to the run; a tree would copy one node of each level for it. Any other change in the
// range of the run first moves the run into the tree.
//
// Invariant: the keys of the run ascend and are greater than all keys of the tree.
//
// Generations share a run, and each knows how many of its entries it has. Those are never written
// again, so any number of goroutines may read a table that no editor owns any more while editors of
// later generations append. The zero table is empty.
type ascending[K cmp.Ordered, V any] struct {
	tree table[K, V]
	run  *run[K, V] // nil only if n is 0
	n    int        // the first n entries of the run are this table's; n <= run.used
}

// runMax makes a run of partition references 256 bytes long. Doubling it saves under 1 % of a
// creation's allocations.
const runMax = 31

type run[K cmp.Ordered, V any] struct {
	used    int // entries of the table that appended last; for editors, which share one goroutine
	entries [runMax]entry[K, V]
}

type entry[K cmp.Ordered, V any] struct {
	value V // before the key, because a struct{} at the end would occupy the space of a key
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
	if checked {
		t.check()
	}
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

// own returns the entries of the run that are this table's.
func (t *ascending[K, V]) own() []entry[K, V] {
	if t.n == 0 {
		return nil
	}
	return t.run.entries[:t.n]
}

// inRun reports whether k is not less than the first key of the run: if the table has k, then the
// run has it.
func (t *ascending[K, V]) inRun(k K) bool { return t.n > 0 && k >= t.run.entries[0].key }

// find returns the index of the first entry in the run that is not less than k, and whether it is
// k.
func (t *ascending[K, V]) find(k K) (int, bool) {
	return slices.BinarySearchFunc(t.own(), k, func(e entry[K, V], k K) int {
		return cmp.Compare(e.key, k)
	})
}

// appends reports whether k belongs into the run rather than the tree. If the editor owns the tree,
// adding k there is cheaper than a new run, because the nodes are copied already.
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
	if t.n > 0 && k <= t.run.entries[t.n-1].key {
		broken("key %v is appended after %v", k, t.run.entries[t.n-1].key)
	}
	if t.run == nil || t.run.used != t.n { // another successor has appended to it
		next := new(run[K, V])
		copy(next.entries[:], t.own())
		t.run = next
	}
	t.run.entries[t.n] = entry[K, V]{v, k}
	t.n++
	t.run.used = t.n
	if checked {
		t.check()
	}
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
