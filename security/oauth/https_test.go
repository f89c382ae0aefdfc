package oauth

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// trusting are the options of a JAAS entry that trusts a server's certificate.
func trusting(t *testing.T, certificate *x509.Certificate) map[string]protocol.Password {
	t.Helper()
	path, _ := oauthtest.File(t, "trust.pem", pem.EncodeToMemory(
		&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	return map[string]protocol.Password{
		"ssl.truststore.location": protocol.NewPassword(path),
		"ssl.truststore.type":     protocol.NewPassword("PEM"),
	}
}

func TestServersAreRecognizedByTheOptionsOfTheEntry(t *testing.T) {
	t.Parallel()
	i := oauthtest.New(t)
	server := i.ServeTLS(t, map[string]string{"node-1": "s3cret"}, nil)
	keys := clientKeys(server.TokenURL)
	keys[keyLoginRetry], keys[keyLoginRetryMax] = "0", "0"
	options := trusting(t, server.Certificate())
	for name, options := range map[string]map[string]protocol.Password{
		"trusted": options, "unknown": nil,
	} {
		s, problems := ParseSource(keys, options)
		if problems != nil {
			t.Fatal(problems)
		}
		source, err := NewSource(s, Options{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		token, err := source.Token(t.Context())
		if name == "trusted" && (err != nil || token == "") {
			t.Error(err)
		}
		if name == "unknown" && (err == nil || !strings.Contains(err.Error(), "certificate")) {
			t.Errorf("%q, %v", token, err)
		}
	}
	s, _ := Parse(good(server.JWKSURL), options)
	client, err := newClient(s.JWKS, s.tls, Options{Logger: quiet}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	d := &download{url: server.JWKSURL, client: client, settings: s, logger: quiet}
	if err := d.refresh(t.Context()); err != nil || d.current(time.Now()) == nil {
		t.Error(err)
	}
}

func TestOptionsForTLSThatAreRefused(t *testing.T) {
	t.Parallel()
	options := map[string]protocol.Password{"ssl.truststore.type": protocol.NewPassword("XYZ")}
	_, problems := Parse(good("https://id.example/jwks"), options)
	if len(problems) != 1 || problems[0].Key != keyJaas ||
		!strings.Contains(problems[0].Wrong, "ssl.truststore.type") {
		t.Errorf("%q", problems)
	}
	options = map[string]protocol.Password{
		"ssl.truststore.type":     protocol.NewPassword("PEM"),
		"ssl.truststore.location": protocol.NewPassword("/no/such/file"),
	}
	s, problems := Parse(good("https://id.example/jwks"), options)
	if problems != nil {
		t.Fatal(problems)
	}
	if _, err := New(s, Options{Logger: quiet}); err == nil ||
		!strings.Contains(err.Error(), keyJaas) {
		t.Error(err)
	}
}
