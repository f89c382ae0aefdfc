// Package yakt_test holds the tests of the repository as a whole.
package yakt_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/yakt/yakt/"

// mayImport lists, for each of our packages, which of the others it may import (docs/design.md). A
// package that is not in the map may import any.
var mayImport = map[string][]string{
	"protocol":           {},
	"protocol/batch":     {"protocol"},
	"protocol/kafkakeys": {},
	"config": {
		"protocol", "protocol/kafkakeys", "security", "security/certs", "security/jaas",
		"security/oauth", "security/sasl",
	},
	"limits":            {},
	"loglevel":          {},
	"logtest":           {},
	"turns":             {},
	"security":          {},
	"kafkaproto":        {"limits", "protocol", "security", "turns"},
	"metadata/record":   {"protocol"},
	"metadata":          {"metadata/aclindex", "metadata/record", "protocol", "protocol/batch"},
	"metadata/aclindex": {"metadata/record"},
	"security/oauth":    {"limits", "protocol", "security", "security/certs"},
	"vfs":               {},
	"vfs/memfs":         {"vfs"},
	"raftlog/wal":       {"vfs"},
	"raftlog":           {"raftlog/wal", "vfs", "limits", "protocol", "protocol/batch"},
	"controller/acls":   {"metadata", "metadata/aclindex", "metadata/record", "protocol"},
	"controller/quota":  {"metadata", "metadata/record", "protocol"},
	"controller/feed":   {"metadata", "metadata/record", "protocol/batch"},
	"security/certs":    {"protocol", "security"},
	"security/jaas":     {"protocol"},
	"security/sasl":     {"protocol", "security", "security/jaas"},
	"controller/configs": {
		"loglevel", "metadata", "metadata/record", "protocol", "protocol/kafkakeys",
	},
	"controller/controllertest": {"metadata", "metadata/record", "protocol", "protocol/batch"},
	"controller/features":       {"metadata", "metadata/record", "protocol"},
	"controller/partition":      {"controller/configs", "metadata", "metadata/record", "protocol"},
	"controller": {
		"controller/acls", "controller/configs", "controller/features", "controller/feed",
		"controller/partition", "controller/quota", "loglevel", "metadata", "metadata/record",
		"limits", "protocol", "protocol/batch", "protocol/kafkakeys", "turns",
	},
	"httpapi": {
		"loglevel", "metadata", "metadata/record", "controller", "controller/features",
		"controller/acls", "controller/feed", "limits", "protocol", "protocol/batch",
		"security", "turns",
	},
	// bench measures from outside: of a controller's code it shares only the formats.
	"bench": {
		"integration/kafka", "integration/realm", "metadata", "metadata/record", "protocol",
		"protocol/batch",
	},
	"cmd/yakt/gcpace": {},
	"tools/measure":   {},
	"tools/vulncheck": {},
	"cmd/yakt/node": {
		"config", "kafkaproto", "metadata", "metadata/record", "raftlog", "raftlog/wal",
		"controller", "httpapi", "limits", "loglevel", "protocol", "protocol/batch",
		"protocol/kafkakeys", "security", "security/certs", "security/oauth", "security/sasl",
		"controller/acls", "controller/feed", "turns",
	},
}

// pure lists packages that do no I/O, and what they must not import for that. net/netip, which only
// parses, is allowed.
var pure = map[string][]string{
	"metadata":             {"net", "os", "go.etcd.io/raft"},
	"metadata/aclindex":    {"net", "os", "go.etcd.io/raft"},
	"metadata/record":      {"net", "os", "go.etcd.io/raft"},
	"controller":           {"net", "os", "go.etcd.io/raft"},
	"controller/configs":   {"net", "os", "go.etcd.io/raft"},
	"controller/features":  {"net", "os", "go.etcd.io/raft"},
	"controller/partition": {"net", "os", "go.etcd.io/raft"},
	"controller/feed":      {"net", "os", "go.etcd.io/raft"},
	"controller/quota":     {"net", "os", "go.etcd.io/raft"},
}

func TestImportsGoOneWay(t *testing.T) {
	for name, imports := range listImports(t) {
		allowed, named := mayImport[name]
		for _, i := range imports {
			ours, isOurs := strings.CutPrefix(i, module)
			if isOurs && named && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s; it may import only %v of ours", name, ours, allowed)
			}
			if isOurs && ofTests(ours) && !ofTests(name) {
				t.Errorf("%s imports %s, which is for tests", name, ours)
			}
			for _, banned := range pure[name] {
				if i == banned || strings.HasPrefix(i, banned+"/") && i != "net/netip" {
					t.Errorf("%s imports %s; it must stay free of I/O", name, i)
				}
			}
		}
	}
}

// ofTests reports whether a package serves tests and benchmarks only.
func ofTests(name string) bool {
	return strings.HasPrefix(name, "integration") || strings.HasPrefix(name, "bench") ||
		strings.HasSuffix(name, "test") || name == "vfs/memfs"
}

// listImports returns the imports of the non-test files of every package of the module.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string][]string)
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		imports[strings.TrimPrefix(p.ImportPath, module)] = p.Imports
	}
	for name := range mayImport {
		if _, ok := imports[name]; !ok && name != "httpapi" {
			t.Errorf("there is no package %s any more: correct mayImport", name)
		}
	}
	return imports
}
