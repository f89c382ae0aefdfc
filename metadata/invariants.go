package metadata

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/yakt/yakt/protocol/batch"
)

// Invariants are asserted on both sides of a joint: where an entry is written and where it is
// relied on. Those that cost a comparison are always on. In race builds (checked) whole structures
// are walked after a change. A failed assertion panics: the image can no longer be trusted, and a
// replica that continued would diverge from the others.
func broken(format string, args ...any) {
	panic("metadata: broken invariant: " + fmt.Sprintf(format, args...))
}

// checkedMax bounds the entries of a structure that race builds walk after a change.
const checkedMax = 512

// check walks the table: the run is in ascending order and its keys follow those of the tree.
func (t *ascending[K, V]) check() {
	if t.tree.len() > checkedMax {
		return
	}
	last, some := t.tree.last()
	for _, e := range t.own() {
		if some && cmp.Compare(e.key, last) <= 0 {
			broken("key %v follows %v", e.key, last)
		}
		last, some = e.key, true
	}
	if t.n > 0 && t.run.used < t.n {
		broken("a table has %d entries of a run with %d", t.n, t.run.used)
	}
}

// check walks the trie: branches have at least two twigs, one for each bit of has, keys ascend, and
// their number is n.
func (t *trie) check() {
	if t.n > checkedMax {
		return
	}
	n, last := 0, ""
	t.root.each(func(key string, _ uint32) bool {
		if n > 0 && key <= last {
			broken("key %q follows %q", key, last)
		}
		n, last = n+1, key
		return true
	})
	if n != t.n {
		broken("a trie of %d keys has %d", t.n, n)
	}
	t.root.check(-1)
}

func (w twig) check(above int32) {
	b := w.branch
	if b == nil {
		return
	}
	if w.leaf != nil || b.at <= above || len(b.twigs) < 2 {
		broken("a branch at %d below %d has %d twigs", b.at, above, len(b.twigs))
	}
	for i, next := range b.twigs {
		if at, ok := b.find(step(next.someKey(), b.at)); !ok || at != i {
			broken("twig %d of the branch at %d has key %q", i, b.at, next.someKey())
		}
		next.check(b.at)
	}
}

// CheckReplay asserts, in race builds and for small images, that replaying b onto before gives
// after. The controller calls it where a batch commits whose image it computed from the records
// when it proposed the batch: a standby has only the batch. A failed assertion panics.
func CheckReplay(before *Image, b batch.Batch, after *Image) {
	if !checked || before.partitions > checkedMax {
		return
	}
	replayed, err := before.ReplayBatch(b)
	if err != nil {
		broken("a committed batch at offset %d does not replay: %v", b.BaseOffset(), err)
	}
	if !sameContent(replayed, after) {
		broken("the image at offset %d is not what its log replays to", b.EndOffset())
	}
}

// sameContent compares two images by what they write to a snapshot.
func sameContent(a, b *Image) bool {
	if a.EndOffset() != b.EndOffset() || a.InTransaction() != b.InTransaction() {
		return false
	}
	var one, other bytes.Buffer
	errOne, errOther := WriteSnapshot(&one, a), WriteSnapshot(&other, b)
	return (errOne == nil) == (errOther == nil) && bytes.Equal(one.Bytes(), other.Bytes())
}
