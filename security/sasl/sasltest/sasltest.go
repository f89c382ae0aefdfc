// Package sasltest has users, tokens and a server for the tests of SASL. It is imported by tests
// only.
package sasltest

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/sasl"
)

// Alice is a user of PLAIN, Bob of both SCRAM mechanisms, and Dave has a token of OAUTHBEARER.
const (
	Alice         = "alice"
	AlicePassword = `al"ice secret`
	Bob           = "bob,=1"
	BobPassword   = "bob's sécret"
	OAuthToken    = "dave.has.this"
)

// Token is a delegation token of Carol.
var Token = struct{ ID, Password string }{
	"token-1", base64.StdEncoding.EncodeToString([]byte("the HMAC of token-1")),
}

// Jaas is Alice's line.
const Jaas = `org.apache.kafka.common.security.plain.PlainLoginModule required ` +
	`username="node" password="node secret" user_node="node secret" ` +
	`user_alice="al\"ice secret" user_eve="eve";`

// World is what servers know of users. It is immutable but for Now.
type World struct {
	Now    func() time.Time
	Logs   *logtest.Buffer
	Scrams map[string]sasl.Credential // by "mechanism user"
	Tokens map[string]sasl.Token
}

// New makes the users.
func New(testing.TB) *World {
	w := &World{Now: time.Now, Scrams: make(map[string]sasl.Credential)}
	w.Scrams[sasl.ScramSHA256+" "+Bob] = Credential(sha256.New, BobPassword, "bob's salt", 4096)
	w.Scrams[sasl.ScramSHA512+" "+Bob] = Credential(sha512.New, BobPassword, "bob's salt", 8192)
	w.Tokens = map[string]sasl.Token{
		Token.ID: {Owner: "User:carol", HMAC: []byte("the HMAC of token-1"),
			Expires: time.Now().Add(time.Hour)},
		"expired": {Owner: "User:carol", HMAC: []byte("x"), Expires: time.Unix(1, 0)},
	}
	return w
}

// Credential makes a SCRAM credential.
func Credential(h func() hash.Hash, password, salt string, iterations int) sasl.Credential {
	salted, err := pbkdf2.Key(h, password, []byte(salt), iterations, h().Size())
	if err != nil {
		panic(err)
	}
	mac := func(text string) []byte {
		m := hmac.New(h, salted)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	stored := h()
	stored.Write(mac("Client Key"))
	return sasl.Credential{Salt: []byte(salt), StoredKey: stored.Sum(nil),
		ServerKey: mac("Server Key"), Iterations: iterations}
}

// Scram implements sasl.Credentials.
func (w *World) Scram(mechanism, user string) (sasl.Credential, bool) {
	c, ok := w.Scrams[mechanism+" "+user]
	return c, ok
}

// Token implements sasl.Credentials.
func (w *World) Token(id string) (sasl.Token, bool) {
	t, ok := w.Tokens[id]
	return t, ok
}

// Validate implements sasl.TokenValidator: Dave's token is valid for a minute.
func (w *World) Validate(
	_ context.Context, token string, now time.Time,
) (security.Identity, error) {
	if token != OAuthToken {
		return security.Identity{}, security.Failf("", "the token is not Dave's")
	}
	return security.Identity{Principal: "User:dave", Expires: now.Add(time.Minute)}, nil
}

// Keys are the keys of a listener with all mechanisms. Each of more is "key=value".
func Keys(more ...string) map[string]string {
	keys := map[string]string{
		"sasl.enabled.mechanisms":                   "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"plain.sasl.jaas.config":                    Jaas,
		"connection.failed.authentication.delay.ms": "0",
	}
	for _, m := range more {
		key, value, _ := strings.Cut(m, "=")
		keys[key] = value
	}
	return keys
}

// Server makes a server of the world's users.
func (w *World) Server(t testing.TB, more ...string) (*sasl.Server, sasl.Settings) {
	t.Helper()
	settings, problems := sasl.Parse(Keys(more...))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	server, err := sasl.NewServer(settings, sasl.Options{Credentials: w, OAuth: w,
		Now: func() time.Time { return w.Now() }})
	if err != nil {
		t.Fatal(err)
	}
	return server, settings
}

// Client is the options of a client with a token of OAUTHBEARER.
func Client(token string) sasl.ClientOptions {
	return sasl.ClientOptions{Token: func(context.Context) (string, error) { return token, nil }}
}

// Fault is a validator that cannot decide.
type Fault struct{ Err error }

// Validate implements sasl.TokenValidator.
func (f Fault) Validate(context.Context, string, time.Time) (security.Identity, error) {
	return security.Identity{}, f.Err
}
