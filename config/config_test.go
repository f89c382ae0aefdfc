package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// write puts a file into a fresh directory.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, path string, overrides map[string]string) (*Config, []Notice) {
	t.Helper()
	c, notices, err := Load(path, overrides)
	if err != nil {
		t.Fatal(err)
	}
	exposed := func(n Notice) bool { return n.Kind == Exposed } // see TestExposed
	return c, slices.DeleteFunc(notices, exposed)
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestStaticController(t *testing.T) {
	t.Parallel()
	c, notices := mustLoad(t, "testdata/static.properties", nil)
	equal(t, "node.id", c.NodeID, 3001)
	equal(t, "voters", c.Quorum.Voters, []Voter{
		{3001, HostPort{"controller-1.example", 9093}}, {3002, HostPort{"controller-2.example", 9093}},
		{3003, HostPort{"controller-3.example", 9093}}})
	equal(t, "listeners", c.Listeners, []Listener{{Name: "CONTROLLER", HostPort: HostPort{"", 9093}}})
	equal(t, "advertised", c.AdvertisedListeners,
		[]Listener{{Name: "CONTROLLER", HostPort: HostPort{"controller-1.example", 9093}}})
	equal(t, "log.dirs", c.Storage.LogDirs,
		[]string{"/var/lib/kafka/controller", "/var/lib/kafka/other"})
	equal(t, "metadata.log.dir", c.Storage.MetadataLogDir, "/var/lib/kafka/controller")
	equal(t, "session", c.Controller.BrokerSessionTimeout, 6*time.Second)
	equal(t, "idle", c.Controller.MaxIdleInterval, time.Second)
	equal(t, "partitions", c.Controller.NumPartitions, 3)
	equal(t, "replication", c.Controller.DefaultReplicationFactor, 3)
	equal(t, "authorizer", c.Security.Authorizer, true)
	equal(t, "super.users", c.Security.SuperUsers, []string{"User:admin", "User:ANONYMOUS"})
	equal(t, "static min.insync.replicas", c.Static["min.insync.replicas"], "2")
	equal(t, "static listener key", c.Static["listener.name.broker.ssl.keystore.password"],
		"canary-keystore")
	equal(t, "imbalance", c.Controller.LeaderImbalanceCheckInterval, 300*time.Second)
	equal(t, "http", c.HTTP.Listeners, []HostPort{{"127.0.0.1", 8093}})
	equal(t, "http by default", c.HTTP.Default, true)
	if len(notices) != 1 || notices[0].Kind != KeysIgnored ||
		!slices.Contains(notices[0].Keys, "num.io.threads") ||
		slices.Contains(notices[0].Keys, "num.partitions") {
		t.Errorf("got notices %v, want one that lists the ignored keys", notices)
	}
}

func TestDynamicController(t *testing.T) {
	t.Parallel()
	c, notices := mustLoad(t, "testdata/dynamic.properties", nil)
	equal(t, "voters", len(c.Quorum.Voters), 0)
	equal(t, "bootstrap", c.Quorum.BootstrapServers,
		[]HostPort{{"2001:db8::1", 9093}, {"controller-2.example", 9093}})
	equal(t, "names", c.ControllerListenerNames, []string{"CONTROLLER", "SECOND"})
	equal(t, "advertised", c.AdvertisedListeners, []Listener{
		{Name: "CONTROLLER", HostPort: HostPort{"controller-1.example", 19093}},
		{Name: "SECOND", HostPort: HostPort{"127.0.0.1", 9094}}})
	equal(t, "listen address", c.Listeners[0].HostPort.String(), "[::1]:9093")
	equal(t, "metadata.log.dir", c.Storage.MetadataLogDir, "/fast/kafka")
	equal(t, "auto join", c.Quorum.AutoJoin, true)
	equal(t, "unstable", c.Controller.UnstableFeatureVersions, true)
	equal(t, "idle", c.Clients.MaxIdle < 0, true)
	equal(t, "overrides", c.Clients.MaxConnectionsPerIPOverrides,
		map[string]int32{"127.0.0.1": 100, "::1": 5})
	if len(notices) != 1 ||
		!slices.Equal(notices[0].Keys, []string{"controller.quorum.auto.join.enable"}) {
		t.Errorf("unexpected notices: %v", notices)
	}
}

func TestYAMLAndJSON(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, "testdata/nested.yaml", map[string]string{"delete.topic.enable": "FALSE"})
	equal(t, "voters", c.Quorum.Voters,
		[]Voter{{7, HostPort{"a.example", 9093}}, {8, HostPort{"b.example", 9093}}})
	equal(t, "long", c.Static["log.retention.ms"], "9223372036854775807")
	equal(t, "deletion", c.Controller.DeleteTopicEnable, false)
	if _, set := c.Static["log.cleanup.policy"]; set {
		t.Error("a null in YAML sets nothing")
	}
	c, notices := mustLoad(t, "testdata/flat.json", nil)
	equal(t, "deletion", c.Controller.DeleteTopicEnable, false)
	equal(t, "long", c.Static["log.retention.ms"], "9223372036854775807")
	equal(t, "notices", len(notices), 0)
}

func TestDefault(t *testing.T) {
	t.Setenv("YAKT_NODE_ID", "77")
	c := Default()
	equal(t, "embedded", c.Embedded, true)
	equal(t, "node.id", c.NodeID, 1)
	equal(t, "voters", c.Quorum.Voters, []Voter{{1, HostPort{"127.0.0.1", 9093}}})
	equal(t, "listeners", c.Listeners,
		[]Listener{{Name: "CONTROLLER", HostPort: HostPort{"127.0.0.1", 9093}}})
	equal(t, "dir", c.Storage.MetadataLogDir, "./yakt-data")
	equal(t, "http", c.HTTP.Listeners, []HostPort{{"127.0.0.1", 8093}})
	equal(t, "request timeout", c.Quorum.RequestTimeout, 2*time.Second)
	equal(t, "snapshots kept", c.Storage.SnapshotsKept, 2)
}

func TestEmbeddedOnFreePorts(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, "",
		map[string]string{"listeners": "CONTROLLER://127.0.0.1:0", "yakt.http.listeners": ""})
	equal(t, "embedded", c.Embedded, true)
	equal(t, "voters", c.Quorum.Voters, []Voter{{1, HostPort{"127.0.0.1", 0}}})
	equal(t, "http", len(c.HTTP.Listeners), 0)
	equal(t, "http by default", c.HTTP.Default, false)
}

// Nothing of the built-in configuration applies once anything says which node this is, of which
// quorum, or where its state lies.
func TestNotEmbedded(t *testing.T) {
	for key, value := range map[string]string{
		"node.id": "1", "broker.id": "1", "controller.quorum.voters": "1@localhost:9093", "log.dir": "x",
		"log.dirs":                            "x",
		"controller.quorum.bootstrap.servers": "localhost:9093", "metadata.log.dir": "x",
	} {
		_, _, err := Load("", map[string]string{key: value})
		want := "configuration without a file (override sets " + key + ", so that the built-in " +
			"one-node configuration does not apply)"
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s by override: %v", key, err)
		}
		env := keyTable()[key].Env()
		t.Setenv(env, value)
		_, _, err = Load("", nil)
		want = "configuration without a file (environment " + env + " sets " + key + ", so that"
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s by environment: %v", key, err)
		}
		t.Setenv(env, "")
	}
	t.Setenv("YAKT_HTTP_LISTENERS", "127.0.0.1:0")
	if c, _ := mustLoad(t, "", nil); !c.Embedded || c.Path != "" {
		t.Error("an address for HTTP says nothing about the quorum")
	}
}

// A node of three that is configured by environment alone is one of three.
func TestNodeByEnvironment(t *testing.T) {
	t.Setenv("YAKT_NODE_ID", "4")
	t.Setenv("YAKT_CONTROLLER_QUORUM_VOTERS", "3@a:9093,4@b:9093,5@c:9093")
	t.Setenv("YAKT_LISTENERS", "CONTROLLER://:9093")
	t.Setenv("YAKT_LOG_DIRS", "/data")
	_, _, err := Load("", nil)
	want := "controller.listener.names is not set; name the controller listener, usually " +
		"controller.listener.names=CONTROLLER; the environment variable is " +
		"YAKT_CONTROLLER_LISTENER_NAMES"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	t.Setenv("YAKT_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
	c, _ := mustLoad(t, "", nil)
	equal(t, "embedded", c.Embedded, false)
	equal(t, "voters", len(c.Quorum.Voters), 3)
	equal(t, "text", c.String(), "configuration of node 4 from the environment and --override")
	equal(t, "advertised", c.AdvertisedListeners[0].String(), "CONTROLLER://b:9093")
}

func TestPrecedence(t *testing.T) {
	path := write(t, "controller.properties", minimal+"num.partitions=2\n")
	partitions := func(overrides map[string]string) (int32, string) {
		c, _ := mustLoad(t, path, overrides)
		at := slices.IndexFunc(c.Describe(), func(s Setting) bool { return s.Key == "num.partitions" })
		return c.Controller.NumPartitions, c.Describe()[at].Source
	}
	check := func(overrides map[string]string, want int32, wantSource string) {
		t.Helper()
		if n, source := partitions(overrides); n != want || source != wantSource {
			t.Errorf("got %d from %s, want %d from %s", n, source, want, wantSource)
		}
	}
	check(nil, 2, "controller.properties:7")
	t.Setenv("YAKT_NUM_PARTITIONS", "3")
	check(nil, 3, "environment YAKT_NUM_PARTITIONS")
	check(map[string]string{"num.partitions": "4"}, 4, "override")
	t.Setenv("YAKT_NUM_PARTITIONS", "")
	check(nil, 2, "controller.properties:7")
	t.Setenv("KAFKA_NUM_PARTITIONS", "9")
	check(nil, 2, "controller.properties:7")
}

func TestKafkasDefaults(t *testing.T) {
	t.Parallel()
	c, _ := mustLoad(t, write(t, "c.properties", minimal), nil)
	equal(t, "session", c.Controller.BrokerSessionTimeout, 9*time.Second)
	equal(t, "heartbeat", c.Controller.BrokerHeartbeatInterval, 2*time.Second)
	equal(t, "idle interval", c.Controller.MaxIdleInterval, 500*time.Millisecond)
	equal(t, "election", c.Quorum.ElectionTimeout, time.Second)
	equal(t, "fetch", c.Quorum.FetchTimeout, 0)
	equal(t, "snapshot bytes", c.Storage.SnapshotBytes, 20<<20)
	equal(t, "snapshot interval", c.Storage.SnapshotInterval, time.Hour)
	equal(t, "rebalance", c.Controller.AutoLeaderRebalance, true)
	equal(t, "unclean interval", c.Controller.UncleanElectionInterval, 5*time.Minute)
	equal(t, "delete topics", c.Controller.DeleteTopicEnable, true)
	equal(t, "request memory", c.RequestMemory(), defaultRequestMemory)
	equal(t, "idle connections", c.Clients.MaxIdle, 10*time.Minute)
	equal(t, "token lifetime", c.Security.DelegationToken.MaxLifetime, 7*24*time.Hour)
	equal(t, "static", len(c.Static), strings.Count(minimal, "\n"))
}

// TestSecretsStayHidden: no output for operators contains a secret.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	path := write(t, "c.properties",
		minimal+"ssl.key.password=canary\nlistener.name.b.plain.sasl.jaas.config=canary\n"+
			"delegation.token.secret.key=canary\nssl.keystor.pasword=canary\n"+
			"some.plugin.setting=canary\nssl.keystore.key=-----BEGIN canary\n")
	c, notices := mustLoad(t, path,
		map[string]string{"listener.name.b.ssl.key.password": "canary"})
	equal(t, "the key itself", c.Security.DelegationToken.SecretKey, "canary")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("loaded", "config", c)
	everything := fmt.Sprint(c, notices, c.Describe(),
		log.String()) + fmt.Sprintf("%v %+v %s", c, c, c)
	if strings.Contains(everything, "canary") {
		t.Errorf("a secret shows: %s", everything)
	}
	_, _, err := Load(path,
		map[string]string{"delegation.token.max.lifetime.ms": "x", "ssl.keystore.pasword": "canary"})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestConfigProviders(t *testing.T) {
	secrets := write(t, "secrets.properties", "port=9093\ntoken=grün\n")
	directory := filepath.Dir(write(t, "role", "controller"))
	t.Setenv("NODE", "1")
	text := `
config.providers=file,dir,env,java
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
config.providers.dir.param.allowed.paths=` + directory + `
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern=N.*E
config.providers.java.class=com.example.Vault
process.roles=${dir:` + directory + `:role}
node.id=${env:NODE}
controller.quorum.voters=${env:NODE}@localhost:${file:` + secrets + `:port}
listeners=CONTROLLER://localhost:${file:` + secrets + `:port}
controller.listener.names=CONTROLLER
log.dirs=/data/${env:NODE}
broker.rack=${nosuch:x}/${env:HOME}
delegation.token.secret.key=${file:` + secrets + `:token}
ssl.key.password=${java:path:key}
`
	path := write(t, "c.properties", text)
	c, notices := mustLoad(t, path, nil)
	equal(t, "voters", c.Quorum.Voters, []Voter{{1, HostPort{"localhost", 9093}}})
	equal(t, "secret", c.Security.DelegationToken.SecretKey, "grün")
	equal(t, "directory", c.Storage.MetadataLogDir, "/data/1")
	equal(t, "what cannot be resolved stays", c.Static["broker.rack"], "${nosuch:x}/${env:HOME}")
	equal(t, "ignored keys need not resolve", c.Static["ssl.key.password"], "${java:path:key}")
	equal(t, "notices", len(notices), 1)
	for value, want := range map[string]string{
		"${java:a:b}":          `is the Java class "com.example.Vault", which cannot run here`,
		"${file:/no/such:b}":   "make it readable: open /no/such: no such file or directory",
		"${env:path:NODE}":     "the environment has no paths",
		"${dir:/etc:hostname}": "is not a whole number",
	} {
		if _, _, err := Load(path, map[string]string{"num.partitions": value}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", value, err, want)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a.yaml": "a: [1", "b.yaml": "- 1", "c.yaml": "x", "d.yaml": "a: &x 1\nb: *x",
		"e.yaml": "a: [[1]]", "f.yaml": "[a]: b",
		"a.json": "{", "b.json": "[]", "c.json": `{"a":1} x`, "d.json": `{"a":[{}]}`, "e.json": `{"a" 1}`,
		"a.properties": `a=\u1`,
	} {
		_, _, err := Load(write(t, name, text), nil)
		var list *Error
		if err == nil || errors.As(err, &list) || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, _, err := Load("/no/such/file", nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// No file, in any format, makes Load panic or fail without saying why. Maps are walked in
// random order, so new coverage comes and goes: run it with -fuzzminimizetime=20x.
func FuzzLoad(f *testing.F) {
	extensions := []string{".properties", ".yaml", ".json"}
	for _, name := range []string{
		"static.properties", "dynamic.properties", "nested.yaml", "flat.json",
	} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, byte(slices.Index(extensions, filepath.Ext(name))))
	}
	f.Fuzz(func(t *testing.T, data []byte, format byte) {
		if len(data) > 10_000 {
			return
		}
		c, notices, err := load(write(t, "f"+extensions[int(format)%len(extensions)], string(data)), nil,
			false)
		switch {
		case err != nil && (c != nil || err.Error() == ""):
			t.Fatal(c, err)
		case err == nil &&
			(len(c.AdvertisedListeners) == 0 || c.NodeID < 0 || c.Storage.MetadataLogDir == ""):
			t.Fatalf("accepted, but incomplete: %+v", *c)
		}
		for _, n := range notices {
			if n.Text == "" || strings.Contains(n.Text, "\n") {
				t.Fatalf("%q", n.Text)
			}
		}
	})
}
