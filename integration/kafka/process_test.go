package kafka

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func shell(script string, args ...string) command {
	return command{argv: append([]string{"/bin/sh", "-c", script, "sh"}, args...),
		env: os.Environ()}
}

func shellServer(t testing.TB, script string) *Server {
	out := filepath.Join(t.TempDir(), "out")
	return newServer(t, "shell", out, out, shell(script))
}

func TestRunGivesOutputsAndExitCode(t *testing.T) {
	res, err := shell("echo out; echo err >&2; exit 3").run(t.Context())
	if err != nil || res.Stdout != "out\n" || res.Stderr != "err\n" || res.ExitCode != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	res, err = shell("kill -9 $$").run(t.Context())
	if err != nil || res.ExitCode != 128+9 {
		t.Fatalf("%+v, %v", res, err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if res, err := shell("exec sleep 60").run(ctx); err == nil || res.Took > 30*time.Second {
		t.Fatalf("%+v, %v", res, err)
	}
}

func TestServerRunsMoreThanOnce(t *testing.T) {
	s := shellServer(t, "echo run $$; trap 'exit 7' TERM; while :; do sleep 0.01; done")
	for range 2 {
		s.Start(t)
		s.WaitLog(t, Patience, "run")
		if got := strings.Count(s.Log(), "run"); got != 1 || !s.Alive() {
			t.Fatalf("the log of one run holds %d, alive %t", got, s.Alive())
		}
		if code := s.Stop(t); code != 7 || s.Alive() {
			t.Fatalf("stopped with code %d, alive %t", code, s.Alive())
		}
	}
	s.Start(t)
	s.Kill()
	if code, ended := s.ExitCode(); code != 128+9 || !ended {
		t.Fatalf("killed: code %d, ended %t", code, ended)
	}
}

func TestWaitLogDoesNotWaitForTheDead(t *testing.T) {
	s := shellServer(t, "echo level=ERROR msg=no; echo why; exit 4")
	s.Start(t)
	_, err := s.awaitLog(Patience, "never")
	if err == nil || !strings.Contains(err.Error(), "exited with code 4") {
		t.Fatal(err)
	}
	if got := s.LogErrors(); len(got) != 1 || got[0] != "level=ERROR msg=no" {
		t.Fatalf("errors %q", got)
	}
	if report := s.report(); !strings.Contains(report, "exited with code 4") ||
		!strings.HasSuffix(report, "why\n") {
		t.Fatal(report)
	}
}

// parentOf runs this test binary as the parent of a child, in TestChildrenDieWithTheirTest.
const parentOf = "YAKT_TEST_PARENT"

func TestMain(m *testing.M) {
	if script := os.Getenv(parentOf); script != "" {
		shell(script).run(context.Background())
		return
	}
	os.Exit(m.Run())
}

func TestReservedPortsAreNotGivenTwice(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port := FreePort(t)
		if seen[port] {
			t.Fatalf("port %d given twice", port)
		}
		seen[port] = true
	}
}
