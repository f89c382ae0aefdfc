package acls

import (
	"net/netip"
	"strings"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/aclindex"
	"github.com/yakt/yakt/metadata/record"
)

// naively is the definition of Decide: it asks each entry.
func naively(a *Authorizer, img *metadata.Image, principal, host string, act Action) bool {
	if a.superUsers[principal] || principal == everyone {
		return a.superUsers[principal]
	}
	about, allowed := false, false
	for _, e := range img.ACLs() {
		about = about || isAbout(e, act)
	}
	for _, e := range deciding(img, principal, host, act) {
		if e.PermissionType != permissionAllow {
			return false
		}
		allowed = true
	}
	return allowed || !about && a.allowEveryone
}

// deciding are the entries for a client and about an operation on a resource.
func deciding(
	img *metadata.Image, principal, host string, act Action,
) (found []*record.AccessControlEntry) {
	addr, err := netip.ParseAddr(host)
	if err == nil {
		host = aclindex.ClientText(addr)
	}
	for _, e := range img.ACLs() {
		if isAbout(e, act) && isFor(e, principal, host, addr) && covers(e, act.Operation) {
			found = append(found, e)
		}
	}
	return found
}

// isAbout reports whether an entry's pattern has the resource. The wildcard does not stand for
// longer names that begin with an asterisk.
func isAbout(e *record.AccessControlEntry, act Action) bool {
	switch {
	case e.ResourceType != act.ResourceType:
		return false
	case e.PatternType == patternPrefixed:
		return strings.HasPrefix(act.ResourceName, e.ResourceName)
	case e.ResourceName == Wildcard:
		return act.ResourceName == Wildcard || !strings.HasPrefix(act.ResourceName, Wildcard)
	}
	return e.ResourceName == act.ResourceName
}

func isFor(e *record.AccessControlEntry, principal, host string, addr netip.Addr) bool {
	return (e.Principal == principal || e.Principal == everyone) &&
		(e.Host == Wildcard || e.Host == host || aclindex.InRange(addr, e.Host))
}

// everyone is the principal of entries for all, of whatever type.
const everyone = "User:*"

// covers reports whether an entry is about an operation. Only entries that allow imply others.
func covers(e *record.AccessControlEntry, operation int8) bool {
	if e.Operation == All || e.Operation == operation {
		return true
	}
	if e.PermissionType != permissionAllow {
		return false
	}
	switch operation {
	case Describe:
		return e.Operation == Read || e.Operation == Write || e.Operation == Delete ||
			e.Operation == Alter
	case DescribeConfigs:
		return e.Operation == AlterConfigs
	}
	return false
}
