package metadata

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// trieVersion is a trie as an editor left it, with its expected content.
type trieVersion struct {
	trie trie
	want map[string]uint32
	gen  uint64
}

func (v *trieVersion) edit() *trieVersion {
	return &trieVersion{v.trie, maps.Clone(v.want), v.gen + 1}
}

func (v *trieVersion) set(t *testing.T, key string, ordinal uint32) {
	t.Helper()
	_, there := v.want[key]
	if replaced := v.trie.set(v.gen, key, ordinal); replaced != there {
		t.Fatalf("setting %q replaced something: %v, want %v", key, replaced, there)
	}
	v.want[key] = ordinal
}

func (v *trieVersion) delete(key string) {
	v.trie.delete(v.gen, key)
	delete(v.want, key)
}

// someKey is a key as they come: of few letters, so that one begins another, with the least and the
// greatest byte among them; a name with a number; or an id.
func someKey(random *rand.Rand) string {
	switch random.IntN(3) {
	case 0:
		key := make([]byte, random.IntN(5))
		for i := range key {
			key[i] = "\x00\x01\x0f\x10a\xff"[random.IntN(6)]
		}
		return string(key)
	case 1:
		return fmt.Sprintf("topic-%d", random.IntN(200))
	}
	var id [16]byte
	for i := range id {
		id[i] = byte(random.Uint32())
	}
	return string(id[:])
}

// knownKey is one that the version has, if it has any.
func (v *trieVersion) knownKey(random *rand.Rand) string {
	keys := slices.Sorted(maps.Keys(v.want))
	if len(keys) == 0 {
		return someKey(random)
	}
	return keys[random.IntN(len(keys))]
}

func (v *trieVersion) change(t *testing.T, random *rand.Rand) {
	if random.IntN(40) == 0 {
		for _, key := range slices.Sorted(maps.Keys(v.want)) {
			v.delete(key)
		}
		return
	}
	for range 1 + random.IntN(12) {
		v.changeOne(t, random)
	}
}

func (v *trieVersion) changeOne(t *testing.T, random *rand.Rand) {
	switch random.IntN(8) {
	case 0, 1, 2, 3:
		v.set(t, someKey(random), random.Uint32())
	case 4:
		v.set(t, v.knownKey(random), random.Uint32())
	case 5, 6:
		v.delete(v.knownKey(random))
	default:
		v.delete(someKey(random))
	}
}

func (v *trieVersion) check(t *testing.T, random *rand.Rand) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(v.want))
	got := maps.Collect(v.trie.all())
	if !maps.Equal(got, v.want) || v.trie.len() != len(keys) {
		t.Fatalf("%d are %v, want %v", v.trie.len(), got, v.want)
	}
	for k, ordinal := range v.want {
		if got, ok := v.trie.get(k); !ok || got != ordinal {
			t.Fatalf("%q is %d, %v, want %d", k, got, ok, ordinal)
		}
	}
	froms := []string{"", "\xff\xff\xff\xff\xff\xff"}
	for range 10 {
		froms = append(froms, someKey(random), v.knownKey(random), v.knownKey(random)+"\x00")
	}
	for _, from := range froms {
		if _, ok := v.trie.get(from); ok != (slices.Contains(keys, from)) {
			t.Fatalf("%q is there: %v", from, ok)
		}
		i, _ := slices.BinarySearch(keys, from)
		n := random.IntN(len(keys) - i + 1)
		if got := v.keysFrom(from, n); !slices.Equal(got, keys[i:i+n]) {
			t.Fatalf("%d from %q on are %q, want %q", n, from, got, keys[i:i+n])
		}
		if got := v.keysFrom(from, len(keys)+1); !slices.Equal(got, keys[i:]) {
			t.Fatalf("from %q on there are %q, want %q", from, got, keys[i:])
		}
	}
}

// keysFrom walks from a key on and stops after n.
func (v *trieVersion) keysFrom(from string, n int) (keys []string) {
	for k := range v.trie.from(from) {
		if len(keys) == n {
			return keys
		}
		keys = append(keys, k)
	}
	return keys
}

func TestTrieVersionsAreWhatAMapSays(t *testing.T) {
	everyVersionStays(t, func() *trieVersion { return &trieVersion{want: map[string]uint32{}} })
}

// A lookup goes past branches at which keys part, of which there are fewer than keys, and an
// addition copies only those on its way.
func TestTrieCopiesOnlyTheWay(t *testing.T) {
	v := &trieVersion{want: map[string]uint32{}, gen: 1}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		v.set(t, fmt.Sprintf("%08x", random.Uint32()), uint32(i))
	}
	before, n := owners(v.trie.root, map[uint64]int{}), 0
	next := v.edit()
	next.set(t, "something else", 1)
	for gen, count := range owners(next.trie.root, map[uint64]int{}) {
		if gen == next.gen {
			n = count
		}
	}
	if n == 0 || n > 8 || before[next.gen] != 0 {
		t.Errorf(
			"one addition made %d branches of its own, the version before has %d of these", n,
			before[next.gen],
		)
	}
	if all := before[1]; all >= len(v.want) {
		t.Errorf("%d branches for %d keys", all, len(v.want))
	}
}

// owners counts the branches of each generation.
func owners(w twig, count map[uint64]int) map[uint64]int {
	if w.branch != nil {
		count[w.branch.gen]++
		for _, next := range w.branch.twigs {
			owners(next, count)
		}
	}
	return count
}

func TestTrieReadersDoNotMindAnEditor(t *testing.T) {
	key := func(i int) string { return fmt.Sprintf("%x", uint32(i)*0x9e3779b1) }
	add := func(c *trie, gen uint64, i int) {
		if i%9 == 8 {
			dropped := *c
			dropped.set(gen, key(i), 0)
			dropped.delete(gen, key(i/2))
		}
		c.set(gen, key(i), uint32(i))
		if i%50 == 49 {
			c.delete(gen, key(i-1))
			c.set(gen, key(i-1), uint32(i-1))
		}
	}
	count := func(c *trie) (seen int) {
		for range c.all() {
			seen++
		}
		return seen
	}
	readersDoNotMind(
		t, 1500, add, count, func(c *trie, i int) bool { _, ok := c.get(key(i)); return ok },
	)
}
