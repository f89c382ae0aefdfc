// Package node is one running controller: configuration, storage, log, controller and listeners joined. It is the only
// place that knows them all; the packages below know nothing of each other.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/raftlog"
)

// Node is a controller process in the small: several may run in one program.
type Node struct {
	cfg          *config.Config
	logger       *slog.Logger
	storage      *storage
	registration record.RegisterController

	controller *controller.Controller
	log        *raftlog.Log
	server     *kafkaproto.Server
	files      *descriptors
	debug      *debugServer
	http       *httpServer // nil without listeners
	api        *httpapi.API
	passage    passage
	passed     *passedServer

	failed   chan error
	failOnce sync.Once
	stopOnce sync.Once
	stopErr  error
}

// Open makes a node on a formatted directory and binds its listeners; Start lets it take part. An error says what is wrong and what to do.
func Open(cfg *config.Config, logger *slog.Logger) (_ *Node, err error) {
	n := &Node{cfg: cfg, logger: logger, failed: make(chan error, 1)}
	n.files = newDescriptors(descriptorLimit())
	defer func() {
		if err != nil {
			n.release()
		}
	}()
	if n.storage, err = openStorage(cfg, logger); err != nil {
		return nil, err
	}
	if n.server, err = n.listen(); err != nil {
		return nil, err
	}
	if n.debug, err = listenDebug(cfg.DebugListeners, logger); err != nil {
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
	if err := n.storage.noteStarted(cfg.NodeID, n.log.Incarnation()); err != nil {
		return nil, err
	}
	n.controller.SetLog(quorumLog{n.log})
	n.api = n.httpAPI()
	n.http.use(n.api)
	n.passage.tunnel, n.passed = n.log.Tunnel, newPassedServer(n.api, logger)
	n.files.note(cfg.MaxConnections, logger)
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

// serverConfig is what the listeners are to be; lookup finds the addresses of a host name.
func (n *Node) serverConfig(lookup func(host string) ([]string, error)) (kafkaproto.Config, error) {
	cfg := kafkaproto.Config{
		Versions:  controller.Versions,
		Handle:    n.handle,
		Cost:      func(req kmsg.Request) int64 { return n.controller.Cost(req) },
		StreamKey: raftlog.PeerAPIKey,
		Stream: func(remote string) kafkaproto.Stream {
			frame, confirmed, closed := n.log.AcceptPeer(remote)
			return kafkaproto.Stream{Frame: frame, Confirmed: confirmed, Closed: closed}
		},
		MaxStreamFrameBytes: raftlog.MaxFrameBytes,
		MaxFrameBytes:       n.cfg.LongestRequest(),
		MaxInFlightBytes:    n.cfg.RequestMemory(),
		MaxParked:           int(n.cfg.MaxParkedRequests),
		MaxParkedPerIP:      int(n.cfg.MaxParkedRequestsPerIP),
		MaxWait:             n.cfg.MaxWait,
		MaxConnections:      int(n.cfg.MaxConnections),
		MaxConnectionsPerIP: int(n.cfg.MaxConnectionsPerIP),
		MaxConnectionsOf:    make(map[string]int),
		Admit:               func() (release func(), ok bool) { return n.files.admit(kafkaDoor) },
		StreamSlots:         peerSlots,
		IdleTimeout:         n.cfg.ConnectionsMaxIdle,
		Logger:              n.logger,
	}
	if cfg.MaxConnectionsPerIP == 0 {
		cfg.MaxConnectionsPerIP = -1 // nobody, to kafkaproto
	}
	if cfg.IdleTimeout < 0 {
		cfg.IdleTimeout = never
	}
	for host, most := range n.cfg.MaxConnectionsPerIPOverrides {
		addresses, err := lookup(host)
		if err != nil {
			return cfg, fmt.Errorf("max.connections.per.ip.overrides: the address of %s cannot be found: %w; correct the name, or write the address", host, err)
		}
		for _, a := range addresses {
			if ip, err := netip.ParseAddr(a); err == nil {
				a = ip.Unmap().WithZone("").String() // as connections show it
			}
			cfg.MaxConnectionsOf[a] = int(most)
		}
	}
	for _, l := range n.cfg.Listeners {
		cfg.Listeners = append(cfg.Listeners, kafkaproto.Listener{Name: l.Name, Address: l.HostPort.String(), SecurityProtocol: int16(l.Protocol)})
	}
	return cfg, nil
}

func (n *Node) handle(ctx context.Context, caller kafkaproto.Caller, req kmsg.Request, reply func(kmsg.Response)) {
	n.controller.Handle(ctx, caller, req, reply)
}

// makeRegistration describes this node to brokers and peers; a port of 0 in the configuration is replaced by the one bound.
func (n *Node) makeRegistration() record.RegisterController {
	r := record.RegisterController{
		ControllerID: n.cfg.NodeID, IncarnationID: record.UUID(config.NewUUID()), Features: metadata.SupportedFeatures(n.cfg.UnstableFeatureVersions),
	}
	for _, l := range n.cfg.AdvertisedListeners {
		port := l.Port
		if port == 0 {
			port = n.server.Addrs()[l.Name].(*net.TCPAddr).Port
		}
		r.Endpoints = append(r.Endpoints, record.Endpoint{Name: l.Name, Host: l.Host, Port: uint16(port), SecurityProtocol: int16(l.Protocol)})
	}
	return r
}

func (n *Node) controllerConfig() controller.Config {
	cfg := n.cfg
	c := controller.Config{
		NodeID: cfg.NodeID, ClusterID: n.storage.clusterID, DirectoryID: n.storage.directoryID, Registration: n.registration,
		InitialVoters: n.initialVoters, Bootstrap: n.storage.bootstrap, Unstable: cfg.UnstableFeatureVersions,
		DefaultPartitions: cfg.NumPartitions, DefaultReplicationFactor: cfg.DefaultReplicationFactor,
		MinISR: staticMinISR(cfg.Static), UncleanElection: cfg.Static["unclean.leader.election.enable"] == "true",
		DeleteTopics: cfg.DeleteTopicEnable, SessionTimeout: cfg.BrokerSessionTimeout, HeartbeatInterval: cfg.BrokerHeartbeatInterval,
		MaxIdle: cfg.MetadataMaxIdleInterval, UncleanInterval: cfg.UncleanElectionInterval, Static: cfg.Static,
		QuotaWindow: quotaWindow(cfg.QuotaWindow, cfg.QuotaWindows),
		SlowEvent:   max(cfg.SlowEvent, time.Nanosecond), // 0 stands for its default there
		Clock:       systemClock{}, Random: newRandom(), Logger: n.logger, Stop: n.fail,
		Codec:  controller.Codec{Decode: decodeNested, Encode: kafkaprotoEncode, Cost: nestedCost},
		Limits: requestLimits(cfg.RequestLimits),
		CutLog: func(offset int64) { n.log.CutBefore(offset) },
	}
	if cfg.AutoLeaderRebalance {
		c.PreferredInterval = cfg.LeaderImbalanceCheckInterval
	}
	return c
}

func requestLimits(l config.RequestLimits) controller.Limits {
	return controller.Limits{
		Topics: int(l.Topics), Partitions: int(l.Partitions), Changes: int(l.Changes), Resources: int(l.Resources),
		Configs: int(l.Configs), Directories: int(l.Directories), Listeners: int(l.Listeners), Features: int(l.Features),
	}
}

// quotaWindow is n samples of a length, of which Kafka bounds neither.
func quotaWindow(sample time.Duration, n int32) time.Duration {
	return min(sample, never/time.Duration(max(1, n))) * time.Duration(n)
}

// staticMinISR is the file's min.insync.replicas, which config has checked.
func staticMinISR(static map[string]string) int32 {
	if n, err := strconv.ParseInt(strings.TrimSpace(static["min.insync.replicas"]), 10, 32); err == nil {
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

// openLog opens the log and checks that it is of the quorum that is configured.
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

// otherVoters says what to do about a log of other voters than this node was told; any other error is
// passed on.
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

// checkIncarnation refuses an opened log that is not the one that this directory has had.
func (n *Node) checkIncarnation(log [16]byte) error {
	m := n.storage.mark
	if m == nil || m.incarnation == [16]byte{} || m.incarnation == log {
		return nil
	}
	return otherIncarnation(n.storage.dir, m.incarnation, log)
}

// checkLog makes sure that a log in which nothing but new leaders has been written has what it still
// needs: what the directory was formatted with.
func (n *Node) checkLog(log raftlog.Status) error {
	// A leader's first batch is one record, three in an empty log; the bootstrap records come next.
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

// logConfig is what the log is to be. A follower waits for a leader for one election timeout to two, at random.
func (n *Node) logConfig(voters []int32, info []byte) raftlog.Config {
	cfg := n.cfg
	return raftlog.Config{
		Dir: n.storage.logDir(), ClusterID: n.storage.clusterID, NodeID: cfg.NodeID, DirectoryID: n.storage.directoryID, Info: info,
		Voters: voters, Addr: n.addresses, VoterDirectory: n.voterDirectory,
		Tunnelled: func(node int32, conn net.Conn) { n.passed.take(node, conn) },
		Tick:      max(cfg.ElectionTimeout, cfg.FetchTimeout/2) / electionTicks, ElectionTicks: electionTicks, HeartbeatTicks: heartbeatTicks,
		DialTimeout: cfg.QuorumRequestTimeout, RetryBackoff: cfg.QuorumRetryBackoff,
		MessageBytes: int(cfg.FetchMaxBytes), SnapshotChunkBytes: int(cfg.FetchSnapshotMaxBytes),
		SnapshotBytes: cfg.SnapshotBytes, SnapshotInterval: snapshotInterval(cfg.SnapshotInterval), SnapshotsKept: int(cfg.SnapshotsKept),
		KeepBytes:    min(keepBytes, cfg.SnapshotBytes),
		SegmentBytes: cfg.WALSegmentBytes, Logger: n.logger,
	}
}

// keepBytes of log are kept behind a snapshot for those who are a little late, unless snapshots follow each other faster.
const keepBytes = 4 << 20

// never stands for a time that does not come; far from what would overflow a time.Time.
const never = 100 * 365 * 24 * time.Hour

// snapshotInterval is a configured interval, of which Kafka's 0 means never.
func snapshotInterval(d time.Duration) time.Duration {
	if d == 0 {
		return never
	}
	return d
}

// An election timeout (controller.quorum.election.timeout.ms) is counted in ticks; a leader is heard of ten times in one.
const (
	electionTicks  = 50
	heartbeatTicks = 5
)

func (n *Node) formattedVoters() []int32 {
	if n.storage.voters != nil {
		return voterIDs(*n.storage.voters)
	}
	var ids []int32
	for _, v := range n.cfg.Voters {
		ids = append(ids, v.ID)
	}
	return ids
}

// Start serves requests and takes part in the quorum.
func (n *Node) Start() {
	n.controller.Start()
	n.log.Start()
	go n.server.Serve()
	n.http.serve()
	go n.passed.server.Serve(n.passed) //nolint:errcheck // ErrServerClosed, or the listener is closed
	go func() {
		if err, ok := <-n.log.Failed(); ok {
			n.fail(err)
		}
	}()
}

// Controller is the node's controller.
func (n *Node) Controller() *controller.Controller { return n.controller }

// Log is the node's replicated log.
func (n *Node) Log() *raftlog.Log { return n.log }

// ClusterID is the cluster that the directory was formatted for.
func (n *Node) ClusterID() string { return n.storage.clusterID }

// Addr is where a listener is bound, such as "127.0.0.1:9093"; "" for an unknown name.
func (n *Node) Addr(listener string) string {
	if a, ok := n.server.Addrs()[listener]; ok {
		return a.String()
	}
	return ""
}

// release frees what a failed Open had taken.
func (n *Node) release() {
	if n.log != nil {
		_ = n.log.Stop(context.Background()) // never started: hands nothing over
	}
	n.debug.close()
	n.http.close()
	if n.server != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = n.server.Shutdown(ctx)
	}
	if n.storage != nil {
		n.storage.close()
	}
}

// Endpoints are this node's advertised controller endpoints as host:port, the first is the one brokers use.
func (n *Node) Endpoints() []string {
	var all []string
	for _, e := range n.registration.Endpoints {
		all = append(all, net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))))
	}
	return all
}
