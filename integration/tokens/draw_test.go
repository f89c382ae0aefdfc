package tokens

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// noon is when all tokens are shown.
const noon = 1_800_000_000

// skewSeconds is the tolerance of the validators.
const skewSeconds = 30

// drawer draws tokens.
type drawer struct {
	*rand.Rand
	issuer   *oauthtest.Issuer // of the keys in the JWKS
	stranger *oauthtest.Issuer // has keys of the same names
	last     string
}

var algorithms = []string{"ES256", "RS256", "ES384", "EdDSA", "ES256", "PS256"}

func newDrawer(t *testing.T, seed uint64) *drawer {
	d := &drawer{
		Rand:   rand.New(rand.NewPCG(seed, 0)),
		issuer: oauthtest.New(t, algorithms...), stranger: oauthtest.New(t, algorithms...),
	}
	d.issuer.Now = func() time.Time { return time.Unix(noon, 0) }
	return d
}

// one picks one of the values, the first one most of the time.
func one[T any](d *drawer, values ...T) T {
	if d.IntN(8) != 0 {
		return values[0]
	}
	return values[d.IntN(len(values))]
}

type object = map[string]any

// raw is JSON that stays as it is.
type raw []byte

func (r raw) MarshalJSON() ([]byte, error) { return r, nil }

// odd is a value of a type that a claim should not have.
func (d *drawer) odd() any {
	values := []any{nil, "", " ", 0, -1, 1.5, true, []any{}, object{}, []any{nil}, []any{1},
		"\u00e9", raw("1e3"), raw("-0"), raw("12345678901234567890"), raw("1e400")}
	return values[d.IntN(len(values))]
}

// claims draws the claims of a token.
func (d *drawer) claims() object {
	around := func(center int64) any { return center + int64(d.IntN(5)) - 2 }
	aud := []any{"kafka", "web"}
	d.Shuffle(2, func(i, j int) { aud[i], aud[j] = aud[j], aud[i] })
	c := object{
		"iss": one[any](d, oauthtest.Name, "https://other.example", oauthtest.Name+"/", d.odd()),
		"aud": one[any](d, "kafka", aud, []any{"web"}, []any{"kafka", 1}, []any{nil, "kafka"},
			"KAFKA", "other", d.odd()),
		"sub": one[any](d, "alice", "  bob ", "\u00a0carol\u00a0", "CN=x,O=y", "a\tb", d.odd()),
		"iat": one[any](d, noon-100, noon+5000, around(noon), float64(noon)-0.5, d.odd()),
		"exp": one[any](d, noon+3600, around(noon), around(noon-skewSeconds),
			float64(noon)+0.75, d.odd()),
		"nbf": one[any](d, nil, noon-100, around(noon), around(noon+skewSeconds), noon+4000,
			d.odd()),
		"scope": one[any](d, nil, "a", "a b", []any{"a", "b"}, []any{"a", "a"}, []any{"a", " a "},
			[]any{"a", 1}, []any{""}, d.odd()),
		"jti":       one[any](d, nil, "id", d.odd()),
		"client_id": one[any](d, "client", d.odd()),
		"groups":    one[any](d, nil, []any{"x", "x"}, object{"a": []any{1, object{}}}, d.odd()),
	}
	for name, value := range c {
		if value == nil && d.IntN(2) == 0 {
			delete(c, name) // absent, or null
		}
	}
	return c
}

// header draws what is different in a token's header.
func (d *drawer) header() object {
	h := object{}
	change := func(name string, values ...any) {
		if d.IntN(25) == 0 {
			h[name] = values[d.IntN(len(values))]
		}
	}
	change("alg", nil, "none", "NONE", "HS256", "RS256", "RS512", "PS256", "ES256", "ES384", "ES512",
		"ES256K", "EdDSA", "es256", "A128KW", "", 1, []any{"ES256"})
	change("kid", nil, "kid-1", "kid-2", "kid-3", "kid-9", "", strings.Repeat("k", 2000), 1)
	change("typ", nil, "at+jwt", 1)
	change("cty", "JWT", "application/jwt", "text")
	change("crit", []any{}, []any{"exp"}, []any{"b64"}, "exp", 1, []any{1})
	change("b64", true, false, "x")
	change("jwk", d.stranger.Key(0).JWK(), 1)
	change("x5t", "AAAA", 1)
	change("zip", "DEF")
	return h
}

// token draws a token.
func (d *drawer) token() string {
	by := d.issuer
	if d.IntN(20) == 0 {
		by = d.stranger
	}
	key := by.Key(d.IntN(len(algorithms)))
	if key.Alg == "RS256" {
		key.Alg = one(d, "RS256", "RS384", "RS512", "PS256")
	}
	claims := any(d.claims())
	if d.IntN(60) == 0 {
		texts := []string{"", "[]", "null", "1", "{", `{"sub":"a","sub":"b"}`, "{}",
			`{"x":{"y":1,"y":2}}`, "\xff", `{"sub":"a"} {}`}
		claims = []byte(texts[d.IntN(len(texts))])
	}
	token := d.tamper(key.Sign(d.header(), claims))
	d.last = token
	return token
}

// tamper changes a finished token, seldom.
func (d *drawer) tamper(token string) string {
	if d.IntN(12) != 0 {
		return token
	}
	parts := strings.Split(token, ".")
	part := d.IntN(3)
	switch d.IntN(9) {
	case 0:
		parts[part] = ""
	case 1:
		parts[part] = parts[part][1:]
	case 2:
		if last := strings.Split(d.last, "."); len(last) == 3 {
			parts[part] = last[part]
		}
	case 3:
		parts = append(parts, "x")
	case 4:
		parts = parts[:2]
	case 5:
		return "  " + token + "\n"
	case 6:
		return token + "."
	case 7:
		i := d.IntN(max(len(parts[part]), 1))
		if i < len(parts[part]) {
			parts[part] = parts[part][:i] + "A" + parts[part][i+1:]
		}
	case 8:
		parts[part] += "="
	}
	return strings.Join(parts, ".")
}
