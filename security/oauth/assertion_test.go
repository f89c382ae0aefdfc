package oauth

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"

	"github.com/yakt/yakt/security/oauth/oauthtest"
)

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// privateKey writes a key to a file in PEM, encrypted if there is a passphrase.
func privateKey(t *testing.T, k oauthtest.Key, passphrase string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k.Signer)
	kind := "PRIVATE KEY"
	if passphrase != "" {
		kind = "ENCRYPTED PRIVATE KEY"
		der, err = pkcs8.MarshalPrivateKey(k.Signer, []byte(passphrase), nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	path, _ := oauthtest.File(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	return path
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	const prefix = "sasl.oauthbearer.assertion."
	for _, alg := range []string{"RS256", "ES256"} {
		for _, passphrase := range []string{"", "s3cret"} {
			for _, retriever := range []string{"DefaultJwtRetriever", "JwtBearerJwtRetriever"} {
				t.Run(alg+passphrase+retriever, func(t *testing.T) {
					t.Parallel()
					client, tokens := oauthtest.New(t, alg), oauthtest.New(t)
					templateFile, _ := oauthtest.File(t, "template.json", []byte(
						`{"header":{"kid":"kid-1","alg":"none"},"payload":{"jti":"t","exp":1}}`))
					endpoint := serve(t, assertionEndpoint(t, client, tokens))
					keys := map[string]string{
						keyEndpoint: endpoint, keyAlgorithm: alg,
						keyRetriever:                      kafkas + retriever,
						keyPrivateKey:                     privateKey(t, client.Key(0), passphrase),
						prefix + "private.key.passphrase": passphrase,
						keyAssertionIss:                   oauthtest.Name,
						prefix + "claim.aud":              oauthtest.Audience,
						prefix + "claim.sub":              "node-1",
						prefix + "template.file":          templateFile,
						"sasl.oauthbearer.scope":          "kafka",
					}
					token, err := newSource(t, keys, Options{}).Token(t.Context())
					if err != nil || token == "" {
						t.Error(err)
					}
				})
			}
		}
	}
}

// assertionEndpoint gives a token for an assertion of the client, which it checks as a token.
func assertionEndpoint(t *testing.T, client, tokens *oauthtest.Issuer) http.Handler {
	_, jwks := client.JWKSFile(t)
	v := newValidator(t, jwks, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "client_assertion"
		grant := r.FormValue("grant_type")
		if strings.HasSuffix(grant, ":jwt-bearer") {
			name = "assertion"
		} else if grant != "client_credentials" || r.FormValue("client_assertion_type") !=
			"urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			t.Errorf("%v", r.Form)
		}
		who, err := v.Validate(r.Context(), r.FormValue(name), time.Now())
		if err != nil || who.Principal != "User:node-1" || r.FormValue("scope") != "kafka" ||
			time.Until(who.Expires).Round(time.Minute) != 5*time.Minute {
			t.Errorf("%v, %v, %v", who, err, r.Form)
		}
		w.Write([]byte(`{"id_token":"` + tokens.Token("node-1", nil) + `"}`))
	})
}

func TestAnAssertionInAFile(t *testing.T) {
	t.Parallel()
	i := oauthtest.New(t)
	assertionFile, _ := oauthtest.File(t, "assertion", []byte(i.Token("node-1", nil)))
	got := make(chan string, 1)
	endpoint := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.FormValue("client_id") + " " + r.FormValue("client_assertion")
		w.Write([]byte(`{"access_token":"` + i.Token("node-1", nil) + `"}`))
	}))
	keys := clientKeys(endpoint)
	keys[keyAssertionFile] = assertionFile
	if _, err := newSource(t, keys, Options{}).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(assertionFile)
	if err != nil {
		t.Fatal(err)
	}
	if form := <-got; form != "node-1 "+string(want) {
		t.Errorf("%q", form)
	}
}

func TestFilesThatMakeNoAssertion(t *testing.T) {
	t.Parallel()
	es, rsa := oauthtest.New(t).Key(0), oauthtest.New(t, "RS256").Key(0)
	_, fileURL := oauthtest.File(t, "junk", []byte("SECRET"))
	junk := strings.TrimPrefix(fileURL, "file://")
	encrypted := privateKey(t, rsa, "s3cret")
	for name, change := range map[string]map[string]string{
		"no key":           {keyPrivateKey: "/no/such/file"},
		"a directory":      {keyPrivateKey: "/"},
		"not a key":        {keyPrivateKey: junk},
		"of another kind":  {keyPrivateKey: privateKey(t, es, "")},
		"no passphrase":    {keyPrivateKey: encrypted},
		"not a template":   {"sasl.oauthbearer.assertion.template.file": junk},
		"not an assertion": {keyAssertionFile: junk},
		"wrong passphrase": {
			keyPrivateKey: encrypted, "sasl.oauthbearer.assertion.private.key.passphrase": "x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := clientKeys("https://id.example/token")
			keys[keyAssertionIss], keys[keyPrivateKey] = "x", privateKey(t, rsa, "")
			for key, value := range change {
				keys[key] = value
			}
			s, problems := ParseSource(keys, nil)
			if problems != nil {
				t.Fatal(problems)
			}
			source, err := NewSource(s, Options{Logger: quiet})
			if err == nil {
				source.Close()
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "s3cret") {
				t.Error(err)
			}
		})
	}
}
