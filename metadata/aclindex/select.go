package aclindex

import (
	"github.com/yakt/yakt/metadata/record"
)

// Same returns an entry with the content of e, whatever its id, or nil.
func (x *Index) Same(e *record.AccessControlEntry) *record.AccessControlEntry {
	s := x.types[e.ResourceType&(resourceTypes-1)].subject(e.Principal)
	if s == nil {
		return nil
	}
	p := s.is.on(e.Host)
	switch at, ok := p.names.get(e.ResourceName); {
	case e.ResourceName == AnyName:
		return p.star.of(e).same(e)
	case ok:
		return at.is.of(e).same(e)
	}
	return nil
}

// on returns the entries for a host of entries, none if there are none.
func (s *hosts) on(text string) *patterns {
	if text == AnyHost {
		return &s.any
	}
	h, ok := s.exact.get(text)
	if key, isRange := rangeKey(text); isRange {
		h, ok = s.ranges.get(key)
	}
	if !ok {
		return &patterns{}
	}
	return &h.is
}

// Named visits, in no particular order, the entries of all types of resources whose patterns have a
// name, until visit returns false.
func (x *Index) Named(name string, visit func(*record.AccessControlEntry) bool) {
	for i := range x.types {
		if r, ok := x.types[i].names.get(name); ok && !r.each(visit) {
			return
		}
	}
}

// Covering visits, in no particular order, at least the entries of all types of resources whose
// patterns have the resource of a name, until visit returns false.
func (x *Index) Covering(name string, visit func(*record.AccessControlEntry) bool) {
	for i := range x.types {
		names := x.types[i].names
		if star, ok := names.get(AnyName); ok && !star.each(visit) {
			return
		}
		for p := names.path(name); p.next(hasLiteral | hasPrefixed); {
			isStar := len(name)-len(p.rest) == len(AnyName) && name[:len(AnyName)] == AnyName
			if !isStar && !p.value.each(visit) {
				return
			}
		}
	}
}

func (r *resource) each(visit func(*record.AccessControlEntry) bool) bool {
	return r.is.literal.each(every, visit) && r.is.prefixed.each(every, visit)
}

const every Operations = ^Operations(0)
