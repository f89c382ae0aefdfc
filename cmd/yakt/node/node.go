// Package node runs one controller node: it joins configuration, storage, log, controller and
// listeners, and is the only package that imports all of them.
//
// Open, Start and Stop are called in this order, by one goroutine. All other methods may be called
// concurrently from Start on.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/limits"
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/raftlog"
	"github.com/yakt/yakt/turns"
)

// Node is one controller node. One process may run several. It owns everything that it holds:
// Stop closes all of that. Methods may be called from any goroutine.
type Node struct {
	cfg          *config.Config
	logger       *slog.Logger
	loggers      *loglevel.Loggers
	version      string // this program's release
	storage      *storage
	registration record.RegisterController // how this node registers when a quorum has a leader

	controller *controller.Controller
	log        *raftlog.Log
	guard      *guard
	server     *kafkaproto.Server
	files      *descriptors  // shared by the Kafka and the HTTP listeners
	turns      *turns.Places // shared by the Kafka and the HTTP server
	debug      *debugServer  // nil without debug listeners
	http       *httpServer   // nil without HTTP listeners
	api        *httpapi.API
	forwarder  forwarder     // this node's requests to the leader's API
	tunnelled  *tunnelServer // other nodes' requests to this one's

	strangers *limits.Refusals // of connections that may not act as a controller

	failed   chan error // buffered for the one error of fail; nobody has to receive it
	failOnce sync.Once
	stopOnce sync.Once
	stopErr  error // result of the first Stop; later calls return it too
}

// Open makes a node on a formatted directory and binds its listeners; Start makes it take part in
// the quorum. The node keeps cfg, which must not change afterwards. version is shown to people
// only. An error says what is wrong and what to do; nothing stays open then.
func Open(cfg *config.Config, logger *slog.Logger, version string) (_ *Node, err error) {
	n := &Node{
		cfg: cfg, loggers: loglevel.Of(logger), version: version, failed: make(chan error, 1),
		turns: turns.New(runtime.GOMAXPROCS(0)),
	}
	n.logger = n.loggers.Logger("node")
	n.strangers = limits.NewRefusals("peers", n.loggers.Logger("raft"))
	n.files = newDescriptors(descriptorLimit())
	defer func() {
		if err != nil {
			n.release()
		}
	}()
	if n.storage, err = openStorage(cfg, n.logger); err != nil {
		return nil, err
	}
	warnOfModes(cfg, n.logger)
	n.guard, err = openGuard(cfg, n.loggers.Logger("security"), credentials{node: n})
	if err != nil {
		return nil, err
	}
	if n.server, err = n.listen(); err != nil {
		return nil, err
	}
	if n.http, err = n.bindHTTP(); err != nil {
		return nil, err
	}
	n.registration = n.makeRegistration()
	n.controller = controller.New(n.controllerConfig())
	if n.log, err = n.openLog(); err != nil {
		return nil, err
	}
	if err := n.storage.recordStarted(cfg.NodeID, n.log.Incarnation()); err != nil {
		return nil, err
	}
	n.controller.SetLog(quorumLog{n.log})
	n.api = n.httpAPI()
	n.http.use(n.api)
	n.forwarder.tunnel = n.log.Tunnel
	n.tunnelled = newTunnelServer(n.api.Tunnel(), n.loggers.Logger("http"))
	if n.debug, err = listenDebug(cfg.DebugListeners, n.guard.httpTLS(), n.debugGuard,
		n.logger); err != nil {
		return nil, err
	}
	n.files.warnIfFewer(cfg.Clients.MaxConnections, n.logger)
	return n, nil
}

// listen binds the controller listeners.
func (n *Node) listen() (*kafkaproto.Server, error) {
	cfg, err := n.serverConfig(net.LookupHost)
	if err != nil {
		return nil, err
	}
	return kafkaproto.Listen(cfg)
}

// serverConfig returns the settings of the controller listeners. lookup resolves a host name.
func (n *Node) serverConfig(lookup func(host string) ([]string, error)) (kafkaproto.Config, error) {
	cfg := kafkaproto.Config{
		Versions:            controller.Versions,
		Handle:              n.handle,
		Cost:                func(req kmsg.Request) int64 { return n.controller.Cost(req) },
		Elements:            func(req kmsg.Request) int { return n.controller.Elements(req) },
		StreamKey:           raftlog.PeerAPIKey,
		Stream:              n.acceptPeer,
		MaxStreamFrameBytes: raftlog.MaxFrameBytes,
		MaxFrameBytes:       n.cfg.LongestRequest(),
		MaxInFlightBytes:    n.cfg.RequestMemory(),
		MaxParked:           int(n.cfg.Clients.MaxParked),
		MaxParkedPerIP:      int(n.cfg.Clients.MaxParkedPerIP),
		MaxWait:             n.cfg.Clients.MaxWait,
		MaxConnections:      int(n.cfg.Clients.MaxConnections),
		MaxConnectionsPerIP: int(n.cfg.Clients.MaxConnectionsPerIP),
		MaxConnectionsOf:    make(map[string]int),
		Admit:               func() (release func(), ok bool) { return n.files.admit(kafkaConns) },
		StreamSlots:         peerSlots,
		IdleTimeout:         n.cfg.Clients.MaxIdle,
		Turns:               n.turns,
		Logger:              n.loggers.Logger("network"),
	}
	if cfg.MaxConnectionsPerIP == 0 {
		cfg.MaxConnectionsPerIP = -1 // kafkaproto takes 0 for its default, and -1 for no connection
	}
	if cfg.IdleTimeout < 0 {
		cfg.IdleTimeout = never
	}
	for host, most := range n.cfg.Clients.MaxConnectionsPerIPOverrides {
		addresses, err := lookup(host)
		if err != nil {
			return cfg, fmt.Errorf("max.connections.per.ip.overrides: the address of %s cannot be found: "+
				"%w; correct the name, or write the address", host, err)
		}
		for _, a := range addresses {
			if ip, err := netip.ParseAddr(a); err == nil {
				a = ip.Unmap().WithZone("").String() // in the form of a connection's remote address
			}
			cfg.MaxConnectionsOf[a] = int(most)
		}
	}
	for _, l := range n.cfg.Listeners {
		cfg.Listeners = append(cfg.Listeners, n.guard.listener(l))
	}
	return cfg, nil
}

func (n *Node) handle(
	ctx context.Context, caller kafkaproto.Caller, req kmsg.Request, reply func(kmsg.Response),
) {
	n.controller.Handle(ctx, caller, req, reply)
}

// makeRegistration describes this node to brokers and peers. A configured port of 0 is replaced by
// the port that was bound.
func (n *Node) makeRegistration() record.RegisterController {
	r := record.RegisterController{
		ControllerID: n.cfg.NodeID, IncarnationID: protocol.NewUUID(),
		Features: metadata.SupportedFeatures(n.cfg.Controller.UnstableFeatureVersions),
	}
	for _, l := range n.cfg.AdvertisedListeners {
		port := l.Port
		if port == 0 {
			port = n.server.Addrs()[l.Name].(*net.TCPAddr).Port
		}
		r.Endpoints = append(r.Endpoints, record.Endpoint{
			Name: l.Name, Host: l.Host, Port: uint16(port), SecurityProtocol: int16(l.Protocol),
		})
	}
	return r
}

func (n *Node) controllerConfig() controller.Config {
	cfg := n.cfg
	c := controller.Config{
		NodeID:        cfg.NodeID,
		ClusterID:     n.storage.clusterID,
		DirectoryID:   n.storage.directoryID,
		Registration:  n.registration,
		InitialVoters: n.initialVoters,
		Bootstrap:     n.storage.bootstrap,
		Unstable:      cfg.Controller.UnstableFeatureVersions,

		DefaultPartitions:        cfg.Controller.NumPartitions,
		DefaultReplicationFactor: cfg.Controller.DefaultReplicationFactor,
		MinISR:                   staticMinISR(cfg.Static),
		UncleanElection:          cfg.Static["unclean.leader.election.enable"] == "true",
		DeleteTopics:             cfg.Controller.DeleteTopicEnable,
		Static:                   cfg.Static,
		Defaults:                 config.OwnDefaults(),
		Tokens:                   controller.TokenSettings(cfg.Security.DelegationToken),
		Resolve:                  resolveHost,
		Limits:                   requestLimits(cfg.Clients.Limits),

		SessionTimeout:    cfg.Controller.BrokerSessionTimeout,
		HeartbeatInterval: cfg.Controller.BrokerHeartbeatInterval,
		MaxIdle:           cfg.Controller.MaxIdleInterval,
		UncleanInterval:   cfg.Controller.UncleanElectionInterval,
		QuotaWindow:       quotaWindow(cfg.Controller.QuotaWindow, cfg.Controller.QuotaWindows),
		SlowEvent:         max(cfg.Controller.SlowEvent, time.Nanosecond), // 0 would be the default

		Clock:  systemClock{},
		Random: newRandom(),
		Codec:  controller.Codec{Decode: decodeNested, Encode: kafkaprotoEncode, Cost: nestedCost},
		Logger: n.loggers.Logger("controller"), Loggers: n.loggers,
		Stop:   n.fail,
		CutLog: func(offset int64) { n.log.CutBefore(offset) },

		AskBroker: brokerClient{nodeID: cfg.NodeID}.ask,
	}
	if cfg.Controller.AutoLeaderRebalance {
		c.PreferredInterval = cfg.Controller.LeaderImbalanceCheckInterval
	}
	if s := cfg.Security; s.Authorizer {
		c.Authorizer = acls.NewAuthorizer(s.SuperUsers, s.AllowEveryoneIfNoACL)
	}
	return c
}

// resolveHost looks a host name up.
func resolveHost(ctx context.Context, host string) error {
	_, err := net.DefaultResolver.LookupHost(ctx, host)
	return err
}

func requestLimits(l config.RequestLimits) controller.Limits {
	return controller.Limits{
		Topics: int(l.Topics), Partitions: int(l.Partitions), Changes: int(l.Changes),
		Resources: int(l.Resources),
		Configs:   int(l.Configs), Directories: int(l.Directories), Listeners: int(l.Listeners),
		Features: int(l.Features),
	}
}

// quotaWindow returns n times the length of a sample. Kafka bounds neither, so the product is
// capped.
func quotaWindow(sample time.Duration, n int32) time.Duration {
	return min(sample, never/time.Duration(max(1, n))) * time.Duration(n)
}

// staticMinISR returns min.insync.replicas of the file, which config has checked.
func staticMinISR(static map[string]string) int32 {
	if n, err := strconv.ParseInt(strings.TrimSpace(static["min.insync.replicas"]), 10,
		32); err == nil {
		return int32(n)
	}
	return 1
}

func nestedCost(data []byte) int64 { return kafkaproto.DecodeCost(controller.Versions, data) }

func decodeNested(data []byte) (kmsg.Request, int32, string, error) {
	r, err := kafkaproto.DecodeRequest(controller.Versions, data)
	if err != nil {
		return nil, 0, "", err
	}
	return r.Body, r.CorrelationID, r.ClientID, nil
}

func kafkaprotoEncode(correlationID int32, resp kmsg.Response) []byte {
	return kafkaproto.AppendResponse(nil, correlationID, resp)
}

// openLog opens the log and checks that it belongs to the configured quorum.
func (n *Node) openLog() (*raftlog.Log, error) {
	voters := n.formattedVoters()
	if len(voters) == 0 && !n.storage.hasLog {
		return nil, n.votersUnknown()
	}
	info, err := n.introduction()
	if err != nil {
		return nil, err
	}
	log, err := raftlog.Open(n.logConfig(voters, info), n.controller)
	if err != nil {
		return nil, n.otherVoters(err)
	}
	if err = n.checkIncarnation(log.Incarnation()); err == nil {
		err = n.checkLog(log.Status())
	}
	if err != nil {
		return nil, errors.Join(err, log.Stop(context.Background()))
	}
	return log, nil
}

// otherVoters adds advice to the error for a log whose voters are not the configured ones. It
// returns any other error unchanged.
func (n *Node) otherVoters(err error) error {
	other, ok := errors.AsType[*raftlog.VotersError](err)
	switch {
	case !ok:
		return err
	case n.storage.voters != nil:
		return fmt.Errorf("%s was formatted with the voters %v, but the log in it has %v: they do not "+
			"belong together; %s", n.storage.dir, other.Configured, other.Log, originalBack(n.storage.dir))
	case n.cfg.Embedded:
		return fmt.Errorf("the log in %s is of a quorum with the voters %v, and the built-in "+
			"configuration is of one node: name the configuration of this node by --config",
			n.storage.logDir(), other.Log)
	}
	return compareVoters(other.Configured, other.Log, "its log in "+n.storage.logDir())
}

// checkIncarnation refuses a log that is not the one that this directory had before.
func (n *Node) checkIncarnation(log [16]byte) error {
	m := n.storage.started
	if m == nil || m.incarnation == [16]byte{} || m.incarnation == log {
		return nil
	}
	return otherIncarnation(n.storage.dir, m.incarnation, log)
}

// checkLog refuses a log that still needs what the directory was formatted with, if that could not
// be read: one in which nothing but the batches of new leaders has been written.
func (n *Node) checkLog(log raftlog.Status) error {
	// A leader's first batch has one record, or three in an empty log. The bootstrap records follow.
	unfounded := log.LogEnd <= int64(log.Epoch)+2
	switch {
	case unfounded && n.storage.foundingErr != nil:
		return n.storage.foundingErr
	case unfounded && len(n.formattedVoters()) == 0:
		return n.votersUnknown()
	}
	return nil
}

func (n *Node) votersUnknown() error {
	return fmt.Errorf("neither %s nor the configuration names the voters of this quorum. Set "+
		"controller.quorum.voters if it is static; if this is a new node of a dynamic quorum, "+
		"move the directory away and run `%s` with --initial-controllers or --standalone (`yakt "+
		"format --help`); this release cannot add a node to a quorum that exists",
		n.storage.dir, n.cfg.Command("yakt format"))
}

// logConfig returns the settings of the log. A follower starts an election after one to two
// election timeouts without a leader, at random.
func (n *Node) logConfig(voters []int32, info []byte) raftlog.Config {
	cfg := n.cfg
	return raftlog.Config{
		Dir: n.storage.logDir(), ClusterID: n.storage.clusterID, NodeID: cfg.NodeID,
		DirectoryID: n.storage.directoryID, Info: info,
		Voters: voters, Addr: n.addresses, Dial: n.guard.peers.dial, VoterDirectory: n.voterDirectory,
		Tunnelled:     func(node int32, conn net.Conn) { n.tunnelled.take(node, conn) },
		Tick:          max(cfg.Quorum.ElectionTimeout, cfg.Quorum.FetchTimeout/2) / electionTicks,
		ElectionTicks: electionTicks, HeartbeatTicks: heartbeatTicks,
		DialTimeout: cfg.Quorum.RequestTimeout, RetryBackoff: cfg.Quorum.RetryBackoff,
		MessageBytes:       int(cfg.Quorum.FetchMaxBytes),
		SnapshotChunkBytes: int(cfg.Quorum.FetchSnapshotMaxBytes),
		SnapshotBytes:      cfg.Storage.SnapshotBytes,
		SnapshotInterval:   snapshotInterval(cfg.Storage.SnapshotInterval),
		SnapshotsKept:      int(cfg.Storage.SnapshotsKept),
		KeepBytes:          min(keepBytes, cfg.Storage.SnapshotBytes),
		SegmentBytes:       cfg.Storage.WALSegmentBytes, Logger: n.loggers.Logger("raft"),
	}
}

// keepBytes is how much log is kept before a snapshot, for followers that are a little late; less
// if snapshots follow each other faster.
const keepBytes = 4 << 20

// never is a duration that does not pass, and is far from overflowing a time.Time.
const never = 100 * 365 * 24 * time.Hour

// snapshotInterval converts the configured interval, in which 0 means never, as for Kafka.
func snapshotInterval(d time.Duration) time.Duration {
	if d == 0 {
		return never
	}
	return d
}

// An election timeout (controller.quorum.election.timeout.ms) has 50 ticks. A leader sends ten
// heartbeats in that time.
const (
	electionTicks  = 50
	heartbeatTicks = 5
)

func (n *Node) formattedVoters() []int32 {
	if n.storage.voters != nil {
		return voterIDs(*n.storage.voters)
	}
	var ids []int32
	for _, v := range n.cfg.Quorum.Voters {
		ids = append(ids, v.ID)
	}
	return ids
}

// Start serves requests and makes the node take part in the quorum. It returns at once.
func (n *Node) Start() {
	n.controller.Start()
	n.log.Start()
	n.guard.poll(systemClock{})
	n.guard.follow(n.controller)
	go n.server.Serve()
	n.http.serve()
	go n.tunnelled.server.Serve(n.tunnelled) //nolint:errcheck // ErrServerClosed
	go func() {
		if err, ok := <-n.log.Failed(); ok {
			n.fail(err)
		}
	}()
}

// Controller returns the node's controller.
func (n *Node) Controller() *controller.Controller { return n.controller }

// Log returns the node's replicated log.
func (n *Node) Log() *raftlog.Log { return n.log }

// ClusterID returns the id of the cluster that the directory was formatted for.
func (n *Node) ClusterID() string { return n.storage.clusterID }

// Addr returns the address that a listener is bound to, such as "127.0.0.1:9093", or "" for an
// unknown name.
func (n *Node) Addr(listener string) string {
	if a, ok := n.server.Addrs()[listener]; ok {
		return a.String()
	}
	return ""
}

// release closes what a failed Open had opened.
func (n *Node) release() {
	if n.log != nil {
		_ = n.log.Stop(context.Background()) // not started: there is nothing to hand over
	}
	n.debug.close()
	n.http.close()
	if n.server != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = n.server.Shutdown(ctx)
	}
	n.guard.close()
	if n.storage != nil {
		n.storage.close()
	}
}

// Endpoints returns this node's advertised controller endpoints as host:port. Brokers use the
// first.
func (n *Node) Endpoints() []string {
	var all []string
	for _, e := range n.registration.Endpoints {
		all = append(all, net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))))
	}
	return all
}
