package acls

import (
	"github.com/yakt/yakt/metadata"
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
