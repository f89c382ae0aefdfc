package aclindex

import (
	"fmt"
	"slices"
	"strings"
)

// valued is what a tree holds.
type valued interface {
	// bits says what may be found in a value. A search skips what has none of the bits it wants.
	bits() uint32
}

// tree is an ordered map from strings in which the keys that another string begins with lie on one
// path. It is copied on write and belongs to one generation of an image: an editor of a later
// generation copies the nodes on the path that it changes. The zero tree is empty. Any number of
// goroutines may read a tree that no editor owns any more.
type tree[V valued] struct{ root *node[V] }

// node stands for the key that the fragments from the root to it make. A node without a value has
// at least two children. It fills one line of the processor's cache.
type node[V valued] struct {
	fragment string // empty only in a root
	children []child[V]
	// all are the bits of the value and of all values below.
	all   uint32
	has   bool // there is a value
	value V
	gen   uint64 // the only generation that may change it; not less than that of any node below
}

// child is a node below another, in the order of the first bytes of their fragments.
type child[V valued] struct {
	node  *node[V]
	first byte
}

// bits are those of all values.
func (t tree[V]) bits() uint32 { return t.root.allBits() }

func (n *node[V]) allBits() uint32 {
	if n == nil {
		return 0
	}
	return n.all
}

// find returns the index of the child with a first byte, or where it would be inserted.
func (n *node[V]) find(first byte) (i int, ok bool) {
	low, high := 0, len(n.children)
	for high-low > 8 {
		if middle := (low + high) / 2; n.children[middle].first <= first {
			low = middle
		} else {
			high = middle
		}
	}
	for low < high && n.children[low].first < first {
		low++
	}
	return low, low < len(n.children) && n.children[low].first == first
}

func (n *node[V]) child(first byte) *node[V] {
	if i, ok := n.find(first); ok {
		return n.children[i].node
	}
	return nil
}

// get returns the value of a key.
func (t tree[V]) get(key string) (v V, ok bool) {
	for p := t.path(key); p.next(^uint32(0)); {
		if p.whole {
			return p.value, true
		}
	}
	return v, false
}

// path is an iteration over the values whose keys a string begins with, the shortest first.
type path[V valued] struct {
	at    *node[V] // the next node, whose fragment rest begins with
	rest  string   // of the string, from the fragment of at on
	value V
	whole bool // the key of value is the whole string
}

func (t tree[V]) path(along string) path[V] {
	if t.root == nil || !strings.HasPrefix(along, t.root.fragment) {
		return path[V]{}
	}
	return path[V]{at: t.root, rest: along}
}

// next moves to the next value and reports whether there is one. It ends early where no value from
// here on has one of the wanted bits.
func (p *path[V]) next(want uint32) bool {
	for n := p.at; n != nil && n.all&want != 0; n = p.at {
		p.rest = p.rest[len(n.fragment):]
		p.at = n.below(p.rest)
		if n.has {
			p.value, p.whole = n.value, p.rest == ""
			return true
		}
	}
	p.at = nil
	return false
}

// below returns the child whose fragment the string begins with, or nil. Most fragments have one
// byte, and are not read.
func (n *node[V]) below(rest string) *node[V] {
	if rest == "" {
		return nil
	}
	c := n.child(rest[0])
	if c != nil && len(c.fragment) > 1 && !strings.HasPrefix(rest, c.fragment) {
		return nil
	}
	return c
}

// each visits the values with one of the wanted bits in the order of their keys, until visit
// returns false.
func (t tree[V]) each(want uint32, visit func(key string, v V) bool) {
	if t.root != nil {
		t.root.each("", want, visit)
	}
}

func (n *node[V]) each(above string, want uint32, visit func(string, V) bool) bool {
	if n.all&want == 0 {
		return true
	}
	key := above + n.fragment
	if n.has && n.value.bits()&want != 0 && !visit(key, n.value) {
		return false
	}
	for _, c := range n.children {
		if !c.node.each(key, want, visit) {
			return false
		}
	}
	return true
}

// under visits all values whose keys begin with start until visit returns false.
func (t tree[V]) under(start string, visit func(V) bool) {
	n := t.root
	for n != nil && len(start) > len(n.fragment) && strings.HasPrefix(start, n.fragment) {
		start = start[len(n.fragment):]
		n = n.child(start[0])
	}
	if n != nil && strings.HasPrefix(n.fragment, start) {
		n.each("", ^uint32(0), func(_ string, v V) bool { return visit(v) })
	}
}

// change makes a new value of an old one; had and has say whether there is one.
type change[V valued] func(old V, had bool) (v V, has bool)

// update changes the value of a key.
func (t *tree[V]) update(gen uint64, key string, f change[V]) {
	t.root = t.root.update(gen, key, f)
}

// update returns n after the change: itself if the generation owns it, else a copy; nil if nothing
// is left.
func (n *node[V]) update(gen uint64, key string, f change[V]) *node[V] {
	if n == nil {
		return leaf(gen, key, f)
	}
	same := commonBytes(n.fragment, key)
	switch {
	case same < len(n.fragment):
		if added := leaf(gen, key[same:], f); added != nil {
			return n.fork(gen, same, added)
		}
		return n
	case same < len(key):
		return n.updateBelow(gen, key[same:], f)
	}
	n = n.own(gen)
	n.value, n.has = f(n.value, n.has)
	return n.settled(gen)
}

func leaf[V valued](gen uint64, key string, f change[V]) *node[V] {
	var none V
	v, has := f(none, false)
	if !has {
		return nil
	}
	return &node[V]{gen: gen, fragment: key, value: v, has: true, all: v.bits()}
}

func commonBytes(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// fork returns a node above n, which n shares with added from the byte at on.
func (n *node[V]) fork(gen uint64, at int, added *node[V]) *node[V] {
	above := &node[V]{gen: gen, fragment: n.fragment[:at]}
	n = n.own(gen)
	n.fragment = n.fragment[at:]
	above.put(n.fragment[0], n)
	if added.fragment == "" {
		above.value, above.has = added.value, true
	} else {
		above.put(added.fragment[0], added)
	}
	above.all = n.all | added.all
	return above
}

func (n *node[V]) updateBelow(gen uint64, key string, f change[V]) *node[V] {
	old := n.child(key[0])
	before := old.allBits()
	next := old.update(gen, key, f)
	if next == old && next.allBits() == before {
		return n // it is owned, or did not change
	}
	n = n.own(gen)
	n.put(key[0], next)
	if next != nil && before&^next.all == 0 {
		n.all |= next.all
		return n
	}
	return n.settled(gen)
}

// own returns n if the generation owns it, else a copy that it owns.
func (n *node[V]) own(gen uint64) *node[V] {
	if n.gen > gen {
		panic(fmt.Sprintf("aclindex: broken invariant: generation %d changes a node of "+
			"generation %d", gen, n.gen))
	}
	if n.gen == gen {
		return n
	}
	own := *n
	own.gen, own.children = gen, slices.Clone(n.children)
	return &own
}

// put adds, replaces or, with nil, removes a child of a node that the generation owns.
func (n *node[V]) put(first byte, below *node[V]) {
	i, found := n.find(first)
	switch {
	case found && below != nil:
		n.children[i].node = below
	case found:
		n.children = slices.Delete(n.children, i, i+1)
	case below != nil:
		n.children = slices.Insert(n.children, i, child[V]{below, first})
	}
}

// settled returns what stands in the place of a node that the generation owns after its value or a
// child has gone or lost bits.
func (n *node[V]) settled(gen uint64) *node[V] {
	if !n.has && len(n.children) == 0 {
		return nil
	}
	if !n.has && len(n.children) == 1 {
		only := n.children[0].node.own(gen)
		only.fragment = n.fragment + only.fragment
		return only
	}
	n.all = 0
	if n.has {
		n.all = n.value.bits()
	}
	for _, c := range n.children {
		n.all |= c.node.all
	}
	return n
}
