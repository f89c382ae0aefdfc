package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// inParts is a response with one array that is not in memory: its elements are made from compact
// results, or from an image, while they are written. So a client that does not read holds a part of
// the response, not all of it. It never changes, and may be written by any goroutine.
type inParts struct {
	kmsg.Response // all but the elements
	count         int
	begin         func() (next func() bool)
	whole         func() kmsg.Response
	refused       *protocol.Error // the answer to every entry, if there is one
}

// Parts empties the array and starts to make the elements, of which there are count. Each call of
// next replaces the // array's content by the next elements, at most partElements; it returns false
// when none is left.
func (r *inParts) Parts() (count int, next func() bool) { return r.count, r.begin() }

const (
	// partElements bounds the elements of a part. A response of at most that many is made at once.
	partElements = 128
	// partEntries bounds the entries, such as partitions of topics, in all elements of a part but
	// the last.
	partEntries = 512
	// pieceEntries bounds the entries of one element where a long list may be several elements.
	pieceEntries = 4096
)

// newParts returns a response whose array is filled part by part, by the functions that begin
// returns.
func newParts[E any](
	resp kmsg.Response, array *[]E, count int, begin func() (next func() bool),
) *inParts {
	r := &inParts{Response: resp, count: count}
	r.begin = func() func() bool {
		*array = []E{} // whatever an earlier pass has left
		return begin()
	}
	*array = []E{}
	r.whole = func() kmsg.Response {
		all := make([]E, 0, count)
		for next := begin(); next(); {
			all = append(all, *array...)
		}
		*array = all
		return resp
	}
	return r
}

// whole is a response with everything in memory, for callers in this process.
func whole(resp kmsg.Response) kmsg.Response {
	if r, ok := resp.(*inParts); ok {
		return r.whole()
	}
	return resp
}

// list answers with n elements: at once when they are few, else in parts. at must be a pure
// function.
func list[E any](resp kmsg.Response, array *[]E, n int, at func(i int) E) kmsg.Response {
	return weighted(resp, array, n, nil, at)
}

// weighted is list for elements with entries of their own; entries is how many an element has, nil
// stands for none.
func weighted[E any](
	resp kmsg.Response, array *[]E, n int, entries func(i int) int, at func(i int) E,
) kmsg.Response {
	// fill makes the elements of one part, and returns the index after them.
	fill := func(from int) int {
		*array = (*array)[:0]
		for made := 0; from < n && len(*array) < partElements && made < partEntries; from++ {
			if entries != nil {
				made += entries(from)
			}
			*array = append(*array, at(from))
		}
		return from
	}
	if *array = make([]E, 0, min(n, partElements)); fill(0) == n {
		return resp
	}
	return newParts(resp, array, n, func() func() bool {
		from := 0
		return func() bool {
			from = fill(from)
			return len(*array) > 0
		}
	})
}

// topicElement makes the element for a topic, and returns how many entries it has.
type topicElement[E any] func(t *metadata.Topic) (e E, entries int)

// topicsByName answers with an element for each topic of an image, by name: at once when topics and
// entries are few, else in parts. begin is called once for each pass over the topics. shown, if not
// nil, leaves topics out; it must be a pure function.
func topicsByName[E any](
	resp kmsg.Response, array *[]E, img *metadata.Image, entries int, shown func(string) bool,
	begin func() topicElement[E],
) kmsg.Response {
	count := img.TopicCount()
	if shown != nil {
		count = 0
		for t := range img.TopicsByName("") {
			if shown(t.Name) {
				count++
			}
		}
	}
	parts := newParts(resp, array, count, func() func() bool {
		element, last := begin(), ""
		return func() bool {
			*array = (*array)[:0]
			made := 0
			for t := range img.TopicsByName(last) {
				if t.Name == last || shown != nil && !shown(t.Name) {
					continue
				}
				if len(*array) == partElements || made >= partEntries {
					break
				}
				e, n := element(t)
				*array = append(*array, e)
				last, made = t.Name, made+n
			}
			return len(*array) > 0
		}
	})
	if count <= partElements && entries <= partEntries {
		return parts.whole()
	}
	return parts
}

// firstOfEach returns the indexes below n whose keys do not occur at a lower index.
func firstOfEach[K comparable](n int, key func(i int) K) []int32 {
	first := make([]int32, 0, n)
	seen := make(map[K]struct{}, n)
	for i := range n {
		k := key(i)
		if _, again := seen[k]; !again {
			seen[k] = struct{}{}
			first = append(first, int32(i))
		}
	}
	return first
}

// entryLists are the topics of a request and how many entries each lists, such as its partitions.
type entryLists struct {
	n   int
	len func(i int) int
}

// place is a position among the entries: those before it are done.
type place struct {
	list, entry int
	index       int // among the entries of all lists
}

// run is a range of one list's entries: from its place up to end, which is exclusive.
type run struct {
	place
	end int
}

func (r run) entries() int { return r.end - r.entry }

// next returns the run of at most max entries that begins at p, and the place after it. An empty
// list is a run of its own. ok is false after the last list.
func (l entryLists) next(p place, max int) (r run, behind place, ok bool) {
	if p.list == l.n {
		return r, p, false
	}
	length := l.len(p.list)
	r = run{p, min(length, p.entry+max)}
	behind = place{p.list, r.end, p.index + r.entries()}
	if r.end == length {
		behind.list, behind.entry = p.list+1, 0
	}
	return r, behind, true
}

// part returns the runs from a place on that make one part of an operation, of at most max entries
// and lists together, and the place after them.
func (l entryLists) part(at place, max int) (runs []run, behind place) {
	for left := max; left > 0; left-- {
		r, behind, ok := l.next(at, left)
		if !ok {
			break
		}
		runs, at, left = append(runs, r), behind, left-r.entries()
	}
	return runs, at
}

// total is how many entries there are.
func (l entryLists) total() (n int) {
	for i := range l.n {
		n += l.len(i)
	}
	return n
}

// nested answers with an element for each list: at once when all are short, else in parts, where a
// long list has several elements. at must be a pure function.
func nested[E any](
	resp kmsg.Response, array *[]E, lists entryLists, at func(r run) E,
) kmsg.Response {
	if lists.n <= partElements && lists.total() <= partEntries {
		*array = make([]E, 0, lists.n)
		for i, index := 0, 0; i < lists.n; i++ {
			*array = append(*array, at(run{place{i, 0, index}, lists.len(i)}))
			index += lists.len(i)
		}
		return resp
	}
	count := 0
	for _, p, ok := lists.next(place{}, pieceEntries); ok; _, p, ok = lists.next(p, pieceEntries) {
		count++
	}
	return newParts(resp, array, count, func() func() bool {
		var p place
		return func() bool {
			*array = (*array)[:0]
			for entries := 0; len(*array) < partElements && entries < partEntries; {
				r, behind, ok := lists.next(p, pieceEntries)
				if !ok {
					break
				}
				*array = append(*array, at(r))
				entries, p = entries+r.entries(), behind
			}
			return len(*array) > 0
		}
	})
}
