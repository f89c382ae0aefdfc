package metadata

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// ascendingVersion is a table as an editor left it, with its expected content.
type ascendingVersion struct {
	table ascending[int, int]
	want  map[int]int
	gen   uint64
}

func (v *ascendingVersion) edit() *ascendingVersion {
	return &ascendingVersion{v.table, maps.Clone(v.want), v.gen + 1}
}

func (v *ascendingVersion) set(key, value int) {
	v.table.set(v.gen, key, value)
	v.want[key] = value
}

func (v *ascendingVersion) delete(key int) {
	v.table.delete(v.gen, key)
	delete(v.want, key)
}

func (v *ascendingVersion) last() (key int) {
	for k := range v.want {
		key = max(key, k)
	}
	return key
}

// change makes the changes of one editor: some only append, as nearly all do in practice.
func (v *ascendingVersion) change(_ *testing.T, random *rand.Rand) {
	appendsOnly, changes := random.IntN(3) > 0, 1+random.IntN(4)
	if random.IntN(12) == 0 {
		changes = random.IntN(3 * runMax)
	}
	for range changes {
		v.changeOne(random, appendsOnly)
	}
}

func (v *ascendingVersion) changeOne(random *rand.Rand, appendsOnly bool) {
	last := v.last()
	kind := random.IntN(12)
	switch {
	case kind < 6 || appendsOnly:
		v.set(last+1+random.IntN(3), random.Int())
	case kind < 8:
		v.set(random.IntN(last+4), random.Int())
	case kind == 8:
		v.set(max(0, last-random.IntN(2*runMax)), random.Int())
	case kind == 9:
		v.delete(max(0, last-random.IntN(2*runMax)))
	case kind == 10:
		v.delete(random.IntN(last + 4))
	default:
		v.delete(last)
	}
}

func (v *ascendingVersion) check(t *testing.T, random *rand.Rand) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(v.want))
	if got := maps.Collect(v.table.all()); !maps.Equal(got, v.want) {
		t.Fatalf("holds %v, want %v", got, v.want)
	}
	if got := v.keysFrom(-1, len(keys)+1); !slices.Equal(got, keys) {
		t.Fatalf("all are %v, want %v", got, keys)
	}
	last := v.last()
	for k := range last + 3 {
		got, ok := v.table.get(k)
		if want, wantOK := v.want[k]; got != want || ok != wantOK {
			t.Fatalf("%d is %d, %v, want %d, %v", k, got, ok, want, wantOK)
		}
	}
	for range 5 {
		from := random.IntN(last + 3)
		i, _ := slices.BinarySearch(keys, from)
		n := min(1+random.IntN(2*runMax), len(keys)-i)
		if got := v.keysFrom(from, n); !slices.Equal(got, keys[i:i+n]) {
			t.Fatalf("%d from %d on are %v, want %v", n, from, got, keys[i:i+n])
		}
	}
}

// keysFrom walks from a key on, or over all when it is negative, and stops after n.
func (v *ascendingVersion) keysFrom(from, n int) (keys []int) {
	walk := v.table.from(from)
	if from < 0 {
		walk = v.table.all()
	}
	for k := range walk {
		if len(keys) == n {
			return keys
		}
		keys = append(keys, k)
	}
	return keys
}

func TestAscendingVersionsAreWhatAMapSays(t *testing.T) {
	everyVersionStays(t, func() *ascendingVersion { return &ascendingVersion{want: map[int]int{}} })
}

// A generation that appends writes into the run of its predecessor, unless another successor has
// done so already.
func TestAscendingSuccessorsShareARun(t *testing.T) {
	base := (&ascendingVersion{want: map[int]int{}}).edit()
	base.set(1, 1)
	first, second := base.edit(), base.edit()
	first.set(2, 2)
	second.set(3, 3)
	if first.table.run != base.table.run || second.table.run == base.table.run {
		t.Errorf(
			"the first shares %v, the second %v", first.table.run == base.table.run,
			second.table.run == base.table.run,
		)
	}
	for range 3 * runMax {
		next := second.edit()
		next.set(second.last()+1, 0)
		if next.table.tree.len()+next.table.n != len(next.want) || next.table.n > runMax {
			t.Fatalf(
				"%d in the tree and %d in the run are not %d", next.table.tree.len(), next.table.n,
				len(next.want),
			)
		}
		second = next
	}
	if second.table.tree.len() < runMax {
		t.Errorf("of %d only %d are in the tree", len(second.want), second.table.tree.len())
	}
}

func TestAscendingReadersDoNotMindAnEditor(t *testing.T) {
	type table = ascending[int, int]
	add := func(c *table, gen uint64, i int) {
		if i%9 == 8 {
			dropped := *c
			dropped.set(gen, i, -1)
		}
		c.set(gen, i, i)
		if i%50 == 49 {
			c.delete(gen, i-1)
			c.set(gen, i-1, i-1)
		}
	}
	count := func(c *table) (seen int) {
		for k, v := range c.from(0) {
			if k != seen || v != k {
				return -1
			}
			seen++
		}
		return seen
	}
	readersDoNotMind(
		t, 40*runMax, add, count, func(c *table, i int) bool { _, ok := c.get(i); return ok },
	)
}
