package acls

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// shownBytes bounds a name in a text. Names of resources may be 32 KiB long.
const shownBytes = 128

// String is the action as in "READ on TOPIC t". A long name is cut, and unprintable characters are
// escaped.
func (a Action) String() string {
	return fmt.Sprintf("%s on %v %s", OperationText(a.Operation),
		kmsg.ACLResourceType(a.ResourceType), shown(a.ResourceName))
}

// EntryText describes an entry as in "entry ID: User:a from * is allowed ALL on TOPIC t".
func EntryText(e *record.AccessControlEntry) string {
	return fmt.Sprintf("entry %v: %v", e.ID, BindingOf(e))
}

// String describes the binding as in "User:a from * is allowed ALL on TOPIC t". Long names are cut,
// and unprintable characters are escaped.
func (b Binding) String() string {
	permission := "denied"
	if b.PermissionType == permissionAllow {
		permission = "allowed"
	}
	name := shown(b.ResourceName)
	if b.PatternType == patternPrefixed {
		name = "names that begin with " + name
	}
	return fmt.Sprintf("%s from %s is %s %s on %v %s", shown(b.Principal), shown(b.Host), permission,
		OperationText(b.Operation), kmsg.ACLResourceType(b.ResourceType), name)
}

func shown(name string) string {
	cut := ""
	if len(name) > shownBytes {
		name, cut = strings.ToValidUTF8(name[:shownBytes], ""), "..."
	}
	quoted := fmt.Sprintf("%q", name)
	if quoted == `"`+name+`"` && name != "" && !strings.Contains(name, " ") {
		return name + cut
	}
	return quoted + cut
}

// OperationText is the name of an operation, such as "READ".
func OperationText(operation int8) string {
	if operation == TwoPhaseCommit {
		return "TWO_PHASE_COMMIT" // kmsg has no name for it
	}
	return kmsg.ACLOperation(operation).String()
}
