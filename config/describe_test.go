package config

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// TestDescribeNamesSources: every layer is named where it decides, and a layer above another one
// takes its place.
func TestDescribeNamesSources(t *testing.T) {
	t.Setenv("YAKT_NUM_PARTITIONS", "5")
	t.Setenv("YAKT_DEFAULT_REPLICATION_FACTOR", "5")
	t.Setenv("YAKT_LOG_LEVEL", "")
	file := write(t, "c.properties", minimal+"num.partitions=4\nssl.key.password=canary\n"+
		"unknown.key=canary\nnum.io.threads=3\n")
	c, _ := mustLoad(t, file, map[string]string{"default.replication.factor": "6"})
	want := map[string]Setting{
		"node.id":                    {"node.id", "1", "c.properties:2", Used},
		"num.partitions":             {"num.partitions", "5", "environment YAKT_NUM_PARTITIONS", Used},
		"default.replication.factor": {"default.replication.factor", "6", "override", Used},
		"yakt.log.level":             {"yakt.log.level", "info", "default", Own},
		"ssl.key.password":           {"ssl.key.password", "[hidden]", "c.properties:8", Ignored},
		"unknown.key":                {"unknown.key", "[hidden]", "c.properties:9", 0},
		"num.io.threads":             {"num.io.threads", "3", "c.properties:10", Ignored},
	}
	all := c.Describe()
	for _, s := range all {
		if w, ok := want[s.Key]; ok && s != w {
			t.Errorf("%+v, want %+v", s, w)
		}
		delete(want, s.Key)
	}
	if len(want) > 0 {
		t.Errorf("not described: %v", want)
	}
	if !slices.IsSortedFunc(all, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) }) {
		t.Error("the keys are not in order")
	}
	all[0].Value = "changed"
	if c.Describe()[0].Value == "changed" {
		t.Error("a caller can change a Config by its description")
	}
}

// TestConfigsInMessages: a Config may be printed and logged; it names its node and shows nothing
// else.
func TestConfigsInMessages(t *testing.T) {
	t.Parallel()
	file := write(t, "c.properties", minimal+"delegation.token.secret.key=canary\n")
	c, _ := mustLoad(t, file, nil)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("starting", "config", c)
	for _, text := range []string{c.String(), log.String()} {
		if strings.Contains(text, "canary") || !strings.Contains(text, "configuration of node 1 from ") {
			t.Error(text)
		}
	}
	if got := Default().String(); got != "configuration of node 1 from the built-in defaults" {
		t.Error(got)
	}
}

func TestSourcesOfErrors(t *testing.T) {
	for _, c := range []struct {
		env, path string
		overrides map[string]string
		want      string
	}{
		{path: write(t, "c.properties", "node.id=x\n"), want: "c.properties: "},
		{overrides: map[string]string{"num.partitions": "x"}, want: "configuration: "},
		{
			overrides: map[string]string{"node.id": "x"},
			want:      "configuration without a file (override sets node.id, so that",
		},
		{env: "1", want: "configuration without a file (environment YAKT_NODE_ID sets node.id, so"},
	} {
		t.Setenv("YAKT_NODE_ID", c.env)
		_, _, err := Load(c.path, c.overrides)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
