package oauth

import (
	"errors"
	"testing"
	"time"

	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// No token that the issuer has not signed is taken, whatever it looks like, and none makes the
// validator panic.
func FuzzValidate(f *testing.F) {
	i := oauthtest.New(f, "ES256", "EdDSA")
	i.Now = func() time.Time { return noon }
	set, err := parseKeys(i.JWKS())
	if err != nil {
		f.Fatal(err)
	}
	s, problems := Parse(good("file:///none"), nil)
	if problems != nil {
		f.Fatal(problems)
	}
	v := &Validator{settings: s, source: fixedKeys{set}}
	token := i.Token("alice", nil)
	for _, seed := range []string{
		token, i.Key(1).Sign(nil, i.Claims("alice", nil)), "..", "e30.e30.e30", "",
		i.Key(0).Sign(map[string]any{"crit": []string{"b64"}, "b64": true}, i.Claims("alice", nil)),
		oauthtest.Part(map[string]any{"alg": "ES256", "jwk": i.Key(0).JWK()}) + ".e30.AAAA",
		oauthtest.Part(map[string]any{"alg": "ES256", "x5c": []string{"AAAA"}}) + ".e30.AAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		who, err := v.Validate(t.Context(), text, noon)
		var failure *security.Failure
		if err != nil && (!errors.As(err, &failure) || failure.Told != Invalid) {
			t.Errorf("%v", err)
		}
		if err == nil && who.Principal != "User:alice" {
			t.Errorf("%q is taken for %q", text, who.Principal)
		}
	})
}

// fixedKeys are keys that do not change.
type fixedKeys struct{ set *keySet }

func (k fixedKeys) current(time.Time) *keySet { return k.set }
func (k fixedKeys) missing()                  {}
func (k fixedKeys) close()                    {}

// A JWKS document cannot make the parser panic, and has no key but for signatures.
func FuzzParseKeys(f *testing.F) {
	i := oauthtest.New(f, "ES256", "ES384", "EdDSA")
	f.Add(i.JWKS())
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"oct","k":"AA"},5,null]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		set, err := parseKeys(document)
		if err != nil {
			return
		}
		for _, k := range set.keys {
			fitting := 0
			for _, alg := range algorithms {
				if fits(k.public, alg) {
					fitting++
				}
			}
			if fitting == 0 {
				t.Errorf("a key that fits no algorithm: %T", k.public)
			}
		}
	})
}
