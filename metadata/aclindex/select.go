package aclindex

import (
	"github.com/yakt/yakt/metadata/record"
)

// Same returns an entry with the content of e, whatever its id, or nil.
func (x *Index) Same(e *record.AccessControlEntry) *record.AccessControlEntry {
	s, ok := x.types[e.ResourceType&(resourceTypes-1)].principals.get(e.Principal)
	if !ok {
		return nil
	}
	h := s.is.any
	if key, isRange := rangeKey(e.Host); isRange {
		h, _ = s.is.ranges.get(key)
	} else if e.Host != AnyHost {
		h, _ = s.is.exact.get(e.Host)
	}
	if h == nil {
		return nil
	}
	if e.ResourceName == AnyName {
		return h.is.star.of(e).same(e)
	}
	if at, ok := h.is.names.get(e.ResourceName); ok {
		return at.is.of(e).same(e)
	}
	return nil
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
