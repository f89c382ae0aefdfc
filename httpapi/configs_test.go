package httpapi_test

import (
	"strings"
	"testing"
)

// TestConfigs changes configs of every kind of resource and shows them again.
func TestConfigs(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	s.alive(1)
	s.post("/v1/create_topic", object{"name": "orders", "assignments": [][]int{{1}}})
	for _, c := range []struct{ kind, name, key, value, source string }{
		{"topic", "orders", "retention.ms", "77", "DYNAMIC_TOPIC_CONFIG"},
		{"broker", "1", "log.retention.ms", "78", "DYNAMIC_BROKER_CONFIG"},
		{"broker", "", "log.retention.ms", "79", "DYNAMIC_DEFAULT_BROKER_CONFIG"},
		{"group", "g", "consumer.session.timeout.ms", "50000", "GROUP_CONFIG"},
		{"client-metrics", "m", "interval.ms", "100", "CLIENT_METRICS_CONFIG"},
	} {
		body := object{"type": c.kind, "name": c.name, "set": object{c.key: c.value}}
		dry := s.post("/v1/alter_configs?dryRun=true", body)
		if entry := s.config(c.kind, c.name, c.key); entry != nil && entry["source"] == c.source {
			t.Errorf("%s %s: a dry run changed it: %v", c.kind, c.name, entry)
		}
		done := s.post("/v1/alter_configs", body)
		for run, answer := range map[string]object{"dry": dry, "real": done} {
			changed := answer["changed"].([]any)
			if len(changed) != 1 || changed[0].(object)["value"] != c.value ||
				answer["dryRun"] != (run == "dry") {
				t.Errorf("%s %s, %s: %v", c.kind, c.name, run, answer)
			}
		}
		entry := s.config(c.kind, c.name, c.key)
		if entry == nil || entry["value"] != c.value || entry["source"] != c.source ||
			entry["documentation"] == "" {
			t.Errorf("%s %s: %v", c.kind, c.name, entry)
		}
	}
	status, text := s.request("POST", "/v1/alter_configs",
		object{"type": "topic", "name": "orders", "set": object{"retention.ms": "x"}})
	if status == 200 || !strings.Contains(string(text), "Not a number of type LONG") {
		t.Errorf("%d %s", status, text)
	}
}

func describePath(kind, name string) string {
	path := "/v1/describe_configs?type=" + kind
	if name != "" {
		path += "&name=" + name
	}
	return path
}

// config is one config of a resource; nil if it is not shown.
func (s *server) config(kind, name, key string) object {
	s.t.Helper()
	shown := s.get(describePath(kind, name))
	for _, c := range shown["configs"].([]any) {
		if c.(object)["key"] == key {
			return c.(object)
		}
	}
	return nil
}

// TestConfigsHideSecrets sets passwords and unknown keys: no answer has their values.
func TestConfigsHideSecrets(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	s.alive(1)
	const canary = "canary-5150"
	for _, name := range []string{"", "1"} {
		for _, key := range []string{"listener.name.x.ssl.key.password", "my.plugin.secret",
			"no.such.key"} {
			for _, dry := range []string{"true", "false"} {
				_, changed := s.request("POST", "/v1/alter_configs?dryRun="+dry, object{
					"type": "broker", "name": name, "set": object{key: canary},
				})
				_, shown := s.request("GET", describePath("broker", name), nil)
				if strings.Contains(string(changed)+string(shown), canary) {
					t.Errorf("%q %s is shown:\n%s\n%s", name, key, changed, shown)
				}
			}
		}
	}
}

func TestLoggers(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	level := func(answer object) (raft object) {
		for _, l := range answer["loggers"].([]any) {
			if l.(object)["logger"] == "raft" {
				raft = l.(object)
			}
		}
		return raft
	}
	before := level(s.get("/v1/loggers"))
	if l := level(s.post("/v1/set_log_level",
		object{"logger": "raft", "level": "ERROR"})); l["level"] != "ERROR" || l["own"] != true {
		t.Errorf("%v", l)
	}
	if l := level(s.post("/v1/set_log_level",
		object{"logger": "raft"})); l["level"] != before["level"] || l["own"] != false {
		t.Errorf("%v, before %v", l, before)
	}
	status, text := s.request("POST", "/v1/set_log_level", object{"logger": "x", "level": "INFO"})
	if status != 404 || !strings.Contains(string(text), "The loggers are audit, authorizer, controller, http") {
		t.Errorf("%d %s", status, text)
	}
}
