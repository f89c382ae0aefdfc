package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// output is as govulncheck writes it: a module that is required, a package that is imported and a
// function that is called, twice.
const output = `
{"config":{"protocol_version":"v1.0.0"}}
{"osv":{"id":"GO-2","summary":"a race"}}
{"osv":{"id":"GO-1","summary":"an overflow"}}
{"finding":{"osv":"GO-3","trace":[{"module":"example.com/required","version":"v1.0.0"}]}}
{"finding":{"osv":"GO-3","trace":[{"module":"example.com/imported","package":"example.com/imported"}]}}
{"finding":{"osv":"GO-2","fixed_version":"v1.2.0","trace":[
 {"module":"example.com/m","version":"v1.1.0","package":"example.com/m/p","function":"Read","receiver":"*Conn"},
 {"module":"github.com/yakt/yakt","package":"github.com/yakt/yakt/config","function":"Load"}]}}
{"finding":{"osv":"GO-2","trace":[{"module":"example.com/m","package":"example.com/m/p","function":"Other"}]}}
{"finding":{"osv":"GO-1","trace":[{"module":"stdlib","version":"v1.26.0","package":"os","function":"Open"}]}}
`

func TestRead(t *testing.T) {
	t.Parallel()
	got, err := read(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	want := []vulnerability{
		{
			id: "GO-1", summary: "an overflow", module: stdlib, found: "v1.26.0",
			caller: "os.Open", calls: "os.Open",
		},
		{
			id: "GO-2", summary: "a race", module: "example.com/m", found: "v1.1.0", fixed: "v1.2.0",
			caller: "github.com/yakt/yakt/config.Load", calls: "example.com/m/p.Conn.Read",
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(vulnerability{})); diff != "" {
		t.Error(diff)
	}
	if _, err := read(strings.NewReader(`{"finding":`)); err == nil {
		t.Error("half of an output was read")
	}
}

// TestReport: a vulnerability of a module fails the check, one of the standard library does not.
func TestReport(t *testing.T) {
	t.Parallel()
	library := vulnerability{id: "GO-1", module: stdlib, found: "v1.26.0"}
	module := vulnerability{id: "GO-2", module: "example.com/m", found: "v1.1.0", fixed: "v1.2.0"}
	for _, c := range []struct {
		called []vulnerability
		code   int
		says   string
	}{
		{nil, 0, "vulnerabilities: 0 that the code calls, by db\n"},
		{[]vulnerability{library}, 0, "warning: GO-1 in stdlib v1.26.0 (no fixed version yet)"},
		{[]vulnerability{module, library}, 1, "FAIL: GO-2 in example.com/m v1.1.0 (fixed in v1.2.0)"},
	} {
		var out strings.Builder
		if code := report(c.called, "db", &out); code != c.code ||
			!strings.Contains(out.String(), c.says) {
			t.Errorf("%v: exit code %d:\n%s", c.called, code, &out)
		}
	}
}

// TestNoDatabase: without a database nothing was checked, which is said and is no failure. The go
// command refuses this module without asking anybody.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if code := run("none", "nowhere@v1.0.0", &out); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(out.String(), "not checked: database unreachable: ") {
		t.Error(out.String())
	}
}
