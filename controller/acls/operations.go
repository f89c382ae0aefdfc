package acls

// operationNames are Kafka's names (AclOperation), by code.
var operationNames = [...]string{
	unknown: "UNKNOWN", anyOf: "ANY", All: "ALL", Read: "READ", Write: "WRITE", Create: "CREATE",
	Delete: "DELETE", Alter: "ALTER", Describe: "DESCRIBE", ClusterAction: "CLUSTER_ACTION",
	DescribeConfigs: "DESCRIBE_CONFIGS", AlterConfigs: "ALTER_CONFIGS",
	IdempotentWrite: "IDEMPOTENT_WRITE", CreateTokens: "CREATE_TOKENS",
	DescribeTokens: "DESCRIBE_TOKENS", TwoPhaseCommit: "TWO_PHASE_COMMIT",
}

// OperationName is Kafka's name of an operation.
func OperationName(operation int8) string {
	if operation < 0 || int(operation) >= len(operationNames) {
		return operationNames[unknown]
	}
	return operationNames[operation]
}

// operationsOn are the operations that a type of resource has (AclEntry.supportedOperations).
var operationsOn = map[int8][]int8{
	Topic: {
		Read, Write, Create, Describe, Delete, Alter, DescribeConfigs, AlterConfigs,
	},
	Group: {Read, Describe, Delete, DescribeConfigs, AlterConfigs},
	Cluster: {
		Create, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite, Alter, Describe,
	},
	TransactionalID: {Describe, Write, TwoPhaseCommit},
	DelegationToken: {Describe},
	User:            {CreateTokens, DescribeTokens},
}

// Operations are the operations that a type of resource has. They must not be changed.
func Operations(resourceType int8) []int8 { return operationsOn[resourceType] }
