package security

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// Clients whose protocol is not the door's are refused at once, and the node's log says which side
// is configured how. Each has a node of its own, because equal lines are paced.
func TestRefusalsSayWhichSideIsConfiguredHow(t *testing.T) {
	t.Parallel()
	r := realm.New(t)
	for _, one := range []struct {
		name, door string
		sent       []byte
		logged     []string // all of these, in one line
	}{
		{"Kafka without TLS", "PLAIN", kafka.Frame(kafka.Versions()),
			[]string{"listener=PLAIN", "SASL_SSL", "TLS"}},
		{"Kafka without TLS", "MTLS", kafka.Frame(kafka.Versions()),
			[]string{"listener=MTLS", "SSL", "TLS"}},
		{"TLS", "OPEN", []byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
			[]string{"listener=OPEN", "TLS", "SASL_PLAINTEXT"}},
		{"HTTP", "OPEN", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
			[]string{"listener=OPEN", "HTTP"}},
		{"a request before SASL", "OPEN", kafka.Frame(kafka.WithVersion(
			kmsg.NewPtrMetadataRequest(), 12)), []string{"before authentication",
			"listener OPEN is SASL_PLAINTEXT"}},
	} {
		t.Run(one.name+" at "+one.door, func(t *testing.T) {
			t.Parallel()
			q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1,
				kafka.ControllerOptions{Realm: r, Listeners: doors})
			id := q.Nodes()[0]
			nc, err := net.Dial("tcp", q.EndpointOf(id, one.door))
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(silence))
			if _, err := nc.Write(one.sent); err != nil {
				t.Fatal(err)
			}
			if _, err := until(nc); err != nil {
				t.Errorf("it is not refused: %v", err)
			}
			requireLine(t, q.Node(id), one.logged)
		})
	}
}

// requireLine waits until a node has logged a line with all of these parts.
func requireLine(t *testing.T, node *kafka.Server, parts []string) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience/10, "the node's log says why", func() error {
		for line := range strings.Lines(node.Log()) {
			if containsAll(line, parts) {
				t.Log(strings.TrimSpace(line))
				return nil
			}
		}
		return fmt.Errorf("no line with %q in:\n%s", parts, node.Log())
	})
}

func containsAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}

// saslAtCertificates sends the requests of SASL to the door for certificates, which answers as
// Kafka's PLAINTEXT and SSL listeners do.
func (c *cluster) saslAtCertificates(t *testing.T) {
	nc, err := c.r.Login(realm.Bob, realm.SSL).Connect(t.Context(), c.door("MTLS"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Mechanism = realm.Plain
	resp, err := realm.Ask(nc, handshake, 1)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.(*kmsg.SASLHandshakeResponse).ErrorCode; code != kerr.IllegalSaslState.Code {
		t.Errorf("SASL_HANDSHAKE: error code %d", code)
	}
	resp, err = realm.Ask(nc, kmsg.NewPtrSASLAuthenticateRequest(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.(*kmsg.SASLAuthenticateResponse).ErrorCode; code != kerr.IllegalSaslState.Code {
		t.Errorf("SASL_AUTHENTICATE: error code %d", code)
	}
}
