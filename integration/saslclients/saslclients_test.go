// Package saslclients authenticates Kafka's own clients at a server of kafkaproto with the
// mechanisms of security/sasl, without the rest of a controller.
package saslclients

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/sasl/sasltest"
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }

// served are the requests that the tool needs.
var served = map[int16][2]int16{3: {0, 13}, 17: {0, 1}, 18: {0, 4}, 36: {0, 2}, 60: {0, 2}}

// node is a server that describes itself, and records who has asked.
type node struct {
	addr   *net.TCPAddr
	mu     sync.Mutex
	asked  map[string]bool // principals
	tokens bool            // one of them by a token
}

func (n *node) handle(
	_ context.Context, caller kafkaproto.Caller, req kmsg.Request, reply func(kmsg.Response),
) {
	switch r := req.(type) {
	case *kmsg.ApiVersionsRequest:
		reply(apiVersions(r))
		return
	case *kmsg.MetadataRequest:
		resp := r.ResponseKind().(*kmsg.MetadataResponse)
		broker := kmsg.NewMetadataResponseBroker()
		broker.NodeID, broker.Host, broker.Port = 1, n.addr.IP.String(), int32(n.addr.Port)
		resp.Brokers = append(resp.Brokers, broker)
		resp.ClusterID, resp.ControllerID = kmsg.StringPtr("c"), 1
		reply(resp)
	case *kmsg.DescribeClusterRequest:
		resp := r.ResponseKind().(*kmsg.DescribeClusterResponse)
		broker := kmsg.NewDescribeClusterResponseBroker()
		broker.NodeID, broker.Host, broker.Port = 1, n.addr.IP.String(), int32(n.addr.Port)
		resp.Brokers, resp.ClusterID = append(resp.Brokers, broker), "c"
		reply(resp)
	default:
		reply(nil)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[caller.Principal] = true
	n.tokens = n.tokens || caller.TokenAuthenticated
}

func apiVersions(req *kmsg.ApiVersionsRequest) *kmsg.ApiVersionsResponse {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	for key, versions := range served {
		entry := kmsg.NewApiVersionsResponseApiKey()
		entry.ApiKey, entry.MinVersion, entry.MaxVersion = key, versions[0], versions[1]
		resp.ApiKeys = append(resp.ApiKeys, entry)
	}
	return resp
}

// serve starts a node with every mechanism.
func serve(t *testing.T) (*node, *kafkaproto.Server) {
	t.Helper()
	sasl, settings := sasltest.New(t).Server(t, "connections.max.reauth.ms=60000")
	n := &node{asked: make(map[string]bool)}
	s, err := kafkaproto.Listen(kafkaproto.Config{
		Listeners: []kafkaproto.Listener{{
			Name: "CONTROLLER", Address: "127.0.0.1:0", SecurityProtocol: protocol.SASLPlaintext,
			SASL: sasl, SASLMaxBytes: settings.MaxBytes, MaxReauth: sasl.MaxReauth,
		}},
		Versions: func(key int16) (low, high int16, ok bool) {
			v, ok := served[key]
			return v[0], v[1], ok
		},
		Handle: n.handle,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	n.addr = s.Addrs()["CONTROLLER"].(*net.TCPAddr)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
		<-done
	})
	return n, s
}

// TestKafkasClients authenticates Kafka's admin client by each mechanism.
func TestKafkasClients(t *testing.T) {
	const plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
	const scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
	for name, test := range map[string]struct {
		mechanism, login string
		principal        string // "": the authentication fails, and the tool says want
		want             string
	}{
		"PLAIN": {"PLAIN", plain + ` required username="alice" password="al\\"ice secret"`,
			"User:alice", ""},
		"SCRAM-SHA-256": {"SCRAM-SHA-256", scram +
			` required username="bob,=1" password="bob's s\u00e9cret"`, "User:bob,=1", ""},
		"SCRAM-SHA-512": {"SCRAM-SHA-512", scram +
			` required username="bob,=1" password="bob's s\u00e9cret"`, "User:bob,=1", ""},
		"token": {"SCRAM-SHA-256", scram + ` required username="` + sasltest.Token.ID +
			`" password="` + sasltest.Token.Password + `" tokenauth="true"`, "User:carol", ""},
		"wrong": {"SCRAM-SHA-512", scram + ` required username="bob,=1" password="x"`, "",
			"Authentication failed during authentication due to invalid credentials with SASL " +
				"mechanism SCRAM-SHA-512"},
		"unknown": {"SCRAM-SHA-512", scram + ` required username="nobody" password="x"`, "",
			"Authentication failed during authentication due to invalid credentials with SASL " +
				"mechanism SCRAM-SHA-512"},
	} {
		t.Run(name, func(t *testing.T) {
			n, s := serve(t)
			config := filepath.Join(t.TempDir(), "client.properties")
			text := "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=" + test.mechanism +
				"\nsasl.jaas.config=" + test.login + ";\ndefault.api.timeout.ms=20000\n"
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			addr := "127.0.0.1:" + strconv.Itoa(n.addr.Port)
			result := kafka.RunTool(t, kafka.Newest, kafka.BrokerAPIVersionsCommand,
				"--bootstrap-server", addr, "--command-config", config)
			if test.principal == "" {
				if out := result.Stdout + result.Stderr; !strings.Contains(out, test.want) ||
					len(n.asked) > 0 {
					t.Errorf("%s\nasked by %v", out, n.asked)
				}
				return
			}
			result.MustSucceed(t)
			stats := s.Stats()
			if len(n.asked) != 1 || !n.asked[test.principal] || n.tokens != (name == "token") ||
				stats.Authenticated == 0 || stats.AuthenticationsFailed > 0 {
				t.Errorf("asked by %v, tokens %v, %+v\n%s", n.asked, n.tokens, stats,
					result.Stdout)
			}
		})
	}
}
