package kafkaproto

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/turns"
)

// Caller describes the sender of a request and its connection.
type Caller = protocol.Caller

// Listener is one address to accept connections on, and how its clients authenticate. Listen
// refuses fields that the SecurityProtocol does not use, and lacks of those that it needs.
type Listener struct {
	Name             string // Kafka's listener name, such as "CONTROLLER"; unique
	Address          string // "host:port"; an empty host is every interface, port 0 any free port
	SecurityProtocol int16
	// TLS is the configuration of SSL and SASL_SSL. It is read at each handshake through its
	// GetConfigForClient, so that certificates may be exchanged.
	TLS *tls.Config
	// Principal returns who has connected to an SSL listener; protocol.Anonymous for a client
	// without a certificate, if TLS lets it in.
	Principal func(tls.ConnectionState) (security.Identity, error)
	// SASL authenticates the clients of SASL_PLAINTEXT and SASL_SSL.
	SASL security.Authenticator
	// SASLMaxBytes bounds a message before authentication (sasl.server.max.receive.size); 512 KiB.
	SASLMaxBytes int
	// MaxReauth returns the time after which a client must authenticate again by a mechanism
	// (connections.max.reauth.ms); 0: never, unless its credentials expire. nil: 0 for all.
	MaxReauth func(mechanism string) time.Duration
	// FailedDelay is how long the answer to a failed authentication is delayed
	// (connection.failed.authentication.delay.ms).
	FailedDelay time.Duration
}

// FrameFunc handles the body of one frame of the private stream, and owns the body. A reply that is
// not nil is sent back with the frame's correlation id; an error closes the connection.
type FrameFunc = func(body []byte) (reply []byte, err error)

// Stream is one connection's private stream.
type Stream struct {
	// Frame is called for each frame in order, on the connection's goroutine.
	Frame FrameFunc
	// Confirmed reports whether the other end is known to be a peer; it is called after each frame
	// until it returns true. From then on frames may have MaxStreamFrameBytes, and use memory that
	// clients cannot take. nil: confirmed after the first frame.
	Confirmed func() bool
	// Closed, if not nil, is called once when the connection ends.
	Closed func()
}

// Config configures a Server. Limits that are zero have the default named beside them.
type Config struct {
	Listeners []Listener

	// Versions returns the served versions of a request key; ok is false for a key that is not
	// served. It is called for every request, concurrently. The versions must be known to kmsg
	// (Listen checks that).
	Versions func(key int16) (min, max int16, ok bool)

	// Handle takes one request. It runs on the connection's own goroutine, should not block, and
	// must see to it that reply is called exactly once, from any goroutine, at once or later: the
	// connection reads nothing more before. Replies are encoded and written by the connection's
	// goroutine, so reply never blocks; the response belongs to the connection from then on, but
	// one of another type than kmsg's that is safe for concurrent use may go to several. reply(nil)
	// closes the connection without an answer. A response must come from req.ResponseKind or carry
	// the same key and version: another is a fault, logged, and closes the connection.
	//
	// The request owns its memory: it may be kept after reply, and changed.
	//
	// If Cost is more than a few KiB, Handle runs while the connection holds a place at the
	// processor. Places are few, so Handle must not wait for anything then.
	//
	// ctx ends when the connection ends, and when the request must wait no longer: its client has
	// gone or has closed its side, or the limit on parked requests is reached. Handle must then
	// reply with the data available at that moment. The context belongs to the connection, not to
	// the request, so functions and timers that were attached to it (context.AfterFunc,
	// WithTimeout) must be released when the request is done.
	Handle func(ctx context.Context, caller Caller, req kmsg.Request, reply func(kmsg.Response))

	// Cost estimates the bytes that answering a request takes beyond the request itself: computed
	// results, and the response unless it is in parts (InParts). It is called on the connection's
	// goroutine before Handle; that many bytes are taken from MaxInFlightBytes until the response
	// has been written or dropped. nil: always 0.
	Cost func(req kmsg.Request) int64

	// Elements estimates how many elements of lists answering a request has to read, for requests
	// with a Cost: those with fewer elements run first. It is called like Cost. nil: unknown.
	Elements func(req kmsg.Request) int

	// Stream returns the handlers of the frames whose request key is StreamKey (version 0, header
	// v1): they bypass kmsg and the rule of one request in flight. It is called at a connection's
	// first such frame, once the connection is authenticated, with the peer's "ip:port". nil: there
	// is no such key.
	Stream    func(caller Caller, remote string) Stream
	StreamKey int16

	MaxFrameBytes       int // largest frame, without its length; 8 MiB
	MaxStreamFrameBytes int // for frames of a confirmed private stream; as MaxFrameBytes

	// MaxInFlightBytes is the memory of all requests that arrive, are decoded or wait for a reply,
	// and of their responses; 64 MiB. One connection may hold half of it, or its largest frame if
	// that is more, and one address three quarters. Requests of a few KiB are not counted.
	MaxInFlightBytes int64

	// MaxHandshakes bounds the TLS handshakes that are not complete, of which the oldest gives way
	// to a new one; MaxHandshakesPerIP those of one address. HandshakeTimeout bounds the time of
	// each.
	MaxHandshakes      int           // 512
	MaxHandshakesPerIP int           // 256
	HandshakeTimeout   time.Duration // 10 s

	MaxConnections int // 10,000
	// MaxConnectionsPerIP is as MaxConnections by default; -1 admits only addresses in
	// MaxConnectionsOf.
	MaxConnectionsPerIP int
	// MaxConnectionsOf replaces MaxConnectionsPerIP for single addresses, by textual IP as in
	// Caller.ClientAddr; 0 admits none.
	MaxConnectionsOf map[string]int

	// Turns are the places on which connections run that use the processor without a pause; nil:
	// half of the processors, for this server alone.
	Turns *turns.Places

	// Admit, if not nil, is called for each connection that is within these limits, and applies a
	// further limit that other servers share. release is called once when an admitted connection
	// has ended.
	Admit func() (release func(), ok bool)

	// StreamSlots connections beyond all of these limits are accepted if their first frame, which
	// must arrive within StreamTimeout, belongs to the private stream, which must get through when
	// clients hold all other connections. 0: none.
	StreamSlots   int
	StreamTimeout time.Duration // 1 s; between later frames of such a connection ten times that

	// Requests whose reply has been outstanding for more than a second or two count as parked. The
	// context of a request beyond a limit ends, so that Handle answers it at once.
	MaxParked      int           // 2,000
	MaxParkedPerIP int           // 500
	MaxWait        time.Duration // longest time that a request may be parked; 1 min

	// IdleTimeout bounds the time without a request, as connections.max.idle.ms does; 10 min. It
	// may end up to 1/8 early.
	IdleTimeout  time.Duration
	FrameTimeout time.Duration // from the first byte of a frame to its last; 30 s
	// WriteTimeout bounds the time in which the peer must read one reply; 30 s. It may end up to
	// 1/8 early.
	WriteTimeout time.Duration

	Logger *slog.Logger // slog.Default()
}

func (cfg Config) withDefaults() Config {
	if cfg.Turns == nil {
		cfg.Turns = turns.New(runtime.GOMAXPROCS(0))
	}
	cfg.MaxFrameBytes = cmp.Or(cfg.MaxFrameBytes, 8<<20)
	cfg.MaxStreamFrameBytes = cmp.Or(cfg.MaxStreamFrameBytes, cfg.MaxFrameBytes)
	cfg.MaxInFlightBytes = cmp.Or(cfg.MaxInFlightBytes, max(64<<20, int64(cfg.MaxFrameBytes)))
	cfg.MaxParked = cmp.Or(cfg.MaxParked, 2_000)
	cfg.MaxParkedPerIP = cmp.Or(cfg.MaxParkedPerIP, 500)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, time.Minute)
	cfg.MaxConnections = cmp.Or(cfg.MaxConnections, 10_000)
	cfg.MaxConnectionsPerIP = cmp.Or(cfg.MaxConnectionsPerIP, cfg.MaxConnections)
	cfg.MaxHandshakes = cmp.Or(cfg.MaxHandshakes, 512)
	cfg.MaxHandshakesPerIP = cmp.Or(cfg.MaxHandshakesPerIP, cfg.MaxHandshakes/2, 1)
	cfg.HandshakeTimeout = cmp.Or(cfg.HandshakeTimeout, 10*time.Second)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, 10*time.Minute)
	cfg.FrameTimeout = cmp.Or(cfg.FrameTimeout, 30*time.Second)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 30*time.Second)
	cfg.StreamTimeout = cmp.Or(cfg.StreamTimeout, time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return cfg
}

func (cfg Config) check() error {
	switch {
	case len(cfg.Listeners) == 0:
		return errors.New("no listener: name at least one")
	case cfg.Versions == nil || cfg.Handle == nil:
		return errors.New("no Versions or no Handle: set both")
	case cfg.MaxFrameBytes < 0 || cfg.MaxInFlightBytes < 0 || cfg.MaxConnections < 0 ||
		cfg.MaxConnectionsPerIP < -1:
		return errors.New("a limit is negative")
	case cfg.MaxHandshakes < 0 || cfg.MaxHandshakesPerIP < 0:
		return errors.New("a limit is negative")
	case cfg.MaxStreamFrameBytes < 0 || cfg.MaxParked < 0 || cfg.MaxParkedPerIP < 0:
		return errors.New("a limit is negative")
	case cfg.StreamSlots < 0:
		return errors.New("StreamSlots is negative")
	case cfg.MaxWait < 0 ||
		min(cfg.IdleTimeout, cfg.FrameTimeout, cfg.WriteTimeout, cfg.StreamTimeout,
			cfg.HandshakeTimeout) < 0:
		return errors.New("a timeout is negative")
	case cfg.MaxInFlightBytes < int64(cfg.MaxFrameBytes):
		return fmt.Errorf("MaxInFlightBytes %d is less than MaxFrameBytes %d: "+
			"the largest frame could never be read",
			cfg.MaxInFlightBytes, cfg.MaxFrameBytes)
	}
	return errors.Join(cfg.checkListeners(), cfg.checkVersions())
}

func (cfg Config) clientBudget() *budget {
	total := cfg.MaxInFlightBytes
	perConn := max(total/2, int64(cfg.MaxFrameBytes))
	return newBudget(total, max(total*3/4, perConn), perConn)
}

// peerFrames is how many of the largest frames all peers may send concurrently; further ones wait.
const peerFrames = 4

func (cfg Config) peerBudget() *budget {
	one := int64(cfg.MaxStreamFrameBytes)
	return newBudget(peerFrames*one, peerFrames*one, one)
}

// connectionsOf returns how many connections an address may have.
func (cfg Config) connectionsOf(ip string) int {
	if n, ok := cfg.MaxConnectionsOf[ip]; ok {
		return n
	}
	return cfg.MaxConnectionsPerIP
}

func (cfg Config) checkListeners() error {
	names := map[string]bool{}
	for _, l := range cfg.Listeners {
		switch {
		case l.Name == "":
			return fmt.Errorf("the listener at %q has no name", l.Address)
		case names[l.Name]:
			return fmt.Errorf("two listeners are named %s", l.Name)
		case l.SecurityProtocol < protocol.Plaintext || l.SecurityProtocol > protocol.SASLSSL:
			return fmt.Errorf("listener %s: %s is not known", l.Name,
				nameOfProtocol(l.SecurityProtocol))
		}
		if err := errors.Join(l.checkTLS(), l.checkSASL()); err != nil {
			return err
		}
		names[l.Name] = true
	}
	return nil
}

// checkTLS refuses fields of TLS that the protocol does not use, and the lack of those it needs.
func (l Listener) checkTLS() error {
	name := nameOfProtocol(l.SecurityProtocol)
	uses := l.SecurityProtocol == protocol.SSL || l.SecurityProtocol == protocol.SASLSSL
	switch {
	case uses && l.TLS == nil:
		return fmt.Errorf("listener %s is %s and has no TLS", l.Name, name)
	case l.SecurityProtocol == protocol.SSL && l.Principal == nil:
		return fmt.Errorf("listener %s is %s and has no Principal", l.Name, name)
	case !uses && (l.TLS != nil || l.Principal != nil):
		return fmt.Errorf("listener %s is %s and has TLS", l.Name, name)
	}
	return nil
}

// checkVersions refuses versions that kmsg cannot decode, and learns the wire shape of every served
// key, so that an error shows at the start and not at the first request.
func (cfg Config) checkVersions() error {
	for key := range int16(kmsg.MaxKey + 1) {
		low, high, ok := cfg.Versions(key)
		if !ok {
			continue
		}
		req := kmsg.RequestForKey(key)
		if req == nil {
			return fmt.Errorf("request key %d is not known", key)
		}
		if low < 0 || high < low || high > req.MaxVersion() {
			return fmt.Errorf("%s (%d): versions %d-%d are not within the known 0-%d",
				kmsg.NameForKey(key), key, low, high, req.MaxVersion())
		}
		if _, err := shapesOf(key); err != nil {
			return err
		}
	}
	return nil
}

// checkSASL refuses fields of SASL that the protocol does not use, and the lack of those it needs.
func (l Listener) checkSASL() error {
	name := nameOfProtocol(l.SecurityProtocol)
	usesSASL := l.SecurityProtocol == protocol.SASLPlaintext || l.SecurityProtocol == protocol.SASLSSL
	switch {
	case usesSASL && l.SASL == nil:
		return fmt.Errorf("listener %s is %s and has no SASL", l.Name, name)
	case usesSASL && len(l.SASL.Mechanisms()) == 0:
		return fmt.Errorf("listener %s is %s and enables no mechanism", l.Name, name)
	case !usesSASL && l.SASL != nil:
		return fmt.Errorf("listener %s is %s and has SASL", l.Name, name)
	case l.SASLMaxBytes < 0 || l.FailedDelay < 0:
		return fmt.Errorf("listener %s: a limit of SASL is negative", l.Name)
	}
	return nil
}

// nameOfProtocol is the name of a security protocol in Kafka's configuration.
func nameOfProtocol(p int16) string {
	names := [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}
	if p < 0 || int(p) >= len(names) {
		return fmt.Sprintf("security protocol %d", p)
	}
	return names[p]
}
