// Package oauthtest is an issuer of tokens for tests: it has signing keys, publishes them as a JWKS
// (a file or a server), mints tokens with any header and claims, and serves a token endpoint for
// client credentials. Kafka's own brokers and clients work with it.
package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Name is the issuer's name (claim iss) and Audience the audience of its tokens (claim aud), unless
// a test says otherwise.
const (
	Name     = "https://issuer.example"
	Audience = "kafka"
)

// Key is one signing key of an issuer.
type Key struct {
	Kid, Alg string
	Signer   crypto.Signer
}

// Issuer mints tokens. Its methods may be called from any goroutine.
type Issuer struct {
	Now func() time.Time // the time of claims; time.Now unless a test sets it before use

	mu   sync.Mutex
	keys []Key
	made int // keys so far
}

// New makes an issuer with a key for each algorithm (ES256 if there is none), named "kid-1", ... .
// Algorithms are RS*, PS*, ES* and EdDSA. Making an RSA key takes a moment.
func New(t testing.TB, algs ...string) *Issuer {
	t.Helper()
	if len(algs) == 0 {
		algs = []string{"ES256"}
	}
	i := &Issuer{Now: time.Now}
	for _, alg := range algs {
		i.Add(t, alg)
	}
	return i
}

// Add makes one more key and returns it. The JWKS holds it from then on.
func (i *Issuer) Add(t testing.TB, alg string) Key {
	t.Helper()
	signer, err := newSigner(alg)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	k := Key{fmt.Sprintf("kid-%d", i.made), alg, signer}
	i.keys = append(i.keys, k)
	return k
}

// Replace makes a key and withdraws all others.
func (i *Issuer) Replace(t testing.TB, alg string) {
	t.Helper()
	k := i.Add(t, alg)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []Key{k}
}

func newSigner(alg string) (crypto.Signer, error) {
	curves := map[string]elliptic.Curve{
		"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521(),
	}
	if curve := curves[alg]; curve != nil {
		return ecdsa.GenerateKey(curve, rand.Reader)
	}
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("no algorithm %q", alg)
}

// Key returns the issuer's n-th key, from 0.
func (i *Issuer) Key(n int) Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[n]
}

// Claims returns the claims of a good token: iss, aud, sub, iat now and exp in an hour. The pairs
// of change replace or, with nil, remove some.
func (i *Issuer) Claims(sub string, change map[string]any) map[string]any {
	now := i.Now().Unix()
	claims := map[string]any{
		"iss": Name, "aud": Audience, "sub": sub, "iat": now, "exp": now + 3600,
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// Token mints a token with Claims, signed by the first key.
func (i *Issuer) Token(sub string, change map[string]any) string {
	return i.Key(0).Sign(nil, i.Claims(sub, change))
}

// Sign mints a token with the claims, which are JSON bytes or anything that is encoded as JSON.
// The header has alg, kid and typ; the pairs of change replace or, with nil, remove some.
func (k Key) Sign(change map[string]any, claims any) string {
	header := map[string]any{"alg": k.Alg, "kid": k.Kid, "typ": "JWT"}
	maps.Copy(header, change)
	maps.DeleteFunc(header, func(_ string, v any) bool { return v == nil })
	signed := Part(header) + "." + Part(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(k.sign(signed))
}

// Part encodes a part of a token. A []byte is taken as it is, anything else as JSON.
func Part(v any) string {
	text, ok := v.([]byte)
	if !ok {
		text = []byte(JSON(v))
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// JSON encodes a value.
func JSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// JWKS returns the public keys as a JWK set.
func (i *Issuer) JWKS() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	return Set(i.keys...)
}

// JWKSFile writes the JWKS to a file in a directory of the test, and returns its path and its
// file:// URL, which Kafka and YAKt take as sasl.oauthbearer.jwks.endpoint.url.
func (i *Issuer) JWKSFile(t testing.TB) (path, fileURL string) {
	t.Helper()
	return File(t, "jwks.json", i.JWKS())
}

// File writes a file in a directory of the test and returns its path and its file:// URL.
func File(t testing.TB, name string, content []byte) (path, fileURL string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, (&url.URL{Scheme: "file", Path: path}).String()
}
