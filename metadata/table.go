package metadata

import (
	"cmp"
	"iter"

	"github.com/tidwall/btree"
)

// table is an ordered map that belongs to one generation of an image: an editor of a later generation
// copies it (in constant time, sharing all nodes) before its first change. The zero table is empty.
// Any number of goroutines may read a table that no editor owns any more.
type table[K cmp.Ordered, V any] struct {
	tree *btree.Map[K, V]
	gen  uint64 // the only generation that may change it; never decreases
}

func (t *table[K, V]) get(k K) (v V, ok bool) {
	if t.tree == nil {
		return v, false
	}
	return t.tree.Get(k)
}

func (t *table[K, V]) len() int {
	if t.tree == nil {
		return 0
	}
	return t.tree.Len()
}

// last returns the largest key.
func (t *table[K, V]) last() (k K, ok bool) {
	if t.tree == nil {
		return k, false
	}
	k, _, ok = t.tree.Max()
	return k, ok
}

// all iterates in key order.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.tree != nil {
			t.tree.Scan(yield)
		}
	}
}

// from iterates in key order from k on.
func (t *table[K, V]) from(k K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.tree != nil {
			t.tree.Ascend(k, yield)
		}
	}
}

// nodeDegree bounds a node to 31 entries. A change copies one node of each level: with the 63 entries
// that are the library's default it costs half as much again, and smaller nodes need more memory.
const nodeDegree = 16

// owned reports whether generation gen may change the table as it is.
func (t *table[K, V]) owned(gen uint64) bool { return t.tree != nil && t.gen == gen }

// own makes the table belong to generation gen before a change.
func (t *table[K, V]) own(gen uint64) {
	if gen < t.gen {
		broken("generation %d changes a table of generation %d", gen, t.gen)
	}
	switch {
	case t.tree == nil:
		t.tree = btree.NewMap[K, V](nodeDegree)
	case t.gen != gen:
		t.tree = t.tree.IsoCopy()
	}
	t.gen = gen
}

func (t *table[K, V]) set(gen uint64, k K, v V) {
	t.own(gen)
	t.tree.Set(k, v)
}

func (t *table[K, V]) delete(gen uint64, k K) {
	if _, ok := t.get(k); ok {
		t.own(gen)
		t.tree.Delete(k)
	}
}
