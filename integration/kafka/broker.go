package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/realm"
)

const (
	serverClass  = "kafka.Kafka"
	bindAttempts = 3

	// startedLine is logged when the broker is RUNNING and its listeners are open. (BrokerServer's
	// transition from STARTING to STARTED is no such sign: it is logged when the start fails, too.)
	startedLine = "[KafkaRaftServer nodeId=%d] Kafka Server started"
)

// BrokerOptions configures a broker; the zero value of each field but ID is valid.
type BrokerOptions struct {
	ID      int32
	Version string // release of Kafka, Newest by default
	// configure controller.quorum.voters instead of controller.quorum.bootstrap.servers
	StaticVoters     bool
	Rack             string
	LogDirs          int  // 1 by default
	InternalReplicas int  // replication factor of internal topics, 1 by default
	FormatByTool     bool // format by kafka-storage instead of writing meta.properties
	HeapMB           int  // 256 by default
	Properties       map[string]string
	// Listeners are for a secured quorum only; the first is between brokers. By default one with
	// certificates, and one for clients with every mechanism.
	Listeners []realm.Listener
}

// ControllerQuorum is the address information that a broker's configuration needs.
type ControllerQuorum interface {
	ClusterID() string
	BootstrapServers() string // host:port,...
	StaticVoters() string     // id@host:port,...
	ListenerName() string
	// Security is the realm, nil if there is none, and the listener of BootstrapServers.
	Security() (*realm.Realm, realm.Listener)
}

// Broker is a real Apache Kafka broker (process.roles=broker).
type Broker struct {
	*Server
	ID      int32
	Version string
	Dirs    []string // its log directories

	listeners []realm.Listener
	ports     []int // of each listener
	jvmArgs   []string
	config    string
	log4j2    string
	heapMB    int
	props     properties
}

// StartBroker makes a broker, starts it and waits until it serves clients.
func StartBroker(t testing.TB, q ControllerQuorum, o BrokerOptions) *Broker {
	t.Helper()
	b := NewBroker(t, q, o)
	b.Start(t)
	b.WaitStarted(t, Patience)
	return b
}

// StartBrokers does the same for brokers with ids 1 to n, which start concurrently.
func StartBrokers(t testing.TB, q ControllerQuorum, n int, o BrokerOptions) []*Broker {
	t.Helper()
	var brokers []*Broker
	for i := range n {
		o.ID = int32(i + 1)
		b := NewBroker(t, q, o)
		b.Start(t)
		brokers = append(brokers, b)
	}
	for _, b := range brokers {
		b.WaitStarted(t, Patience)
	}
	return brokers
}

// NewBroker writes a broker's configuration and formats its directories, but does not start it.
func NewBroker(t testing.TB, q ControllerQuorum, o BrokerOptions) *Broker {
	t.Helper()
	r := Resolve(t, cmp.Or(o.Version, Newest))
	dir := t.TempDir()
	b := &Broker{ID: o.ID, Version: r.Version, heapMB: cmp.Or(o.HeapMB, 256),
		config: filepath.Join(dir, "server.properties")}
	for i := range max(o.LogDirs, 1) {
		b.Dirs = append(b.Dirs, filepath.Join(dir, fmt.Sprintf("data-%d", i)))
	}
	b.props = brokerProperties(q, o)
	b.listeners = secureBroker(q, o, b.props)
	maps.Copy(b.props, o.Properties)
	b.ports = freePortsFor(t, len(b.listeners))
	theirs, _ := q.Security()
	b.jvmArgs = jvmArgs(theirs)
	b.props["log.dirs"] = strings.Join(b.Dirs, ",")
	b.writeConfig(t)
	name := fmt.Sprintf("broker-%d", o.ID)
	logPath := filepath.Join(dir, name+".log")
	var err error
	if b.log4j2, err = log4j2Config(dir, name, logPath); err != nil {
		t.Fatal(err)
	}
	b.Server = newServer(t, fmt.Sprintf("broker %d (%s)", o.ID, r.Version), logPath,
		filepath.Join(dir, name+".out"), b.commandOf(r))
	b.format(t, q.ClusterID(), o)
	return b
}

// commandOf runs the broker with the classes of a release.
func (b *Broker) commandOf(r *Release) command {
	return r.javaCommand(b.heapMB, b.log4j2, b.jvmArgs, serverClass, b.config)
}

// Install has the broker run another release from its next start, on the same directories.
func (b *Broker) Install(t testing.TB, version string) {
	t.Helper()
	r := Resolve(t, version)
	b.Version, b.Name = r.Version, fmt.Sprintf("broker %d (%s)", b.ID, r.Version)
	b.setCommand(b.commandOf(r))
}

func brokerProperties(q ControllerQuorum, o BrokerOptions) properties {
	replicas := fmt.Sprint(max(o.InternalReplicas, 1))
	minISR := fmt.Sprint(max(1, o.InternalReplicas-1))
	p := properties{
		"process.roles":                  "broker",
		"node.id":                        fmt.Sprint(o.ID),
		"listener.security.protocol.map": q.ListenerName() + ":PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"inter.broker.listener.name":     "PLAINTEXT",
		"controller.listener.names":      q.ListenerName(),
		"auto.create.topics.enable":      "false",
		// A broker that has not registered after this time exits: long, so that a busy machine is
		// no reason.
		"initial.broker.registration.timeout.ms": fmt.Sprint(Patience.Milliseconds()),

		"offsets.topic.replication.factor":                 replicas,
		"offsets.topic.num.partitions":                     "3",
		"transaction.state.log.replication.factor":         replicas,
		"transaction.state.log.min.isr":                    minISR,
		"transaction.state.log.num.partitions":             "3",
		"share.coordinator.state.topic.replication.factor": replicas,
		"share.coordinator.state.topic.min.isr":            minISR,
		"share.coordinator.state.topic.num.partitions":     "3",
		"group.initial.rebalance.delay.ms":                 "0",
		// the default takes half the heap
		"log.cleaner.dedupe.buffer.size": "4194304",
		"num.network.threads":            "2",
		"num.io.threads":                 "3",
	}
	if o.StaticVoters {
		p["controller.quorum.voters"] = q.StaticVoters()
	} else {
		p["controller.quorum.bootstrap.servers"] = q.BootstrapServers()
	}
	if o.Rack != "" {
		p["broker.rack"] = o.Rack
	}
	return p
}

// writeConfig puts the broker's ports into its listeners, unless the properties set listeners.
func (b *Broker) writeConfig(t testing.TB) {
	t.Helper()
	p := maps.Clone(b.props)
	if p["listeners"] == "" {
		p["listeners"] = listenersOf(b.listeners, b.ports)
		p["advertised.listeners"] = p["listeners"]
	}
	if err := p.write(b.config); err != nil {
		t.Fatal(err)
	}
}

func (b *Broker) format(t testing.TB, clusterID string, o BrokerOptions) {
	t.Helper()
	if o.FormatByTool {
		args := []string{"format", "--cluster-id", clusterID, "--config", b.config}
		RunTool(t, b.Version, StorageTool, args...).MustSucceed(t)
		return
	}
	for _, dir := range b.Dirs {
		if err := writeMetaProperties(dir, clusterID, b.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// Addr is the address of the broker's first listener.
func (b *Broker) Addr() string { return fmt.Sprintf("127.0.0.1:%d", b.ports[0]) }

// Kafka's error message when a listener's port is taken.
var bindError = regexp.MustCompile(`Address already in use|Socket server failed to bind`)

// WaitStarted waits until the broker is RUNNING and its listeners are open, and returns the time
// since its start. A broker whose port was taken after all is restarted on another one.
func (b *Broker) WaitStarted(t testing.TB, within time.Duration) time.Duration {
	t.Helper()
	for attempt := 1; ; attempt++ {
		took, err := b.awaitLog(within, fmt.Sprintf(startedLine, b.ID))
		if err == nil {
			return took
		}
		if b.Alive() || attempt == bindAttempts || !bindError.MatchString(b.Log()) {
			t.Fatal(missed(b.Name+" starts", took, err))
		}
		b.ports = freePortsFor(t, len(b.listeners))
		b.writeConfig(t)
		b.Start(t)
	}
}

// Restart stops the broker gracefully and starts it on the same directories; it returns how long
// the start took.
func (b *Broker) Restart(t testing.TB) time.Duration {
	t.Helper()
	b.Stop(t)
	b.Start(t)
	return b.WaitStarted(t, Patience)
}

// MetadataDir holds the broker's copy of the metadata log and its snapshots.
func (b *Broker) MetadataDir() string { return filepath.Join(b.Dirs[0], "__cluster_metadata-0") }

// RequireAlive fails the test if any of these brokers has ended, for whatever reason.
func RequireAlive(t testing.TB, brokers ...*Broker) {
	t.Helper()
	for _, b := range brokers {
		if code, ended := b.ExitCode(); ended {
			t.Fatalf("%s exited with code %d", b.Name, code)
		}
	}
}

// Addrs lists the brokers' addresses, for clients.
func Addrs(brokers ...*Broker) []string {
	var addrs []string
	for _, b := range brokers {
		addrs = append(addrs, b.Addr())
	}
	return addrs
}

// Config returns the path of the broker's configuration.
func (b *Broker) Config() string { return b.config }
