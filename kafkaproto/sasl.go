package kafkaproto

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/security"
)

// The conversation that authenticates a client by SASL is that of Kafka's SaslServerAuthenticator:
// API_VERSIONS if the client wants, SASL_HANDSHAKE with the name of a mechanism, and then the
// mechanism's messages, in SASL_AUTHENTICATE requests after version 1 of the handshake, or without
// any header after version 0. All of it runs on the connection's goroutine. Until it is complete,
// the connection is a stranger's: its frames are few, small, in a budget of their own, and late
// after authenticationTime; and it is closed first when there are too many connections.
//
// A client that is told a lifetime authenticates again on the same connection before its end
// (KIP-368), as the same principal and by the same mechanism.

const (
	handshakeKey    = 17
	authenticateKey = 36

	// authenticationTime bounds an authentication as a whole.
	authenticationTime = 30 * time.Second
	// authenticationFrames is how many frames an authentication may take.
	authenticationFrames = 16
	// authenticationCost is the most memory that decoding one of its requests may take.
	authenticationCost = 64 << 10
	// saslMaxBytes is the default of Listener.SASLMaxBytes.
	saslMaxBytes = 512 << 10
	// strangerBytes is the memory of the frames of all connections that are not authenticated yet,
	// unless one frame may be larger than a quarter of it.
	strangerBytes = 8 << 20
	// reauthInterval is the least time between two authentications again (KafkaChannel).
	reauthInterval = time.Second
)

// Error codes of Kafka.
const (
	errUnsupportedMechanism = 33
	errIllegalSASLState     = 34
	errAuthenticationFailed = 58
)

// saslStage is what a connection must send next.
type saslStage int

const (
	saslStart     saslStage = iota // API_VERSIONS or SASL_HANDSHAKE
	saslHandshake                  // SASL_HANDSHAKE
	saslTokens                     // messages of the mechanism
	saslDone                       // requests
)

// saslState is the authentication of one connection. The connection's goroutine owns it.
type saslState struct {
	listener *Listener
	stage    saslStage
	frames   int  // since the authentication began
	headers  bool // the mechanism's messages come in SASL_AUTHENTICATE requests

	exchange  security.Exchange // in saslTokens, unless otherMechanism is set
	mechanism string
	// otherMechanism says that the client, authenticating again, has named another mechanism.
	otherMechanism string

	who       *security.Identity // who has authenticated; nil at first
	expires   time.Time          // when the client must have authenticated again; zero: never
	lastAgain time.Time          // when it last began to do so
	maxBytes  int                // largest frame of the connection before that
}

// beginSASL makes a new connection a stranger's.
func (c *conn) beginSASL(l Listener) {
	if l.SASL == nil {
		return
	}
	c.sasl = &saslState{listener: &l}
	c.stranger.Store(true)
	c.in.account.close()
	c.in.account = c.server.strangers.open(c.caller.ClientAddr, c.close)
	c.sasl.maxBytes = c.in.maxBytes
	c.limitSASL()
}

// limitSASL bounds the frames and the time of an authentication that begins.
func (c *conn) limitSASL() {
	c.sasl.frames = 0
	c.in.maxBytes = c.sasl.listener.saslMaxBytes()
	c.in.deadline.bound(time.Now().Add(authenticationTime))
}

func (l *Listener) saslMaxBytes() int {
	if l.SASLMaxBytes == 0 {
		return saslMaxBytes
	}
	return l.SASLMaxBytes
}

// strangerBudget is the memory of connections that are not authenticated.
func (cfg Config) strangerBudget() *budget {
	one := int64(0)
	for _, l := range cfg.Listeners {
		one = max(one, int64(chunkSize(l.saslMaxBytes())))
	}
	total := max(strangerBytes, 4*one)
	return newBudget(total, total/2, one)
}

// authenticate handles a frame that belongs to an authentication, also to one that begins again;
// done is false for any other frame.
func (c *conn) authenticate(data []byte) (done bool, err error) {
	s := c.sasl
	switch {
	case s == nil:
		return false, nil
	case s.stage != saslDone:
		return true, c.saslFrame(data)
	case s.expires.IsZero():
		return false, nil
	}
	now := time.Now()
	again := len(data) >= 2 && binary.BigEndian.Uint16(data) == handshakeKey &&
		now.Sub(s.lastAgain) >= reauthInterval
	switch {
	case again:
		s.lastAgain, s.stage, s.maxBytes = now, saslHandshake, c.in.maxBytes
		c.limitSASL()
		return true, c.saslFrame(data)
	case now.After(s.expires):
		return true, &frameError{closedExpired, errExpired}
	}
	return false, nil
}

var errExpired = errors.New("its authentication has expired, and it sent a request instead of " +
	"authenticating again (connections.max.reauth.ms, or the lifetime of its credentials)")

// saslFrame handles a frame of an authentication.
func (c *conn) saslFrame(data []byte) error {
	s := c.sasl
	if s.frames++; s.frames > authenticationFrames {
		return c.saslRefused(fmt.Errorf("it is not authenticated after %d messages",
			authenticationFrames))
	}
	if s.stage == saslTokens && !s.headers {
		return c.saslRaw(data)
	}
	h, req, err := readHeader(c.saslVersions, data)
	c.key, c.version = h.key, h.version
	switch {
	case errors.Is(err, ErrUnsupportedVersion) && h.key == apiVersionsKey && s.stage == saslStart:
		return c.refuse(h, err)
	case err != nil:
		return c.saslRefused(fmt.Errorf("%w before authentication: %w", err, c.saslAdvice()))
	}
	if err := readSmallBody(req, h.body); err != nil {
		return c.saslRefused(err)
	}
	c.server.count.requests.Add(1)
	c.caller.ClientID = string(h.clientID)
	return c.saslRequest(h, req)
}

// saslVersions are the only requests that a client may send before it is authenticated.
func (c *conn) saslVersions(key int16) (low, high int16, ok bool) {
	switch key {
	case apiVersionsKey:
		return c.server.cfg.Versions(key)
	case handshakeKey:
		return 0, 1, true
	case authenticateKey:
		return 0, 2, true
	}
	return 0, 0, false
}

// readSmallBody decodes a body whose decoding takes no more memory than authenticationCost.
func readSmallBody(req kmsg.Request, body []byte) error {
	facts, err := inspectBody(req, body)
	switch {
	case err != nil:
		return err
	case facts.cost > authenticationCost:
		return malformed(req, body, "too large before authentication")
	}
	return readBody(req, body)
}

// saslRequest handles a request of an authentication.
func (c *conn) saslRequest(h header, req kmsg.Request) error {
	s := c.sasl
	switch r := req.(type) {
	case *kmsg.SASLAuthenticateRequest:
		if s.stage == saslTokens {
			return c.saslAuthenticate(h, r)
		}
	case *kmsg.SASLHandshakeRequest:
		if s.stage != saslTokens {
			return c.saslHandshake(h, r)
		}
		return c.saslIllegal(h, saslHandshakeError(r, errIllegalSASLState, nil))
	case *kmsg.ApiVersionsRequest:
		if s.stage == saslStart {
			return c.saslAPIVersions(h, r)
		}
		if s.stage == saslTokens {
			resp := r.ResponseKind().(*kmsg.ApiVersionsResponse)
			resp.ErrorCode = errIllegalSASLState
			return c.saslIllegal(h, resp)
		}
	}
	return c.saslRefused(fmt.Errorf("%s is not expected here: %w", kmsg.NameForKey(h.key),
		c.saslAdvice()))
}

// saslAPIVersions answers API_VERSIONS as after the authentication. A client whose request is in
// error may try again.
func (c *conn) saslAPIVersions(h header, req *kmsg.ApiVersionsRequest) error {
	resp, err := c.ask(req, false)
	if err != nil {
		return err
	}
	r, ok := resp.(*kmsg.ApiVersionsResponse)
	if !ok {
		discard(resp)
		return &frameError{closedFault, errors.New("no reply to API_VERSIONS")}
	}
	if r.ErrorCode == 0 {
		c.sasl.stage = saslHandshake
	}
	return c.write(h.correlationID, r)
}

func saslHandshakeError(
	req *kmsg.SASLHandshakeRequest, code int16, mechanisms []string,
) *kmsg.SASLHandshakeResponse {
	resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
	resp.ErrorCode, resp.SupportedMechanisms = code, mechanisms
	return resp
}

// saslHandshake begins an exchange by the mechanism that the client has chosen.
func (c *conn) saslHandshake(h header, req *kmsg.SASLHandshakeRequest) error {
	s := c.sasl
	enabled := s.listener.SASL.Mechanisms()
	if !slices.Contains(enabled, req.Mechanism) {
		why := fmt.Errorf("the mechanism %.40q is not enabled here, but %v "+
			"(sasl.enabled.mechanisms)", req.Mechanism, enabled)
		if s.who != nil {
			return c.saslRefused(why) // as Kafka
		}
		return c.saslFailed(h, saslHandshakeError(req, errUnsupportedMechanism, enabled), why)
	}
	s.otherMechanism = ""
	if s.who != nil && req.Mechanism != s.mechanism {
		s.otherMechanism = req.Mechanism
	} else {
		exchange, err := s.listener.SASL.Begin(req.Mechanism, c.saslClient())
		if err != nil {
			return c.saslFault(err)
		}
		s.exchange, s.mechanism = exchange, req.Mechanism
	}
	s.stage, s.headers = saslTokens, h.version > 0
	return c.write(h.correlationID, saslHandshakeError(req, 0, enabled))
}

// tlsConn is a connection by TLS.
type tlsConn interface{ ConnectionState() tls.ConnectionState }

func (c *conn) saslClient() security.Client {
	client := security.Client{Listener: c.caller.Listener, Addr: c.caller.ClientAddr}
	if t, ok := c.nc.(tlsConn); ok {
		state := t.ConnectionState()
		client.TLS = &state
	}
	return client
}

// saslAuthenticate passes a message to the mechanism.
func (c *conn) saslAuthenticate(h header, req *kmsg.SASLAuthenticateRequest) error {
	resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
	resp.ErrorMessage = kmsg.StringPtr("") // not null, as Kafka's
	reply, who, err := c.saslStep(req.SASLAuthBytes)
	if failure, ok := errors.AsType[*security.Failure](err); ok {
		told := failure.Told
		if told == "" {
			told = fmt.Sprintf("Authentication failed during %s due to invalid credentials "+
				"with SASL mechanism %s", c.sasl.kind(), c.sasl.mechanism)
		}
		resp.ErrorCode, resp.ErrorMessage = errAuthenticationFailed, &told
		return c.saslFailed(h, resp, failure)
	}
	if err != nil {
		return c.saslFault(err)
	}
	resp.SASLAuthBytes = append([]byte{}, reply...)
	if who != nil {
		resp.SessionLifetimeMillis = c.saslComplete(who).Milliseconds()
	}
	return c.write(h.correlationID, resp)
}

// saslRaw passes a message without a header to the mechanism.
func (c *conn) saslRaw(message []byte) error {
	c.key, c.version = -1, -1
	reply, who, err := c.saslStep(message)
	if failure, ok := errors.AsType[*security.Failure](err); ok {
		return c.saslFailed(header{}, nil, failure)
	}
	if err != nil {
		return c.saslFault(err)
	}
	if who != nil {
		c.saslComplete(who)
	}
	if reply == nil {
		return nil
	}
	out := newBuffer()
	defer out.free()
	out.b = append(append(out.b, 0, 0, 0, 0), reply...)
	return c.writeFrame(out.b)
}

// saslStep passes a message to the exchange, and checks that a client that authenticates again is
// the same.
func (c *conn) saslStep(message []byte) ([]byte, *security.Identity, error) {
	s := c.sasl
	if s.otherMechanism != "" {
		told := fmt.Sprintf("SASL mechanism '%s' requested by client is not supported for "+
			"re-authentication of mechanism '%s'", s.otherMechanism, s.mechanism)
		return nil, nil, &security.Failure{Told: told, Reason: told}
	}
	c.turn.Block() // a mechanism may have much to compute, or to wait for
	defer c.turn.Unblock()
	reply, who, err := s.exchange.Step(message)
	if err == nil && who != nil && s.who != nil && who.Principal != s.who.Principal {
		told := "Cannot change principals during re-authentication from " +
			dotted(s.who.Principal) + ": " + dotted(who.Principal)
		return nil, nil, &security.Failure{Told: told, Reason: told}
	}
	return reply, who, err
}

// dotted is a principal in the form of Kafka's sentence.
func dotted(principal string) string {
	b := []byte(principal)
	if i := slices.Index(b, ':'); i >= 0 {
		b[i] = '.'
	}
	return string(b)
}

func (s *saslState) kind() string {
	if s.who != nil {
		return "re-authentication"
	}
	return "authentication"
}

// saslComplete makes the connection the client's, and returns for how long; 0: without end.
func (c *conn) saslComplete(who *security.Identity) time.Duration {
	s := c.sasl
	if s.who == nil {
		c.server.count.authenticated.Add(1)
		c.in.account.release() // the caller's release would be too late
		c.in.account.close()
		c.in.account = c.server.budget.open(c.caller.ClientAddr, c.close)
		c.stranger.Store(false)
		c.server.handshakes.meet(c)
	} else {
		c.server.count.reauthenticated.Add(1)
	}
	s.stage, s.exchange, s.who = saslDone, nil, who
	c.in.maxBytes = s.maxBytes
	c.in.deadline.bound(time.Time{})
	c.caller.Principal, c.caller.TokenAuthenticated = who.Principal, who.TokenAuthenticated
	lifetime, ends := s.lifetime(time.Now())
	s.expires = time.Time{}
	if ends {
		s.expires = time.Now().Add(lifetime)
	}
	return lifetime
}

// lifetime is how long an authentication is valid: until the credentials end, but not longer than
// connections.max.reauth.ms.
func (s *saslState) lifetime(now time.Time) (d time.Duration, ends bool) {
	if s.listener.MaxReauth != nil {
		d = s.listener.MaxReauth(s.mechanism)
	}
	ends = d > 0
	if s.who.Expires.IsZero() {
		return d, ends
	}
	left := s.who.Expires.Sub(now)
	if !ends || left < d {
		d = left
	}
	return max(d, 0), true
}

// saslIllegal answers a request that does not belong into an authentication that has begun.
func (c *conn) saslIllegal(h header, resp kmsg.Response) error {
	return c.saslFailed(h, resp, fmt.Errorf("%s during SASL authentication",
		kmsg.NameForKey(h.key)))
}

// saslFailed ends the connection after a failed authentication. The answer, if there is one, comes
// after a delay, which slows down those who try passwords.
func (c *conn) saslFailed(h header, resp kmsg.Response, why error) error {
	c.countFailure()
	c.delayFailure()
	if resp != nil {
		if err := c.write(h.correlationID, resp); err != nil {
			return err
		}
	}
	return &frameError{closedAuthentication, why}
}

// saslRefused ends the connection without an answer.
func (c *conn) saslRefused(why error) error {
	c.countFailure()
	return &frameError{closedAuthentication, why}
}

// saslFault ends the connection because this node could not authenticate the client.
func (c *conn) saslFault(err error) error {
	c.countFailure()
	c.delayFailure()
	return &frameError{closedFault, fmt.Errorf("authenticating a client: %w", err)}
}

func (c *conn) countFailure() {
	if c.sasl.who == nil {
		c.server.count.authenticationsFailed.Add(1)
	} else {
		c.server.count.reauthenticationsFailed.Add(1)
	}
}

// delayFailure waits for the time of Listener.FailedDelay, without a place at the processor.
func (c *conn) delayFailure() {
	delay := c.sasl.listener.FailedDelay
	if delay <= 0 {
		return
	}
	c.turn.Drop()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	case <-c.server.stop:
	}
}

// saslAdvice says which side is configured how.
func (c *conn) saslAdvice() error {
	return fmt.Errorf("listener %s is %s: set the client's security.protocol to that, and its "+
		"sasl.mechanism to one of %v", c.caller.Listener, nameOfProtocol(c.caller.SecurityProtocol),
		c.sasl.listener.SASL.Mechanisms())
}

// noteSASL logs that a client speaks SASL on a listener without it. The controller answers it with
// Kafka's error.
func (c *conn) noteSASL(key int16) {
	if key != handshakeKey || c.sasl != nil {
		return
	}
	since, count, due := c.server.misplacedSASL.Add()
	if !due {
		return
	}
	here := nameOfProtocol(c.caller.SecurityProtocol)
	c.server.log.Warn("a client wants to authenticate by "+
		"SASL on a listener without it: set the client's security.protocol (for a broker, the "+
		"listener's entry in listener.security.protocol.map) to "+here+", or give the listener "+
		"here a protocol with SASL",
		"listener", c.caller.Listener, "protocol", here, "client", c.remote,
		"requests", since, "in_all", count)
}

// tooLate turns the timeout of a client that is not authenticated into a failed authentication.
func (c *conn) tooLate(err error) error {
	e, ok := errors.AsType[*frameError](err)
	slow := ok && (e.reason == closedIdle || e.reason == closedFrameTimeout)
	if !slow || c.sasl == nil || c.sasl.stage == saslDone || c.guest {
		return err
	}
	return c.saslRefused(fmt.Errorf("it is not authenticated after %v: %w", authenticationTime,
		err))
}
