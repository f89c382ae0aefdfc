package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/raftlog"
)

// plan is the whole effect of a configuration: the settings of each part of a node.
type plan struct {
	refused       string // why there is no such node
	server        kafkaproto.Config
	controller    controller.Config
	log           raftlog.Config
	dir           string
	http          []config.HostPort
	httpProtocol  config.SecurityProtocol
	debug         []config.HostPort
	hosts         []string
	httpLimits    httpLimits
	level, format string
	addresses     []string
	static        map[string]string
}

const wiringFile = `process.roles=controller
node.id=1
controller.quorum.voters=1@localhost:9093,2@b:9093
listeners=CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
log.dirs=/data
`

// planOf loads a file and asks the functions that make the parts' configurations, as Open does.
func planOf(t *testing.T, text string) plan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.properties")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, nil)
	if err != nil {
		return plan{refused: err.Error()}
	}
	n := &Node{
		cfg: cfg, logger: slog.New(slog.DiscardHandler),
		storage: &storage{dir: cfg.Storage.MetadataLogDir}, guard: &guard{},
	}
	n.controller = controller.New(controller.Config{Clock: systemClock{}})
	p := plan{
		dir: cfg.Storage.MetadataLogDir, http: cfg.HTTP.Listeners, hosts: n.httpHosts(),
		httpProtocol: cfg.HTTP.Protocol, debug: cfg.DebugListeners, level: cfg.Log.Level, format: cfg.Log.Format,
	}
	if p.server, err = n.serverConfig(fakeLookup); err != nil {
		t.Fatal(err)
	}
	p.server.Versions, p.server.Handle, p.server.Stream, p.server.Logger = nil, nil, nil, nil
	p.server.Admit, p.server.Cost, p.server.Elements = nil, nil, nil
	for _, l := range cfg.AdvertisedListeners {
		n.registration.Endpoints = append(n.registration.Endpoints,
			record.Endpoint{Name: l.Name, Host: l.Host, Port: uint16(l.Port)})
	}
	p.addresses, p.httpLimits = n.addresses(2), httpLimitsOf(cfg)
	p.log = n.logConfig(n.formattedVoters(), nil)
	p.log.Addr, p.log.Dial, p.log.VoterDirectory, p.log.Tunnelled, p.log.Logger = nil, nil, nil, nil, nil
	p.controller = n.controllerConfig()
	p.static, p.controller.Static = p.controller.Static, nil
	p.controller.InitialVoters, p.controller.Clock, p.controller.Random = nil, nil, nil
	p.controller.Codec, p.controller.Logger, p.controller.Stop = controller.Codec{}, nil, nil
	p.controller.CutLog, p.controller.AskBroker, p.controller.Resolve = nil, nil, nil
	return p
}

func fakeLookup(host string) ([]string, error) {
	if host == "nowhere" {
		return nil, errors.New("no such host")
	}
	return []string{"::ffff:10.0.0.7"}, nil
}

// samples are values other than the default, for keys whose type does not say enough. Some need
// further lines.
var samples = map[string]string{
	"process.roles":                       "broker",
	"broker.id":                           "2",
	"node.id":                             "2",
	"log.dirs":                            "/other",
	"log.dir":                             "/other",
	"metadata.log.dir":                    "/other",
	"controller.quorum.voters":            "1@localhost:9093",
	"controller.quorum.bootstrap.servers": "localhost:9093",
	"controller.quorum.fetch.timeout.ms":  "9000",
	"listeners":                           "CONTROLLER://localhost:9094",
	"advertised.listeners":                "CONTROLLER://elsewhere:9094",
	"controller.listener.names":           "OTHER",
	"listener.security.protocol.map":      "CONTROLLER:SSL",
	"max.connections.per.ip.overrides":    "c:7",
	"create.topic.policy.class.name":      "a.B",
	"alter.config.policy.class.name":      "a.B",
	"authorizer.class.name":               "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	"super.users":                         "User:a",
	"delegation.token.secret.key":         "secret",
	"socket.request.max.bytes":            "500000000",
	"queued.max.request.bytes":            "500000000",
	"controller.quorum.fetch.max.bytes":   "1000",
	"yakt.http.listeners":                 "127.0.0.1:1",
	"yakt.debug.listeners":                "127.0.0.1:1",
	"yakt.http.hosts":                     "yakt.example.com",
	"yakt.peer.addresses":                 "2@d:1",
	"yakt.log.level":                      "debug",
	"yakt.log.format":                     "json",
	"unclean.leader.election.enable":      "true",
	"config.providers":                    "file",
	"early.start.listeners":               "CONTROLLER",
	"yakt.http.security.protocol":         "SSL",
	"security.providers":                  "a.B",
	"principal.builder.class": "org.apache.kafka.common.security.authenticator." +
		"DefaultKafkaPrincipalBuilder",
}

const withAuthorizer = "authorizer.class.name=" +
	"org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"

// around are what must be left out of the file, and put into it, for a key to matter.
var around = map[string]struct{ without, with string }{
	"broker.id":                           {"node.id", ""},
	"log.dir":                             {"log.dirs", ""},
	"controller.quorum.bootstrap.servers": {"controller.quorum.voters", ""},
	"yakt.http.insecure":                  {"", "yakt.http.listeners=:8093\n"},
	"config.providers": {
		"", "config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n" +
			"broker.rack=x\ndelegation.token.secret.key=${file:/nowhere:key}\n",
	},
	"leader.imbalance.check.interval.seconds": {"", "auto.leader.rebalance.enable=true\n"},
	"security.providers":                      {"", "listener.security.protocol.map=CONTROLLER:SSL\n"},
	"super.users":                             {"", withAuthorizer},
	"allow.everyone.if.no.acl.found":          {"", withAuthorizer},
}

// another is a valid value that is not the default.
func another(t *testing.T, k config.Key) string {
	if v, ok := samples[k.Name]; ok {
		return v
	}
	switch k.Type {
	case "boolean":
		return strconv.FormatBool(k.Default != "true")
	case "int", "long", "short":
		n, _ := strconv.ParseInt(k.Default, 10, 64)
		return fmt.Sprint(n/2 + 7)
	}
	t.Errorf("%s: no value to try is known", k.Name)
	return ""
}

// TestEveryKeyHasAnEffectOrSaysThatItHasNone sets one key after the other and checks that
// the plan changes. docs/configuration.md lists the keys of class Ignored, and says for those with
// Void why they have no effect.
func TestEveryKeyHasAnEffectOrSaysThatItHasNone(t *testing.T) {
	if !reflect.DeepEqual(planOf(t, wiringFile), planOf(t, wiringFile)) {
		t.Fatal("two plans of one file differ: planOf must drop a function")
	}
	for _, k := range config.Keys() {
		if k.Class == config.Ignored || strings.HasPrefix(k.Section, "Defaults") ||
			k.Section == "TLS" || k.Section == "SASL" {
			// Defaults go to the controller as they are: see TestDefaultsOfTopicsAndGroups.
			continue
		}
		file := wiringFile + around[k.Name].with
		for line := range strings.Lines(file) {
			if name, _, _ := strings.Cut(line, "="); name == k.Name || name == around[k.Name].without {
				file = strings.Replace(file, line, "", 1)
			}
		}
		base := wiringFile + around[k.Name].with
		if without := around[k.Name].without; without != "" {
			base = file
		}
		before, after := planOf(t, base), planOf(t, file+k.Name+"="+another(t, k)+"\n")
		before.static, after.static = nil, nil
		changed := !reflect.DeepEqual(before, after)
		if changed && k.Void != "" {
			t.Errorf("%s has an effect, but its reference says: %s", k.Name, k.Void)
		}
		if !changed && k.Void == "" {
			t.Errorf("%s has no effect, and its reference does not say so", k.Name)
		}
	}
}

func TestAddressesOfConnectionLimits(t *testing.T) {
	p := planOf(t, wiringFile+"max.connections.per.ip=0\nmax.connections.per.ip.overrides=c:7\n")
	if p.server.MaxConnectionsPerIP != -1 ||
		!reflect.DeepEqual(p.server.MaxConnectionsOf, map[string]int{"10.0.0.7": 7}) {
		t.Errorf("%d, %v", p.server.MaxConnectionsPerIP, p.server.MaxConnectionsOf)
	}
	n := &Node{cfg: &config.Config{Clients: config.Clients{
		MaxConnectionsPerIPOverrides: map[string]int32{"nowhere": 1},
	}}}
	if _, err := n.serverConfig(fakeLookup); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a name without an address: %v", err)
	}
}

func TestElectionTimeoutCoversTheFetchTimeout(t *testing.T) {
	for text, want := range map[string]int{
		"":                                      1000,
		"controller.quorum.fetch.timeout.ms=10": 1000,
		"controller.quorum.fetch.timeout.ms=9000":                                             4500,
		"controller.quorum.fetch.timeout.ms=9000\ncontroller.quorum.election.timeout.ms=8000": 8000,
		"controller.quorum.election.timeout.ms=100":                                           100,
	} {
		log := planOf(t, wiringFile+text+"\n").log
		if got := int(log.Tick.Milliseconds()) * log.ElectionTicks; got != want {
			t.Errorf("%q: %d ms", text, got)
		}
	}
}
