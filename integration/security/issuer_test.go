package security

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// issued are the keys of a listener whose nodes get tokens from an issuer's endpoint, with a client
// id and a secret, and whose JWKS is there too.
func issued(t *testing.T, s *oauthtest.Server) map[string]string {
	t.Helper()
	trust := filepath.Join(t.TempDir(), "issuer.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(trust, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	const prefix = "listener.name.bearer.oauthbearer."
	keys := map[string]string{
		"sasl.jaas.config": fmt.Sprintf("org.apache.kafka.common.security.oauthbearer."+
			`OAuthBearerLoginModule required ssl.truststore.type="PEM" `+
			`ssl.truststore.location="%s";`, trust),
		"sasl.oauthbearer.jwks.endpoint.url":                s.JWKSURL,
		"sasl.oauthbearer.token.endpoint.url":               s.TokenURL,
		"sasl.oauthbearer.client.credentials.client.id":     realm.Controller,
		"sasl.oauthbearer.client.credentials.client.secret": "the issuer's secret",
	}
	prefixed := make(map[string]string)
	for key, value := range keys {
		prefixed[prefix+key] = value
	}
	return prefixed
}

// Controllers authenticate at each other with tokens of an issuer. After it has replaced its key,
// they take tokens of the new one within seconds and soon none of the old one, without a restart.
func TestControllersByTokensOfAnIssuer(t *testing.T) {
	t.Parallel()
	r := realm.New(t)
	s := r.Issuer.ServeTLS(t, map[string]string{realm.Controller: "the issuer's secret"}, nil)
	q := start(t, 3, kafka.ControllerOptions{Realm: r, Properties: issued(t, s),
		Listeners: []realm.Listener{{Name: "BEARER", Protocol: realm.SASLSSL,
			Mechanisms: []string{realm.OAuthBearer}}},
	})
	last := q.Nodes()[2]
	ping := func(l *realm.Login) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return kafka.NewClient(t, []string{q.Endpoint(last)}, l.Options()...).Ping(ctx)
	}
	old := r.Login(realm.Admin, realm.SASLSSL, realm.OAuthBearer)
	if err := ping(old); err != nil {
		t.Fatal(err)
	}
	if n := s.Tokens.Load(); n < 3 {
		t.Errorf("the nodes have got %d tokens", n)
	}

	r.Issuer.Replace(t, "ES256")
	q.Stop(t, last)
	q.Start(t, last) // with a token of the new key, which the others have not seen
	kafka.Eventually(t, kafka.Patience, "the last controller is ready again", func() error {
		return q.Ready(t.Context(), last)
	})
	if err := ping(r.Login(realm.Admin, realm.SASLSSL, realm.OAuthBearer)); err != nil {
		t.Error(err)
	}
	// franz-go's words for an answer that is an error in JSON
	if err := ping(old); err == nil || !strings.Contains(err.Error(), "oauth response") {
		t.Errorf("a token of the withdrawn key: %v", err)
	}
}
