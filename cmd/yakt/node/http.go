package node

import (
	"context"
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
	"github.com/yakt/yakt/raftlog"
)

// httpEndpoint is the name under which controllers tell each other, in the handshake and nowhere else, where they serve HTTP: so a standby
// knows where to send what only the leader can do. Brokers and tools never see it.
const httpEndpoint = "HTTP"

// httpLimits bound HTTP connections and what they hold.
type httpLimits struct {
	budgetBytes   int64         // for all large requests and their answers
	connections   int           // at once
	headerTimeout time.Duration // for a request's header to arrive
	idleTimeout   time.Duration // between two requests
}

// httpLimitsOf are those of a node.
func httpLimitsOf(cfg *config.Config) httpLimits {
	return httpLimits{
		budgetBytes: cfg.HTTPQueuedMaxBytes, connections: int(cfg.HTTPMaxConnections),
		headerTimeout: 10 * time.Second, idleTimeout: 2 * time.Minute,
	}
}

const httpHeaderBytes = 32 << 10

// httpServer serves the HTTP API on this node's listeners. Its methods do nothing on nil.
type httpServer struct {
	listeners []net.Listener
	server    *http.Server
}

// listenHTTP binds the listeners; nil when there are none. Connections take descriptors of files.
func listenHTTP(
	at []config.HostPort, limits httpLimits, files *descriptors, logger *slog.Logger,
) (*httpServer, error) {
	if len(at) == 0 {
		return nil, nil
	}
	s := &httpServer{server: &http.Server{
		ReadHeaderTimeout: limits.headerTimeout, IdleTimeout: limits.idleTimeout,
		MaxHeaderBytes: httpHeaderBytes,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}}
	crowd, foreign := newCrowd(limits.connections, files, logger), &foreigners{logger: logger}
	s.server.ConnState, s.server.ConnContext = crowd.idle.note, httpapi.ConnContext
	for _, a := range at {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			s.close()
			return nil, fmt.Errorf("yakt.http.listeners: cannot listen on %v: %w; "+
				"free the port or name another one", a, err)
		}
		s.listeners = append(s.listeners,
			&boundedListener{Listener: l, crowd: crowd, foreigners: foreign, logger: logger})
	}
	return s, nil
}

// bindHTTP binds this node's HTTP listeners. Where the configuration does not name any, an address
// that is taken leaves this node without HTTP of its own: a default must not stop a controller.
func (n *Node) bindHTTP() (*httpServer, error) {
	s, err := listenHTTP(n.cfg.HTTPListeners, httpLimitsOf(n.cfg), n.files, n.logger)
	if err != nil && n.cfg.HTTPDefault {
		n.logger.Warn("this node has no HTTP port of its own, since the default one is taken; other "+
			"nodes pass requests on to it. To give it one, set yakt.http.listeners to a free address",
			"err", err)
		return nil, nil
	}
	return s, err
}

// use makes api answer the requests; before serve.
func (s *httpServer) use(api *httpapi.API) {
	if s != nil {
		s.server.Handler = api
	}
}

// serve answers requests until close.
func (s *httpServer) serve() {
	if s == nil {
		return
	}
	for _, l := range s.listeners {
		go s.server.Serve(l) //nolint:errcheck // ErrServerClosed, or the listener is closed
	}
}

// drain lets answers go out until ctx is done; the API has ended those that wait.
func (s *httpServer) drain(ctx context.Context) error {
	if s == nil {
		return nil
	}
	if err := s.server.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
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

// HTTPAddr is where the first HTTP listener is bound, such as "127.0.0.1:8093"; "" without one.
func (n *Node) HTTPAddr() string {
	if n.http == nil {
		return ""
	}
	return n.http.listeners[0].Addr().String()
}

// advertisedHTTP is where other controllers reach this node's HTTP API. A listener on every address is reached where the controller
// listener is.
func (n *Node) advertisedHTTP() (record.Endpoint, bool) {
	if n.http == nil {
		return record.Endpoint{}, false
	}
	at := n.http.listeners[0].Addr().(*net.TCPAddr)
	host := n.cfg.HTTPListeners[0].Host
	if at.IP.IsUnspecified() {
		host = n.registration.Endpoints[0].Host
	}
	return record.Endpoint{Name: httpEndpoint, Host: host, Port: uint16(at.Port)}, true
}

// introduction is what this node tells its peers of itself: its registration, and where it serves HTTP.
func (n *Node) introduction() ([]byte, error) {
	r := n.registration
	if e, ok := n.advertisedHTTP(); ok {
		r.Endpoints = append(slices.Clone(r.Endpoints), e)
	}
	return record.Append(nil, &r, 0)
}

// introduced takes an introduction apart. http is "" when the peer serves none.
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

// registrationOf is an introduction without what is not for the log. One that is not understood stays as it is, for the controller to report.
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

// httpAPI makes the API over this node's parts.
func (n *Node) httpAPI() *httpapi.API {
	return httpapi.New(httpapi.Config{
		NodeID: n.cfg.NodeID, ClusterID: n.storage.clusterID, DirectoryID: n.storage.directoryID.String(), Version: Version,
		Hosts: n.httpHosts(), Controller: n.controller, Log: quorumLog{n.log}, Leader: n.leaderHTTP, ReadLog: n.log.ReadCommitted, Node: n.state,
		PassTo: n.passage.to, BudgetBytes: httpLimitsOf(n.cfg).budgetBytes, SessionTimeout: n.cfg.BrokerSessionTimeout, HeartbeatInterval: n.cfg.BrokerHeartbeatInterval,
		Turns: n.turns, Logger: n.logger,
	})
}

// httpHosts are the names by which clients may ask for this node: its machine's, those that its
// listeners are given or advertised under, and what is configured.
func (n *Node) httpHosts() []string {
	hosts := slices.Clone(n.cfg.HTTPHosts)
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	for _, at := range n.cfg.HTTPListeners {
		hosts = append(hosts, at.Host)
	}
	for _, l := range n.cfg.AdvertisedListeners {
		hosts = append(hosts, l.Host)
	}
	return hosts
}

// Version of this program, for people to see. Command yakt sets it before it opens a node.
var Version = "development"

// leaderHTTP is who leads and where clients reach its HTTP API.
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

// shareMachine reports whether another controller is on this node's machine, as far as its endpoints
// tell: what is loopback to one is loopback to the other then.
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

// state is the raft layer's state in the API's words.
func (n *Node) state() httpapi.NodeState {
	s := n.log.Status()
	state := httpapi.NodeState{
		Role: s.Role, LeaderID: s.Leader, LeaderEpoch: s.Epoch, LeaderReason: s.LeaderReason, HighWatermark: s.HighWatermark, LogStart: s.LogStart, LogEnd: s.LogEnd,
		SnapshotEnd: s.SnapshotEnd, SnapshotEpoch: s.SnapshotEpoch, DiskFull: s.DiskFull, Failed: s.Failed,
		Waiting: s.Waiting, Suspended: s.Suspended,
	}
	peers := n.log.Peers()
	for _, v := range s.Voters {
		state.Voters = append(state.Voters, n.voterState(v, s.LogEnd, peers))
	}
	for _, o := range s.Observers {
		state.Observers = append(state.Observers, httpapi.ObserverState{
			ID: o.ReplicaID, LogEnd: o.Offset, Lag: max(0, s.HighWatermark-o.Offset), LastFetch: httpapi.Time(o.LastFetch), LastCaughtUp: httpapi.Time(o.LastCaughtUp),
		})
	}
	return state
}

func (n *Node) voterState(v raftlog.Voter, end int64, peers []raftlog.Peer) httpapi.VoterState {
	state := httpapi.VoterState{ID: v.NodeID, LogEnd: v.LogEnd, Lag: -1, LastCaughtUp: httpapi.Time(v.LastCaughtUp)}
	if id := record.UUID(v.DirectoryID); !id.IsZero() {
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
			state.Connected, state.LastError, state.RTTMs = p.Connected, p.LastError, float64(p.RTT.Microseconds())/1000
		}
	}
	return state
}
