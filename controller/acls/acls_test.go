package acls

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata/record"
)

// valid is the binding of an ordinary entry.
func valid() Binding {
	return Binding{ResourceType: 2, ResourceName: "t", PatternType: 3, Principal: "User:a",
		Host: "*", Operation: 3, PermissionType: 3}
}

// TestCheckNew has Kafka's texts, in the order in which it checks.
func TestCheckNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change func(*Binding)
		want   string
	}{
		{func(b *Binding) { b.ResourceType = 4 }, "The only valid name for the CLUSTER resource is " +
			"kafka-cluster"},
		{func(b *Binding) { b.ResourceName, b.Host = "", "" }, "Invalid empty resource name"},
		{func(b *Binding) { b.ResourceType, b.PatternType = 1, 0 }, "Invalid resourceType ANY"},
		{func(b *Binding) { b.ResourceType = 8 }, "Invalid resourceType UNKNOWN"},
		{func(b *Binding) { b.PatternType, b.Operation = 2, 0 }, "Invalid patternType MATCH"},
		{func(b *Binding) { b.PatternType = 1 }, "Invalid patternType ANY"},
		{func(b *Binding) { b.Operation, b.PermissionType = 16, 0 }, "Invalid operation UNKNOWN"},
		{func(b *Binding) { b.PermissionType, b.Principal = 1, "" }, "Invalid permissionType ANY"},
		{func(b *Binding) { b.Principal, b.Host = "alice", "" }, "Could not parse principal from " +
			"`alice` (no colon is present separating the principal type from the principal name)"},
		{func(b *Binding) { b.Host = "" }, "Host pattern cannot be null or empty"},
		{func(b *Binding) { b.Host = "10.0.0.0/33" }, "Invalid CIDR notation '10.0.0.0/33': " +
			"Value [33] not in range [0,32]"},
		{func(*Binding) {}, ""},
		{func(b *Binding) { b.ResourceType, b.ResourceName = 4, ClusterName }, ""},
		{func(b *Binding) { b.Host = "not-an-ip" }, ""},
	} {
		b := valid()
		c.change(&b)
		switch err := CheckNew(b, cidrVersion); {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", b, err)
		case c.want != "" && (err == nil || err.Kafka != kerr.InvalidRequest ||
			err.Message != c.want):
			t.Errorf("%+v: %v, want %s", b, err, c.want)
		}
	}
	b := valid()
	b.Host = "bad/range"
	if err := CheckNew(b, cidrVersion-1); err == nil || err.Kafka != kerr.UnsupportedVersion ||
		err.Message != "CIDR-based ACL host patterns require metadata version 4.4-IV1 or higher." {
		t.Errorf("a range under an earlier metadata.version: %v", err)
	}
}

// TestFilter covers each part of a filter, and the kinds of patterns.
func TestFilter(t *testing.T) {
	t.Parallel()
	all := Filter{ResourceType: anyOf, PatternType: anyOf, Operation: anyOf, PermissionType: anyOf}
	name := func(s string) *string { return &s }
	literal, prefix, wildcard := valid(), valid(), valid()
	literal.ResourceName = "topic"
	prefix.ResourceName, prefix.PatternType = "top", 4
	wildcard.ResourceName = Wildcard
	entries := []*record.AccessControlEntry{
		literal.Entry([16]byte{1}), prefix.Entry([16]byte{2}), wildcard.Entry([16]byte{3}),
	}
	for i, c := range []struct {
		change func(*Filter)
		want   [3]bool // literal, prefix, wildcard
	}{
		{func(*Filter) {}, [3]bool{true, true, true}},
		{func(f *Filter) { f.ResourceType = 2 }, [3]bool{true, true, true}},
		{func(f *Filter) { f.ResourceType = 3 }, [3]bool{}},
		{func(f *Filter) { f.Operation = 4 }, [3]bool{}},
		{func(f *Filter) { f.PermissionType = 2 }, [3]bool{}},
		{func(f *Filter) { f.Principal = name("User:b") }, [3]bool{}},
		{func(f *Filter) { f.Principal = name("User:a") }, [3]bool{true, true, true}},
		{func(f *Filter) { f.Host = name("10.0.0.1") }, [3]bool{}},
		{func(f *Filter) { f.PatternType = 3 }, [3]bool{true, false, true}},
		{func(f *Filter) { f.PatternType = 4 }, [3]bool{false, true, false}},
		{func(f *Filter) { f.PatternType = 2 }, [3]bool{true, true, true}},
		{func(f *Filter) { f.ResourceName = name("topic") }, [3]bool{true, false, false}},
		{func(f *Filter) { f.ResourceName = name("top") }, [3]bool{false, true, false}},
		{func(f *Filter) { f.PatternType, f.ResourceName = 2, name("topic") },
			[3]bool{true, true, true}},
		{func(f *Filter) { f.PatternType, f.ResourceName = 2, name("top") },
			[3]bool{false, true, true}},
		{func(f *Filter) { f.PatternType, f.ResourceName = 2, name("t") },
			[3]bool{false, false, true}},
		{func(f *Filter) { f.PatternType, f.ResourceName = 4, name("topic") }, [3]bool{}},
	} {
		f := all
		c.change(&f)
		for j, e := range entries {
			if got := f.Matches(e); got != c.want[j] || f.Check() != nil {
				t.Errorf("filter %d, entry %d: %t", i, j, got)
			}
		}
	}
	for _, change := range []func(*Filter){
		func(f *Filter) { f.ResourceType = 0 }, func(f *Filter) { f.PatternType = 5 },
		func(f *Filter) { f.Operation = 0 }, func(f *Filter) { f.PermissionType = 4 },
	} {
		f := all
		change(&f)
		if f.Check() == nil {
			t.Errorf("%+v can be used", f)
		}
	}
}
