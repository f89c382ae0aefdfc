package realm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"testing"
	"time"
)

// issuer signs tokens by RS256.
type issuer struct{ key *rsa.PrivateKey }

const (
	keyID         = "the-key"
	issuerName    = "https://issuer.test"
	audience      = "kafka"
	jwksFile      = "jwks.json"
	tokenLifetime = 6 * time.Hour
)

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{key}
}

// writeTokens writes the public key, and a token of each user.
func (r *Realm) writeTokens(t testing.TB) {
	t.Helper()
	public := r.issuer.key.PublicKey
	r.replace(t, jwksFile, encode(t, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}))
	for _, u := range users {
		r.replace(t, tokenFile(u), []byte(r.Token(t, u, nil)))
	}
}

func tokenFile(user string) string { return user + ".jwt" }

// Token is a signed token of a user. Other claims replace the usual ones; a nil claim removes one.
func (r *Realm) Token(t testing.TB, user string, other map[string]any) string {
	t.Helper()
	now := time.Now()
	claims := map[string]any{
		"sub": user, "iss": issuerName, "aud": audience,
		"iat": now.Unix(), "exp": now.Add(tokenLifetime).Unix(),
	}
	maps.Copy(claims, other)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	head := encode(t, map[string]any{"alg": "RS256", "typ": "JWT", "kid": keyID})
	text := base64.RawURLEncoding.EncodeToString(head) + "." +
		base64.RawURLEncoding.EncodeToString(encode(t, claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, r.issuer.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// validation are the keys by which a server checks tokens.
func (r *Realm) validation() map[string]string {
	return map[string]string{
		"sasl.oauthbearer.jwks.endpoint.url": "file://" + r.file(jwksFile),
		"sasl.oauthbearer.expected.issuer":   issuerName,
		"sasl.oauthbearer.expected.audience": audience,
	}
}

// bearer are the keys by which a client gets its token.
func (r *Realm) bearer(user string) map[string]string {
	return map[string]string{
		"sasl.login.callback.handler.class":   oauthPackage + "OAuthBearerLoginCallbackHandler",
		"sasl.oauthbearer.token.endpoint.url": "file://" + r.file(tokenFile(user)),
	}
}

// urls are the places that the realm's Java programs read.
func (r *Realm) urls() []string {
	all := []string{"file://" + r.file(jwksFile)}
	for _, u := range users {
		all = append(all, "file://"+r.file(tokenFile(u)))
	}
	return all
}

// token reads the present token of a user.
func (r *Realm) token(t testing.TB, user string) string {
	t.Helper()
	b, err := os.ReadFile(r.file(tokenFile(user)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
