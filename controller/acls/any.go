package acls

import (
	"net/netip"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/aclindex"
	"github.com/yakt/yakt/metadata/record"
)

// anyName is the name that Kafka asks about first: what is allowed on it is allowed everywhere.
const anyName = "hardcode"

// AllowsAny decides whether a principal on a host may do an operation on some resource of a type,
// which need not exist (Authorizer.authorizeByResourceType). Unlike Allows it takes no operation
// for implied by another.
func (a *Authorizer) AllowsAny(
	img *metadata.Image, principal, host string, operation, resourceType int8,
) bool {
	if a.Allows(img, principal, host, Action{operation, resourceType, anyName}) {
		return true
	}
	addr, _ := netip.ParseAddr(host)
	if addr.IsValid() {
		host = aclindex.ClientText(addr)
	}
	p := newPatterns()
	for _, e := range img.ACLs() {
		if e.ResourceType == resourceType && concerns(e, principal, host, addr) &&
			(e.Operation == operation || e.Operation == All) {
			p.add(e)
		}
	}
	return p.allowSome()
}

// patterns are the resources that entries allow and deny, by literal name and by prefix.
type patterns struct {
	allowed, denied map[int8]map[string]bool
	lengths         map[int]bool // of the prefixes that are denied
}

func newPatterns() patterns {
	byType := func() map[int8]map[string]bool {
		return map[int8]map[string]bool{patternLiteral: {}, patternPrefixed: {}}
	}
	return patterns{byType(), byType(), map[int]bool{}}
}

func (p patterns) add(e *record.AccessControlEntry) {
	to := p.denied
	if e.PermissionType == permissionAllow {
		to = p.allowed
	} else if e.PatternType == patternPrefixed {
		p.lengths[len(e.ResourceName)] = true
	}
	if names := to[e.PatternType]; names != nil {
		names[e.ResourceName] = true
	}
}

// allowSome reports whether an allowed pattern has a resource that is not denied.
func (p patterns) allowSome() bool {
	switch {
	case p.denied[patternLiteral][Wildcard]:
		return false
	case p.allowed[patternLiteral][Wildcard]:
		return true
	}
	for name := range p.allowed[patternLiteral] {
		if !p.denied[patternLiteral][name] && !p.deniedBelow(name) {
			return true
		}
	}
	for prefix := range p.allowed[patternPrefixed] {
		if !p.deniedBelow(prefix) {
			return true
		}
	}
	return false
}

// deniedBelow reports whether a name or prefix begins with a prefix that is denied.
func (p patterns) deniedBelow(name string) bool {
	for n := range p.lengths {
		if n <= len(name) && p.denied[patternPrefixed][name[:n]] {
			return true
		}
	}
	return false
}

// concerns reports whether an entry's principal and host are those of a client.
func concerns(e *record.AccessControlEntry, principal, host string, addr netip.Addr) bool {
	return (e.Principal == principal || e.Principal == "User:*") &&
		(e.Host == Wildcard || e.Host == host || aclindex.InRange(addr, e.Host))
}
