package acls

import (
	"net/netip"
	"strings"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/aclindex"
	"github.com/yakt/yakt/metadata/record"
)

// Resource types (ResourceType).
const (
	Topic           int8 = 2
	Group           int8 = 3
	Cluster         int8 = 4
	TransactionalID int8 = 5
	DelegationToken int8 = 6
	User            int8 = 7
)

// Operations (AclOperation).
const (
	All             int8 = 2
	Read            int8 = 3
	Write           int8 = 4
	Create          int8 = 5
	Delete          int8 = 6
	Alter           int8 = 7
	Describe        int8 = 8
	ClusterAction   int8 = 9
	DescribeConfigs int8 = 10
	AlterConfigs    int8 = 11
	IdempotentWrite int8 = 12
	CreateTokens    int8 = 13
	DescribeTokens  int8 = 14
	TwoPhaseCommit  int8 = 15
)

// Action is an operation on one resource.
type Action struct {
	Operation    int8
	ResourceType int8
	ResourceName string
}

// OnCluster is an operation on the cluster.
func OnCluster(operation int8) Action { return Action{operation, Cluster, ClusterName} }

// Authorizer decides as Kafka's StandardAuthorizer does. It never changes and holds no entries:
// those are in the image that a decision is asked about.
type Authorizer struct {
	superUsers    map[string]bool
	allowEveryone bool
}

// NewAuthorizer makes an authorizer. Super users are written as in super.users, "Type:name".
// allowEveryone allows what no entry is about (allow.everyone.if.no.acl.found).
func NewAuthorizer(superUsers []string, allowEveryone bool) *Authorizer {
	a := &Authorizer{map[string]bool{}, allowEveryone}
	for _, u := range superUsers {
		a.superUsers[u] = true
	}
	return a
}

// IsSuper reports whether a principal may do everything.
func (a *Authorizer) IsSuper(principal string) bool { return a.superUsers[principal] }

// Allows decides whether a principal on a host, a textual IP address, may act. An entry that denies
// wins over all that allow. Where no entry is about the resource at all, the configuration decides;
// where some are, for whomever and whatever, what none of them allows is denied.
func (a *Authorizer) Allows(img *metadata.Image, principal, host string, act Action) bool {
	if a.superUsers[principal] {
		return true
	}
	addr, _ := netip.ParseAddr(host)
	if addr.IsValid() {
		host = aclindex.ClientText(addr)
	}
	about, allowed := false, false
	for _, e := range img.ACLs() {
		if !isAbout(e, act) {
			continue
		}
		about = true
		if !isFor(e, principal, host, addr) || !covers(e, act.Operation) {
			continue
		}
		if e.PermissionType != permissionAllow {
			return false
		}
		allowed = true
	}
	return allowed || !about && a.allowEveryone
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
