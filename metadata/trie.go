package metadata

import (
	"iter"
	"math/bits"
	"slices"
)

// trie is an ordered map from strings that are added in no particular order, names and ids, to the
// ordinals of topics. Like a table it is copied on write and belongs to one generation of an image.
// Adding a key copies the branches on its path, which have at most 17 children; a balanced tree
// would copy a node of whole keys on each level. A lookup compares one key.
//
// It is a qp-trie (T. Finch): there is a branch only where keys differ, and it names the half byte
// in which its children differ. The zero trie is empty. Any number of goroutines may read a trie
// that no editor owns any more.
type trie struct {
	root twig
	n    int // keys
}

// twig is a child of a branch: another branch, a leaf, or, only in an empty trie, nothing.
type twig struct {
	branch *branch
	leaf   *leaf // nil if branch is not
}

// leaf never changes.
type leaf struct {
	key     string
	ordinal uint32
}

// branch has at least two twigs. Its position is greater than that of the branch above.
type branch struct {
	gen   uint64 // the only generation that may change it; not less than that of any branch below
	at    int32  // all keys below are equal up to this half byte, and differ in it
	has   uint32 // bit n: there is a twig for the step n
	twigs []twig // by step, one for each bit of has
}

// step is the half byte of k at a position, plus one; 0 after its end, so that a key precedes the
// keys that begin with it.
func step(k string, at int32) uint32 {
	i := int(at) >> 1
	if i >= len(k) {
		return 0
	}
	if at&1 == 0 {
		return uint32(k[i]>>4) + 1
	}
	return uint32(k[i]&15) + 1
}

// parting returns the first position at which the steps of two keys differ; same if they are equal.
func parting(a, b string) (at int32, same bool) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) && i == len(b) {
		return 0, true
	}
	at = int32(2 * i)
	if step(a, at) == step(b, at) {
		at++
	}
	return at, false
}

// find returns the index of the twig for a step, or where it would be inserted.
func (b *branch) find(step uint32) (i int, ok bool) {
	return bits.OnesCount32(b.has & (1<<step - 1)), b.has&(1<<step) != 0
}

func (t *trie) len() int { return t.n }

func (t *trie) get(k string) (ordinal uint32, ok bool) {
	if t.n == 0 {
		return 0, false
	}
	if near := t.near(k); near.key == k {
		return near.ordinal, true
	}
	return 0, false
}

// near returns a leaf whose key has the longest common beginning with k. The trie is not empty.
func (t *trie) near(k string) *leaf {
	at := t.root
	for at.branch != nil {
		i, ok := at.branch.find(step(k, at.branch.at))
		if !ok {
			i = 0 // all keys below differ from k here
		}
		at = at.branch.twigs[i]
	}
	return at.leaf
}

// all iterates in key order.
func (t *trie) all() iter.Seq2[string, uint32] {
	return func(yield func(string, uint32) bool) { t.root.each(yield) }
}

func (w twig) each(yield func(string, uint32) bool) bool {
	if w.branch == nil {
		return w.leaf == nil || yield(w.leaf.key, w.leaf.ordinal)
	}
	for _, next := range w.branch.twigs {
		if !next.each(yield) {
			return false
		}
	}
	return true
}

// from iterates in key order from k on.
func (t *trie) from(k string) iter.Seq2[string, uint32] {
	return func(yield func(string, uint32) bool) {
		if t.n == 0 {
			return
		}
		at, same := parting(t.near(k).key, k)
		t.root.from(k, at, same, yield)
	}
}

// from is each for keys that are not less than k. The key nearest to k differs from it at position
// parts, or is the same.
func (w twig) from(k string, parts int32, same bool, yield func(string, uint32) bool) bool {
	b := w.branch
	if b == nil || !same && b.at > parts { // all keys here are on one side of k
		return w.someKey() < k || w.each(yield)
	}
	i, ok := b.find(step(k, b.at))
	if ok {
		if !b.twigs[i].from(k, parts, same, yield) {
			return false
		}
		i++
	}
	for _, next := range b.twigs[i:] {
		if !next.each(yield) {
			return false
		}
	}
	return true
}

func (w twig) someKey() string {
	for w.branch != nil {
		w = w.branch.twigs[0]
	}
	return w.leaf.key
}

// set adds or replaces k and reports whether it had an ordinal before.
func (t *trie) set(gen uint64, k string, ordinal uint32) (replaced bool) {
	if checked {
		defer t.check()
	}
	added := twig{leaf: &leaf{k, ordinal}}
	if t.n == 0 {
		t.root, t.n = added, 1
		return false
	}
	at, same := parting(t.near(k).key, k)
	w := &t.root
	for w.branch != nil && (same || w.branch.at < at) {
		w = w.descend(gen, k)
	}
	switch {
	case same:
		*w = added
		return true
	case w.branch != nil && w.branch.at == at:
		w.branch = w.branch.with(gen, step(k, at), added)
	default:
		w.branch, w.leaf = fork(gen, at, *w, step(w.someKey(), at), added, step(k, at)), nil
	}
	t.n++
	return false
}

// descend returns the twig on the path to k. It first copies the branch of w, unless the generation
// owns it, so that the caller may change the result.
func (w *twig) descend(gen uint64, k string) *twig {
	if w.branch.gen > gen {
		broken("generation %d changes a branch of generation %d", gen, w.branch.gen)
	}
	if w.branch.gen != gen {
		own := *w.branch
		own.gen, own.twigs = gen, slices.Clone(own.twigs)
		w.branch = &own
	}
	i, _ := w.branch.find(step(k, w.branch.at))
	return &w.branch.twigs[i]
}

// with returns b with one more twig: b itself if the generation owns it, else a copy.
func (b *branch) with(gen uint64, step uint32, added twig) *branch {
	i, _ := b.find(step)
	if b.gen == gen {
		b.has, b.twigs = b.has|1<<step, slices.Insert(b.twigs, i, added)
		return b
	}
	twigs := make([]twig, len(b.twigs)+1)
	copy(twigs, b.twigs[:i])
	twigs[i] = added
	copy(twigs[i+1:], b.twigs[i:])
	return &branch{gen: gen, at: b.at, has: b.has | 1<<step, twigs: twigs}
}

func fork(gen uint64, at int32, one twig, oneStep uint32, other twig, otherStep uint32) *branch {
	b := &branch{gen: gen, at: at, has: 1<<oneStep | 1<<otherStep, twigs: []twig{one, other}}
	if oneStep > otherStep {
		b.twigs[0], b.twigs[1] = other, one
	}
	return b
}

func (t *trie) delete(gen uint64, k string) {
	if checked {
		defer t.check()
	}
	if _, ok := t.get(k); !ok {
		return
	}
	t.n--
	if t.root.branch == nil {
		t.root = twig{}
		return
	}
	above, w := &t.root, t.root.descend(gen, k)
	for w.branch != nil {
		above, w = w, w.descend(gen, k)
	}
	above.branch.remove(step(k, above.branch.at))
	if len(above.branch.twigs) == 1 {
		*above = above.branch.twigs[0]
	}
}

// remove removes a twig of a branch that the generation owns.
func (b *branch) remove(step uint32) {
	i, _ := b.find(step)
	b.has, b.twigs = b.has&^(1<<step), slices.Delete(b.twigs, i, i+1)
}
