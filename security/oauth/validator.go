package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/yakt/yakt/security"
)

// Invalid is what a client is told of a token that is not taken: the error of RFC 7628 as Kafka
// sends it.
const Invalid = `{"status":"invalid_token"}`

// ErrNoKeys is the failure of a token that cannot be checked because the JWKS has not been
// downloaded yet. It is not the client's fault, which should try again later.
var ErrNoKeys = errors.New("the keys of the issuer of tokens have not been downloaded yet")

// Options are what a validator or a source of tokens uses besides its settings. The zero value will
// do.
type Options struct {
	Logger *slog.Logger     // slog.Default() if nil
	Now    func() time.Time // time.Now if nil
	// Transport sends HTTP requests; nil: one of its own, with the TLS settings of the JAAS entry.
	Transport http.RoundTripper
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// keySource is where a validator has its keys from: a file or a server.
type keySource interface {
	// current returns the newest keys, nil before the first success. It does not wait for a
	// network.
	current(now time.Time) *keySet
	// missing says that a token asked for a key that current does not have.
	missing()
	close()
}

// Validator checks tokens. It is safe for concurrent use. Close ends its goroutine.
type Validator struct {
	settings Settings
	source   keySource
}

// New makes a validator. A JWKS in a file is read now, and again when the file changes; one at a
// URL is downloaded in the background, now and again in the interval of the settings.
func New(s Settings, o Options) (*Validator, error) {
	if s.JWKS == nil {
		return nil, errors.New("oauth: the settings are without a JWKS")
	}
	o = o.withDefaults()
	source, err := newKeySource(s, o)
	if err != nil {
		return nil, err
	}
	if len(s.Audiences) == 0 {
		o.Logger.Warn("tokens of every audience are taken", "because", keyAnyAudience+"=true")
	}
	if s.Issuer == "" {
		o.Logger.Warn("tokens of every issuer are taken", "because", keyAnyIssuer+"=true")
	}
	return &Validator{s, source}, nil
}

func newKeySource(s Settings, o Options) (keySource, error) {
	if s.JWKS.Scheme == "file" {
		return openKeyFile(s.JWKS.Path, o)
	}
	return downloadKeys(s, o)
}

// Close ends the downloads. Tokens can be validated no more.
func (v *Validator) Close() { v.source.close() }

// Validate checks a token and says who has presented it: "User:" and the claim for the user's name.
// The identity ends when the token does; now is the time to compare with. An error is a
// *security.Failure, whose Told is Invalid, or ErrNoKeys. Validate waits for no network; errors and
// their reasons do not hold the token.
func (v *Validator) Validate(
	_ context.Context, text string, now time.Time,
) (security.Identity, error) {
	t, err := parseToken(text)
	if err != nil {
		return security.Identity{}, refused(err)
	}
	c, err := v.verify(t, now)
	if errors.Is(err, ErrNoKeys) {
		return security.Identity{}, err
	}
	if err != nil {
		return security.Identity{}, refused(err)
	}
	who, err := v.identify(c, now)
	if err != nil {
		return security.Identity{}, refused(err)
	}
	return who, nil
}

func refused(err error) error { return security.Failf(Invalid, "token refused: %v", err) }

// verify checks the signature of a token.
func (v *Validator) verify(t token, now time.Time) (claims, error) {
	keys := v.source.current(now)
	if keys == nil {
		return nil, ErrNoKeys
	}
	candidates := keys.candidates(t.kid, t.alg)
	if len(candidates) == 0 {
		v.source.missing()
		return nil, errors.New("the JWKS has no key for a token of " + string(t.alg) + " " +
			t.keyName())
	}
	c, err := t.verify(candidates)
	if err != nil && t.kid == nil {
		v.source.missing()
	}
	return c, err
}

// identify checks the claims of a token whose signature is good.
func (v *Validator) identify(c claims, now time.Time) (security.Identity, error) {
	expires, err := c.checkTimes(now, v.settings.ClockSkewSeconds)
	_, errSub := c.text("sub") // of the right types even if another claim has the name
	_, errID := c.text("jti")
	err = errors.Join(c.checkAudience(v.settings.Audiences), c.checkIssuer(v.settings.Issuer), err,
		errSub, errID, c.checkScopes(v.settings.ScopeClaim))
	if err != nil {
		return security.Identity{}, err
	}
	subject, err := c.subject(v.settings.SubClaim)
	if err != nil {
		return security.Identity{}, err
	}
	return security.Identity{Principal: "User:" + subject, Expires: expires}, nil
}
