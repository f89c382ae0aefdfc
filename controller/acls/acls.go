// Package acls holds the rules of access control entries: which may be created, and which a filter
// selects. It enforces none of them. (AclControlManager, AclBindingFilter)
package acls

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Codes of Kafka's enumerations: ResourceType, PatternType, AclOperation, AclPermissionType.
const (
	unknown int8 = 0
	anyOf   int8 = 1

	resourceCluster int8 = 4
	resourceLast    int8 = 7

	patternMatch    int8 = 2
	patternLiteral  int8 = 3
	patternPrefixed int8 = 4

	operationLast int8 = 15

	permissionDeny  int8 = 2
	permissionAllow int8 = 3
)

const (
	// ClusterName is the only name of a resource of type CLUSTER.
	ClusterName = "kafka-cluster"
	// Wildcard stands for every resource, as a literal name, and for every host.
	Wildcard = "*"
)

// Binding is the content of an entry, without its id. Entries with equal bindings must not exist at
// the same time.
type Binding struct {
	ResourceType   int8
	ResourceName   string
	PatternType    int8
	Principal      string
	Host           string
	Operation      int8
	PermissionType int8
}

// BindingOf returns the content of an entry.
func BindingOf(e *record.AccessControlEntry) Binding {
	return Binding{
		e.ResourceType, e.ResourceName, e.PatternType, e.Principal, e.Host, e.Operation,
		e.PermissionType,
	}
}

// Entry returns the record that creates the binding under an id.
func (b Binding) Entry(id protocol.UUID) *record.AccessControlEntry {
	return &record.AccessControlEntry{
		ID: id, ResourceType: b.ResourceType, ResourceName: b.ResourceName,
		PatternType: b.PatternType, Principal: b.Principal, Host: b.Host,
		Operation: b.Operation, PermissionType: b.PermissionType,
	}
}

// CheckNew returns why an entry cannot be created (AclApis.handleCreateAcls,
// AclControlManager.validateNewAcl).
func CheckNew(b Binding, v metadata.Version) *protocol.Error {
	switch {
	case b.ResourceType == resourceCluster && b.ResourceName != ClusterName:
		return invalid("The only valid name for the CLUSTER resource is %s", ClusterName)
	case b.ResourceName == "":
		return invalid("Invalid empty resource name")
	case !within(b.ResourceType, anyOf+1, resourceLast):
		return invalid("Invalid resourceType %s", text(b.ResourceType))
	case !within(b.PatternType, patternLiteral, patternPrefixed):
		return invalid("Invalid patternType %s", text(b.PatternType))
	case !within(b.Operation, anyOf+1, operationLast):
		return invalid("Invalid operation %s", text(b.Operation))
	case !within(b.PermissionType, permissionDeny, permissionAllow):
		return invalid("Invalid permissionType %s", text(b.PermissionType))
	case !strings.Contains(b.Principal, ":"):
		return invalid("Could not parse principal from `%s` (no colon is present separating the "+
			"principal type from the principal name)", b.Principal)
	}
	return checkHost(b.Host, v)
}

func within(code, low, high int8) bool { return code >= low && code <= high }

// text is the name of a code that no entry may have.
func text(code int8) string {
	switch code {
	case anyOf:
		return "ANY"
	case patternMatch:
		return "MATCH"
	}
	return "UNKNOWN"
}

func invalid(format string, args ...any) *protocol.Error {
	return protocol.Errorf(kerr.InvalidRequest, format, args...)
}
