package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/cmd/yakt/node"
	"github.com/yakt/yakt/config"
)

// untilText is a writer that calls found once the text is in what was written.
type untilText struct {
	bytes.Buffer
	text  string
	found func()
}

func (u *untilText) Write(p []byte) (int, error) {
	n, err := u.Buffer.Write(p)
	if strings.Contains(u.String(), u.text) {
		u.found()
	}
	return n, err
}

// TestFollowing follows feeds and the log until a topic shows that is created meanwhile.
func TestFollowing(t *testing.T) {
	t.Parallel()
	server := startNode(t)
	alive(t, server, 1)
	for name, follow := range map[string]func(ctx context.Context, c *client) error{
		"log": func(ctx context.Context, c *client) error { return c.followLog(ctx, 0) },
		"client": func(ctx context.Context, c *client) error {
			return c.feed(ctx, feedArgs{clients: true, follow: true, offset: -1})
		},
		"broker": func(ctx context.Context, c *client) error {
			return c.feed(ctx, feedArgs{broker: 1, follow: true, offset: -1})
		},
	} {
		for _, output := range []string{"table", "json", "yaml"} {
			t.Run(name+" "+output, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				topic := "followed-" + name + "-" + output
				create := sync.OnceFunc(func() {
					go run([]string{"topic", "create", topic, "--server", server}, io.Discard, io.Discard)
				})
				began := &untilText{text: "RegisterBrokerRecord", found: create}
				seen := &untilText{text: topic, found: cancel}
				c := &client{
					access: access{servers: server}, output: output, timeout: time.Minute,
					out: io.MultiWriter(began, seen), errOut: io.Discard,
				}
				err := unless(ctx, follow(ctx, c))
				if err != nil || !strings.Contains(seen.String(), topic) {
					t.Errorf("%v\n%s", err, &seen.Buffer)
				}
			})
		}
	}
}

// TestFollowWait: a request of a following command ends before its answer would be called late.
func TestFollowWait(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]string{
		0: "20000ms", time.Hour: "20000ms", 30 * time.Second: "20000ms", 3 * time.Second: "2000ms",
	} {
		if got := (&client{timeout: timeout}).followWait(); got != want {
			t.Errorf("--timeout %v: %s, want %s", timeout, got, want)
		}
	}
}

// TestProgress: what takes long is shown, and taken away again.
func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var quick, long bytes.Buffer
		refused := errors.New("refused")
		if err := showProgress(&quick, "asking",
			func() error { return refused }); !errors.Is(err, refused) || quick.Len() > 0 {
			t.Errorf("%v, %q", err, &quick)
		}
		_ = showProgress(&long, "asking",
			func() error { time.Sleep(2500 * time.Millisecond); return nil })
		if want := "\r\x1b[Kasking: 1s\r\x1b[Kasking: 2s\r\x1b[K"; long.String() != want {
			t.Errorf("%q", &long)
		}
	})
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if terminal(null) || terminal(&bytes.Buffer{}) {
		t.Error("neither a file nor the null device is a terminal")
	}
}

// TestFeatures reads levels as kafka-storage takes them.
func TestFeatures(t *testing.T) {
	t.Parallel()
	got, err := parseFeatures([]string{"metadata.version=4.0", "group.version=0"})
	if err != nil || fmt.Sprint(got) != "map[group.version:0 metadata.version:25]" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{
		"group.version", "group.version=x", "group.version=99999", "metadata.version=9.9",
	} {
		if _, err := parseFeatures([]string{bad}); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	file, _ := nodeFile(t)
	_, errOut := yakt(t, exitUsage, "format --config %s --feature group.version", file)
	contains(t, errOut, "not of the form name=level")
	_, errOut = yakt(t, exitUsage, "format --config %s --override nonsense", file)
	contains(t, errOut, "not of the form key=value")
}

// TestAFailedNodeExits: a node that must stop ends its process with a code of its own.
func TestAFailedNodeExits(t *testing.T) {
	t.Parallel()
	cfg, _, err := config.Load("", map[string]string{
		"listeners": "CONTROLLER://127.0.0.1:0", "yakt.http.listeners": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Storage.MetadataLogDir = filepath.Join(t.TempDir(), "data")
	cfg.Storage.LogDirs = []string{cfg.Storage.MetadataLogDir}
	var out bytes.Buffer
	if err := formatEmbedded(cfg, &out); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "Formatted "+cfg.Storage.MetadataLogDir)
	n, err := node.Open(cfg, slog.New(slog.DiscardHandler), "test")
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	broken := errors.New("input/output error")
	n.Log().Fail(broken)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := wait(ctx, cancel, n); exitCode(err) != exitStopped || !errors.Is(err, broken) {
		t.Errorf("exit code %d: %v", exitCode(err), err)
	}
	if err := formatEmbedded(cfg, &out); err != nil || strings.Count(out.String(), "Formatted") != 1 {
		t.Errorf("formatted again: %v\n%s", err, &out)
	}
}
