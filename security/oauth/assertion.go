package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/youmark/pkcs8"

	"github.com/yakt/yakt/protocol"
)

// maxFileBytes is the size of the largest file of a private key or of a template.
const maxFileBytes = 64 << 10

// assertionSettings says what this node presents to a token endpoint in place of a secret: a signed
// token in a file, or one that it signs itself.
type assertionSettings struct {
	file                   string // if it is set, nothing else counts
	algorithm              jose.SignatureAlgorithm
	keyFile                string
	passphrase             protocol.Password
	claims                 map[string]any // aud, iss and sub, those that are set
	templateFile           string
	expSeconds, nbfSeconds int64
	jti                    bool
}

func (r *reader) assertionSettings() assertionSettings {
	const prefix = "sasl.oauthbearer.assertion."
	s := assertionSettings{file: r.text(keyAssertionFile, "")}
	if s.file != "" {
		return s
	}
	s.algorithm = jose.SignatureAlgorithm(strings.ToUpper(r.text(keyAlgorithm, "RS256")))
	if s.algorithm != jose.RS256 && s.algorithm != jose.ES256 {
		r.problem(keyAlgorithm, "is not an algorithm for assertions", "write RS256 or ES256")
	}
	if s.keyFile = r.text(keyPrivateKey, ""); s.keyFile == "" {
		r.problem(keyPrivateKey, "is not set", "set it to a file with a private key in PEM")
	}
	s.passphrase = protocol.NewPassword(r.text(prefix+"private.key.passphrase", ""))
	s.claims = make(map[string]any)
	for _, name := range []string{"aud", "iss", "sub"} {
		if text := r.text(prefix+"claim."+name, ""); text != "" {
			s.claims[name] = text
		}
	}
	s.templateFile = r.text(prefix+"template.file", "")
	s.expSeconds = r.number(prefix+"claim.exp.seconds", 300, 0, 86400)
	s.nbfSeconds = r.number(prefix+"claim.nbf.seconds", 60, 0, 3600)
	s.jti = r.boolean(prefix + "claim.jti.include")
	return s
}

// template is further members for the header and the claims of an assertion.
type template struct {
	Header  map[string]any `json:"header"`
	Payload map[string]any `json:"payload"`
}

// assertion makes assertions. Its files are read again when they change.
type assertion struct {
	settings assertionSettings
	now      func() time.Time
	file     *watched[string]
	key      *watched[crypto.Signer]
	template *watched[template]
}

func newAssertion(s assertionSettings, o Options) (*assertion, error) {
	a := &assertion{settings: s, now: o.Now}
	if s.file != "" {
		a.file = &watched[string]{
			path: s.file, secret: true, parse: readAssertion, most: MaxTokenBytes,
			logger: o.Logger,
		}
		return a, a.file.open(o.Now())
	}
	a.key = &watched[crypto.Signer]{
		path: s.keyFile, secret: true, parse: s.readKey, most: maxFileBytes, logger: o.Logger,
	}
	if err := a.key.open(o.Now()); err != nil || s.templateFile == "" {
		return a, err
	}
	a.template = &watched[template]{
		path: s.templateFile, parse: readTemplate, most: maxFileBytes, logger: o.Logger,
	}
	return a, a.template.open(o.Now())
}

func readAssertion(content []byte) (string, error) {
	text := trim(string(content))
	if strings.Count(text, ".") != 2 ||
		strings.ContainsFunc(text, func(r rune) bool { return !inToken(r) }) {
		return "", errors.New("not a signed token (JWT)")
	}
	return text, nil
}

func readTemplate(content []byte) (t template, err error) {
	if err = json.Unmarshal(content, &t); err != nil {
		return t, fmt.Errorf("not a template: %w", err)
	}
	return t, nil
}

// readKey reads a private key of the algorithm's type from PEM. No error holds any of it.
func (s assertionSettings) readKey(content []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("not a private key in PEM")
	}
	var passphrase [][]byte
	if s.passphrase.IsSet() {
		passphrase = [][]byte{[]byte(s.passphrase.Reveal())}
	}
	private, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, passphrase...)
	if err != nil {
		return nil, errors.New("not a private key in PKCS #8, or its passphrase is wrong")
	}
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if s.algorithm == jose.RS256 {
			return k, nil
		}
	case *ecdsa.PrivateKey:
		if s.algorithm == jose.ES256 {
			return k, nil
		}
	}
	return nil, fmt.Errorf("not a private key for %s", s.algorithm)
}

// text returns an assertion for one request.
func (a *assertion) text() (string, error) {
	now := a.now()
	if a.file != nil {
		return a.file.get(now), nil
	}
	var t template
	if a.template != nil {
		t = a.template.get(now)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range t.Header {
		if name != "alg" && name != "typ" {
			options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: a.settings.algorithm, Key: a.key.get(now)}, options)
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	payload, err := json.Marshal(a.payload(t, now))
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing an assertion: %w", err)
	}
	return signed.CompactSerialize()
}

// payload is the claims: those of the configuration, replaced by those of the template, replaced by
// the times.
func (a *assertion) payload(t template, now time.Time) map[string]any {
	c := maps.Clone(a.settings.claims)
	maps.Copy(c, t.Payload)
	c["iat"] = now.Unix()
	c["exp"] = now.Unix() + a.settings.expSeconds
	c["nbf"] = now.Unix() - a.settings.nbfSeconds
	if a.settings.jti {
		c["jti"] = rand.Text()
	}
	return c
}
