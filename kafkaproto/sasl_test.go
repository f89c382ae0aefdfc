package kafkaproto

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/yakt/yakt/protocol"
	yaktsasl "github.com/yakt/yakt/security/sasl"
	"github.com/yakt/yakt/security/sasl/sasltest"
)

// saslConfig is testConfig with a SASL_PLAINTEXT listener.
func saslConfig(t testing.TB, handle handleFunc, keys ...string) (Config, *sasltest.World) {
	t.Helper()
	world := sasltest.New(t)
	cfg, logs := testConfig(handle)
	world.Logs = logs
	server, settings := world.Server(t, keys...)
	cfg.Listeners[0].SecurityProtocol = protocol.SASLPlaintext
	cfg.Listeners[0].SASL = server
	cfg.Listeners[0].SASLMaxBytes = settings.MaxBytes
	cfg.Listeners[0].MaxReauth = server.MaxReauth
	cfg.Listeners[0].FailedDelay = settings.FailedDelay
	return cfg, world
}

// TestSASLOfFranzGo authenticates by each mechanism with the client of franz-go.
func TestSASLOfFranzGo(t *testing.T) {
	t.Parallel()
	token := sasltest.Token
	for name, test := range map[string]struct {
		mechanism sasl.Mechanism
		principal string
		byToken   bool
	}{
		"PLAIN": {plain.Auth{User: "alice", Pass: sasltest.AlicePassword}.AsMechanism(),
			"User:alice", false},
		"SCRAM-SHA-256": {scram.Auth{User: "bob,=1", Pass: sasltest.BobPassword}.
			AsSha256Mechanism(), "User:bob,=1", false},
		"SCRAM-SHA-512": {scram.Auth{User: "bob,=1", Pass: sasltest.BobPassword}.
			AsSha512Mechanism(), "User:bob,=1", false},
		"token": {scram.Auth{User: token.ID, Pass: token.Password, IsToken: true}.
			AsSha256Mechanism(), "User:carol", true},
		"OAUTHBEARER": {oauth.Auth{Token: sasltest.OAuthToken,
			Extensions: map[string]string{"traceId": "1"}}.AsMechanism(), "User:dave", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var broker toyBroker
			callers := make(chan Caller, 10)
			handle := func(ctx context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
				if req.Key() != apiVersionsKey {
					callers <- caller
				}
				broker.handle(ctx, caller, req, reply)
			}
			cfg, _ := saslConfig(t, handle)
			s, addr := start(t, cfg)
			broker.host, broker.port, _ = net.SplitHostPort(addr)
			cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.SASL(test.mechanism))
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, cl); err != nil {
				t.Fatal(err)
			}
			caller := <-callers
			if caller.Principal != test.principal || caller.TokenAuthenticated != test.byToken {
				t.Errorf("caller %+v", caller)
			}
			if stats := s.Stats(); stats.Authenticated == 0 || stats.AuthenticationsFailed != 0 ||
				stats.StrangerBytes != 0 {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

var _ = yaktsasl.Plain
