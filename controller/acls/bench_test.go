package acls

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// benchEntries is how many entries decisions are measured with.
const benchEntries = 100_000

// benchDecision asks one question of an image whose entry number i is made by make from an ordinary
// one: one that allows User:u<i> to read the topic t<i>.
type benchDecision struct {
	name      string
	make      func(i int, b *Binding)
	principal string
	host      string
	act       Action
	allowed   bool
}

var benchDecisions = []benchDecision{
	{
		name: "many principals and topics", make: func(int, *Binding) {},
		principal: "User:u77777", host: "10.1.2.3", act: Action{Read, Topic, "t77777"}, allowed: true,
	},
	{
		name: "denied, no entry is about it", make: func(int, *Binding) {},
		principal: "User:u77777", host: "10.1.2.3", act: Action{Read, Topic, "u"},
	},
	{
		name:      "one topic",
		make:      func(_ int, b *Binding) { b.ResourceName = "t" },
		principal: "User:u77777", host: "10.1.2.3", act: Action{Read, Topic, "t"}, allowed: true,
	},
	{
		name:      "all on the wildcard",
		make:      func(_ int, b *Binding) { b.ResourceName = Wildcard },
		principal: "User:u77777", host: "10.1.2.3", act: Action{Read, Topic, "t"}, allowed: true,
	},
	{
		name:      "one principal",
		make:      func(_ int, b *Binding) { b.Principal = everyone },
		principal: "User:a", host: "10.1.2.3", act: Action{Read, Topic, "t77777"}, allowed: true,
	},
	{
		name: "one principal with a range for each entry",
		make: func(i int, b *Binding) {
			b.ResourceName, b.Principal = "t", "User:a"
			b.Host = fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255)
		},
		principal: "User:a", host: "10.1.1.1", act: Action{Read, Topic, "t"}, allowed: true,
	},
	{
		name: "33 ranges that hold the address, with a denial for another topic in each",
		make: func(i int, b *Binding) {
			b.Principal, b.PermissionType = "User:a", permissionDeny
			b.Host = fmt.Sprintf("10.1.1.1/%d", i%33)
		},
		principal: "User:a", host: "10.1.1.1", act: Action{Read, Topic, "t"},
	},
	{
		name: "129 ranges that hold the address, with a denial for another topic in each",
		make: func(i int, b *Binding) {
			b.Principal, b.PermissionType = "User:a", permissionDeny
			b.Host = fmt.Sprintf("fd00::1/%d", i%129)
		},
		principal: "User:a", host: "fd00::1", act: Action{Read, Topic, "t"},
	},
	{
		name: "249 prefixes of the name",
		make: func(i int, b *Binding) {
			nested(i, b)
			b.Operation = Read
		},
		principal: "User:a", host: "10.1.2.3", act: Action{Read, Topic, nestedName}, allowed: true,
	},
	{
		name: "249 prefixes of the name that allow something else, and a denial beside each",
		make: func(i int, b *Binding) {
			nested(i, b)
			if i >= topicNameBytes {
				b.ResourceName = b.ResourceName[:len(b.ResourceName)-1] + fmt.Sprintf("b%d", i)
				b.PermissionType, b.Operation = permissionDeny, Read
			}
		},
		principal: "User:a", host: "10.1.2.3", act: Action{Read, Topic, nestedName},
	},
	{
		name: "249 prefixes of the name that deny other addresses",
		make: func(i int, b *Binding) {
			nested(i, b)
			b.PermissionType, b.Operation = permissionDeny, Read
			b.Host = fmt.Sprintf("10.2.%d.%d", i>>8&255, i&255)
		},
		principal: "User:a", host: "10.1.2.3", act: Action{Read, Topic, nestedName},
	},
}

const topicNameBytes = 249

var nestedName = strings.Repeat("a", topicNameBytes)

// nested makes an entry about a prefix of nestedName that allows an operation in the way.
func nested(i int, b *Binding) {
	b.ResourceName, b.PatternType = nestedName[:1+i%topicNameBytes], patternPrefixed
	b.Principal, b.Operation = "User:a", Write
}

func (d benchDecision) entries() []*record.AccessControlEntry {
	entries := make([]*record.AccessControlEntry, benchEntries)
	for i := range entries {
		b := valid()
		b.ResourceName, b.Principal = fmt.Sprintf("t%d", i), fmt.Sprintf("User:u%d", i)
		d.make(i, &b)
		entries[i] = b.Entry(benchID(i))
	}
	return entries
}

func replayAll(b testing.TB, entries []*record.AccessControlEntry) *metadata.Image {
	b.Helper()
	e := metadata.Empty().Edit()
	for i, entry := range entries {
		if err := e.Read(int64(i), entry); err != nil {
			b.Fatal(err)
		}
	}
	return e.Done(int64(len(entries)), 1, 0)
}

func (d benchDecision) image(b testing.TB) *metadata.Image {
	b.Helper()
	return replayAll(b, d.entries())
}

// benchID makes ids that differ in their first bytes, as random ones do.
func benchID(i int) (id [16]byte) {
	r := bits.Reverse32(uint32(i))
	return [16]byte{byte(r >> 24), byte(r >> 16), byte(r >> 8), byte(r), 15: 1}
}

// BenchmarkDecide measures single decisions with 100,000 entries, in ordinary and in bad cases.
func BenchmarkDecide(b *testing.B) {
	authorizer := NewAuthorizer(nil, false)
	for _, d := range benchDecisions {
		img := d.image(b)
		b.Run(d.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if authorizer.Allows(img, d.principal, d.host, d.act) != d.allowed {
					b.Fatal("the decision is wrong")
				}
			}
		})
	}
}

// BenchmarkDecideFor asks for each of 100,000 principals in turn, so that nothing is in the
// processor's caches.
func BenchmarkDecideFor(b *testing.B) {
	d := benchDecisions[0]
	img := d.image(b)
	authorizer := NewAuthorizer(nil, false)
	principals, topics := make([]string, benchEntries), make([]string, benchEntries)
	for i := range principals {
		n := i * 77_777 % benchEntries
		principals[i], topics[i] = fmt.Sprintf("User:u%d", n), fmt.Sprintf("t%d", n)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i++; i == benchEntries {
			i = 0
		}
		if !authorizer.Allows(img, principals[i], d.host, Action{Read, Topic, topics[i]}) {
			b.Fatal("the decision is wrong")
		}
	}
}

// BenchmarkReplayACLs replays 100,000 entries into one image; the time is for all of them.
func BenchmarkReplayACLs(b *testing.B) {
	for _, d := range benchDecisions {
		entries := d.entries()
		b.Run(d.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				replayAll(b, entries)
			}
		})
	}
}

// BenchmarkAddACL adds an entry to an image with 100,000 of them, and removes it in a third image.
func BenchmarkAddACL(b *testing.B) {
	img := benchDecisions[0].image(b)
	b.ReportAllocs()
	for b.Loop() {
		binding := valid()
		e := img.Edit()
		id := benchID(benchEntries)
		if err := e.Read(benchEntries, binding.Entry(id)); err != nil {
			b.Fatal(err)
		}
		e = e.Done(benchEntries+1, 1, 0).Edit()
		if err := e.Read(benchEntries+1, &record.RemoveAccessControlEntry{ID: id}); err != nil {
			b.Fatal(err)
		}
	}
}
