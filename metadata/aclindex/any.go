package aclindex

import (
	"net/netip"
	"strings"
)

// AllowsAny reports whether a client may do something to resources of a type of some name, by the
// entries with the bits in want: those that allow it, and those that deny it. An entry that denies
// it by the wildcard outweighs all. Otherwise it is enough that one allows it by the wildcard, or
// by a pattern that no prefix denies as a whole, nor, if it is literal, a literal one.
// (Authorizer.authorizeByResourceType, which does not ask what other names a prefix leaves.)
func (x *Index) AllowsAny(c Client, resourceType int8, want Operations) bool {
	hosts := x.hostsFor(c, resourceType, want)
	allow, deny := uint32(want&^AllDenied), uint32(want&AllDenied)
	byWildcard := uint32(0)
	for _, h := range hosts {
		byWildcard |= h.is.star.literal.bits() & (allow | deny)
	}
	if byWildcard != 0 {
		return byWildcard&deny == 0
	}
	for _, h := range hosts {
		allowed := false
		prefixed := &h.is.star.prefixed
		if prefixed.bits()&allow != 0 && !deniesPattern(hosts, AnyName, false, deny) {
			return true
		}
		h.is.names.each(allow, func(name string, p *place) bool {
			allowed = p.is.literal.bits()&allow != 0 && !deniesPattern(hosts, name, true, deny) ||
				p.is.prefixed.bits()&allow != 0 && !deniesPattern(hosts, name, false, deny)
			return !allowed
		})
		if allowed {
			return true
		}
	}
	return false
}

// deniesPattern reports whether an entry denies all that a pattern has.
func deniesPattern(hosts []*host, name string, literal bool, deny uint32) bool {
	for _, h := range hosts {
		if strings.HasPrefix(name, AnyName) && h.is.star.prefixed.bits()&deny != 0 {
			return true
		}
		for p := h.is.names.path(name); p.next(deny); {
			if p.value.is.prefixed.bits()&deny != 0 ||
				literal && p.whole && p.value.is.literal.bits()&deny != 0 {
				return true
			}
		}
	}
	return false
}

// hostsFor returns the entries for a client, where there are some with the wanted bits.
func (x *Index) hostsFor(c Client, resourceType int8, want Operations) (found []*host) {
	add := func(h *host) {
		if h.bits()&uint32(want) != 0 {
			found = append(found, h)
		}
	}
	addr, err := netip.ParseAddr(c.Host)
	text := c.Host
	if err == nil {
		text = ClientText(addr)
	}
	principals := x.types[resourceType&(resourceTypes-1)].principals
	for i, principal := range [2]string{c.Principal, Everyone} {
		s, ok := principals.get(principal)
		if !ok || i == 0 && principal == Everyone {
			continue
		}
		add(s.is.any)
		if h, ok := s.is.exact.get(text); ok {
			add(h)
		}
		for p := s.is.ranges.path(addrKey(addr)); err == nil && p.next(uint32(want)); {
			add(p.value)
		}
	}
	return found
}
