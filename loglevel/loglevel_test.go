package loglevel

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	options := &slog.HandlerOptions{Level: LevelTrace}
	loggers := New(slog.NewTextHandler(&out, options), slog.LevelWarn)
	raft, http := loggers.Logger("raft"), loggers.Logger("http").With("a", 1).WithGroup("g")
	written := func() string {
		out.Reset()
		raft.Info("x")
		raft.Error("x")
		http.Info("y", "b", 2)
		var got []string
		for line := range strings.Lines(out.String()) {
			_, line, _ = strings.Cut(strings.TrimSpace(line), "level=")
			got = append(got, line)
		}
		return strings.Join(got, "; ")
	}
	step := func(name string, err error, want string) {
		t.Helper()
		if got := written(); err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", name, got, err, want)
		}
	}
	step("at first", nil, "ERROR msg=x logger=raft")
	step("http", loggers.Set("http", "DEBUG"),
		"ERROR msg=x logger=raft; INFO msg=y logger=http a=1 g.b=2")
	step("root", loggers.Set(Root, "FATAL"), "INFO msg=y logger=http a=1 g.b=2")
	step("unset", loggers.Unset("http"), "")
	step("unset root", loggers.Unset(Root), "ERROR msg=x logger=raft")
	if loggers.Set("none", "INFO") == nil || loggers.Set("raft", "info") == nil ||
		loggers.Unset("none") == nil {
		t.Error("an unknown logger or level is accepted")
	}
	if l, ok := loggers.Get("raft"); !ok || l.Level != "WARN" || l.Own {
		t.Errorf("%+v", l)
	}
	if Of(raft) != loggers {
		t.Error("a logger does not know its loggers")
	}
	for name, level := range levelNames {
		if NameOf(level) != name || NameOf(level+1) != name {
			t.Errorf("%s: %s", name, NameOf(level))
		}
	}
}

// TestRecordsOfWhoDidWhat: nobody can silence them while the node runs, by the root either.
func TestRecordsOfWhoDidWhat(t *testing.T) {
	t.Parallel()
	loggers := New(slog.DiscardHandler, slog.LevelInfo)
	for _, name := range []string{"audit", "authorizer"} {
		if err := loggers.Set(name, "WARN"); err == nil {
			t.Errorf("%s is silent", name)
		}
		if err := loggers.Set(Root, "FATAL"); err != nil {
			t.Error(err)
		}
		if l, _ := loggers.Get(name); l.Level != "INFO" {
			t.Errorf("%s inherits %s", name, l.Level)
		}
		if err := loggers.Set(name, "DEBUG"); err != nil {
			t.Error(err)
		}
	}
	quiet := New(slog.DiscardHandler, slog.LevelError)
	if l, _ := quiet.Get("audit"); l.Level != "ERROR" {
		t.Errorf("the configuration has ERROR, and audit %s", l.Level)
	}
}
