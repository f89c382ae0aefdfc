package metadata

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// ascendingVersion is a table as some editor left it, with what it is to hold.
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

// change is one of what editors do; some only append, as nearly all do.
func (v *ascendingVersion) change(random *rand.Rand, appendsOnly bool) {
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

// Every version of a table is what a map says that was changed alike, and stays so: while the newest is edited further, and while old ones get
// second successors, which are edited further too, or dropped.
func TestAscendingVersionsAreWhatAMapSays(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			versions := []*ascendingVersion{{want: map[int]int{}}}
			for range 120 {
				base := versions[len(versions)-1]
				if random.IntN(4) == 0 {
					base = versions[random.IntN(len(versions))]
				}
				next, appendsOnly := base.edit(), random.IntN(3) > 0
				changes := 1 + random.IntN(4)
				if random.IntN(12) == 0 {
					changes = random.IntN(3 * runMax)
				}
				for range changes {
					next.change(random, appendsOnly)
				}
				next.check(t, random)
				if random.IntN(6) > 0 {
					versions = append(versions, next)
				}
			}
			for _, v := range versions {
				v.check(t, random)
			}
		})
	}
}

// A generation that appends writes into what the one before left, unless another successor already has.
func TestAscendingSuccessorsShareARun(t *testing.T) {
	base := (&ascendingVersion{want: map[int]int{}}).edit()
	base.set(1, 1)
	first, second := base.edit(), base.edit()
	first.set(2, 2)
	second.set(3, 3)
	if first.table.run != base.table.run || second.table.run == base.table.run {
		t.Errorf("the first shares %v, the second %v", first.table.run == base.table.run, second.table.run == base.table.run)
	}
	for range 3 * runMax {
		next := second.edit()
		next.set(second.last()+1, 0)
		if next.table.tree.len()+next.table.n != len(next.want) || next.table.n > runMax {
			t.Fatalf("%d in the tree and %d in the run are not %d", next.table.tree.len(), next.table.n, len(next.want))
		}
		second = next
	}
	if second.table.tree.len() < runMax {
		t.Errorf("of %d only %d are in the tree", len(second.want), second.table.tree.len())
	}
}

// For the race detector: readers of published tables, while later ones are made, and some that are dropped.
func TestAscendingReadersDoNotMindAnEditor(t *testing.T) {
	type publication struct {
		table ascending[int, int]
		n     int
	}
	var published atomic.Pointer[publication]
	published.Store(new(publication))
	const all = 40 * runMax
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for n := 0; n < all; {
				p := published.Load()
				n = p.n
				seen := 0
				for k, v := range p.table.from(0) {
					if k != seen || v != k {
						t.Errorf("%d is %d at place %d", k, v, seen)
						return
					}
					seen++
				}
				if _, ok := p.table.get(n); seen != n || ok {
					t.Errorf("%d of %d, and the next %v", seen, n, ok)
					return
				}
			}
		})
	}
	var table ascending[int, int]
	for i := range all {
		gen := uint64(i + 1)
		if i%9 == 8 {
			dropped := table
			dropped.set(gen, i, -1)
		}
		table.set(gen, i, i)
		if i%50 == 49 {
			table.delete(gen, i-1)
			table.set(gen, i-1, i-1)
		}
		published.Store(&publication{table, i + 1})
	}
	readers.Wait()
}
