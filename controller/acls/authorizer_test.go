package acls

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// aclImage is an image with entries, written "allow|deny PRINCIPAL HOST OPERATION TYPE:NAME", where
// a name that ends in "…" is a prefix.
func aclImage(t testing.TB, entries ...string) *metadata.Image {
	t.Helper()
	e := metadata.Empty().Edit()
	for i, text := range entries {
		if err := e.Read(int64(i), entryOf(t, i, text)); err != nil {
			t.Fatal(err)
		}
	}
	return e.Done(int64(len(entries)), 1, 0)
}

func entryOf(t testing.TB, i int, text string) *record.AccessControlEntry {
	t.Helper()
	var permission, operation, resource string
	b := valid()
	if _, err := fmt.Sscanf(text, "%s %s %s %s %s", &permission, &b.Principal, &b.Host,
		&operation, &resource); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b.PermissionType = map[string]int8{"allow": permissionAllow, "deny": permissionDeny}[permission]
	b.Operation = operationCodes[operation]
	kind, name, _ := strings.Cut(resource, ":")
	b.ResourceType = typeCodes[kind]
	prefix, isPrefix := strings.CutSuffix(name, "…")
	if b.ResourceName = prefix; isPrefix {
		b.PatternType = patternPrefixed
	}
	return b.Entry([16]byte{byte(i >> 8), byte(i), 1})
}

var (
	operationCodes = map[string]int8{
		"all": All, "read": Read, "write": Write, "create": Create, "delete": Delete,
		"alter": Alter, "describe": Describe, "clusterAction": ClusterAction,
		"describeConfigs": DescribeConfigs, "alterConfigs": AlterConfigs,
	}
	typeCodes = map[string]int8{"topic": Topic, "group": Group, "cluster": Cluster, "user": User}
)

// decisions is a table of questions, "PRINCIPAL HOST OPERATION TYPE:NAME", about some entries.
var decisions = []struct {
	rule    string
	entries string // lines
	allowed []string
	denied  []string
}{
	{
		"nothing is allowed without an entry", "",
		nil, []string{"User:a 1.2.3.4 read topic:t", "User:a 1.2.3.4 describe topic:t"},
	},
	{
		"super users may do everything, whatever denies it",
		"deny User:* * all topic:*\ndeny User:root * all topic:t",
		[]string{"User:root 1.2.3.4 read topic:t", "User:root 1.2.3.4 create cluster:x"},
		[]string{"user:root 1.2.3.4 read topic:t", "User:root2 1.2.3.4 read topic:t"},
	},
	{
		"a literal pattern is for one name",
		"allow User:a * read topic:t",
		[]string{"User:a 1.2.3.4 read topic:t", "User:a ::1 describe topic:t"},
		[]string{
			"User:a 1.2.3.4 read topic:t2", "User:a 1.2.3.4 write topic:t",
			"User:b 1.2.3.4 read topic:t", "User:a 1.2.3.4 read group:t",
			"Group:a 1.2.3.4 read topic:t", "User:a 1.2.3.4 describeConfigs topic:t",
		},
	},
	{
		"a prefixed pattern is for the names that begin with it",
		"allow User:a * read topic:te…\nallow User:b * read topic:*…",
		[]string{"User:a 1.2.3.4 read topic:te", "User:a 1.2.3.4 read topic:test",
			"User:b 1.2.3.4 read topic:*x"},
		[]string{"User:a 1.2.3.4 read topic:t", "User:b 1.2.3.4 read topic:x"},
	},
	{
		"the wildcard is for all names, but those that begin with it and are longer",
		"allow User:a * read topic:*",
		[]string{"User:a 1.2.3.4 read topic:t", "User:a 1.2.3.4 read topic:*"},
		[]string{"User:a 1.2.3.4 read topic:*x"},
	},
	{
		"User:* is for principals of all types, and no other type has such a wildcard",
		"allow User:* * read topic:t\nallow Group:* * write topic:t",
		[]string{"User:a 1.2.3.4 read topic:t", "Group:a 1.2.3.4 read topic:t",
			"Group:* 1.2.3.4 write topic:t"},
		[]string{"Group:a 1.2.3.4 write topic:t"},
	},
	{
		"a denial wins, however general it is",
		"allow User:a * all topic:t\ndeny User:* * read topic:*\ndeny User:a * write topic:t…",
		[]string{"User:a 1.2.3.4 create topic:t", "User:a 1.2.3.4 describe topic:t"},
		[]string{"User:a 1.2.3.4 read topic:t", "User:a 1.2.3.4 write topic:t"},
	},
	{
		"only what is allowed implies other operations",
		"allow User:r * read topic:t\nallow User:w * write topic:t\nallow User:d * delete topic:t\n" +
			"allow User:a * alter topic:t\nallow User:c * create topic:t\n" +
			"allow User:ac * alterConfigs topic:t\nallow User:x * all topic:t\n" +
			"deny User:x * read topic:t",
		[]string{
			"User:r 1.2.3.4 describe topic:t", "User:w 1.2.3.4 describe topic:t",
			"User:d 1.2.3.4 describe topic:t", "User:a 1.2.3.4 describe topic:t",
			"User:ac 1.2.3.4 describeConfigs topic:t", "User:x 1.2.3.4 describe topic:t",
			"User:x 1.2.3.4 clusterAction topic:t",
		},
		[]string{
			"User:c 1.2.3.4 describe topic:t", "User:ac 1.2.3.4 describe topic:t",
			"User:a 1.2.3.4 describeConfigs topic:t", "User:r 1.2.3.4 all topic:t",
			"User:x 1.2.3.4 read topic:t",
		},
	},
	{
		"hosts are addresses as Java writes them, or ranges",
		"allow User:a 1.2.3.4 read topic:t\nallow User:a 0:0:0:0:0:0:0:1 read topic:t\n" +
			"allow User:b ::1 read topic:t\nallow User:c 010.0.0.1/8 read topic:t\n" +
			"allow User:c fd00::/8 read topic:t\nallow User:d 0.0.0.0/0 read topic:t\n" +
			"allow User:d 10.0.0.0/33 write topic:t\nallow User:e ::/0 read topic:t",
		[]string{
			"User:a 1.2.3.4 read topic:t", "User:a ::1 read topic:t",
			"User:a ::ffff:1.2.3.4 read topic:t", "User:c 10.255.255.255 read topic:t",
			"User:c 10.0.0.0 read topic:t", "User:c fd12::1%eth0 read topic:t",
			"User:d 9.9.9.9 read topic:t", "User:e ::1 read topic:t",
			"User:e ::2%3 read topic:t",
		},
		[]string{
			"User:a 1.2.3.5 read topic:t", "User:b ::1 read topic:t",
			"User:c 11.0.0.0 read topic:t", "User:c fe00::1 read topic:t",
			"User:d 0.0.0.0 read topic:t", "User:d ::1 read topic:t",
			"User:d 10.0.0.1 write topic:t", "User:e 1.2.3.4 read topic:t",
			"User:c nonsense read topic:t",
		},
	},
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	authorizer := NewAuthorizer([]string{"User:root"}, false)
	for _, d := range decisions {
		img := aclImage(t, lines(d.entries)...)
		for i, question := range append(d.allowed, d.denied...) {
			principal, host, act := ask(t, question)
			got := authorizer.Allows(img, principal, host, act)
			if want := i < len(d.allowed); got != want {
				t.Errorf("%s: %s: %t", d.rule, question, got)
			}
		}
	}
}

// TestAllowEveryone: with allow.everyone.if.no.acl.found, one entry for whomever and whatever
// closes a resource for all others.
func TestAllowEveryone(t *testing.T) {
	t.Parallel()
	authorizer := NewAuthorizer(nil, true)
	img := aclImage(t, "allow User:a 1.2.3.4 write topic:t", "deny User:b * alter topic:x-…",
		"allow User:a * all group:*")
	for question, want := range map[string]bool{
		"User:b 1.2.3.4 read topic:u": true, "User:a 1.2.3.4 read topic:u": true,
		"User:b 1.2.3.4 read topic:t": false, "User:a 1.2.3.4 read topic:t": false,
		"User:b 1.2.3.4 read topic:x-1": false, "User:b 1.2.3.4 read topic:x": true,
		"User:b 1.2.3.4 read group:g": false, "User:b 1.2.3.4 read group:*g": true,
		"User:b 1.2.3.4 create cluster:kafka-cluster": true,
	} {
		principal, host, act := ask(t, question)
		if got := authorizer.Allows(img, principal, host, act); got != want {
			t.Errorf("%s: %t", question, got)
		}
	}
}

func lines(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

func ask(t testing.TB, question string) (principal, host string, act Action) {
	t.Helper()
	var operation, resource string
	if _, err := fmt.Sscanf(question, "%s %s %s %s", &principal, &host, &operation,
		&resource); err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	kind, name, _ := strings.Cut(resource, ":")
	return principal, host, Action{operationCodes[operation], typeCodes[kind], name}
}

func TestAuthorizedOperations(t *testing.T) {
	t.Parallel()
	img := aclImage(t, "allow User:a * alter topic:t", "allow User:a * all cluster:kafka-cluster",
		"deny User:a * create cluster:kafka-cluster", "deny User:a * describe group:g",
		"allow User:a * all group:g")
	authorizer := NewAuthorizer([]string{"User:root"}, false)
	for _, c := range []struct {
		authorizer   *Authorizer
		principal    string
		resourceType int8
		name         string
		want         int32
	}{
		{authorizer, "User:a", Topic, "t", 1<<Alter | 1<<Describe},
		{authorizer, "User:a", Topic, "u", 0},
		{authorizer, "User:a", Cluster, ClusterName, 0x1fa0 &^ (1 << Create)},
		{authorizer, "User:a", Group, "g", 0xd48 &^ (1 << Describe)},
		{authorizer, "User:root", Cluster, ClusterName, 0x1fa0},
		{nil, "User:b", Cluster, ClusterName, 0x1fa0},
		{nil, "User:b", Topic, "t", 0xdf8},
	} {
		got := c.authorizer.AuthorizedOperations(img, c.principal, "1.2.3.4", c.resourceType, c.name)
		if got != c.want {
			t.Errorf("%s on %d:%s: %#x, want %#x", c.principal, c.resourceType, c.name, got, c.want)
		}
	}
}

// TestAllowsAny has the rules of the question whether any resource of a type is allowed.
func TestAllowsAny(t *testing.T) {
	t.Parallel()
	authorizer := NewAuthorizer([]string{"User:root"}, false)
	for entries, want := range map[string]bool{
		"":                                    false,
		"allow User:a * write topic:t":        true,
		"allow User:* 1.2.3.4 all topic:t":    true,
		"allow User:a 1.0.0.0/8 all topic:t…": true,
		"allow User:b * write topic:t":        false,
		"allow User:a 1.2.3.5 write topic:t":  false,
		"allow User:a * write group:t":        false,
		"allow User:a * read topic:t":         false,
		"allow User:a * write topic:*":        true,
		"allow User:a * write topic:t\ndeny User:a * write topic:*":                            false,
		"allow User:a * write topic:*\ndeny User:a * write topic:*":                            false,
		"allow User:a * write topic:*\ndeny User:a * all topic:h…":                             true,
		"allow User:a * write topic:t\ndeny User:* * all topic:t":                              false,
		"allow User:a * write topic:t\ndeny User:a * write topic:t…":                           false,
		"allow User:a * write topic:t…\ndeny User:a * write topic:t":                           true,
		"allow User:a * write topic:t…\ndeny User:a * write topic:tt…":                         true,
		"allow User:a * write topic:tt…\ndeny User:a * write topic:t…":                         false,
		"allow User:a * write topic:t\nallow User:a * all topic:u\ndeny User:* * all topic:t…": true,
		"allow User:a * write topic:*…":                                                        true,
		"allow User:a * write topic:*…\ndeny User:a * write topic:*…":                          false,
		"allow User:a * write topic:*x\ndeny User:a * write topic:*…":                          false,
	} {
		img := aclImage(t, lines(entries)...)
		if got := authorizer.AllowsAny(img, "User:a", "1.2.3.4", Write, Topic); got != want {
			t.Errorf("%q: %t", entries, got)
		}
		if !authorizer.AllowsAny(img, "User:root", "1.2.3.4", Write, Topic) {
			t.Errorf("%q: a super user is denied", entries)
		}
	}
}
