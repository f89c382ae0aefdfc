package acls

import (
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/aclindex"
)

// NoOperations is what responses hold in place of authorized operations that the request did not
// ask for.
const NoOperations int32 = -1 << 31

// supported are the operations that make sense on resources of a type (AclEntry).
var supported = map[int8][]int8{
	Topic: {Read, Write, Create, Describe, Delete, Alter, DescribeConfigs, AlterConfigs},
	Group: {Read, Describe, Delete, DescribeConfigs, AlterConfigs},
	Cluster: {
		Create, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite, Alter, Describe,
	},
	TransactionalID: {Describe, Write, TwoPhaseCommit},
	DelegationToken: {Describe},
	User:            {CreateTokens, DescribeTokens},
}

// AuthorizedOperations is the bit field of the operations that a principal on a host may do on a
// resource, as responses have it: bit n stands for the operation with the code n. A nil authorizer
// allows every operation that the type supports.
func (a *Authorizer) AuthorizedOperations(
	img *metadata.Image, principal, host string, resourceType int8, name string,
) (bits int32) {
	for _, operation := range supported[resourceType] {
		if a == nil || a.Allows(img, principal, host, Action{operation, resourceType, name}) {
			bits |= 1 << operation
		}
	}
	return bits
}

// hardcode stands for a name that nobody has thought of, in the question for any resource. Kafka
// asks with this text, so that an entry about it or a prefix of it counts as one about all names.
const hardcode = "hardcode"

// AllowsAny decides whether a principal on a host may act on resources of a type of some name, as
// Kafka does where a producer wants an id but has not named a topic. Other operations imply nothing
// here, except in entries about the name "hardcode". (Authorizer.authorizeByResourceType)
func (a *Authorizer) AllowsAny(
	img *metadata.Image, principal, host string, operation, resourceType int8,
) bool {
	if a.Allows(img, principal, host, Action{operation, resourceType, hardcode}) {
		return true
	}
	return principal != aclindex.Everyone && img.ACLIndex().AllowsAny(
		aclindex.Client{Principal: principal, Host: host}, resourceType,
		aclindex.Allow(operation)|aclindex.Allow(All)|aclindex.Deny(operation)|aclindex.Deny(All))
}
