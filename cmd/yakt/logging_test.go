package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/yakt/yakt/config"
)

// TestLogLines: each line names its node, and durations have units in both formats.
func TestLogLines(t *testing.T) {
	t.Parallel()
	for format, check := range map[string]func(t *testing.T, line string){
		"text": func(t *testing.T, line string) {
			contains(t, line, "level=INFO", `msg="done it"`, "node=3000", "took=23ms", "peer=2")
		},
		"json": func(t *testing.T, line string) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatal(err)
			}
			if fields["took"] != "23ms" || fields["node"] != 3000.0 || fields["peer"] != 2.0 {
				t.Errorf("%v", fields)
			}
		},
	} {
		var b bytes.Buffer
		logger := newLogger(&b,
			&config.Config{NodeID: 3000, Log: config.Log{Level: "info", Format: format}})
		logger.Debug("hidden")
		logger.Info("done it", "took", 23*time.Millisecond, "peer", 2)
		check(t, b.String())
	}
}

// TestNoticesAreLogged: remarks on a configuration have the log's own format.
func TestNoticesAreLogged(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	logger := newLogger(&b, &config.Config{Log: config.Log{Level: "info", Format: "text"}})
	logNotices(logger, []config.Notice{
		{Kind: config.KeysIgnored, Text: "ignored"}, {Kind: config.KeyUnknown, Text: "unknown"},
	})
	contains(t, b.String(), "level=INFO msg=ignored", "level=WARN msg=unknown")
}
