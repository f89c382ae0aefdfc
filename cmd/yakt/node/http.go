package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/raftlog"
)

// httpEndpoint is the endpoint name by which controllers announce, in the handshake only, where
// they serve HTTP. A standby redirects clients there. Brokers and tools never see it.
const httpEndpoint = "HTTP"

// httpLimits bounds the number of HTTP connections and the resources that they hold.
type httpLimits struct {
	budgetBytes   int64         // memory for large requests and their answers, all together
	connections   int           // at once
	headerTimeout time.Duration // for a request's header to arrive
	idleTimeout   time.Duration // between two requests
}

// httpLimitsOf returns the limits that a configuration sets.
func httpLimitsOf(cfg *config.Config) httpLimits {
	return httpLimits{
		budgetBytes: cfg.HTTP.MaxQueuedBytes, connections: int(cfg.HTTP.MaxConnections),
		headerTimeout: 10 * time.Second, idleTimeout: 2 * time.Minute,
	}
}

// httpHeaderBytes bounds a request's header. It is read before the memory budget counts anything.
const httpHeaderBytes = 32 << 10

// http2Limits bounds what a client may have in flight on one connection of HTTP/2, before and after
// it has authenticated. TLS makes HTTP/2 possible.
func http2Limits() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: 64, MaxReceiveBufferPerConnection: 64 << 10,
		MaxReceiveBufferPerStream: 32 << 10,
	}
}

// httpServer serves the HTTP API on this node's listeners. Its methods do nothing on nil.
type httpServer struct {
	listeners []net.Listener
	server    *http.Server
	conns     *connLimiter
}

// listenHTTP binds the listeners and returns nil if there are none. They speak TLS unless secure is
// nil. Connections take descriptors from files.
func listenHTTP(
	at []config.HostPort, secure *tls.Config, limits httpLimits, files *descriptors,
	logger *slog.Logger,
) (*httpServer, error) {
	if len(at) == 0 {
		return nil, nil
	}
	s := &httpServer{server: &http.Server{
		ReadHeaderTimeout: limits.headerTimeout, IdleTimeout: limits.idleTimeout,
		MaxHeaderBytes: httpHeaderBytes, HTTP2: http2Limits(),
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}
	conns := newConnLimiter(limits.connections, files, logger)
	guard := &protocolGuard{tls: secure != nil, logger: logger}
	s.conns = conns
	s.server.ConnState, s.server.ConnContext = conns.idle.observe, httpapi.ConnContext
	for _, a := range at {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			s.close()
			return nil, fmt.Errorf("yakt.http.listeners: cannot listen on %v: %w; "+
				"free the port or name another one", a, err)
		}
		bounded := &boundedListener{
			Listener: l, tls: secure, conns: conns, guard: guard, logger: logger,
		}
		if secure != nil {
			bounded.pace.interval = handshakeInterval
		}
		s.listeners = append(s.listeners, bounded)
	}
	return s, nil
}

// bindHTTP binds this node's HTTP listeners. If the default address is taken, the node runs without
// an HTTP port of its own: a default must not stop a controller.
func (n *Node) bindHTTP() (*httpServer, error) {
	s, err := listenHTTP(n.cfg.HTTP.Listeners, n.guard.httpTLS(), httpLimitsOf(n.cfg), n.files,
		n.loggers.Logger("http"))
	if err != nil && n.cfg.HTTP.Default {
		n.logger.Warn("this node has no HTTP port of its own, since the default one is taken; other "+
			"nodes pass requests on to it. To give it one, set yakt.http.listeners to a free address",
			"err", err)
		return nil, nil
	}
	return s, err
}

// use sets the handler of all requests. It is called before serve.
func (s *httpServer) use(api *httpapi.API) {
	if s != nil {
		s.server.Handler = api
	}
}

// serve accepts connections in the background until close.
func (s *httpServer) serve() {
	if s == nil {
		return
	}
	for _, l := range s.listeners {
		go s.server.Serve(l) //nolint:errcheck // ErrServerClosed, or the listener is closed
	}
}

// drain waits until all answers have been sent or ctx is done. The API has ended the requests that
// wait for changes.
func (s *httpServer) drain(ctx context.Context) error {
	if s == nil {
		return nil
	}
	if err := s.server.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) &&
		!errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (s *httpServer) close() {
	if s == nil {
		return
	}
	_ = s.server.Close()
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// HTTPAddr returns the address of the first HTTP listener, such as "127.0.0.1:8093", or "" if there
// is none.
func (n *Node) HTTPAddr() string {
	if n.http == nil {
		return ""
	}
	return n.http.listeners[0].Addr().String()
}

// advertisedHTTP returns the endpoint at which other controllers reach this node's HTTP API. A
// listener on all addresses is announced with the host of the controller listener.
func (n *Node) advertisedHTTP() (record.Endpoint, bool) {
	if n.http == nil {
		return record.Endpoint{}, false
	}
	at := n.http.listeners[0].Addr().(*net.TCPAddr)
	host := n.cfg.HTTP.Listeners[0].Host
	if at.IP.IsUnspecified() {
		host = n.registration.Endpoints[0].Host
	}
	return record.Endpoint{Name: httpEndpoint, Host: host, Port: uint16(at.Port)}, true
}

// introduction encodes what this node announces to its peers: its registration, and its HTTP
// endpoint.
func (n *Node) introduction() ([]byte, error) {
	r := n.registration
	if e, ok := n.advertisedHTTP(); ok {
		r.Endpoints = append(slices.Clone(r.Endpoints), e)
	}
	return record.Append(nil, &r, 0)
}

// introduced decodes an introduction. http is "" if the peer serves none.
func introduced(info []byte) (r *record.RegisterController, http string, err error) {
	decoded, _, err := record.Decode(info)
	if err != nil {
		return nil, "", err
	}
	r, ok := decoded.(*record.RegisterController)
	if !ok {
		return nil, "", fmt.Errorf("a peer introduced itself by a %v", decoded.Type())
	}
	r.Endpoints = slices.DeleteFunc(r.Endpoints, func(e record.Endpoint) bool {
		if e.Name == httpEndpoint {
			http = net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
		}
		return e.Name == httpEndpoint
	})
	return r, http, nil
}

// registrationOf returns an introduction without its HTTP endpoint, which is not for the log. An
// introduction that cannot be decoded is returned unchanged, so that the controller reports it.
func registrationOf(info []byte) []byte {
	r, _, err := introduced(info)
	if err != nil {
		return info
	}
	framed, err := record.Append(nil, r, 0)
	if err != nil {
		return info
	}
	return framed
}

// httpAPI returns the API over the parts of this node.
func (n *Node) httpAPI() *httpapi.API {
	return httpapi.New(httpapi.Config{
		NodeID: n.cfg.NodeID, ClusterID: n.storage.clusterID, DirectoryID: n.storage.directoryID.String(),
		Version: n.version,
		Hosts:   n.httpHosts(), Controller: n.controller, Log: quorumLog{n.log}, Leader: n.leaderHTTP,
		ReadLog: n.log.ReadCommitted, Node: n.state, Refused: n.refused,
		PassTo: n.forwarder.to, BudgetBytes: httpLimitsOf(n.cfg).budgetBytes,
		SessionTimeout:    n.cfg.Controller.BrokerSessionTimeout,
		HeartbeatInterval: n.cfg.Controller.BrokerHeartbeatInterval,
		Turns:             n.turns, Logger: n.loggers.Logger("http"), Loggers: n.loggers,
		Auth: n.guard.authentication(),
	})
}

// refused is how often each limit of the listeners has refused something since the start of the
// process, by the limit's configuration key.
func (n *Node) refused() map[string]int64 {
	all := n.server.Stats().Refused
	if n.http != nil {
		all[n.http.conns.refusals.Name()] = n.http.conns.refusals.Count()
	}
	return all
}

// httpHosts returns the host names under which clients may address this node: the machine's name,
// those of listeners and advertised listeners, and the configured ones.
func (n *Node) httpHosts() []string {
	hosts := slices.Clone(n.cfg.HTTP.Hosts)
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	for _, at := range n.cfg.HTTP.Listeners {
		hosts = append(hosts, at.Host)
	}
	for _, l := range n.cfg.AdvertisedListeners {
		hosts = append(hosts, l.Host)
	}
	return hosts
}

// leaderHTTP returns the leader's id and the address at which clients reach its HTTP API, "" if
// none is known.
func (n *Node) leaderHTTP() (id int32, address string) {
	id = n.log.Status().Leader
	for _, p := range n.log.Peers() {
		if p.NodeID != id || len(p.Info) == 0 {
			continue
		}
		r, http, err := introduced(p.Info)
		if err == nil && (!isLoopback(http) || n.shareMachine(r)) {
			address = http
		}
	}
	return id, address
}

// shareMachine reports whether another controller runs on this machine, as far as its endpoints
// show. If it does, loopback addresses of one are valid for the other.
func (n *Node) shareMachine(r *record.RegisterController) bool {
	return slices.ContainsFunc(r.Endpoints, func(e record.Endpoint) bool {
		return isLoopback(net.JoinHostPort(e.Host, "0")) || slices.ContainsFunc(n.registration.Endpoints,
			func(own record.Endpoint) bool { return own.Host == e.Host })
	})
}

func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// state converts the state of the raft layer for the API.
func (n *Node) state() httpapi.NodeState {
	s := n.log.Status()
	state := httpapi.NodeState{
		Role: s.Role, LeaderID: s.Leader, LeaderEpoch: s.Epoch, LeaderReason: s.LeaderReason,
		HighWatermark: s.HighWatermark, LogStart: s.LogStart, LogEnd: s.LogEnd,
		SnapshotEnd: s.SnapshotEnd, SnapshotEpoch: s.SnapshotEpoch, DiskFull: s.DiskFull,
		Failed:  s.Failed,
		Waiting: s.Waiting, Suspended: s.Suspended,
	}
	state.Certificates = n.guard.expiries()
	peers := n.log.Peers()
	for _, v := range s.Voters {
		state.Voters = append(state.Voters, n.voterState(v, s.LogEnd, peers))
	}
	for _, o := range s.Observers {
		state.Observers = append(state.Observers, httpapi.ObserverState{
			ID: o.ReplicaID, LogEnd: o.Offset, Lag: max(0, s.HighWatermark-o.Offset),
			LastFetch: httpapi.Time(o.LastFetch), LastCaughtUp: httpapi.Time(o.LastCaughtUp),
		})
	}
	return state
}

func (n *Node) voterState(v raftlog.Voter, end int64, peers []raftlog.Peer) httpapi.VoterState {
	state := httpapi.VoterState{
		ID: v.NodeID, LogEnd: v.LogEnd, Lag: -1, LastCaughtUp: httpapi.Time(v.LastCaughtUp),
	}
	if id := protocol.UUID(v.DirectoryID); !id.IsZero() {
		state.DirectoryID = id.String()
	}
	if v.LogEnd >= 0 {
		state.Lag = max(0, end-v.LogEnd)
	}
	if v.NodeID == n.cfg.NodeID {
		state.Connected = true
	}
	for _, p := range peers {
		if p.NodeID == v.NodeID {
			state.Connected, state.LastError, state.RTTMs = p.Connected, p.LastError, float64(
				p.RTT.Microseconds(),
			)/1000
		}
	}
	return state
}
