package aclindex

import (
	"github.com/yakt/yakt/metadata/record"
)

// Index holds entries twice: by resource, and by principal, then host, then resource. It is a value
// of an image: a copy of it is as immutable as the image, as long as changes are made with the
// generation of a later one. The zero index is empty.
//
// What a decision costs does not depend on how many entries there are for other principals, for
// other hosts or other resources. It grows, by some nanoseconds each, with the entries' patterns
// that the resource's name begins with and the ranges that hold the client's address, as far as
// they are the principal's own or those for everyone and mention the operation.
type Index struct{ types [resourceTypes]resources }

const (
	resourceTypes = 8 // one more than the greatest code

	patternPrefixed = 4
	permissionAllow = 3

	// Everyone is the principal of entries that are for all principals of whatever type.
	Everyone = "User:*"
	// AnyName is, in a literal pattern, the name of all resources of a type.
	AnyName = "*"
)

// resources are the entries about one type of resources.
type resources struct {
	names      tree[*resource]
	principals tree[*subject] // all but Everyone
	everyone   *subject       // nil: no entries
}

// cell has the entries whose patterns have the same name: of a resource, or of a principal on a
// host.
type cell struct{ literal, prefixed entries }

// of returns the entries with the kind of pattern that e has.
func (c *cell) of(e *record.AccessControlEntry) *entries {
	if e.PatternType == patternPrefixed {
		return &c.prefixed
	}
	return &c.literal
}

func (c *cell) bits() uint32 { return c.literal.bits() | c.prefixed.bits() }

// owned is a value that belongs to one generation of an image.
type owned[T any] struct {
	gen uint64
	is  T
}

// own returns what o has for the generation to change.
func own[T any](gen uint64, o *owned[T]) *owned[T] {
	switch {
	case o == nil:
		return &owned[T]{gen: gen}
	case o.gen == gen:
		return o
	}
	return &owned[T]{gen, o.is}
}

// resource has all entries whose patterns have one name.
type resource owned[cell]

const (
	hasLiteral  uint32 = 1
	hasPrefixed uint32 = 2
)

func (r *resource) bits() (b uint32) {
	if !r.is.literal.empty() {
		b |= hasLiteral
	}
	if !r.is.prefixed.empty() {
		b |= hasPrefixed
	}
	return b
}

// place has the entries of one principal on one host whose patterns have one name.
type place owned[cell]

func (p *place) bits() uint32 { return p.is.bits() }

// patterns has the entries of one principal on one host.
type patterns struct {
	star  cell         // those of the name "*", which is a wildcard in literal patterns
	names tree[*place] // those of all other names
}

func (p *patterns) bits() uint32 { return p.star.bits() | p.names.bits() }

// host is patterns that belong to one generation.
type host owned[patterns]

func (h *host) bits() uint32 { return h.is.bits() }

// subject has the entries of one principal.
type subject owned[hosts]

// hosts has the entries of one principal, by host.
type hosts struct {
	any   patterns    // "*"
	exact tree[*host] // addresses and any other text
	// ranges are by the bits that the addresses have in common, each a byte of the key (rangeKey),
	// so that the ranges that hold an address lie on one path.
	ranges tree[*host]
}

func (s *subject) bits() uint32 { return s.is.any.bits() | s.is.exact.bits() | s.is.ranges.bits() }

// Add adds an entry. The generation must be that of the image in the making. No entry with the same
// id is there.
func (x *Index) Add(gen uint64, e *record.AccessControlEntry) {
	x.update(gen, e, func(s *entries) { s.add(gen, e) })
}

// Remove removes an entry that has been added.
func (x *Index) Remove(gen uint64, e *record.AccessControlEntry) {
	x.update(gen, e, func(s *entries) { s.remove(gen, e) })
}

func (x *Index) update(gen uint64, e *record.AccessControlEntry, f func(*entries)) {
	of := &x.types[e.ResourceType&(resourceTypes-1)]
	of.names.update(gen, e.ResourceName, func(r *resource, _ bool) (*resource, bool) {
		r = (*resource)(own(gen, (*owned[cell])(r)))
		f(r.is.of(e))
		return r, r.bits() != 0
	})
	updateSubject := func(s *subject, _ bool) (*subject, bool) {
		s = (*subject)(own(gen, (*owned[hosts])(s)))
		s.is.update(gen, e, f)
		return s, s.bits() != 0
	}
	if e.Principal != Everyone {
		of.principals.update(gen, e.Principal, updateSubject)
	} else if s, some := updateSubject(of.everyone, true); some {
		of.everyone = s
	} else {
		of.everyone = nil
	}
}

// subject returns the entries of a principal, or nil.
func (r *resources) subject(principal string) *subject {
	if principal == Everyone {
		return r.everyone
	}
	s, _ := r.principals.get(principal)
	return s
}

func (s *hosts) update(gen uint64, e *record.AccessControlEntry, f func(*entries)) {
	updateHost := func(h *host, _ bool) (*host, bool) {
		h = (*host)(own(gen, (*owned[patterns])(h)))
		h.is.update(gen, e, f)
		return h, h.bits() != 0
	}
	if e.Host == AnyHost {
		s.any.update(gen, e, f)
		return
	}
	if key, ok := rangeKey(e.Host); ok {
		s.ranges.update(gen, key, updateHost)
		return
	}
	s.exact.update(gen, e.Host, updateHost)
}

func (p *patterns) update(gen uint64, e *record.AccessControlEntry, f func(*entries)) {
	if e.ResourceName == AnyName {
		f(p.star.of(e))
		return
	}
	p.names.update(gen, e.ResourceName, func(at *place, _ bool) (*place, bool) {
		at = (*place)(own(gen, (*owned[cell])(at)))
		f(at.is.of(e))
		return at, at.bits() != 0
	})
}
