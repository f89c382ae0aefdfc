package authorizer

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

const (
	literal  int8 = 3
	prefixed int8 = 4
	deny     int8 = 2
	allow    int8 = 3
)

// dice draws the parts of entries and questions.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 0xac1))} }

func (d dice) of(texts ...string) string { return texts[d.IntN(len(texts))] }

func (d dice) id() (id protocol.UUID) {
	for i := range id {
		id[i] = byte(d.Uint32())
	}
	return id
}

// name has few letters, so that names often are equal or begin with one another.
func (d dice) name() string {
	name := d.of("", "", "*", "a", "z", "é", "日", "\U0001F600", "\U0010FFFF", "\uFFFD", "~")
	for range d.IntN(5) {
		name += d.of("a", "a", "b", "-", "*", ".", "é", "\U0001F600", "\U0001F601", "\uE000", "(", "/")
	}
	if name == "" || name[0] < '*' { // see the package's comment
		return "a" + name
	}
	return name
}

// principal of an entry. Those who ask are alike, but not everyone.
func (d dice) principal() string {
	return d.of("User:*", "User:a", "User:a", "User:b", "User:ab", "User:CN=a,O=b:c", "User:é",
		"User:", "Group:a", "Group:*", ":a", "user:a", "User:a ")
}

func (d dice) asker() string {
	if p := d.principal(); p != "User:*" {
		return p
	}
	return d.of("User:root", "User:new", "Service:a")
}

func (d dice) operation() int8 {
	if d.IntN(3) == 0 {
		return d.operationOf(acls.Read, acls.Describe, acls.All, acls.DescribeConfigs)
	}
	return acls.All + int8(d.IntN(int(acls.TwoPhaseCommit-acls.All)+1))
}

func (d dice) operationOf(operations ...int8) int8 { return operations[d.IntN(len(operations))] }

// resourceType is mostly TOPIC, so that entries meet.
func (d dice) resourceType() int8 {
	if d.IntN(2) == 0 {
		return acls.Topic
	}
	return acls.Topic + int8(d.IntN(int(acls.User-acls.Topic)+1))
}

// address of a client, near those of hosts.
func (d dice) address() netip.Addr {
	switch d.IntN(8) {
	case 0:
		return netip.IPv4Unspecified()
	case 1, 2:
		a := [16]byte{0: 0xfd, 7: byte(d.IntN(3)), 15: byte(d.IntN(3))}
		return netip.AddrFrom16(a)
	case 3:
		a := [16]byte{0: 0xfe, 1: 0x80, 15: byte(d.IntN(3))}
		return netip.AddrFrom16(a).WithZone(fmt.Sprint(d.IntN(3) + 1))
	case 4:
		return netip.MustParseAddr(d.of("::", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"255.255.255.255", "127.0.0.1", "::a00:1", "64:ff9b::a00:1"))
	}
	return netip.AddrFrom4([4]byte{10, byte(d.IntN(2)), byte(d.IntN(2)), byte(d.IntN(4))})
}

// host of an entry.
func (d dice) host() string {
	switch d.IntN(10) {
	case 0, 1, 2, 3:
		return "*"
	case 4, 5:
		return d.exactHost()
	case 6, 7, 8:
		return d.addressRange()
	}
	return d.of("localhost", "not-an-ip", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/255.0.0.0", "/", "/8",
		"10.0.0.0/8/8", "::/129", "::ffff:10.0.0.0/104", "10.0.0.0/", "10.0.0.256/8", "10.0.0.0/-1",
		"::1", "fd00::", "10.0.0.0/ 8", "0:0:0:0:0:0:0:1/x", "010.0.0.1", "**", "10.*", "*/8",
		"[::/8", "::/8]", "::/+8", "::/0008", "::/-0", "10.0.0.0/+8", "1::2::3/8", "::1.2.3.4/8",
		"::g/8", ":::/3", "fd00:0:0:0:0:0:0:0:0/8", "fd00:/8", ":/8", "10.0.0.0/8 ", " 10.0.0.0/8")
}

// exactHost is an address as a Java server writes it.
func (d dice) exactHost() string {
	a := d.address()
	if a.Is4() {
		return a.String()
	}
	text := ""
	for i, b := range a.As16() {
		if i%2 == 0 {
			text += fmt.Sprintf(":%x", int(b)<<8|int(a.As16()[i+1]))
		}
	}
	if a.Zone() != "" {
		text += "%" + a.Zone()
	}
	return text[1:]
}

// addressRange is a range in one of the forms that Kafka accepts.
func (d dice) addressRange() string {
	a := d.address()
	if a.Is4() {
		bits := d.operationOf(0, 1, 8, 15, 16, 23, 24, 30, 31, 32)
		text := fmt.Sprintf("%s/%d", a, bits)
		if d.IntN(4) == 0 {
			b := a.As4()
			text = fmt.Sprintf("%03d.%d.%02d.%d/%02d", b[0], b[1], b[2], b[3], bits)
		}
		return text
	}
	bits := []int{0, 1, 7, 8, 10, 63, 64, 65, 126, 127, 128}[d.IntN(11)]
	text := d.of(a.WithZone("").String(), d.exactHost(), a.WithZone("").StringExpanded(), a.String())
	if d.IntN(4) == 0 {
		text = "[" + text + "]"
	}
	return fmt.Sprintf("%s/%d", text, bits)
}

func (d dice) binding() acls.Binding {
	b := acls.Binding{
		ResourceType: d.resourceType(), ResourceName: d.name(), PatternType: prefixed,
		Principal: d.principal(), Host: d.host(), Operation: d.operation(), PermissionType: allow,
	}
	if d.IntN(2) == 0 {
		b.PatternType = literal
		if d.IntN(4) == 0 {
			b.ResourceName = acls.Wildcard
		}
	}
	if d.IntN(4) == 0 {
		b.PermissionType = deny
	}
	return b
}

// question is one that a client asks.
type question struct {
	principal string
	address   netip.Addr
	acls.Action
	some bool // about any resource of the type; there is no name
}

func (d dice) question() question {
	act := acls.Action{
		Operation: d.operation(), ResourceType: d.resourceType(), ResourceName: d.name(),
	}
	q := question{d.asker(), d.address(), act, d.IntN(10) == 0}
	if q.some {
		q.ResourceName = ""
	}
	return q
}

func (q question) String() string {
	if q.some {
		return fmt.Sprintf("%s from %s: operation %d on any resource of type %d", q.principal,
			q.address, q.Operation, q.ResourceType)
	}
	return fmt.Sprintf("%s from %s: %v", q.principal, q.address, q.Action)
}
