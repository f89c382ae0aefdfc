package aclindex

import (
	"net/netip"
	"strings"

	"github.com/yakt/yakt/metadata/record"
)

// Client is who asks.
type Client struct {
	Principal string // "Type:name"
	Host      string // textual IP address, without port
}

// Search says what to look for in the entries that are for a client and about a resource.
type Search struct {
	Client       Client
	ResourceType int8
	ResourceName string
	// Want are the operations that the result shall tell apart.
	Want Operations
	// Decide ends the search as soon as its outcome as a decision is certain: with an entry that
	// denies, or with one that allows when no wanted ones deny.
	Decide bool
}

// Found is the result of a search.
type Found struct {
	// Operations are the wanted ones for which there is an entry; of a search that decides, at
	// least one, and one of those that are denied if there is any.
	Operations Operations
	by         *entries
	byWanted   Operations
}

// Entry returns an entry that has decided the search, or nil.
func (f *Found) Entry() *record.AccessControlEntry {
	if f.by == nil {
		return nil
	}
	return f.by.any(f.byWanted)
}

// search is a running search.
type search struct {
	Search
	found Found
	want  Operations // what is still wanted
	// wildcard says that the wildcard stands for the name; whole that the name is the wildcard's.
	wildcard, isStar bool
}

// Find searches the entries for a client and about a resource.
func (x *Index) Find(s *Search) Found {
	of := &x.types[s.ResourceType&(resourceTypes-1)]
	at := search{Search: *s, want: s.Want, isStar: s.ResourceName == AnyName}
	at.wildcard = at.isStar || !strings.HasPrefix(s.ResourceName, AnyName)
	if own, ok := of.principals.get(s.Client.Principal); ok {
		at.hosts(&own.is)
	}
	if of.everyone != nil {
		at.hosts(&of.everyone.is)
	}
	return at.found
}

// hosts searches the entries of one principal.
func (s *search) hosts(of *hosts) {
	s.host(&of.any)
	exact, ranges := of.exact.bits()&uint32(s.want) != 0, of.ranges.bits()&uint32(s.want) != 0
	if !exact && !ranges {
		return
	}
	addr, err := netip.ParseAddr(s.Client.Host)
	if exact {
		text := s.Client.Host
		if err == nil {
			text = ClientText(addr)
		}
		if h, ok := of.exact.get(text); ok {
			s.host(&h.is)
		}
	}
	if ranges && err == nil {
		for p := of.ranges.path(addrKey(addr)); p.next(uint32(s.want)); {
			s.host(&p.value.is)
		}
	}
}

// host searches the entries of one principal on one host.
func (s *search) host(of *patterns) {
	if of.bits()&uint32(s.want) == 0 {
		return
	}
	if s.wildcard {
		s.take(&of.star.literal)
	}
	if !s.wildcard || s.isStar {
		s.take(&of.star.prefixed)
	}
	for p := of.names.path(s.ResourceName); p.next(uint32(s.want)); {
		if p.whole {
			s.take(&p.value.is.literal)
		}
		s.take(&p.value.is.prefixed)
	}
}

// take takes note of entries that are for the client and about the resource.
func (s *search) take(e *entries) {
	found := Operations(e.bits()) & s.want
	if found == 0 {
		return
	}
	s.found.Operations |= found
	s.want &^= found
	if !s.Decide {
		return
	}
	switch {
	case found&AllDenied != 0:
		s.want, s.found.by, s.found.byWanted = 0, e, found&AllDenied
	default:
		s.want &= AllDenied
		s.found.by, s.found.byWanted = e, found
	}
}

// IsAbout reports whether any entry is about a resource, for whomever and whatever.
func (x *Index) IsAbout(resourceType int8, name string) bool {
	names := x.types[resourceType&(resourceTypes-1)].names
	if name == AnyName || !strings.HasPrefix(name, AnyName) {
		if star, ok := names.get(AnyName); ok && star.bits()&hasLiteral != 0 {
			return true
		}
	}
	// The path ends where neither a prefix nor, at its end, the name itself can be found any more.
	for p := names.path(name); p.next(hasLiteral | hasPrefixed); {
		if b := p.value.bits(); b&hasPrefixed != 0 || p.whole {
			return true
		}
	}
	return false
}
