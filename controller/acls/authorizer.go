package acls

import (
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

// Decision says whether something is allowed, and why.
type Decision struct {
	Allowed bool
	// Super says that the principal is a super user, for whom no entry counts.
	Super bool
	found aclindex.Found
	// Default says that no entry is about the resource, for no principal and no operation.
	Default bool
}

// Entry returns an entry that allows or, if it is denied, one that denies; nil if none does.
func (d Decision) Entry() *record.AccessControlEntry { return d.found.Entry() }

// Why is the reason as a clause for logs, such as "is a super user".
func (d Decision) Why() string {
	switch e := d.Entry(); {
	case d.Super:
		return "is a super user"
	case e != nil:
		return EntryText(e)
	case d.Default && d.Allowed:
		return "no entry is about the resource, and allow.everyone.if.no.acl.found is true"
	case d.Default:
		return "no entry is about the resource"
	}
	return "entries are about the resource, but none allows this"
}

// Allows is Decide without the reason.
func (a *Authorizer) Allows(img *metadata.Image, principal, host string, act Action) bool {
	return a.Decide(img, principal, host, act).Allowed
}

// Decide decides whether a principal on a host, a textual IP address, may act. An entry that denies
// wins over all that allow. Where no entry is about the resource at all, the configuration decides;
// where some are, for other principals or operations, what none of them allows is denied.
func (a *Authorizer) Decide(img *metadata.Image, principal, host string, act Action) Decision {
	if a.superUsers[principal] {
		return Decision{Allowed: true, Super: true}
	}
	found := img.ACLIndex().Find(&aclindex.Search{
		Client:       aclindex.Client{Principal: principal, Host: host},
		ResourceType: act.ResourceType, ResourceName: act.ResourceName,
		Want: about(act.Operation), Decide: true,
	})
	switch {
	case principal == aclindex.Everyone:
		// An entry for everyone would be taken for one of this principal. Kafka fails here.
		return Decision{}
	case found.Operations != 0:
		denied := found.Operations&aclindex.AllDenied != 0
		return Decision{Allowed: !denied, found: found}
	case img.ACLIndex().IsAbout(act.ResourceType, act.ResourceName):
		return Decision{}
	}
	return Decision{Allowed: a.allowEveryone, Default: true}
}

// about is the set of the entries that decide about an operation: those for it and for all, and
// those that allow what implies it.
func about(operation int8) aclindex.Operations {
	set := aclindex.Allow(operation) | aclindex.Allow(All) |
		aclindex.Deny(operation) | aclindex.Deny(All)
	switch operation {
	case Describe:
		set |= aclindex.Allow(Read) | aclindex.Allow(Write) | aclindex.Allow(Delete) |
			aclindex.Allow(Alter)
	case DescribeConfigs:
		set |= aclindex.Allow(AlterConfigs)
	}
	return set
}
