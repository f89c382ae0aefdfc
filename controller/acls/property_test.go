package acls

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// What the generators draw from: few names, so that entries meet one another and the questions.
var (
	someNames = []string{
		"a", "ab", "abc", "abd", "b", "*", "*a", "a*", "é", "éa", "\U0001F600", "\U0001F601a", "a\x00",
	}
	somePrincipals = []string{"User:a", "User:ab", "User:*", "Group:a", "Group:*", "User:", "user:a"}
	someHosts      = []string{
		"*", "1.2.3.4", "1.2.3.5", "1.2.3.4/32", "1.2.0.0/16", "001.2.99.0/16", "0.0.0.0/0", "::/0",
		"fd00::/8", "fd00::1/128", "fd00:0:0:0:0:0:0:1", "fd00::1", "host", "1.2.3.4/33", "/", "0.0.0.0",
	}
	someClients = []string{
		"1.2.3.4", "1.2.3.5", "9.9.9.9", "0.0.0.0", "fd00::1", "fd00::2%eth0", "::1", "::ffff:1.2.3.4",
		"host", "",
	}
	someOperations = []int8{
		All, Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs, TwoPhaseCommit,
	}
	someTypes = []int8{Topic, Group, User}
)

func drawEntry(t *rapid.T, id byte) *record.AccessControlEntry {
	return Binding{
		ResourceType:   rapid.SampledFrom(someTypes).Draw(t, "type"),
		ResourceName:   rapid.SampledFrom(someNames).Draw(t, "name"),
		PatternType:    rapid.Int8Range(patternLiteral, patternPrefixed).Draw(t, "pattern"),
		Principal:      rapid.SampledFrom(somePrincipals).Draw(t, "principal"),
		Host:           rapid.SampledFrom(someHosts).Draw(t, "host"),
		Operation:      rapid.SampledFrom(someOperations).Draw(t, "operation"),
		PermissionType: rapid.Int8Range(permissionDeny, permissionAllow).Draw(t, "permission"),
	}.Entry([16]byte{id})
}

func drawAction(t *rapid.T) Action {
	return Action{
		rapid.SampledFrom(someOperations[1:]).Draw(t, "asked operation"),
		rapid.SampledFrom(someTypes).Draw(t, "asked type"),
		rapid.SampledFrom(someNames).Draw(t, "asked name"),
	}
}

// replayACL adds an entry, or removes the one with an id that a former record has added.
func replayACL(t *rapid.T, img *metadata.Image, r record.Record) *metadata.Image {
	e := img.Edit()
	if err := e.Read(img.EndOffset(), r); err != nil {
		t.Fatal(err)
	}
	return e.Done(img.EndOffset()+1, 1, 0)
}

// TestIndexDecidesAsTheDefinition: in each of a history of images, also in those that have
// successors, the index finds what asking each entry finds.
func TestIndexDecidesAsTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		authorizer := NewAuthorizer([]string{"User:ab"}, rapid.Bool().Draw(t, "everyone"))
		images := []*metadata.Image{metadata.Empty()}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			img := images[len(images)-1]
			id := rapid.ByteRange(0, 20).Draw(t, "id") // an id that exists is removed, or replaced
			var r record.Record = drawEntry(t, id)
			if img.ACL([16]byte{id}) != nil && rapid.Bool().Draw(t, "remove") {
				r = &record.RemoveAccessControlEntry{ID: [16]byte{id}}
			}
			images = append(images, replayACL(t, img, r))
		}
		for range 10 {
			img := rapid.SampledFrom(images).Draw(t, "image")
			principal := rapid.SampledFrom(somePrincipals).Draw(t, "who")
			host := rapid.SampledFrom(someClients).Draw(t, "from")
			act := drawAction(t)
			got := authorizer.Decide(img, principal, host, act)
			if want := naively(authorizer, img, principal, host, act); got.Allowed != want {
				t.Fatalf("%s from %q: %v: %t, because %s", principal, host, act, got.Allowed, got.Why())
			}
			checkReason(t, img, principal, host, act, got)
		}
	})
}

// checkReason checks that the reason of a decision is true.
func checkReason(
	t *rapid.T, img *metadata.Image, principal, host string, act Action, d Decision,
) {
	if d.Entry() != nil && (d.Entry().PermissionType == permissionAllow) != d.Allowed {
		t.Fatalf("%v is %t because of %s", act, d.Allowed, d.Why())
	}
	if d.Entry() != nil && !slices.ContainsFunc(deciding(img, principal, host, act),
		func(e *record.AccessControlEntry) bool { return e.ID == d.Entry().ID }) {
		t.Fatalf("%v: %s does not decide it", act, d.Why())
	}
}

// TestIndexForgets: once its entries are removed, an index is as one that never had any.
func TestIndexForgets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		img := metadata.Empty()
		ids := rapid.Permutation([]byte{1, 2, 3, 4, 5, 6, 7, 8}).Draw(t, "ids")
		for _, id := range ids {
			img = replayACL(t, img, drawEntry(t, id))
		}
		for _, id := range rapid.Permutation(ids).Draw(t, "removed") {
			img = replayACL(t, img, &record.RemoveAccessControlEntry{ID: [16]byte{id}})
		}
		if *img.ACLIndex() != *metadata.Empty().ACLIndex() {
			t.Fatal("something is left in the index")
		}
	})
}

// TestSelectAsTheDefinition: a filter selects, with the help of the index, what it matches.
func TestSelectAsTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		img := metadata.Empty()
		for id := range rapid.ByteRange(0, 30).Draw(t, "entries") {
			img = replayACL(t, img, drawEntry(t, id))
		}
		filter := drawFilter(t)
		var want []*record.AccessControlEntry
		for _, e := range img.ACLs() {
			if filter.Matches(e) {
				want = append(want, e)
			}
		}
		budget := img.ACLCount()
		got, ok := filter.Select(img, &budget)
		if !ok || !slices.Equal(got, want) {
			t.Fatalf("%+v selects %v, not %v", filter, got, want)
		}
		if one := img.ACL([16]byte{}); one != nil && img.ACLIndex().Same(one) == nil {
			t.Fatalf("there is no entry with the content of %+v", one)
		}
		other := drawEntry(t, 99)
		same := func(e *record.AccessControlEntry) bool { return BindingOf(e) == BindingOf(other) }
		all := slices.Collect(func(yield func(*record.AccessControlEntry) bool) {
			for _, e := range img.ACLs() {
				if !yield(e) {
					return
				}
			}
		})
		if got := img.ACLIndex().Same(other); (got != nil) != slices.ContainsFunc(all, same) {
			t.Fatalf("the entry with the content of %+v is %v", other, got)
		}
	})
}

func drawFilter(t *rapid.T) Filter {
	orAny := func(code int8) int8 {
		if rapid.Bool().Draw(t, "any") {
			return anyOf
		}
		return code
	}
	orNil := func(name string) *string {
		if rapid.Bool().Draw(t, "nil") {
			return nil
		}
		return &name
	}
	e := drawEntry(t, 0)
	return Filter{
		ResourceType: orAny(e.ResourceType), ResourceName: orNil(e.ResourceName),
		PatternType: rapid.Int8Range(anyOf, patternPrefixed).Draw(t, "filter pattern"),
		Principal:   orNil(e.Principal), Host: orNil(e.Host), Operation: orAny(e.Operation),
		PermissionType: orAny(e.PermissionType),
	}
}
