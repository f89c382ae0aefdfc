package realm

import (
	"os"
	"testing"

	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// writeTokens writes the public keys of the issuer, and a token of each user.
func (r *Realm) writeTokens(t testing.TB) {
	t.Helper()
	r.write(t, jwksFile, r.Issuer.JWKS())
	for _, u := range users {
		r.write(t, tokenFile(u), []byte(r.Issuer.Token(u, nil)))
	}
}

func (r *Realm) write(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(r.file(name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

const jwksFile = "jwks.json"

func tokenFile(user string) string { return user + ".jwt" }

// validation are the keys by which a server checks tokens.
func (r *Realm) validation() map[string]string {
	return map[string]string{
		"sasl.oauthbearer.jwks.endpoint.url": r.url(jwksFile),
		"sasl.oauthbearer.expected.issuer":   oauthtest.Name,
		"sasl.oauthbearer.expected.audience": oauthtest.Audience,
	}
}

// bearer are the keys by which a client gets its token.
func (r *Realm) bearer(user string) map[string]string {
	return map[string]string{
		"sasl.login.callback.handler.class":   oauthPackage + "OAuthBearerLoginCallbackHandler",
		"sasl.oauthbearer.token.endpoint.url": r.url(tokenFile(user)),
	}
}

func (r *Realm) url(name string) string { return "file://" + r.file(name) }

// urls are the places that the realm's Java programs read.
func (r *Realm) urls() []string {
	all := []string{r.url(jwksFile)}
	for _, u := range users {
		all = append(all, r.url(tokenFile(u)))
	}
	return all
}
