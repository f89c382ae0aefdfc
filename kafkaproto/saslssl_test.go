package kafkaproto

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/sasl/sasltest"
)

// On a SASL_SSL listener SASL says who the client is, whatever its certificate says.
func TestSASLOverTLS(t *testing.T) {
	t.Parallel()
	var broker toyBroker
	callers := make(chan Caller, 10)
	cfg, _ := saslConfig(t,
		func(ctx context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
			if req.Key() != apiVersionsKey {
				callers <- caller
			}
			broker.handle(ctx, caller, req, reply)
		})
	r := newRealm(t, "ssl.client.auth", "required")
	cfg = r.secure(cfg)
	cfg.Listeners[0].SecurityProtocol = protocol.SASLSSL
	_, addr := start(t, cfg)
	broker.host, broker.port, _ = net.SplitHostPort(addr)
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DialTLSConfig(r.client(t, "mallory")),
		kgo.SASL(plain.Auth{User: "alice", Pass: sasltest.AlicePassword}.AsMechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, cl); err != nil {
		t.Fatal(err)
	}
	if who := <-callers; who.Principal != "User:alice" || who.SecurityProtocol != protocol.SASLSSL {
		t.Errorf("caller %+v", who)
	}

	c := dialTLS(t, addr, r.client(t, "mallory")) // a certificate is not enough
	c.send(heartbeat(1))
	c.expectClose()
}
