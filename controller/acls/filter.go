package acls

import (
	"bytes"
	"slices"
	"strings"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Filter selects entries. A nil string selects all, and so does the code ANY.
type Filter struct {
	ResourceType int8
	ResourceName *string
	// PatternType may also be MATCH: entries that apply to the resource of this name, by whatever
	// pattern.
	PatternType    int8
	Principal      *string
	Host           *string
	Operation      int8
	PermissionType int8
}

// Check returns why a filter cannot be used.
func (f *Filter) Check() *protocol.Error {
	switch {
	case !within(f.ResourceType, anyOf, resourceLast), !within(f.PatternType, anyOf, patternPrefixed):
		return invalid("Unknown patternFilter.")
	case !within(f.Operation, anyOf, operationLast),
		!within(f.PermissionType, anyOf, permissionAllow):
		return invalid("Unknown entryFilter.")
	}
	return nil
}

// Select returns the entries that the filter selects, by id. It compares the filter with all
// entries, or, if it has a name, only with those whose patterns can match that. Each comparison is
// taken off budget; ok is false if that does not suffice.
func (f *Filter) Select(
	img *metadata.Image, budget *int,
) (found []*record.AccessControlEntry, ok bool) {
	visit := func(e *record.AccessControlEntry) bool {
		if *budget--; f.Matches(e) {
			found = append(found, e)
		}
		return *budget >= 0
	}
	switch {
	case f.ResourceName == nil:
		if img.ACLCount() > *budget {
			return nil, false
		}
		for _, e := range img.ACLs() {
			visit(e)
		}
		return found, true
	case f.PatternType == patternMatch:
		img.ACLIndex().Covering(*f.ResourceName, visit)
	default:
		img.ACLIndex().Named(*f.ResourceName, visit)
	}
	slices.SortFunc(found, func(a, b *record.AccessControlEntry) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return found, *budget >= 0
}

// Matches reports whether the filter selects an entry.
func (f *Filter) Matches(e *record.AccessControlEntry) bool {
	return code(f.ResourceType, e.ResourceType) && code(f.Operation, e.Operation) &&
		code(f.PermissionType, e.PermissionType) && name(f.Principal, e.Principal) &&
		name(f.Host, e.Host) && f.matchesPattern(e)
}

func code(want, have int8) bool { return want == anyOf || want == have }

func name(want *string, have string) bool { return want == nil || *want == have }

func (f *Filter) matchesPattern(e *record.AccessControlEntry) bool {
	switch {
	case f.PatternType != patternMatch && !code(f.PatternType, e.PatternType):
		return false
	case f.ResourceName == nil:
		return true
	case f.PatternType != patternMatch:
		return *f.ResourceName == e.ResourceName
	case e.PatternType == patternPrefixed:
		return strings.HasPrefix(*f.ResourceName, e.ResourceName)
	}
	return *f.ResourceName == e.ResourceName || e.ResourceName == Wildcard
}
