package kafkaproto

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"

	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/certs"
	"github.com/yakt/yakt/security/certs/certstest"
)

// realm is an authority, and a store that it has issued.
type realm struct {
	ca    *certstest.CA
	store *certs.Store
}

// newRealm opens the store of a listener; more are keys and their values.
func newRealm(t testing.TB, more ...string) realm {
	t.Helper()
	ca := certstest.NewCA(t, "authority")
	keys := ca.Files(t, t.TempDir(), "node", certstest.PEM, ca.Issue(t, certstest.CN("node")))
	for i := 0; i < len(more); i += 2 {
		keys[more[i]] = more[i+1]
	}
	settings, problems := certs.Parse(keys)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	store, err := certs.Open(settings, certs.Options{Listener: "CONTROLLER"})
	if err != nil {
		t.Fatal(err)
	}
	return realm{ca, store}
}

// secure makes the listener of a configuration one of TLS.
func (r realm) secure(cfg Config) Config {
	l := &cfg.Listeners[0]
	l.SecurityProtocol, l.TLS, l.Principal = protocol.SSL, r.store.Server(), r.store.Principal
	return cfg
}

// client is the configuration of a client with a certificate of this name.
func (r realm) client(t testing.TB, name string) *tls.Config {
	t.Helper()
	cfg := &tls.Config{RootCAs: r.ca.Pool(), ServerName: "localhost"}
	if name != "" {
		cfg.Certificates = []tls.Certificate{r.ca.Issue(t, certstest.CN(name)).TLS()}
	}
	return cfg
}

func dialTLS(t testing.TB, addr string, cfg *tls.Config) client {
	t.Helper()
	plain := dial(t, addr)
	c := tls.Client(plain.Conn, cfg)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	return client{c, t}
}

func TestCallersOfTLS(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ auth, name, version, principal string }{
		{"none", "", "TLSv1.2", protocol.Anonymous},
		{"none", "alice", "TLSv1.3", protocol.Anonymous},
		{"requested", "", "TLSv1.3", protocol.Anonymous},
		{"requested", "alice", "TLSv1.2", "User:CN=alice"},
		{"required", "bob", "TLSv1.3", "User:CN=bob"},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			t.Parallel()
			callers := make(chan Caller, 1)
			cfg, _ := testConfig(func(_ context.Context, c Caller, r kmsg.Request, reply replyFunc) {
				callers <- c
				reply(r.ResponseKind())
			})
			r := newRealm(t, "ssl.client.auth", test.auth, "ssl.enabled.protocols", test.version)
			_, addr := start(t, r.secure(cfg))
			c := dialTLS(t, addr, r.client(t, test.name))
			c.send(heartbeat(7))
			if got := c.receive(); binary.BigEndian.Uint32(got) != 7 {
				t.Errorf("got %x", got)
			}
			if who := <-callers; who.Principal != test.principal ||
				who.SecurityProtocol != protocol.SSL || who.ClientAddr != "127.0.0.1" {
				t.Errorf("caller %+v", who)
			}
		})
	}
}

// Whoever may not come in does not, and one line says why.
func TestClientsThatTLSRefuses(t *testing.T) {
	t.Parallel()
	stranger := certstest.NewCA(t, "stranger").Issue(t, certstest.CN("mallory"))
	r := newRealm(t, "ssl.client.auth", "required",
		"ssl.principal.mapping.rules", "RULE:CN=(.*),O=known/$1/")
	for _, test := range []struct {
		name   string
		change func(*tls.Config)
		log    string
	}{
		{"no certificate", func(c *tls.Config) { c.Certificates = nil }, "certificate"},
		{"an unknown authority", func(c *tls.Config) {
			c.Certificates = nil
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				cert := stranger.TLS()
				return &cert, nil
			}
		}, "unknown authority"},
		{"no rule", func(*tls.Config) {}, "no rule of ssl.principal.mapping.rules"},
		{"TLS 1.1", func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}, "unsupported versions"},
		{"no common suite", func(c *tls.Config) {
			c.MaxVersion = tls.VersionTLS12
			c.CipherSuites = []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}
		}, "no cipher suite"},
		{"a server it does not trust", func(c *tls.Config) { c.RootCAs = nil },
			"TLS handshake"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg, logs := testConfig(respond)
			s, addr := start(t, r.secure(cfg))
			clientCfg := r.client(t, "alice")
			test.change(clientCfg)
			c := tls.Client(dial(t, addr).Conn, clientCfg)
			if c.Handshake() == nil { // a client of 1.3 learns it later
				c.Write(heartbeat(1))
				if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
					t.Error("it got an answer")
				}
			}
			c.Close()
			expectClosed(t, s, closedHandshake, 1)
			eventually(t, func() string {
				lines := logs.String()
				if strings.Count(lines, "\n") != 1 || !strings.Contains(lines, test.log) ||
					!strings.Contains(lines, "level=INFO") {
					return "one line expected with " + test.log + ":\n" + lines
				}
				return ""
			})
		})
	}
}

// A client without TLS gets Java's alert, which an old Kafka client reports as a response of
// 352518912 bytes.
func TestPlaintextOnATLSPort(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	for _, test := range []struct{ name, bytes, log string }{
		{"Kafka", string(heartbeat(1)), "the client speaks Kafka's protocol without TLS"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "the client speaks HTTP"},
		{"garbage", "\xff\xff\xff\xff\xff", "the client speaks no TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg, logs := testConfig(respond)
			s, addr := start(t, r.secure(cfg))
			c := dial(t, addr)
			c.send([]byte(test.bytes[:5]))
			got, err := io.ReadAll(c)
			if !bytes.Equal(got, unhex(t, "15 03 03 00 02 02 50")) || err != nil {
				t.Errorf("answer %x, %v", got, err)
			}
			expectClosed(t, s, closedWrongProtocol, 1)
			eventually(t, func() string {
				if lines := logs.String(); !strings.Contains(lines, test.log) ||
					!strings.Contains(lines, "this listener is SSL") {
					return lines
				}
				return ""
			})
		})
	}
}

func TestHTTPWithinTLS(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, logs := testConfig(respond)
	s, addr := start(t, r.secure(cfg))
	c := dialTLS(t, addr, r.client(t, ""))
	c.send([]byte("GET / HTTP/1.1\r\n\r\n"))
	c.expectClose()
	expectClosed(t, s, closedWrongProtocol, 1)
	if !strings.Contains(logs.String(), "the client speaks HTTP") {
		t.Error(logs)
	}
}

// Frames of any size arrive and leave unchanged, also when they come byte by byte.
func TestFramesOverTLS(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range req.(*kmsg.CreateTopicsRequest).Topics {
			answer := kmsg.NewCreateTopicsResponseTopic()
			answer.Topic = topic.Topic
			resp.Topics = append(resp.Topics, answer)
		}
		reply(resp)
	})
	_, addr := start(t, r.secure(cfg))
	c := dialTLS(t, addr, r.client(t, ""))
	for i, topics := range []int{1, 100, 5_000, 40_000} {
		_, frame := bigRequest(int32(i), topics)
		if topics == 1 {
			for j := range frame {
				c.send(frame[j : j+1])
			}
		} else {
			go c.Write(frame)
		}
		got := c.receive()
		if n := bytes.Count(got, []byte("topic-")); n < topics {
			t.Errorf("%d topics came back, want %d", n, topics)
		}
	}
}

// Contents of files and large fields go through memory, as TLS needs them there.
func TestLargeContentOverTLS(t *testing.T) {
	t.Parallel()
	content := make([]byte, 3*recordsBytes+17)
	rand.Read(content)
	path := t.TempDir() + "/content"
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRealm(t)
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		switch resp := req.ResponseKind().(type) {
		case *kmsg.FetchSnapshotResponse:
			topic, part := kmsg.NewFetchSnapshotResponseTopic(),
				kmsg.NewFetchSnapshotResponseTopicPartition()
			topic.Partitions = append(topic.Partitions, part)
			resp.Topics = append(resp.Topics, topic)
			file, err := os.Open(path)
			if err != nil {
				t.Error(err)
			}
			reply(fromFile{resp, file, int64(len(content))})
		case *kmsg.FetchResponse:
			topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
			part.RecordBatches = content
			topic.Partitions = append(topic.Partitions, part)
			resp.Topics = append(resp.Topics, topic)
			reply(resp)
		}
	})
	s, addr := start(t, r.secure(cfg))
	c := dialTLS(t, addr, r.client(t, ""))
	for range 2 {
		c.send(request(kmsg.NewPtrFetchSnapshotRequest(), 0, 1))
		if got := c.receive(); !bytes.Contains(got, content) {
			t.Error("the file's content did not arrive")
		}
		c.send(request(kmsg.NewPtrFetchRequest(), 12, 2))
		if got := c.receive(); !bytes.Contains(got, content) {
			t.Error("the field did not arrive")
		}
	}
	if n := s.Stats().BytesOut; n < int64(4*len(content)) {
		t.Errorf("%d bytes were counted", n)
	}
}

// A client may put each request into a record of its own: they count as pipelined all the same, and
// none is lost.
func TestPipelinedRecords(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	release := make(chan struct{})
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		<-release
		reply(req.ResponseKind())
	})
	s, addr := start(t, r.secure(cfg))
	c := dialTLS(t, addr, r.client(t, ""))
	const requests = 3 * freeFrames
	for i := range requests {
		c.send(heartbeat(int32(i)))
	}
	most := 0
	for i := range requests {
		release <- struct{}{}
		if got := c.receive(); binary.BigEndian.Uint32(got) != uint32(i) {
			t.Fatalf("reply %d is %x", i, got)
		}
		eventually(t, func() string { // until the next one is in Handle, or all are answered
			for conn := range allConns(s) {
				if i < requests-1 && conn.asked.Load() != uint64(2*i+3) {
					return "the next request does not arrive"
				}
				if i < requests-1 {
					most = max(most, conn.turn.pipelined) // Handle waits: nothing changes it
				}
			}
			return ""
		})
	}
	if most < freeFrames {
		t.Errorf("%d requests counted as pipelined", most)
	}
}

func allConns(s *Server) map[*conn]struct{} {
	all := make(map[*conn]struct{})
	for _, c := range s.snapshot() {
		all[c] = struct{}{}
	}
	return all
}

// A client that has gone, or closed its side, is seen while its request waits.
func TestParkedClientOfTLSThatGoes(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	cfg, _ := testConfig(park)
	cfg.MaxWait = 1000 * time.Hour // longer than the sweeps below
	s, addr := start(t, r.secure(cfg))
	c := dialTLS(t, addr, r.client(t, ""))
	c.send(heartbeat(1))
	w := &sweeper{server: s}
	eventually(t, func() string {
		if s.Stats().Requests != 1 {
			return "the request has not arrived"
		}
		return ""
	})
	c.Conn.(*tls.Conn).NetConn().Close()
	sweepUntil(t, w, closedByPeer)
}
