package metadata

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// version is a copy-on-write container as an editor left it, with its expected content.
type version[V any] interface {
	edit() V // a successor, of the next generation
	change(*testing.T, *rand.Rand)
	check(*testing.T, *rand.Rand)
}

// everyVersionStays checks that every version has the expected content and keeps it: while the
// newest is edited further, and while old ones get second successors, which are edited further too,
// or dropped.
func everyVersionStays[V version[V]](t *testing.T, empty func() V) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			versions := []V{empty()}
			for range 120 {
				base := versions[len(versions)-1]
				if random.IntN(4) == 0 {
					base = versions[random.IntN(len(versions))]
				}
				next := base.edit()
				next.change(t, random)
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

// readersDoNotMind is for the race detector: readers of published containers, while add makes later
// ones by entering the numbers from 0 to all, one in each generation. It may drop some. count is
// how many a container has, has whether it has a number.
func readersDoNotMind[C any](
	t *testing.T, all int, add func(c *C, gen uint64, i int), count func(*C) int,
	has func(*C, int) bool,
) {
	type publication struct {
		container C
		n         int
	}
	var published atomic.Pointer[publication]
	published.Store(new(publication))
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for n := 0; n < all; {
				p := published.Load()
				n = p.n
				if seen := count(&p.container); seen != n || has(&p.container, n) {
					t.Errorf("%d of %d, and the next: %v", seen, n, has(&p.container, n))
					return
				}
			}
		})
	}
	var current C
	for i := range all {
		add(&current, uint64(i+1), i)
		published.Store(&publication{current, i + 1})
	}
	readers.Wait()
}
