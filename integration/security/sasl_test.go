package security

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/yakt/yakt/integration/realm"
)

// saslConn is a connection after the choice of a mechanism.
type saslConn struct {
	nc net.Conn
	t  *testing.T
}

// choose connects to a door and chooses a mechanism. It returns the error of the handshake.
func (c *cluster) choose(t *testing.T, door, mechanism string) (saslConn, error) {
	t.Helper()
	nc, err := net.Dial("tcp", c.door(door))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(silence))
	for _, d := range doors {
		if d.Name == door && d.IsTLS() {
			nc = tls.Client(nc, c.r.TLS())
		}
	}
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Mechanism = mechanism
	resp, err := realm.Ask(nc, req, 1)
	if err != nil {
		t.Fatal(err)
	}
	return saslConn{nc, t}, kerr.ErrorForCode(resp.(*kmsg.SASLHandshakeResponse).ErrorCode)
}

// step sends a message and returns the server's, or the sentence with which it refuses.
func (s saslConn) step(message []byte) ([]byte, error) {
	req := kmsg.NewPtrSASLAuthenticateRequest()
	req.SASLAuthBytes = message
	resp, err := realm.Ask(s.nc, req, 2)
	if err != nil {
		return nil, err
	}
	answer := resp.(*kmsg.SASLAuthenticateResponse)
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		if answer.ErrorMessage != nil {
			err = fmt.Errorf("%w: %s", err, *answer.ErrorMessage)
		}
		return nil, err
	}
	return answer.SASLAuthBytes, nil
}

// replays repeats the messages of a successful exchange on another connection.
func (c *cluster) replays(t *testing.T) {
	session, first, err := scram.Auth{User: realm.Admin, Pass: realm.Password(realm.Admin)}.
		AsSha512Mechanism().Authenticate(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.choose(t, "SCRAM", realm.Scram512)
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := s.step(first)
	if err != nil {
		t.Fatal(err)
	}
	_, last, err := session.Challenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.step(last); err != nil {
		t.Fatalf("the exchange itself: %v", err)
	}
	again, err := c.choose(t, "SCRAM", realm.Scram512)
	if err != nil {
		t.Fatal(err)
	}
	other, err := again.step(first)
	if err != nil {
		t.Fatal(err)
	}
	if string(other) == string(challenge) {
		t.Errorf("the server has repeated its nonce: %s", other)
	}
	if _, err := again.step(last); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("the replayed proof: %v", err)
	}
}

// hostile are messages of SASL with which nobody authenticates.
func (c *cluster) hostile(t *testing.T) {
	const nonce = "r=fyko+d2lbbFgONRv9qkxdawL"
	long := strings.Repeat("x", 64<<10)
	head, claims, _ := strings.Cut(c.r.Issuer.Token(realm.Admin, nil), ".")
	claims, _, _ = strings.Cut(claims, ".")
	for name, m := range map[string]struct{ door, mechanism, message string }{
		"no user":                {"PLAIN", realm.Plain, "\x00\x00"},
		"no password":            {"PLAIN", realm.Plain, "\x00admin\x00"},
		"another identity":       {"PLAIN", realm.Plain, "admin\x00bob\x00bob-secret"},
		"four parts":             {"PLAIN", realm.Plain, "\x00admin\x00admin-secret\x00"},
		"not UTF-8":              {"PLAIN", realm.Plain, "\x00\xff\xfe\x00\xff"},
		"a long password":        {"PLAIN", realm.Plain, "\x00admin\x00" + long},
		"nothing":                {"SCRAM", realm.Scram512, ""},
		"channel binding":        {"SCRAM", realm.Scram512, "p=tls-unique,,n=admin," + nonce},
		"a mandatory extension":  {"SCRAM", realm.Scram512, "n,,m=x,n=admin," + nonce},
		"an identity of another": {"SCRAM", realm.Scram512, "n,a=admin,n=bob," + nonce},
		"no nonce":               {"SCRAM", realm.Scram512, "n,,n=admin"},
		"a long nonce":           {"SCRAM", realm.Scram512, "n,,n=admin,r=" + long},
		"an unknown user":        {"SCRAM", realm.Scram512, "n,,n=nobody," + nonce},
		"not signed":             {"BEARER", realm.OAuthBearer, bearerMessage(head + "." + claims + ".")},
		"signed by none": {"BEARER", realm.OAuthBearer,
			bearerMessage("eyJhbGciOiJub25lIn0." + claims + ".")},
		"expired": {"BEARER", realm.OAuthBearer,
			bearerMessage(c.r.Issuer.Token(realm.Admin, map[string]any{"exp": 1}))},
		"for others": {"BEARER", realm.OAuthBearer,
			bearerMessage(c.r.Issuer.Token(realm.Admin, map[string]any{"aud": "other"}))},
		"a long token": {"BEARER", realm.OAuthBearer, bearerMessage(long + "." + long + "." + long)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := c.choose(t, m.door, m.mechanism)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := s.step([]byte(m.message))
			if err == nil { // some begin an exchange that cannot end
				answer, err = s.step([]byte("c=biws," + nonce + "more,p=AAAA"))
			}
			if err == nil && !strings.Contains(string(answer), "invalid") &&
				!strings.Contains(string(answer), "status") {
				t.Errorf("got %q", answer)
			}
			if _, err := realm.Ask(s.nc, kmsg.NewPtrDescribeClusterRequest(), 1); err == nil {
				t.Error("a request is answered afterwards")
			}
			t.Logf("%v, %.80q", err, answer)
		})
	}
}

func bearerMessage(token string) string { return "n,,\x01auth=Bearer " + token + "\x01\x01" }

// downgrades choose a mechanism that a door does not have.
func (c *cluster) downgrades(t *testing.T) {
	for _, d := range doors[1:] {
		for _, m := range append([]string{"ANONYMOUS", "GSSAPI", "plain", ""}, realm.Mechanisms...) {
			if d.Allows(m) {
				continue
			}
			if _, err := c.choose(t, d.Name, m); !errors.Is(err, kerr.UnsupportedSaslMechanism) {
				t.Errorf("%q at %s: %v", m, d.Name, err)
			}
		}
	}
}
