package integration

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

// schemathesis is the version of the fuzzer; its cache is named after it.
const schemathesis = "4.32.5"

// TestYAKtHTTPFuzz has a fuzzer that reads the OpenAPI document make valid and invalid requests of
// every kind: no answer may be a 5xx, be undocumented, or differ from its schema, and nothing that
// the document forbids may be accepted. Conflicts are ordinary answers, so requests that the
// document allows may fail.
func TestYAKtHTTPFuzz(t *testing.T) {
	t.Parallel()
	program := installSchemathesis(t)
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, kafka.ControllerOptions{})
	id := q.Nodes()[0]
	w := &world{t: t, nodes: []httpNode{httpNode(q.HTTPAddr(id))}}
	var registered struct{ Fields struct{ Epoch int64 } }
	w.call(0, http.MethodPost, "register",
		map[string]any{"brokerId": 1, "brokerHost": "b", "brokerPort": 1,
			"securityProtocol": "PLAINTEXT", "rackId": ""}, &registered)
	var news httpNews
	w.call(0, http.MethodPost, "broker_mgmt",
		map[string]any{"brokerId": 1, "epoch": registered.Fields.Epoch}, &news)
	w.call(0, http.MethodPost, "broker_mgmt",
		map[string]any{"brokerId": 1, "epoch": registered.Fields.Epoch, "offset": news.EndOffset},
		&news)
	w.call(0, http.MethodPost, "create_topic", map[string]any{"name": "orders"}, nil)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	url := "http://" + q.HTTPAddr(id)
	config, err := filepath.Abs("testdata/schemathesis.toml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "--config-file", config, "run", url+"/openapi.json",
		"--url", url, "--checks", "all", "--exclude-checks", "positive_data_acceptance",
		"--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--max-time", "90",
		"--workers", "1", "--seed", "1", "--request-timeout", "120", "--no-color")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	kafka.Logf(t, "%s", summary(string(out)))
	if errs := q.Node(id).LogErrors(); len(errs) > 0 {
		t.Errorf("the node logged errors:\n%s", strings.Join(errs, "\n"))
	}
}

// summary is the end of the fuzzer's report.
func summary(out string) string {
	if i := strings.LastIndex(out, "Test cases:"); i >= 0 {
		return strings.TrimSpace(out[i:])
	}
	return out
}

// installSchemathesis installs the fuzzer into the user's cache, once, and returns its path.
func installSchemathesis(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("this test runs schemathesis, which needs Python: install python3 with venv and " +
			"pip (Debian: apt-get install python3-venv)")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "yakt-tests", "schemathesis-"+schemathesis)
	program := filepath.Join(dir, "bin", "schemathesis")
	if exec.Command(program, "--version").Run() == nil {
		return program
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for _, line := range [][]string{{python, "-m", "venv", "--clear", dir},
		{filepath.Join(dir, "bin", "pip"), "install", "--quiet", "schemathesis==" + schemathesis}} {
		if out, err := exec.CommandContext(ctx, line[0], line[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("this test installs schemathesis %s into %s: %q: %v\n%s", schemathesis, dir,
				line, err, out)
		}
	}
	return program
}
