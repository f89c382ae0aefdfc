package kafkaproto

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// apiVersions answers with two keys and, from v3, a feature.
func apiVersions(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	for _, key := range []int16{1, 18} {
		entry := kmsg.NewApiVersionsResponseApiKey()
		entry.ApiKey, entry.MinVersion, entry.MaxVersion = key, testKeys[key][0], testKeys[key][1]
		resp.ApiKeys = append(resp.ApiKeys, entry)
	}
	feature := kmsg.NewApiVersionsResponseSupportedFeature()
	feature.Name, feature.MinVersion, feature.MaxVersion = "kraft.version", 0, 1
	resp.SupportedFeatures = append(resp.SupportedFeatures, feature)
	reply(resp)
}

// The bytes are written by hand from ApiVersionsRequest.json, ApiVersionsResponse.json,
// RequestHeader.json and ResponseHeader.json.
func TestAPIVersionsBytes(t *testing.T) {
	const (
		correlation = "00000009 "
		entries     = "0001 0004 0012  0012 0000 0004 "
		compact     = "03 0001 0004 0012 00  0012 0000 0004 00 "
		throttle    = "00000000 "
		// one tagged field: 0, supported features: {"kraft.version", 0-1}
		features = "01 00 14  02 0e 6b726166742e76657273696f6e 0000 0001 00 "
		software = "04 666f6f 04 312e30 00 "
	)
	tests := []struct{ name, request, response string }{
		{"v0", "0012 0000 00000009 0002 6964", correlation + "0000 00000002 " + entries},
		{"v1", "0012 0001 00000009 0002 6964", correlation + "0000 00000002 " + entries + throttle},
		{"v2 null client id", "0012 0002 00000009 ffff",
			correlation + "0000 00000002 " + entries + throttle},
		{"v3", "0012 0003 00000009 0002 6964 00 " + software,
			correlation + "0000 " + compact + throttle + features},
		{"v4", "0012 0004 00000009 0002 6964 00 " + software,
			correlation + "0000 " + compact + throttle + features},
		{"v4 tag in header, bytes after the body",
			"0012 0004 00000009 0002 6964 01 63 02 ffff " + software + "ffff",
			correlation + "0000 " + compact + throttle + features},
		{"v5", "0012 0005 00000009 0002 6964 00 " + software,
			correlation + "0023 00000001 0012 0000 0004"},
		{"v5 with a body nobody knows", "0012 0005 00000009 ffff 00 ffffffffff",
			correlation + "0023 00000001 0012 0000 0004"},
		{"v32767", "0012 7fff 00000009 0000 00", correlation + "0023 00000001 0012 0000 0004"},
		{"v-1", "0012 ffff 00000009 0000", correlation + "0023 00000001 0012 0000 0004"},
	}
	cfg, _ := testConfig(apiVersions)
	_, addr := start(t, cfg)
	c := dial(t, addr) // the connection survives each
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c.t = t
			c.send(frame(unhex(t, test.request)))
			if got, want := c.receive(), unhex(t, test.response); !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
}

func TestRequestReachesHandlerWithCaller(t *testing.T) {
	type call struct {
		caller Caller
		req    kmsg.Request
	}
	calls := make(chan call, 1)
	cfg, _ := testConfig(
		func(ctx context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
			calls <- call{caller, req}
			reply(req.ResponseKind())
		})
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(heartbeat(77))
	resp := c.receive()
	if got := binary.BigEndian.Uint32(resp); got != 77 || resp[4] != 0 {
		t.Errorf("response header %x, want correlation id 77 and no tagged fields", resp[:5])
	}
	got := <-calls
	want := Caller{Listener: "CONTROLLER", Principal: "User:ANONYMOUS", ClientAddr: "127.0.0.1",
		ClientID: "tester", LocalAddr: addr}
	if got.caller != want {
		t.Errorf("caller %+v, want %+v", got.caller, want)
	}
	hb := got.req.(*kmsg.BrokerHeartbeatRequest)
	if hb.Version != 1 || hb.BrokerID != 1 || hb.BrokerEpoch != 2 || hb.CurrentMetadataOffset != 3 {
		t.Errorf("request %+v", hb)
	}
	eventually(t, func() string { // what was sent is counted afterwards
		stats := s.Stats()
		if stats.Requests != 1 || stats.Connections != 1 ||
			stats.BytesIn != int64(len(heartbeat(77))) ||
			stats.BytesOut != int64(4+len(resp)) {
			return fmt.Sprintf("stats %+v", stats)
		}
		return ""
	})
}

// bigRequest does not fit the read buffer.
func bigRequest(correlationID int32, topics int) (*kmsg.CreateTopicsRequest, []byte) {
	req := kmsg.NewPtrCreateTopicsRequest()
	for i := range topics {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic = fmt.Sprintf("topic-%d-%s", i, strings.Repeat("x", 60))
		req.Topics = append(req.Topics, topic)
	}
	return req, request(req, 7, correlationID)
}

func TestSplitAtEveryByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		received := make(chan kmsg.Request, 1)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			received <- req
			reply(req.ResponseKind())
		})
		_, nc := pipe(t, cfg)
		c := client{nc, t}
		big, bigFrame := bigRequest(1, 80)
		envelope := kmsg.NewPtrEnvelopeRequest()
		envelope.RequestData = bytes.Repeat([]byte("nested"), 100)
		small := kmsg.NewPtrBrokerHeartbeatRequest()
		for _, whole := range []struct {
			req   kmsg.Request
			frame []byte
		}{{small, request(small, 1, 5)}, {envelope, request(envelope, 0, 6)}, {big, bigFrame}} {
			for i := range whole.frame {
				c.send(whole.frame[:i])
				synctest.Wait()
				c.send(whole.frame[i:])
				if got := <-received; !bytes.Equal(got.AppendTo(nil), whole.req.AppendTo(nil)) {
					t.Fatalf("split at %d: got %+v", i, got)
				}
				c.receive()
			}
		}
	})
}

func TestPipelinedRequestsOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replies := make(chan func(), 100)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			replies <- func() { reply(req.ResponseKind()) }
		})
		_, nc := pipe(t, cfg)
		c := client{nc, t}
		var all []byte
		for i := range int32(50) {
			all = append(all, heartbeat(i)...)
		}
		go c.Write(all)
		for i := range uint32(50) {
			synctest.Wait()
			if n := len(replies); n != 1 {
				t.Fatalf("%d requests are with the handler, want 1", n)
			}
			go (<-replies)()
			if got := binary.BigEndian.Uint32(c.receive()); got != i {
				t.Fatalf("response to %d, want %d", got, i)
			}
		}
	})
}

func TestReplyTwice(t *testing.T) {
	cfg, logs := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		reply(req.ResponseKind())
		reply(req.ResponseKind())
	})
	_, addr := start(t, cfg)
	c := dial(t, addr)
	for i := range uint32(3) {
		c.send(heartbeat(int32(i)))
		if got := binary.BigEndian.Uint32(c.receive()); got != i {
			t.Fatalf("response to %d, want %d", got, i)
		}
	}
	if !strings.Contains(logs.String(), "answered twice") {
		t.Error("the second reply was not logged")
	}
}

func TestHandlerEndsConnection(t *testing.T) {
	tests := []struct {
		name   string
		handle handleFunc
		reason closeReason
		log    string
	}{
		{"nil reply", func(_ context.Context, _ Caller, _ kmsg.Request, reply replyFunc) {
			reply(nil)
		}, closedByHandler, "handler"},
		{"wrong version", func(_ context.Context, _ Caller, _ kmsg.Request, reply replyFunc) {
			reply(kmsg.NewPtrBrokerHeartbeatResponse())
		}, closedFault, "level=ERROR"},
		{"wrong key", func(_ context.Context, _ Caller, _ kmsg.Request, reply replyFunc) {
			reply(kmsg.NewPtrFetchResponse())
		}, closedFault, "key 63 version 1 is one of key 1"},
		{"panic", func(context.Context, Caller, kmsg.Request, func(kmsg.Response)) {
			panic("oh no")
		}, closedPanic, "TestHandlerEndsConnection"},
		{"panic after reply", func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			reply(req.ResponseKind())
			panic("oh no")
		}, closedPanic, "oh no"},
		{"response that cannot be encoded",
			func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
				reply((*brokenResponse)(req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)))
			}, closedPanic, "broken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg, logs := testConfig(test.handle)
			s, addr := start(t, cfg)
			c := dial(t, addr)
			c.send(heartbeat(1))
			c.expectClose()
			expectClosed(t, s, test.reason, 1)
			eventually(t, func() string {
				if !strings.Contains(logs.String(), test.log) {
					return "not in the log: " + test.log + "\n" + logs.String()
				}
				return ""
			})
			dial(t, addr).send(heartbeat(2)) // the server lives
		})
	}
}

type brokenResponse kmsg.BrokerHeartbeatResponse

func (r *brokenResponse) Key() int16                { return 63 }
func (r *brokenResponse) MaxVersion() int16         { return 2 }
func (r *brokenResponse) SetVersion(v int16)        { r.Version = v }
func (r *brokenResponse) GetVersion() int16         { return r.Version }
func (r *brokenResponse) IsFlexible() bool          { return true }
func (r *brokenResponse) AppendTo([]byte) []byte    { panic("broken") }
func (r *brokenResponse) ReadFrom([]byte) error     { return errors.ErrUnsupported }
func (r *brokenResponse) RequestKind() kmsg.Request { return kmsg.NewPtrBrokerHeartbeatRequest() }

func TestContextEndsWithConnection(t *testing.T) {
	ctxs := make(chan context.Context, 1)
	cfg, _ := testConfig(func(ctx context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		ctxs <- ctx
		reply(req.ResponseKind())
	})
	_, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(heartbeat(1))
	c.receive()
	ctx := <-ctxs
	if ctx.Err() != nil {
		t.Error("the context ended before the connection")
	}
	c.Close()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Error("the context did not end with the connection")
	}
}

// A reply after the end of the connection is dropped and does not block.
func TestLateReply(t *testing.T) {
	replies := make(chan func(), 1)
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		replies <- func() { reply(req.ResponseKind()) }
	})
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(heartbeat(1))
	reply := <-replies
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	reply()
}

func TestTimeouts(t *testing.T) {
	long := func(t *testing.T, nc net.Conn, parts int) {
		for i := range parts {
			time.Sleep(4 * time.Second) // on the bubble's clock
			bytes := []byte{0, 0, 0, 200, 1, 2, 3, 4, 5, 6, 7, 8, 9}
			if _, err := nc.Write(bytes[i : i+1]); err != nil {
				return
			}
		}
		t.Error("a frame could last for ever")
	}
	tests := []struct {
		name   string
		client func(t *testing.T, nc net.Conn)
		reason closeReason
		after  time.Duration
	}{
		{"nothing", func(*testing.T, net.Conn) {}, closedIdle, 10 * time.Minute},
		{"part of a length", func(_ *testing.T, nc net.Conn) { nc.Write([]byte{0, 0}) },
			closedFrameTimeout, 30 * time.Second},
		{"part of a frame", func(_ *testing.T, nc net.Conn) { nc.Write(heartbeat(1)[:20]) },
			closedFrameTimeout, 30 * time.Second},
		{"part of a large frame", func(_ *testing.T, nc net.Conn) {
			nc.Write(frame(make([]byte, 1<<20))[:100<<10])
		}, closedFrameTimeout, 30 * time.Second},
		{"a byte every 4 s", func(t *testing.T, nc net.Conn) { long(t, nc, 13) },
			closedFrameTimeout, 34 * time.Second},
		{"reply not read", func(_ *testing.T, nc net.Conn) { nc.Write(heartbeat(1)) },
			closedWriteTimeout, 30 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				cfg, _ := testConfig(respond)
				s, nc := pipe(t, cfg)
				var clientDone sync.WaitGroup
				clientDone.Go(func() { test.client(t, nc) })
				s.serving.Wait()
				took := time.Since(begin)
				clientDone.Wait()
				if took != test.after || s.Stats().Closed[test.reason.String()] != 1 {
					t.Errorf("after %v: %v, want %s after %v", took, s.Stats().Closed, test.reason,
						test.after)
				}
			})
		})
	}
}

// A connection that sends a request now and then stays open, however long a request takes.
func TestIdleTimeoutStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			time.AfterFunc(3*time.Hour, func() { reply(req.ResponseKind()) })
		})
		_, nc := pipe(t, cfg)
		c := client{nc, t}
		for i := range int32(20) {
			c.send(heartbeat(i))
			c.receive()
			time.Sleep(8 * time.Minute) // on the bubble's clock; 10 are allowed, or an eighth less
		}
	})
}

const streamKey = 32000

func streamFrame(version int16, correlationID int32, body string) []byte {
	data := binary.BigEndian.AppendUint16(nil, streamKey)
	data = binary.BigEndian.AppendUint16(data, uint16(version))
	data = binary.BigEndian.AppendUint32(data, uint32(correlationID))
	return frame(append(append(data, 0, 1, 'n'), body...))
}

func TestStream(t *testing.T) {
	cfg, _ := testConfig(respond)
	cfg.StreamKey = streamKey
	var bodies [][]byte
	remotes, closed := make(chan string, 10), make(chan struct{}, 10)
	cfg.Stream = func(caller Caller, remote string) Stream {
		if caller.Principal != protocol.Anonymous {
			t.Errorf("a stream of %+v", caller)
		}
		remotes <- remote
		return Stream{Frame: func(body []byte) ([]byte, error) {
			bodies = append(bodies, body)
			switch string(body) {
			case "bad":
				return nil, errors.New("bad peer")
			case "ask":
				return []byte("answer"), nil
			case "empty":
				return []byte{}, nil
			}
			return nil, nil
		}, Closed: func() { closed <- struct{}{} }}
	}
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(heartbeat(1)) // other requests may come on the same connection
	c.receive()
	large := strings.Repeat("z", 100<<10)
	var all []byte
	for i, body := range []string{"one", "two", "ask", large, "", "empty", "bad", "never"} {
		all = append(all, streamFrame(0, int32(i), body)...)
	}
	c.send(all)
	if got := string(c.receive()); got != "\x00\x00\x00\x02answer" {
		t.Errorf("reply %q", got)
	}
	if got := string(c.receive()); got != "\x00\x00\x00\x05" {
		t.Errorf("reply %q", got)
	}
	c.expectClose()
	<-closed
	expectClosed(t, s, closedStream, 1)
	if got := <-remotes; got != c.LocalAddr().String() || len(remotes) != 0 {
		t.Errorf("stream of %s, and %d more", got, len(remotes))
	}
	if got := string(bytes.Join(bodies, []byte(","))); got != "one,two,ask,"+large+",,empty,bad" {
		t.Errorf("bodies %.100q", got)
	}

	c = dial(t, addr)
	c.send(streamFrame(1, 1, "later version"))
	c.expectClose()
	expectClosed(t, s, closedMalformed, 1)
	if in := s.Stats().InFlightBytes; in != 0 || len(closed) != 0 {
		t.Errorf("%d bytes in flight, %d streams closed", in, len(closed))
	}
}
