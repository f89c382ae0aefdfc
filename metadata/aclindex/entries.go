package aclindex

import (
	"github.com/yakt/yakt/metadata/record"
)

// Operations is a set of operations that entries allow or deny: bit n is for those that allow the
// operation with code n, bit 16+n for those that deny it.
type Operations uint32

// denied is the distance of the two bits of an operation.
const denied = 16

// AllDenied are the bits of the operations that are denied.
const AllDenied Operations = 0xffff << denied

// Allow is the set of entries that allow an operation.
func Allow(operation int8) Operations { return 1 << (operation & 15) }

// Deny is the set of entries that deny an operation.
func Deny(operation int8) Operations { return Allow(operation) << denied }

// operationsOf is the set that an entry is in.
func operationsOf(e *record.AccessControlEntry) Operations {
	if e.PermissionType == permissionAllow {
		return Allow(e.Operation)
	}
	return Deny(e.Operation)
}

// entry is an entry in a tree.
type entry struct{ *record.AccessControlEntry }

func (e entry) bits() uint32 { return uint32(operationsOf(e.AccessControlEntry)) }

// entries is a set of entries. Most sets have one.
type entries struct {
	one  *record.AccessControlEntry // nil: all are in more
	more tree[entry]                // by entryKey
	all  uint32                     // the bits of all; here, so that no entry needs to be read
}

func (s *entries) empty() bool { return s.all == 0 }

func (s *entries) bits() uint32 { return s.all }

func (s *entries) settle() {
	s.all = s.more.bits()
	if s.one != nil {
		s.all |= uint32(operationsOf(s.one))
	}
}

// entryKey has the operation first, so that the entries of one are together, and at the end what
// makes the key unique.
func entryKey(e *record.AccessControlEntry) string { return contentKey(e) + string(e.ID[:]) }

func contentKey(e *record.AccessControlEntry) string {
	start := [...]byte{byte(e.Operation), byte(e.PermissionType)}
	return string(start[:]) + e.Host + "\x00"
}

func (s *entries) add(gen uint64, e *record.AccessControlEntry) {
	defer s.settle()
	if s.empty() {
		s.one = e
		return
	}
	s.more.update(gen, entryKey(e), func(entry, bool) (entry, bool) { return entry{e}, true })
}

func (s *entries) remove(gen uint64, e *record.AccessControlEntry) {
	defer s.settle()
	if s.one != nil && s.one.ID == e.ID {
		s.one = nil
		return
	}
	s.more.update(gen, entryKey(e), func(entry, bool) (entry, bool) { return entry{}, false })
}

// each visits the entries with one of the wanted bits until visit returns false.
func (s *entries) each(want Operations, visit func(*record.AccessControlEntry) bool) bool {
	if s.one != nil && operationsOf(s.one)&want != 0 && !visit(s.one) {
		return false
	}
	more := true
	s.more.each(uint32(want), func(_ string, e entry) bool {
		more = visit(e.AccessControlEntry)
		return more
	})
	return more
}

// any returns an entry with one of the wanted bits, of which the set has one.
func (s *entries) any(want Operations) (found *record.AccessControlEntry) {
	s.each(want, func(e *record.AccessControlEntry) bool {
		found = e
		return false
	})
	return found
}

// same returns an entry with the operation, the permission and the host of e, or nil.
func (s *entries) same(e *record.AccessControlEntry) (found *record.AccessControlEntry) {
	isSame := func(other *record.AccessControlEntry) bool {
		return other.Operation == e.Operation && other.PermissionType == e.PermissionType &&
			other.Host == e.Host
	}
	if s.one != nil && isSame(s.one) {
		return s.one
	}
	s.more.under(contentKey(e), func(other entry) bool {
		if isSame(other.AccessControlEntry) {
			found = other.AccessControlEntry
		}
		return found == nil
	})
	return found
}
