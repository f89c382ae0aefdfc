package config

import (
	"errors"
	"strings"
	"testing"
)

// minimal is a valid file of six lines.
const minimal = `process.roles=controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
log.dirs=/data
`

// Each case appends to the minimal file; without removes the lines of those keys first.
var problemCases = []struct{ without, text, want string }{
	{
		"", "num.partitions=many",
		"num.partitions=many (c.properties:7) is not a whole number; give a whole number, 1 or more",
	},
	{
		"", "num.partitions=0",
		"num.partitions=0 (c.properties:7) is out of range; give a whole number, 1 or more",
	},
	{
		"", "num.partitions=3000000000",
		"num.partitions=3000000000 (c.properties:7) is out of range; give a whole number, 1 or more",
	},
	{
		"", "delete.topic.enable=yes",
		"delete.topic.enable=yes (c.properties:7) is neither true nor false; give true or false",
	},
	{
		"", "log.cleaner.min.cleanable.ratio=2",
		"log.cleaner.min.cleanable.ratio=2 (c.properties:7) is out of range; give a number, 0 to 1",
	},
	{
		"", "log.cleaner.min.cleanable.ratio=NaN",
		"log.cleaner.min.cleanable.ratio=NaN (c.properties:7) is not a number; give a number, 0 to 1",
	},
	{
		"", "log.cleanup.policy=compact,shred",
		`log.cleanup.policy=compact,shred (c.properties:7) contains "shred", which does not exist; ` +
			`give a comma-separated list, out of compact, delete`,
	},
	{"", "yakt.log.level=loud", "yakt.log.level=loud (c.properties:7) is not one of the choices; " +
		"give one of debug, info, warn, error"},
	{
		"", "compression.gzip.level=0",
		"compression.gzip.level=0 (c.properties:7) is out of range; give a whole number, -1 or 1 to 9",
	},
	{"", "controller.quorum.election.timeout.ms=1", "controller.quorum.election.timeout.ms=1 " +
		"(c.properties:7) is out of range; give a whole number of milliseconds, 10 to 600000"},

	{"process.roles", "process.roles=broker,controller", "process.roles=broker,controller " +
		"(c.properties:6) names the role broker, which YAKt does not have; set " +
		"process.roles=controller, and run " +
		"Apache's broker in a process of its own, with process.roles=broker"},
	{
		"process.roles", "process.roles=",
		"process.roles (c.properties:6) is empty; set process.roles=controller",
	},
	{
		"process.roles", "process.roles=observer",
		`process.roles=observer (c.properties:6) contains "observer", which does not exist; give a ` +
			`comma-separated list, out of broker, controller`,
	},
	{"node.id", "", "node.id is not set; give this controller an id of its own, such as node.id=3000"},
	{
		"node.id", "node.id=-1",
		"node.id=-1 (c.properties:6) is out of range; give a whole number, 0 or more",
	},
	{"", "broker.id=2", "broker.id=2 (c.properties:7) differs from node.id=1; remove broker.id"},
	{
		"node.id", "broker.id=-2",
		"broker.id=-2 (c.properties:6) is not an id; set node.id to a whole number, 0 or more",
	},

	{"controller.quorum.voters", "", "controller.quorum.voters (default) is not set, nor is " +
		"controller.quorum.bootstrap.servers; set " +
		"controller.quorum.bootstrap.servers=host:port,… (dynamic quorum) or " +
		"controller.quorum.voters=id@host:port,… (static)"},
	{
		"controller.quorum.voters", "controller.quorum.voters=2@b:9093",
		"controller.quorum.voters=2@b:9093 (c.properties:6) does not contain this node, node.id=1; add " +
			"the node, the same on all controllers, or correct node.id",
	},
	{
		"controller.quorum.voters", "controller.quorum.voters=localhost:9093",
		`has the entry "localhost:9093", which is not of the form id@host:port; write id@host:port for ` +
			`each controller, such as 1@controller-1:9093`,
	},
	{
		"controller.quorum.voters", "controller.quorum.voters=1@0.0.0.0:9093",
		`has the entry "1@0.0.0.0:9093", which has no host that others could dial; write`,
	},
	{
		"controller.quorum.voters", "controller.quorum.voters=1@a:0",
		`has the entry "1@a:0", which has port 0; write`,
	},
	{
		"controller.quorum.voters", "controller.quorum.voters=1@a:99999",
		`has the entry "1@a:99999", which has a port above 65535; write`,
	},
	{
		"controller.quorum.voters", "controller.quorum.voters=1@a:b:9093",
		`has the entry "1@a:b:9093", which has a colon in its host, which is no IPv6 address; write`,
	},
	{
		"controller.quorum.voters", "controller.quorum.voters=1@a:9093,1@b:9093",
		"has 1@a:9093 and 1@b:9093; give each controller an id and an address of its own",
	},
	{
		"", "controller.quorum.bootstrap.servers=a",
		`controller.quorum.bootstrap.servers=a (c.properties:7) has the entry "a", which is not of the ` +
			`form host:port; write host:port for each controller, such as controller-1:9093`,
	},
	{
		"", "controller.quorum.bootstrap.servers=[::]:9093",
		`has the entry "[::]:9093", which nobody can connect to; write host:port`,
	},
	{
		"", "yakt.peer.addresses=x",
		`yakt.peer.addresses=x (c.properties:7) has the entry "x", which is not of the form id@host:port`,
	},

	{
		"listeners", "listeners=CONTROLLER:9093",
		`listeners=CONTROLLER:9093 (c.properties:6) has the entry "CONTROLLER:9093", which is not of ` +
			`the form NAME://host:port; write NAME://host:port, IPv6 in brackets, such as ` +
			`CONTROLLER://:9093`,
	},
	{
		"listeners", "listeners=CONTROLLER://:9093,controller://:9094",
		"has the name CONTROLLER twice; give each listener its own name",
	},
	{
		"listeners", "listeners=CONTROLLER://:9093,PLAINTEXT://:9092",
		"has PLAINTEXT, not named in controller.listener.names=CONTROLLER; a controller has controller " +
			"listeners only: add the name there or remove the listener",
	},
	{"listeners", "", "listeners=PLAINTEXT://:9092 (default) has PLAINTEXT, not named in " +
		"controller.listener.names=CONTROLLER"},
	{"controller.listener.names", "", "controller.listener.names is not set; name the controller " +
		"listener, usually controller.listener.names=CONTROLLER"},
	{
		"controller.listener.names", "controller.listener.names=CONTROLLER,OTHER",
		"names OTHER, which is not among the listeners; add OTHER://:9093 to listeners",
	},
	{
		"listeners,controller.listener.names",
		"listeners=A://:9093,B://127.0.0.1:9093\ncontroller.listener.names=A,B",
		"has A://:9093 and B://127.0.0.1:9093 on one port; give each listener a port of its own",
	},
	{
		"", "listener.security.protocol.map=PLAINTEXT:PLAINTEXT",
		"has no entry for the listener CONTROLLER; add CONTROLLER:PLAINTEXT",
	},
	{
		"", "listener.security.protocol.map=CONTROLLER:TLS",
		`has the entry "CONTROLLER:TLS", which is not of the form NAME:PROTOCOL; write one of ` +
			`PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL after each listener name`,
	},
	{
		"", "advertised.listeners=CONTROLLER://0.0.0.0:9093",
		"advertised.listeners=CONTROLLER://0.0.0.0:9093 (c.properties:7) has " +
			"CONTROLLER://0.0.0.0:9093, which nobody can connect to; give the name or address " +
			"under which brokers reach this machine",
	},
	{"", "advertised.listeners=CONTROLLER://:9093", "which nobody can connect to"},
	{"", "advertised.listeners=CONTROLLER://[::]:9093", "which nobody can connect to"},
	{
		"", "advertised.listeners=CONTROLLER://a:0",
		"has CONTROLLER://a:0 with port 0; give the port brokers connect to",
	},
	{
		"", "yakt.http.listeners=8093",
		`yakt.http.listeners=8093 (c.properties:7) has the entry "8093", which is not of the form ` +
			`host:port; write host:port, such as 127.0.0.1:8093`,
	},
	{"", "yakt.http.listeners=:8093", "yakt.http.listeners=:8093 (c.properties:7) has :8093, which " +
		"other machines can reach without TLS and credentials; set " +
		"yakt.http.security.protocol=SASL_SSL, or SSL with listener.name.http.ssl.client.auth=required; " +
		"or give a loopback address, such as 127.0.0.1:8093, and reach it through ssh -L; or set " +
		"yakt.http.insecure=true on a network where everyone may do everything"},
	{"", "yakt.http.listeners=:8093\nyakt.http.security.protocol=SASL_PLAINTEXT\n" +
		"sasl.enabled.mechanisms=SCRAM-SHA-256",
		"has :8093, which other machines can reach without TLS, so that passwords can be read"},
	{"", "yakt.http.listeners=:8093\nyakt.http.security.protocol=SSL\n" +
		"ssl.keystore.location=/k\nssl.keystore.type=PEM\n" +
		"listener.name.http.ssl.client.auth=requested",
		"has :8093, which other machines can reach without credentials"},
	{"", "yakt.http.listeners=:8093\nyakt.http.insecure=true\nsuper.users=User:a\n" +
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"yakt.http.insecure=true (c.properties:8) permits HTTP requests without credentials to do " +
			"everything, and authorizer.class.name does not; remove it"},
	{
		"", "yakt.debug.listeners=:6060",
		"yakt.debug.listeners=:6060 (c.properties:7) has :6060, which " +
			"other machines can reach; give a loopback address, such as 127.0.0.1:6060, and reach it " +
			"through ssh -L",
	},
	{"", "yakt.debug.listeners=localhost", `has the entry "localhost", which`},

	{
		"log.dirs", "log.dirs=/x # fast disk",
		`log.dirs=/x # fast disk (c.properties:6) has "# fast disk" in it, which is part of the value ` +
			`there; write comments on lines of their own`,
	},
	{
		"log.dirs", "log.dirs=${LOG_DIR}",
		`log.dirs=${LOG_DIR} (c.properties:6) has ${...} in it, which nothing replaces; write the ` +
			`value out, set it by the environment variable YAKT_LOG_DIRS, or have a config provider ` +
			`replace it (config.providers)`,
	},
	{"log.dirs", "log.dirs=${nosuch:x}", "has ${...} in it"},
	{"log.dirs", "log.dir=${LOG_DIR}/a", `log.dir=${LOG_DIR}/a (c.properties:6) has ${...} in it`},
	{"", "metadata.log.dir=/x\t# fast disk", `has "# fast disk" in it`},
	{
		"node.id", "node.id=${ID}",
		"node.id=${ID} (c.properties:6) is not a whole number; give a whole " +
			"number, 0 or more; write the value out, set it by the environment variable YAKT_NODE_ID, or " +
			"have",
	},
	{"listeners", "listeners=CONTROLLER://${HOST}:9093", "write NAME://host:port, IPv6 in brackets, " +
		"such as CONTROLLER://:9093; write the value out, set it by the environment variable " +
		"YAKT_LISTENERS"},
	{"", "num.partitions=3 # three", "num.partitions=3 # three (c.properties:7) is not a whole " +
		"number; give a whole number, 1 or more; write comments on lines of their own"},
	{
		"log.dirs", "log.dirs=\nlog.dir=",
		"log.dirs (c.properties:6) is empty; name the directory that was formatted, such as " +
			"log.dirs=/var/lib/yakt",
	},
	{"", "authorizer.class.name=com.example.Opa", "authorizer.class.name=com.example.Opa " +
		"(c.properties:7) is a Java class, which cannot run here; leave it empty, and let nobody but " +
		"brokers and administrators reach the listeners"},
	{
		"", "create.topic.policy.class.name=com.example.P",
		"create.topic.policy.class.name=com.example.P (c.properties:7) is a Java class, which cannot " +
			"run here; remove it, and check in front of the cluster what the policy checked",
	},
	{
		"", "alter.config.policy.class.name=com.example.P",
		"is a Java class, which cannot run here; remove it",
	},
	{
		"", "super.users=User:a;b",
		`super.users=User:a;b (c.properties:7) has the entry "b", which is not of the form Type:name; ` +
			`write User:name, several separated by semicolons`,
	},
	{"", "queued.max.request.bytes=1000", "queued.max.request.bytes=1000 (c.properties:7) is less " +
		"than socket.request.max.bytes=8388608; make it at least as much, or -1 for 64 MiB"},
	{
		"", "max.connections.per.ip=0",
		"max.connections.per.ip=0 (c.properties:7) allows no connections; give 1 or more, or set " +
			"max.connections.per.ip.overrides",
	},
	{
		"", "max.connections.per.ip.overrides=a",
		`has the entry "a", which is not of the form host:count; write an address or host name, a ` +
			`colon and a number`,
	},
	{
		"", "log.cleaner.min.compaction.lag.ms=5\nlog.cleaner.max.compaction.lag.ms=4",
		"log.cleaner.min.compaction.lag.ms=5 (c.properties:7) is more than " +
			"log.cleaner.max.compaction.lag.ms=4; lower one or raise the other",
	},
	{
		"", "log.retention.hours=0",
		"log.retention.hours=0 (c.properties:7) keeps nothing; give 1 or more, or -1 to keep everything",
	},
}

func withoutKeys(text, keys string) string {
	var kept []string
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "=")
		if keys == "" || !strings.Contains(","+keys+",", ","+name+",") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, test := range problemCases {
		_, _, err := Load(write(t, "c.properties", withoutKeys(minimal, test.without)+test.text+"\n"),
			nil)
		var list *Error
		if !errors.As(err, &list) {
			t.Errorf("%q: got %v", test.text, err)
			continue
		}
		if len(list.Problems) != 1 || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q without %q:\n got %v\nwant %s", test.text, test.without, err, test.want)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := Load(write(t, "c.properties",
		minimal+"num.partitions=x\nbroker.session.timeout.ms=\nnode.id=y\nlisteners=\n"),
		map[string]string{"nodeid": "2", "whatever": "x"})
	want := `c.properties: 5 settings cannot be used:
  nodeid (override) is not a key of Kafka 4.4 or YAKt; did you mean node.id?
  whatever (override) is not a key of Kafka 4.4 or YAKt; ` +
		`name a key that is in the configuration reference
  broker.session.timeout.ms (c.properties:8) is not a whole number; ` +
		`give a whole number of milliseconds, 1 to 2147483647
  node.id=y (c.properties:9) is not a whole number; give a whole number, 0 or more
  num.partitions=x (c.properties:7) is not a whole number; give a whole number, 1 or more
  controller.listener.names=CONTROLLER (c.properties:5) names CONTROLLER, ` +
		`which is not among the listeners; add CONTROLLER://:9093 to listeners`
	want = strings.Replace(want, "5 settings", "6 settings", 1)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
