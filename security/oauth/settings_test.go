package oauth

import (
	"maps"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	s, problems := Parse(map[string]string{
		keyJWKS:                           " https://id.example/jwks ",
		keyAudience:                       "ignored",
		"oauthbearer." + keyAudience:      "a , b",
		keyIssuer:                         "https://id.example",
		keyRetryBackoff:                   "5",
		"sasl.oauthbearer.sub.claim.name": "upn",
		"sasl.oauthbearer.jwks.endpoint.refresh.ms": "60000",
	}, nil)
	want := Settings{
		JWKS:      &url.URL{Scheme: "https", Host: "id.example", Path: "/jwks"},
		Audiences: []string{"a", "b"}, Issuer: "https://id.example", ClockSkewSeconds: 30,
		RefreshMs: 60000, RetryBackoffMs: 5, RetryBackoffMaxMs: 10000,
		ScopeClaim: "scope", SubClaim: "upn", tls: s.tls,
	}
	if problems != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("%+v, %v", s, problems)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	const unsecured = kafkas +
		"internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
	for name, c := range map[string]struct{ key, value, wrong string }{
		"no JWKS":             {keyJWKS, "", "signatures of tokens cannot be checked"},
		"blank JWKS":          {keyJWKS, "  ", "signatures of tokens cannot be checked"},
		"JWKS of FTP":         {keyJWKS, "ftp://x/y", "not a URL of http"},
		"JWKS without host":   {keyJWKS, "https:///y", "not a URL of http"},
		"JWKS is a path":      {keyJWKS, "/etc/jwks", "not a URL of http"},
		"file of a host":      {keyJWKS, "file://host/etc/jwks", "not a URL of http"},
		"JWKS with password":  {keyJWKS, "https://u:p@x/y", "user or a password"},
		"no audience":         {keyAudience, "", "tokens for other services"},
		"audience twice":      {keyAudience, "a,a", "repeated element"},
		"empty audience":      {keyAudience, "a,,b", "empty or a repeated"},
		"no issuer":           {keyIssuer, " ", "tokens of other issuers"},
		"unsecured":           {keyHandler, unsecured, "nobody has signed"},
		"own handler":         {keyHandler, "org.example.Handler", "cannot run here"},
		"client's validator":  {keyValidatorClass, kafkas + "ClientJwtValidator", "signatures"},
		"own validator":       {keyValidatorClass, "org.example.Validator", "cannot run here"},
		"skew is negative":    {"sasl.oauthbearer.clock.skew.seconds", "-1", "range"},
		"skew is text":        {"sasl.oauthbearer.clock.skew.seconds", "1s", "range"},
		"no refresh":          {"sasl.oauthbearer.jwks.endpoint.refresh.ms", "0", "range"},
		"backoff over max":    {keyRetryBackoffMax, "99", "less than"},
		"neither true or not": {keyAnyIssuer, "yes", "neither true nor false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := good("file:///jwks.json")
			maps.Copy(keys, map[string]string{c.key: c.value})
			_, problems := Parse(keys, nil)
			if len(problems) != 1 || problems[0].Key != c.key || problems[0].Fix == "" ||
				!strings.Contains(problems[0].Wrong, c.wrong) {
				t.Errorf("%q", problems)
			}
		})
	}
}

func TestWithoutAHandlerTokensAreStillVerified(t *testing.T) {
	t.Parallel()
	i := issuer(t)
	_, jwks := i.JWKSFile(t)
	accepted(t, newValidator(t, jwks, map[string]string{keyHandler: ""}), i.Token("alice", nil))
	_, problems := Parse(map[string]string{}, nil)
	var keys []string
	for _, p := range problems {
		keys = append(keys, p.Key)
	}
	if !reflect.DeepEqual(keys, []string{keyJWKS, keyAudience, keyIssuer}) {
		t.Errorf("%q", problems)
	}
	if _, err := New(Settings{}, Options{}); err == nil {
		t.Error("a validator without keys")
	}
}

func TestProblemsNameTheKeyThatIsSet(t *testing.T) {
	t.Parallel()
	keys := good("file:///jwks.json")
	keys["oauthbearer."+keyIssuer] = ""
	_, problems := Parse(keys, nil)
	if len(problems) != 1 || problems[0].Key != "oauthbearer."+keyIssuer {
		t.Errorf("%q", problems)
	}
}
