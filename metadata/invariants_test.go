package metadata

import (
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
)

// wantBroken runs f, which must break an invariant.
func wantBroken(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		says, _ := recover().(string)
		if !strings.Contains(says, "broken invariant") {
			t.Errorf("%s: %q", what, says)
		}
	}()
	f()
}

// TestBrokenInvariantsPanic breaks each structure by hand and looks whether it is noticed.
func TestBrokenInvariantsPanic(t *testing.T) {
	t.Parallel()
	var a ascending[uint32, int]
	a.set(1, 5, 0)
	wantBroken(t, "an append of a smaller key", func() { a.append(4, 0) })
	a.run.entries[0].key = 9
	a.run.entries[1].key, a.n, a.run.used = 8, 2, 2
	wantBroken(t, "a run out of order", a.check)
	a.n, a.run.used = 1, 0
	wantBroken(t, "more entries than the run has", a.check)

	var b table[int32, int]
	b.set(3, 1, 1)
	wantBroken(t, "an earlier generation changes a table", func() { b.set(2, 1, 1) })

	var c trie
	for i, k := range []string{"aa", "ab", "b"} {
		c.set(3, k, uint32(i))
	}
	wantBroken(t, "an earlier generation changes a trie", func() { c.delete(2, "aa") })
	c.n = 7
	wantBroken(t, "a wrong count", c.check)
	c.n = 3
	c.root.branch.has = 1
	wantBroken(t, "a twig without its bit", c.check)
}

// TestCheckReplay: an image that its batches do not replay to is noticed in race builds.
func TestCheckReplay(t *testing.T) {
	t.Parallel()
	b, err := EncodeData([]record.Record{
		&record.FeatureLevel{Name: FeatureMetadata, Level: int16(LatestVersion)},
	}, LatestVersion, 7)
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(0, 1)
	img, err := Empty().ReplayBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	CheckReplay(Empty(), b, img)
	if !sameContent(img, img) || sameContent(img, Empty()) {
		t.Error("images are compared wrongly")
	}
	if checked {
		wantBroken(t, "another image", func() { CheckReplay(Empty(), b, Empty()) })
	}
}
