package kafkaproto

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/sasl"
	"github.com/yakt/yakt/security/sasl/sasltest"
)

// authenticated sends what authenticates Alice, and reads the answers.
func authenticated(c client) client {
	c.t.Helper()
	c.send(frame(handshakeFrame(1, "PLAIN")))
	c.receive()
	c.send(frame(authenticateFrame(1, aliceMessage)))
	expectCode(c.t, c.receive()[4:], 0)
	return c
}

// expectCode requires a response body that begins with an error code.
func expectCode(t testing.TB, body []byte, code int16) {
	t.Helper()
	if len(body) < 2 || int16(binary.BigEndian.Uint16(body)) != code {
		t.Errorf("response %x, want error code %d", body, code)
	}
}

// onlyVersions fails the test if anything but API_VERSIONS comes from a client that is not
// authenticated.
func onlyVersions(t testing.TB, handled *atomic.Int64) handleFunc {
	return func(_ context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
		if caller.Principal == protocol.Anonymous && req.Key() != apiVersionsKey {
			t.Errorf("key %d of a stranger was handled", req.Key())
		}
		handled.Add(1)
		reply(req.ResponseKind())
	}
}

// TestStrangersGetNothing: no request key but those of an authentication is answered.
func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	var handled atomic.Int64
	cfg, _ := saslConfig(t, onlyVersions(t, &handled))
	cfg.Stream = func(Caller, string) Stream {
		t.Error("a stranger has a private stream")
		return Stream{Frame: func([]byte) ([]byte, error) { return nil, nil }}
	}
	cfg.StreamKey = 10_000
	s, addr := start(t, cfg)
	closed := int64(0)
	for key := range int16(kmsg.MaxKey + 1) {
		req := kmsg.RequestForKey(key)
		if req == nil || key == apiVersionsKey || key == handshakeKey {
			continue
		}
		c := dial(t, addr)
		c.send(request(req, req.MaxVersion(), 1))
		c.expectClose()
		closed++
	}
	for _, garbage := range [][]byte{frame([]byte{0x27, 0x10, 0, 0, 0, 0, 0, 1, 0, 0}),
		frame([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), frame(nil),
		frame(append(handshakeFrame(1, "x")[:10], 0x7f, 0xff))} {
		c := dial(t, addr)
		c.send(garbage)
		c.expectClose()
		closed++
	}
	expectClosed(t, s, closedAuthentication, closed)
	if stats := s.Stats(); handled.Load() > 0 || stats.AuthenticationsFailed != closed {
		t.Errorf("%d handled, %+v", handled.Load(), stats)
	}
}

// TestRequestsBehindAnAuthentication: requests that are sent with it are handled after it, and not
// at all if it fails.
func TestRequestsBehindAnAuthentication(t *testing.T) {
	t.Parallel()
	var handled atomic.Int64
	cfg, _ := saslConfig(t, onlyVersions(t, &handled))
	_, addr := start(t, cfg)
	pipelined := func(message string) []byte {
		b := append(frame(handshakeFrame(1, "PLAIN")), frame(authenticateFrame(0, message))...)
		return append(b, heartbeat(7)...)
	}
	c := dial(t, addr)
	c.send(pipelined(aliceMessage))
	c.receive()
	expectCode(t, c.receive()[4:], 0)
	if answer := c.receive(); binary.BigEndian.Uint32(answer) != 7 || handled.Load() != 1 {
		t.Errorf("%x", answer)
	}
	c = dial(t, addr)
	c.send(pipelined("\x00alice\x00wrong"))
	c.receive()
	expectCode(t, c.receive()[4:], 58)
	c.expectClose()
	if handled.Load() != 1 {
		t.Error("a request behind a failed authentication was handled")
	}
}

// TestMessagesOfStrangersAreBounded in size, number, and in the memory that decoding them takes.
func TestMessagesOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	var handled atomic.Int64
	cfg, _ := saslConfig(t, onlyVersions(t, &handled), "sasl.server.max.receive.size=20000")
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send([]byte{0, 0, 0x4e, 0x21}) // 20001
	c.expectClose()
	expectClosed(t, s, closedFrameLength, 1)

	c = dial(t, addr) // a client may ask for versions that the server does not have
	for range authenticationFrames {
		c.send(frame(versionsFrame(77)))
		c.receive()
	}
	c.send(frame(versionsFrame(77)))
	c.expectClose()
	expectClosed(t, s, closedAuthentication, 1)

	c = dial(t, addr) // tagged fields that are not known
	tags := handshakeFrame(1, "PLAIN")
	c.send(frame(tags))
	c.receive()
	many := authenticateFrame(2, "")
	many = append(many[:len(many)-1], 0xd0, 0x0f) // 2000
	for i := range 2000 {
		many = append(many, byte(i&0x7f|0x80), byte(i>>7), 0)
	}
	c.send(frame(many))
	c.expectClose()
	expectClosed(t, s, closedAuthentication, 2)

	c = authenticated(dial(t, addr)) // later the limit is that of all requests
	large := append(heartbeat(3)[4:], make([]byte, 30_000)...)
	c.send(frame(large))
	if answer := c.receive(); binary.BigEndian.Uint32(answer) != 3 {
		t.Errorf("%x", answer)
	}
}

// TestACrowdOfStrangersTakesLittleMemory, and none that authenticated clients need.
func TestACrowdOfStrangersTakesLittleMemory(t *testing.T) {
	t.Parallel()
	var handled atomic.Int64
	cfg, _ := saslConfig(t, onlyVersions(t, &handled))
	s, addr := start(t, cfg)
	friend := authenticated(dial(t, addr))
	const announced = 500_000
	for range 100 { // each stops short of the end of its message
		c := dial(t, addr)
		message := binary.BigEndian.AppendUint32(nil, announced)
		go c.Write(append(message, make([]byte, announced-1)...))
	}
	for range 200 {
		if held := s.Stats().StrangerBytes; held > strangerBytes {
			t.Fatalf("strangers hold %d bytes", held)
		}
		friend.send(heartbeat(1))
		friend.receive()
	}
	if held := s.Stats().InFlightBytes; held != 0 {
		t.Errorf("%d bytes of the clients' memory", held)
	}
}

// bubble runs a test with a SASL server in a bubble of synctest.
func bubble(
	t *testing.T, handle handleFunc, keys []string, run func(*testing.T, *Server, client),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := saslConfig(t, handle, keys...)
		s, nc := pipe(t, cfg)
		run(t, s, client{nc, t})
	})
}

// TestAnAuthenticationHasLimitedTime, whatever the client sends meanwhile.
func TestAnAuthenticationHasLimitedTime(t *testing.T) {
	t.Parallel()
	for name, drip := range map[string][]byte{"silent": nil, "bytes": frame(make([]byte, 1000)),
		"frames": nil} {
		bubble(t, respond, nil, func(t *testing.T, s *Server, c client) {
			begun := time.Now()
			go func() {
				for i := range drip {
					time.Sleep(5 * time.Second)
					if _, err := c.Write(drip[i : i+1]); err != nil {
						return
					}
				}
				for range 8 {
					if name != "frames" {
						return
					}
					time.Sleep(5 * time.Second)
					c.Write(frame(versionsFrame(77)))
				}
			}()
			if _, err := io.Copy(io.Discard, c); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if took := time.Since(begun); took != authenticationTime ||
				s.Stats().Closed["authentication"] != 1 {
				t.Errorf("%s: closed after %v, %v", name, took, s.Stats().Closed)
			}
			c.Close()
			time.Sleep(time.Minute) // the dripping goroutine ends
		})
	}
}

// TestFailuresAreDelayed: both the answer and the end of the connection.
func TestFailuresAreDelayed(t *testing.T) {
	t.Parallel()
	keys := []string{"connection.failed.authentication.delay.ms=3000"}
	for _, message := range []string{"\x00alice\x00wrong", ""} {
		bubble(t, respond, keys, func(t *testing.T, s *Server, c client) {
			begun := time.Now()
			c.send(frame(handshakeFrame(1, "PLAIN")))
			c.receive()
			c.send(frame(authenticateFrame(1, message)))
			expectCode(t, c.receive()[4:], 58)
			c.expectClose()
			if took := time.Since(begun); took != 3*time.Second {
				t.Errorf("%v", took)
			}
		})
	}
}

// TestAShutdownDoesNotWaitForTheDelay of a failed authentication.
func TestAShutdownDoesNotWaitForTheDelay(t *testing.T) {
	t.Parallel()
	keys := []string{"connection.failed.authentication.delay.ms=3000000"}
	bubble(t, respond, keys, func(t *testing.T, s *Server, c client) {
		c.send(frame(handshakeFrame(1, "NONE")))
		synctest.Wait()
		begun := time.Now()
		go io.Copy(io.Discard, c)
		if err := s.Shutdown(t.Context()); err != nil || time.Since(begun) > time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// TestSessionsExpire: a client that does not authenticate again is closed at its next request.
func TestSessionsExpire(t *testing.T) {
	t.Parallel()
	keys := []string{"connections.max.reauth.ms=60000"}
	bubble(t, controllerSASL, keys, func(t *testing.T, s *Server, c client) {
		authenticated(c)
		again := func(message string, code int16) {
			c.send(frame(handshakeFrame(1, "PLAIN")))
			expectCode(t, c.receive()[4:], 0)
			c.send(frame(authenticateFrame(1, message)))
			expectCode(t, c.receive()[4:], code)
		}
		time.Sleep(60 * time.Second)
		c.send(heartbeat(1)) // just in time
		c.receive()
		time.Sleep(5 * time.Minute) // late, but the client has asked for nothing meanwhile
		again(aliceMessage, 0)
		c.send(frame(handshakeFrame(1, "PLAIN"))) // too soon
		expectCode(t, c.receive()[4:], errIllegalSASLState)
		time.Sleep(reauthInterval)
		again(aliceMessage, 0)
		time.Sleep(60*time.Second + 1)
		c.send(heartbeat(2))
		c.expectClose()
		synctest.Wait()
		if stats := s.Stats(); stats.Closed["expired"] != 1 || stats.Reauthenticated != 2 ||
			stats.Authenticated != 1 || stats.ReauthenticationsFailed != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// TestAuthenticatingAgainAsAnother, or by another mechanism, ends the connection.
func TestAuthenticatingAgainAsAnother(t *testing.T) {
	t.Parallel()
	keys := []string{"connections.max.reauth.ms=60000"}
	for mechanism, test := range map[string]struct{ message, told string }{
		"PLAIN": {eveMessage, "Cannot change principals during re-authentication from " +
			"User.alice: User.eve"},
		"SCRAM-SHA-256": {"n,,n=alice,r=abc", "SASL mechanism 'SCRAM-SHA-256' requested by " +
			"client is not supported for re-authentication of mechanism 'PLAIN'"},
	} {
		bubble(t, respond, keys, func(t *testing.T, s *Server, c client) {
			authenticated(c)
			c.send(frame(handshakeFrame(1, mechanism)))
			expectCode(t, c.receive()[4:], 0)
			c.send(frame(authenticateFrame(1, test.message)))
			answer := c.receive()[4:]
			expectCode(t, answer, 58)
			if !strings.Contains(string(answer), test.told) {
				t.Errorf("%q", answer)
			}
			c.expectClose()
			synctest.Wait()
			if stats := s.Stats(); stats.ReauthenticationsFailed != 1 {
				t.Errorf("%+v", stats)
			}
		})
	}
}

// TestAnAuthenticationAgainIsBoundedToo, and requests are not handled during it.
func TestAnAuthenticationAgainIsBoundedToo(t *testing.T) {
	t.Parallel()
	keys := []string{"connections.max.reauth.ms=60000"}
	bubble(t, respond, keys, func(t *testing.T, s *Server, c client) {
		authenticated(c)
		c.send(frame(handshakeFrame(1, "PLAIN")))
		c.receive()
		c.send(heartbeat(1))
		c.expectClose()
	})
	bubble(t, respond, keys, func(t *testing.T, s *Server, c client) {
		authenticated(c)
		c.send(frame(handshakeFrame(1, "PLAIN")))
		c.receive()
		begun := time.Now()
		c.expectClose()
		if took := time.Since(begun); took != authenticationTime {
			t.Errorf("closed after %v", took)
		}
	})
}

// TestStrangersGiveWay: when there are too many connections, one that is not authenticated after a
// second is closed for a new one; authenticated ones stay.
func TestStrangersGiveWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := saslConfig(t, respond)
		cfg.MaxConnections = 3
		s := bubbleServer(t, cfg)
		friend := authenticated(connectTo(t, s, cfg, "10.0.0.1"))
		for range 2 {
			c := connectTo(t, s, cfg, "10.0.0.2")
			c.send(frame(versionsFrame(0)))
			c.receive()
		}
		newcomer := connectTo(t, s, cfg, "10.0.0.3")
		newcomer.expectClose()
		time.Sleep(strangerAfter)
		authenticated(connectTo(t, s, cfg, "10.0.0.3"))
		if !served(friend) {
			t.Error("the authenticated one was closed")
		}
	})
}

// TestTheStreamComesAfterAnAuthentication.
func TestTheStreamComesAfterAnAuthentication(t *testing.T) {
	t.Parallel()
	frames := make(chan string, 10)
	cfg, _ := saslConfig(t, respond)
	cfg.StreamKey = 10_000
	cfg.Stream = func(Caller, string) Stream {
		return Stream{Frame: func(body []byte) ([]byte, error) {
			frames <- string(body)
			return nil, nil
		}}
	}
	s, addr := start(t, cfg)
	private := frame(append([]byte{0x27, 0x10, 0, 0, 0, 0, 0, 1, 0, 0}, "hello"...))
	c := dial(t, addr)
	c.send(private)
	c.expectClose()
	c = authenticated(dial(t, addr))
	c.send(private)
	if got := <-frames; got != "hello" || s.Stats().StreamFrames != 1 {
		t.Errorf("%q", got)
	}
}

// TestAuthenticateAsAClient by each mechanism, and what a refused one learns.
func TestAuthenticateAsAClient(t *testing.T) {
	t.Parallel()
	secret := protocol.NewPassword
	cfg, _ := saslConfig(t, respond, "connections.max.reauth.ms=90000",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,OAUTHBEARER")
	_, secured := start(t, cfg)
	cfg, logs := testConfig(controllerSASL)
	_, open := start(t, cfg)
	for name, test := range map[string]struct {
		settings sasl.ClientSettings
		addr     string
		want     string // the error
	}{
		"PLAIN": {sasl.ClientSettings{Mechanism: sasl.Plain, User: sasltest.Alice,
			Password: secret(sasltest.AlicePassword)}, secured, ""},
		"SCRAM": {sasl.ClientSettings{Mechanism: sasl.ScramSHA256, User: sasltest.Bob,
			Password: secret(sasltest.BobPassword)}, secured, ""},
		"OAUTHBEARER": {sasl.ClientSettings{Mechanism: sasl.OAuthBearer}, secured, ""},
		"wrong": {sasl.ClientSettings{Mechanism: sasl.ScramSHA256, User: sasltest.Bob,
			Password: secret("x")}, secured, "the server refuses the authentication: " +
			"\"Authentication failed during authentication due to invalid credentials"},
		"mechanism": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: sasltest.Bob,
			Password: secret("x")}, secured, "the server does not enable this SASL mechanism, " +
			"but [PLAIN SCRAM-SHA-256 OAUTHBEARER]"},
		"PLAINTEXT": {sasl.ClientSettings{Mechanism: sasl.Plain, User: sasltest.Bob,
			Password: secret("x")}, open, "the server's listener has no SASL"},
	} {
		t.Run(name, func(t *testing.T) {
			dialogue, err := sasl.NewClient(test.settings, sasltest.Client(sasltest.OAuthToken))
			if err != nil {
				t.Fatal(err)
			}
			c := dial(t, test.addr)
			lifetime, err := Authenticate(c.Conn, "test", dialogue())
			if test.want == "" {
				if err != nil || lifetime <= 50*time.Second || lifetime > 90*time.Second {
					t.Errorf("%v, %v", lifetime, err)
				}
				c.send(heartbeat(5))
				c.receive()
				return
			}
			if _, ok := errors.AsType[*SASLError](err); !ok ||
				!strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	if text := logs.String(); strings.Count(text, "wants to authenticate by SASL on a listener "+
		"without it") != 1 || !strings.Contains(text, "protocol=PLAINTEXT") {
		t.Errorf("log %s", text)
	}
}

// TestAuthenticateWithAHostileServer: its answers cost the client no memory and end in an error.
func TestAuthenticateWithAHostileServer(t *testing.T) {
	t.Parallel()
	agree := func(n int32) []byte { // to the handshake, and then to go on for ever
		body := binary.BigEndian.AppendUint32(nil, uint32(n))
		if n == 1 {
			return frame(append(body, 0, 0, 0, 0, 0, 0))
		}
		return frame(append(body, 0, 0, 0, 1, 2, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 0))
	}
	for name, test := range map[string]struct {
		answer func(n int32) []byte
		want   string
	}{
		"short": {func(int32) []byte { return frame([]byte{0}) },
			"the answer to SASLHandshake is not a Kafka server's"},
		"other id": {func(int32) []byte { return frame(make([]byte, 10)) },
			"the answer to SASLHandshake is not a Kafka server's"},
		"lengths": {func(n int32) []byte {
			return frame([]byte{0, 0, 0, 1, 0, 0, 0x7f, 0xff, 0xff, 0xff})
		}, "enough data"},
		"TLS": {func(int32) []byte { return []byte("\x15\x03\x01\x00\x02\x02\x28") },
			"it is not a Kafka server, or it expects TLS"},
		"nothing": {func(int32) []byte { return nil }, "the server closed the connection"},
		"endless": {agree, "the server goes on after the end of the SASL dialogue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			defer near.Close()
			go answerAll(far, test.answer)
			dialogue, _ := sasl.NewClient(sasl.ClientSettings{Mechanism: sasl.Plain, User: "a",
				Password: protocol.NewPassword("b")}, sasl.ClientOptions{})
			_, err := Authenticate(near, "test", dialogue())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// answerAll answers each request with bytes, until there are none.
func answerAll(nc net.Conn, answer func(n int32) []byte) {
	defer nc.Close()
	for n := int32(1); ; n++ {
		var length [4]byte
		if _, err := io.ReadFull(nc, length[:]); err != nil {
			return
		}
		size := int64(binary.BigEndian.Uint32(length[:]))
		if _, err := io.CopyN(io.Discard, nc, size); err != nil {
			return
		}
		bytes := answer(n)
		if _, err := nc.Write(bytes); err != nil || bytes == nil {
			return
		}
	}
}

// FuzzStrangers: whatever a stranger sends, no request is handled but API_VERSIONS, and the
// connection ends when the input does.
func FuzzStrangers(f *testing.F) {
	for _, seed := range [][]byte{
		frame(handshakeFrame(1, "PLAIN")),
		append(frame(handshakeFrame(0, "SCRAM-SHA-256")), frame([]byte("n,,n=bob,r=abc"))...),
		append(frame(handshakeFrame(1, "OAUTHBEARER")), frame(authenticateFrame(2,
			"n,,\x01auth=Bearer a\x01\x01"))...),
		append(frame(versionsFrame(3)), frame(versionsFrame(99))...),
		append(frame(handshakeFrame(1, "PLAIN")), frame(authenticateFrame(1, "\x00a\x00b"))...),
	} {
		f.Add(seed)
	}
	var handled atomic.Int64
	cfg, _ := saslConfig(f, onlyVersions(f, &handled))
	s := newServer(cfg.withDefaults())
	f.Fuzz(func(t *testing.T, input []byte) {
		near, far := net.Pipe()
		s.admit(cfg.Listeners[0], far)
		go func() {
			near.Write(input)
			near.Close()
		}()
		io.Copy(io.Discard, near)
		s.serving.Wait()
		if held := s.strangers.inUse(); held != 0 {
			t.Fatalf("%d bytes not given back", held)
		}
	})
}
