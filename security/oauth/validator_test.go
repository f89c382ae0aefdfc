package oauth

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// noon is the time of the tests.
var noon = time.Unix(1_800_000_000, 0)

var quiet = slog.New(slog.DiscardHandler)

// good are the keys of a listener that checks everything.
func good(jwks string) map[string]string {
	return map[string]string{
		keyHandler:  kafkas + "OAuthBearerValidatorCallbackHandler",
		keyJWKS:     jwks,
		keyAudience: oauthtest.Audience + ", other",
		keyIssuer:   oauthtest.Name,
	}
}

func issuer(t *testing.T, algs ...string) *oauthtest.Issuer {
	i := oauthtest.New(t, algs...)
	i.Now = func() time.Time { return noon }
	return i
}

// newValidator makes a validator of the issuer's keys, with some configuration keys changed.
func newValidator(t *testing.T, jwks string, change map[string]string) *Validator {
	t.Helper()
	keys := good(jwks)
	maps.Copy(keys, change)
	s, problems := Parse(keys, nil)
	if problems != nil {
		t.Fatal(problems)
	}
	v, err := New(s, Options{Logger: quiet, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// refusal demands that a token is refused with the client's answer, and a reason with a text.
func refusal(t *testing.T, v *Validator, token, reason string) {
	t.Helper()
	refusalAt(t, v, token, noon, reason)
}

func refusalAt(t *testing.T, v *Validator, token string, now time.Time, reason string) {
	t.Helper()
	who, err := v.Validate(t.Context(), token, now)
	var f *security.Failure
	if !errors.As(err, &f) || f.Told != Invalid || who != (security.Identity{}) {
		t.Errorf("%v, %v", who, err)
		return
	}
	if !strings.Contains(f.Reason, reason) {
		t.Errorf("the reason is %q, without %q", f.Reason, reason)
	}
	if len(token) > 20 && strings.Contains(f.Reason, token) {
		t.Errorf("the reason holds the token: %q", f.Reason)
	}
}

func TestTokensOfEveryAlgorithm(t *testing.T) {
	t.Parallel()
	i := issuer(t, "ES256", "ES384", "ES512", "EdDSA", "RS256")
	rsa := i.Key(4)
	delete := map[string]any{"kid": nil}
	_, jwks := oauthtest.File(t, "jwks.json", withoutAlg(t, i))
	v := newValidator(t, jwks, nil)
	for n := range 4 {
		accepted(t, v, i.Key(n).Sign(nil, i.Claims("alice", nil)))
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		rsa.Alg = alg
		accepted(t, v, rsa.Sign(nil, i.Claims("alice", nil)))
		accepted(t, v, rsa.Sign(delete, i.Claims("alice", nil)))
	}
}

func accepted(t *testing.T, v *Validator, token string) {
	t.Helper()
	who, err := v.Validate(t.Context(), token, noon)
	want := security.Identity{Principal: "User:alice", Expires: noon.Add(time.Hour)}
	if err != nil || who != want {
		t.Errorf("%v, %v", who, err)
	}
}

// withoutAlg returns the issuer's JWKS without the algorithms.
func withoutAlg(t *testing.T, i *oauthtest.Issuer) []byte {
	t.Helper()
	text := string(i.JWKS())
	for _, alg := range []string{"ES256", "ES384", "ES512", "EdDSA", "RS256"} {
		text = strings.Replace(text, fmt.Sprintf(`"alg":%q,`, alg), "", 1)
	}
	if strings.Contains(text, `"alg"`) {
		t.Fatal(text)
	}
	return []byte(text)
}

func TestClaims(t *testing.T) {
	t.Parallel()
	i := issuer(t)
	_, jwks := i.JWKSFile(t)
	v := newValidator(t, jwks, nil)
	now := noon.Unix()
	type change = map[string]any
	for name, c := range map[string]struct {
		change change
		wrong  string // "": the token is good
	}{
		"as it is":                  {nil, ""},
		"no exp":                    {change{"exp": nil}, "(exp)"},
		"exp is text":               {change{"exp": "1"}, `"exp" is not a number`},
		"expired":                   {change{"iat": 0, "exp": now - 30}, "expired at"},
		"expired within the skew":   {change{"iat": 0, "exp": now - 29}, ""},
		"exp is a fraction":         {change{"exp": float64(now) + 0.5}, ""},
		"exp is huge":               {change{"exp": 1e30}, "out of range"},
		"exp overflows a long":      {change{"exp": int64(1) << 62}, "out of range"},
		"exp before iat":            {change{"exp": now + 1, "iat": now + 2}, "before it is issued"},
		"exp before nbf":            {change{"nbf": now + 4000}, "before it becomes valid"},
		"nbf beyond the skew":       {change{"nbf": now + 31}, "not valid before"},
		"nbf within the skew":       {change{"nbf": now + 30}, ""},
		"nbf is text":               {change{"nbf": "now"}, `"nbf" is not a number`},
		"no iat":                    {change{"iat": nil}, "(iat)"},
		"negative iat":              {change{"iat": -1}, "(iat) is negative"},
		"iat in the future":         {change{"iat": now + 3000}, ""},
		"no aud":                    {change{"aud": nil}, "no audience"},
		"wrong aud":                 {change{"aud": "web"}, `"web"`},
		"second aud":                {change{"aud": "other"}, ""},
		"list of aud":               {change{"aud": []any{"web", "kafka"}}, ""},
		"list without ours":         {change{"aud": []any{"web"}}, `"web"`},
		"empty list of aud":         {change{"aud": []any{}}, "(aud)"},
		"aud is a number":           {change{"aud": 1}, "neither a string"},
		"aud has a number":          {change{"aud": []any{"kafka", 1}}, "neither a string"},
		"aud has null":              {change{"aud": []any{nil, "kafka"}}, ""},
		"aud in other case":         {change{"aud": "Kafka"}, `"Kafka"`},
		"no iss":                    {change{"iss": nil}, "no issuer"},
		"wrong iss":                 {change{"iss": "https://issuer.example/"}, "issuer (iss) is"},
		"iss is a list":             {change{"iss": []any{oauthtest.Name}}, "not a string"},
		"no sub":                    {change{"sub": nil}, `"sub" is missing`},
		"blank sub":                 {change{"sub": " \t"}, `"sub" is missing`},
		"sub with spaces around it": {change{"sub": " alice\n"}, ""},
		"sub is a number":           {change{"sub": 5}, "not a string"},
		"sub is too long": {
			change{"sub": strings.Repeat("x", MaxSubjectBytes+1)}, "longer than",
		},
		"jti is a number":      {change{"jti": 5}, `"jti" is not a string`},
		"scope":                {change{"scope": "a b"}, ""},
		"scope is a list":      {change{"scope": []any{"a", "b"}}, ""},
		"scope twice":          {change{"scope": []any{"a", " a"}}, "twice"},
		"blank scope":          {change{"scope": " "}, "blank"},
		"list of blank scopes": {change{"scope": []any{""}}, "blank"},
		"scope has a number":   {change{"scope": []any{1}}, "not a string"},
		"scope is a number":    {change{"scope": 1}, ""},
		"empty list of scopes": {change{"scope": []any{}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := i.Token("alice", c.change)
			if c.wrong != "" {
				refusal(t, v, token, c.wrong)
			} else if who, err := v.Validate(t.Context(), token, noon); err != nil ||
				who.Principal != "User:alice" || who.TokenAuthenticated ||
				who.Expires.Before(noon.Add(-30*time.Second)) {
				t.Errorf("%v, %v", who, err)
			}
		})
	}
}

func TestTokensThatAreNotTheIssuers(t *testing.T) {
	t.Parallel()
	i, stranger := issuer(t), issuer(t, "ES256", "RS256")
	rsa := i.Add(t, "RS256")
	_, jwks := i.JWKSFile(t)
	v := newValidator(t, jwks, nil)
	claims := i.Claims("alice", nil)
	token := i.Token("alice", nil)
	parts := strings.Split(token, ".")
	es := i.Key(0)
	type header = map[string]any
	foreign := stranger.Key(0)
	foreignRSA := stranger.Key(1)
	for name, c := range map[string]struct{ token, reason string }{
		"empty":          {"", "three parts"},
		"one part":       {"x", "three parts"},
		"two parts":      {parts[0] + "." + parts[1], "three parts"},
		"four parts":     {token + ".x", "three parts"},
		"full stop":      {token + ".", "three parts"},
		"no signature":   {parts[0] + "." + parts[1] + ".", "three parts"},
		"five parts":     {token + ".x.y", "three parts"},
		"too long":       {strings.Repeat("a", MaxTokenBytes+1), "longer than"},
		"space inside":   {parts[0] + ". " + parts[1] + "." + parts[2], "base64url"},
		"padding":        {parts[0] + "." + parts[1] + "=." + parts[2], "base64url"},
		"header is text": {"YQ." + parts[1] + "." + parts[2], "not JSON"},
		"header is a list": {
			oauthtest.Part([]any{}) + "." + parts[1] + "." + parts[2], "not a JSON object",
		},
		"none": {
			oauthtest.Part(header{"alg": "none"}) + "." + parts[1] + ".", "three parts",
		},
		"none with a signature": {
			oauthtest.Part(header{"alg": "none"}) + "." + parts[1] + ".YQ", `"none" is not one of`,
		},
		"alg in other case": {es.Sign(header{"alg": "es256"}, claims), `"es256" is not`},
		"no alg":            {es.Sign(header{"alg": nil}, claims), `"" is not one of`},
		"alg is a number":   {es.Sign(header{"alg": 5}, claims), "not a string"},
		"HMAC": {
			es.Sign(header{"alg": "HS256"}, claims), `"HS256" is not one of`,
		},
		"alg of another key": {es.Sign(header{"alg": "RS256"}, claims), "no key for a token"},
		"alg of another curve": {
			es.Sign(header{"alg": "ES384"}, claims), "no key for a token",
		},
		"alg that the key does not name": {
			rsa.Sign(header{"alg": "RS512"}, claims), "no key for a token",
		},
		"foreign key":             {foreign.Sign(nil, claims), "signature is wrong"},
		"foreign key without kid": {foreign.Sign(header{"kid": nil}, claims), "signature is wrong"},
		"foreign key with its JWK": {
			foreign.Sign(header{"jwk": foreign.JWK()}, claims), "signature is wrong",
		},
		"foreign RSA key":  {foreignRSA.Sign(header{"kid": "kid-2"}, claims), "signature is wrong"},
		"unknown kid":      {es.Sign(header{"kid": "kid-9"}, claims), `no key for a token of ES256`},
		"empty kid":        {es.Sign(header{"kid": ""}, claims), `no key for a token`},
		"kid is a number":  {es.Sign(header{"kid": 1}, claims), "not a string"},
		"crit":             {es.Sign(header{"crit": []string{"x"}, "x": 1}, claims), "signature"},
		"crit is text":     {es.Sign(header{"crit": "exp"}, claims), ""},
		"token in a token": {es.Sign(header{"cty": "JWT"}, claims), "(cty)"},
		"no base64":        {es.Sign(header{"b64": false}, claims), "(b64)"},
		"claims twice": {
			es.Sign(nil, []byte(`{"sub":"alice","sub":"bob"}`)), `"sub" occurs twice`,
		},
		"claims are a list":  {es.Sign(nil, []any{}), "not a JSON object"},
		"claims are text":    {es.Sign(nil, []byte(`x`)), "not JSON"},
		"two values":         {es.Sign(nil, []byte(`{} {}`)), "not JSON"},
		"deep":               {es.Sign(nil, []byte(deep(maxDepth+1))), "nested deeper"},
		"payload of another": {parts[0] + "." + oauthtest.Part(claims)[1:] + "." + parts[2], ""},
		"signature cut":      {token[:len(token)-2], ""},
		"signature changed":  {token[:len(token)-4] + "AAAA", "signature is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refusal(t, v, c.token, c.reason)
		})
	}
	accepted(t, v, "  "+token+"\r\n") // as Kafka trims it
	accepted(t, v, es.Sign(header{"kid": nil}, claims))
}

func deep(n int) string {
	return `{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
}

func TestWhatIsGivenUpInWordsIsNotChecked(t *testing.T) {
	t.Parallel()
	i := issuer(t)
	_, jwks := i.JWKSFile(t)
	v := newValidator(t, jwks, map[string]string{
		keyAudience: "", keyAnyAudience: "true", keyIssuer: "", keyAnyIssuer: "true",
		"sasl.oauthbearer.sub.claim.name": "client_id", "sasl.oauthbearer.clock.skew.seconds": "0",
		"sasl.oauthbearer.scope.claim.name": "groups",
	})
	type change = map[string]any
	accepted(t, v, i.Token("x", change{"client_id": "alice", "aud": nil, "iss": nil, "scope": ""}))
	refusal(t, v, i.Token("x", change{"client_id": "alice", "iss": 1}), "not a string")
	refusal(t, v, i.Token("x", change{"client_id": "alice", "groups": ""}), "blank")
	refusal(t, v, i.Token("x", nil), `"client_id" is missing`)
	refusal(t, v, i.Token("x", change{"client_id": "a", "sub": 1}), "not a string")
	refusal(t, v, i.Token("x", change{"client_id": "a", "exp": noon.Unix(), "iat": 1}), "expired")
}

func TestAChangedFileIsReadAgain(t *testing.T) {
	t.Parallel()
	i := issuer(t)
	path, jwks := i.JWKSFile(t)
	s, problems := Parse(good(jwks), nil)
	if problems != nil {
		t.Fatal(problems)
	}
	now := noon
	var log logtest.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	v, err := New(s, Options{Logger: logger, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	next := i.Add(t, "ES384")
	token := next.Sign(nil, i.Claims("alice", nil))
	refusalAt(t, v, token, now, "no key for a token")
	replace := func(content []byte, after time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(after)
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	replace(i.JWKS(), fileCheckInterval/2)
	refusalAt(t, v, token, now, "no key for a token") // the file is not looked at so often
	now = now.Add(fileCheckInterval)
	if _, err := v.Validate(t.Context(), token, now); err != nil {
		t.Error(err)
	}
	replace([]byte("{half"), fileCheckInterval)
	if _, err := v.Validate(t.Context(), token, now); err != nil {
		t.Error("a file that is being written:", err)
	}
	if !strings.Contains(log.String(), "stays in use") {
		t.Errorf("%q", log.String())
	}
	replace(oauthtest.Set(), fileCheckInterval)
	refusalAt(t, v, token, now, "no key for a token")
}

func TestFilesThatAreNoJWKS(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(string(strip(oauthtest.Set(issuer(t).Key(0))))+",", MaxKeys)
	for name, content := range map[string]string{
		"empty": "", "text": "x", "list": "[]", "no keys": "{}", "keys is text": `{"keys":"x"}`,
		"too large":     `{"keys":[]}` + strings.Repeat(" ", MaxJWKSBytes),
		"too many keys": `{"keys":[` + many + many[:len(many)-1] + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, jwks := oauthtest.File(t, "jwks.json", []byte(content))
			s, _ := Parse(good(jwks), nil)
			if v, err := New(s, Options{Logger: quiet}); err == nil {
				v.Close()
				t.Error("no error")
			}
		})
	}
	s, _ := Parse(good("file:///no/such/file"), nil)
	if _, err := New(s, Options{Logger: quiet}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// strip takes the only key out of a set.
func strip(set []byte) []byte { return set[len(`{"keys":[`) : len(set)-len(`]}`)] }

func TestKeysThatAreIgnored(t *testing.T) {
	t.Parallel()
	k := issuer(t, "RS256").Key(0)
	change := func(pairs ...any) string {
		jwk := k.JWK()
		for n := 0; n < len(pairs); n += 2 {
			jwk[pairs[n].(string)] = pairs[n+1]
		}
		return oauthtest.JSON(jwk)
	}
	small := `{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("u", 170) + `"}`
	for name, c := range map[string]struct{ jwk, why string }{
		"symmetric":    {`{"kty":"oct","k":"c2VjcmV0"}`, "not a public key"},
		"encryption":   {change("use", "enc"), "use"},
		"operations":   {change("key_ops", []string{"sign"}), "key_ops"},
		"small":        {small, "2048"},
		"unknown type": {`{"kty":"XYZ"}`, ""},
		"no type":      {`{}`, ""},
		"not a key":    {`5`, ""},
	} {
		set, err := parseKeys([]byte(`{"keys":[` + c.jwk + `,` + change() + `]}`))
		if err != nil || len(set.keys) != 1 || set.keys[0].kid != k.Kid || len(set.ignored) != 1 ||
			!strings.Contains(set.ignored[0], c.why) {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
}
