package config

import (
	"slices"
	"strings"
	"testing"
)

func TestUnknownKeysAndTheirNearest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"node-id":                       "node.id",
		"nodeid":                        "node.id",
		"NODE.ID":                       "node.id",
		"lgo.dirs":                      "log.dirs",
		"controler.quorum.voter":        "controller.quorum.voters",
		"controller_quorum_voters":      "controller.quorum.voters",
		"voters":                        "controller.quorum.voters",
		"broker.session.timeout":        "broker.session.timeout.ms",
		"yakt.http.listener":            "yakt.http.listeners",
		"metadata.max.idle.intervalms":  "metadata.max.idle.interval.ms",
		"num.partition":                 "num.partitions",
		"ssl.keystor.location":          "ssl.keystore.location",
		"something.entirely.else":       "",
		"timeout.ms":                    "",
		"x":                             "",
		strings.Repeat("log.dirs.", 30): "",
	} {
		_, notices := mustLoad(t, write(t, "c.properties", minimal+name+"=1\n"), nil)
		if len(notices) != 1 || notices[0].Kind != KeyUnknown || notices[0].Nearest != want ||
			notices[0].Keys[0] != name {
			t.Errorf("%s: got %v, want nearest %q", name, notices, want)
		}
	}
}

func TestNoticeTexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"c.properties", minimal + "nodeid=2\n", "nodeid (c.properties:7) is not a key of Kafka 4.4 or " +
			"YAKt and does nothing; did you mean node.id?"},
		{
			"c.properties", minimal + "a\\ b=2\n",
			`"a b" (c.properties:7) is not a key of Kafka 4.4 or YAKt and does nothing`,
		},
		{
			"c.properties", minimal + "num.partitions=1\nnum.partitions=2\n",
			"num.partitions (c.properties:8) was already set at c.properties:7; the last one counts",
		},
		{
			"c.properties",
			minimal + "num.io.threads=1\nbroker.rack=a\nlistener.name.x.ssl.y=1\nstrimzi.a=b\n",
			"accepted, and without effect on this controller: broker.rack, listener.name.x.ssl.y, " +
				"num.io.threads (requests need no threads), strimzi.a",
		},
		{
			"c.properties", minimal + "zookeeper.connect=a\n",
			"accepted, and without effect on this controller: zookeeper.connect (no longer a key of Kafka)",
		},
		{
			"c.properties", strings.Replace(minimal, "node.id", "broker.id", 1),
			"broker.id is the old name of node.id; write node.id",
		},
		{"c.properties", "\xef\xbb\xbf" + minimal, "c.properties: the file begins with a byte order " +
			"mark; it is skipped here, but Kafka takes it for part of the first key"},
		{
			"c.properties", minimal + "# grün\n",
			`c.properties:7: letters beyond ASCII are read as ISO-8859-1, as Kafka does; write others as ` +
				`\uXXXX`,
		},
		{"c.properties", minimal + "broker.session.timeout.ms=3000\n", "broker.session.timeout.ms (3s) " +
			"is less than twice broker.heartbeat.interval.ms (2s): one late heartbeat fences a broker"},
		{
			"c.properties", minimal + "yakt.http.listeners=:8093\nyakt.http.insecure=true\n",
			"yakt.http.listeners has :8093, which other machines can reach without TLS and credentials " +
				"(yakt.http.insecure=true)",
		},
		{"c.properties", minimal + "super.users=User:a\n", "super.users has no effect without " +
			"authorizer.class.name: anyone who can reach a listener can do anything"},
		{
			"c.properties", minimal + "metadata.log.dir=/data \n",
			`metadata.log.dir is "/data ": the blank is part of the name, as for Kafka`,
		},
		{"c.properties", withoutKeys(minimal, "log.dirs"), "log.dirs is not set: Kafka's default " +
			"/tmp/kafka-logs is used, which many systems empty when they start"},
		{
			"c.properties", minimal + "advertised.listeners=CONTROLLER://a:1,PLAINTEXT://b:2\n",
			"advertised.listeners has PLAINTEXT, which is no controller listener; that entry does nothing",
		},
		{"c.properties", withoutKeys(minimal,
			"controller.quorum.voters") + "controller.quorum.voters=1@localhost:9093,2@b:9093\n",
			"advertised.listeners gives CONTROLLER://localhost:9093, which only this machine can reach, " +
				"while other voters are elsewhere"},
		{"c.yaml", "node.id: 1\nnode: {id: 1}\nlisteners: CONTROLLER://a:1\ncontroller.listener.names: " +
			"CONTROLLER\ncontroller.quorum.voters: 1@a:1\nlog.dirs: x\n",
			"node.id (c.yaml:2) was already set at c.yaml:1; the last one counts"},
	} {
		_, notices := mustLoad(t, write(t, test.name, test.text), nil)
		if len(notices) != 1 || notices[0].String() != test.want {
			t.Errorf("%q:\n got %q\nwant %q", strings.TrimPrefix(test.text, minimal), notices, test.want)
		}
	}
}

func TestAdvertisedFromTheHostName(t *testing.T) {
	t.Parallel()
	text := withoutKeys(minimal, "listeners,controller.quorum.voters") +
		"listeners=CONTROLLER://0.0.0.0:9093\ncontroller.quorum.bootstrap.servers=a:9093\n"
	c, notices := mustLoad(t, write(t, "c.properties", text), nil)
	if host := c.AdvertisedListeners[0].Host; host == "" || isWildcard(host) {
		t.Errorf("advertised %q", host)
	}
	if len(notices) != 1 || !strings.HasPrefix(notices[0].Text,
		"advertised.listeners is not set: brokers will be told to connect to CONTROLLER://") {
		t.Error(notices)
	}
}

func TestStrayVariables(t *testing.T) {
	for _, name := range []string{
		"YAKT_NODEID", "YAKT_ZZZZ", "YAKT_PORT", "YAKT_SERVICE_HOST", "YAKT_SERVICE_PORT_HTTP",
		"YAKT_HTTP_PORT_8093_TCP_ADDR", "YAKT_CONFIG", "YAKT_NUM_IO_THREADS",
	} {
		t.Setenv(name, "1")
	}
	_, notices := mustLoad(t, write(t, "c.properties", minimal), nil)
	var texts []string
	for _, n := range notices {
		texts = append(texts, n.Text)
	}
	want := []string{
		"accepted, and without effect on this controller: num.io.threads (requests need no threads)",
		"the environment variable YAKT_NODEID sets no key of Kafka 4.4 or YAKt and does nothing; did " +
			"you mean YAKT_NODE_ID?",
		"the environment variable YAKT_ZZZZ sets no key of Kafka 4.4 or YAKt and does nothing",
	}
	if !slices.Equal(texts, want) {
		t.Errorf("got %q", texts)
	}
}

func TestVariablesForKafkasImages(t *testing.T) {
	t.Parallel()
	n, found := kafkaVariables([]string{
		"KAFKA_NODE_ID=canary", "KAFKA_CFG_LOG_DIRS=canary", "KAFKA_NUM_PARTITIONS=canary",
		"YAKT_NUM_PARTITIONS=2",
		"KAFKA_HEAP_OPTS=canary", "KAFKA_NUM_IO_THREADS=canary", "KAFKA_HTTP_LISTENERS=canary",
		"KAFKA_LISTENERS=", "PATH=canary",
	}, keyTable())
	want := "variables for container images of Kafka do nothing here; use the name in " +
		"parentheses: KAFKA_CFG_LOG_DIRS (here YAKT_LOG_DIRS), KAFKA_NODE_ID (here YAKT_NODE_ID)"
	if !found || n.Text != want || n.Kind != KeyUnknown ||
		!slices.Equal(n.Keys, []string{"KAFKA_CFG_LOG_DIRS", "KAFKA_NODE_ID"}) {
		t.Errorf("got %+v\nwant %s", n, want)
	}
	if n, found := kafkaVariables([]string{"PATH=x", "KAFKA_OPTS=y"}, keyTable()); found {
		t.Error(n)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abcd", 1}, {"abc", "xbc", 1},
		{"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		if got := distance(test.a, test.b, 3); got != test.want {
			t.Errorf("%q %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

// TestNearestPrefersUsedKeys: of two equally near names, a key with an effect is suggested rather
// than one without.
func TestNearestPrefersUsedKeys(t *testing.T) {
	t.Parallel()
	table := map[string]*Key{
		"abca": {Name: "abca", Class: Ignored}, "abcb": {Name: "abcb", Class: Used},
		"abcc": {Name: "abcc", Class: Used},
	}
	for range 20 {
		if near := nearest("abcx", table); near != "abcb" {
			t.Fatal(near)
		}
	}
}
