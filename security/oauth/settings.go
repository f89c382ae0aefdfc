// Package oauth is OAUTHBEARER: a Validator checks the signed tokens of clients, and a Source gets
// this node's own tokens, which it presents to its peers. Both follow the classes of Kafka 4.4.0
// that Kafka's configuration keys name.
//
// Differs from Kafka, always towards refusing:
//   - Unsecured tokens are never taken. Kafka takes them, and so believes whatever a client says of
//     itself, where sasl.server.callback.handler.class is not set; here the JWKS is used then.
//   - Tokens are signed with RS*, PS*, ES* or EdDSA. Kafka also takes HMACs with a symmetric key of
//     the JWKS.
//   - A key of the JWKS with an alg verifies tokens of that alg only.
//   - Nested and encrypted tokens, unencoded payloads, and base64 or JSON that breaks its rules are
//     refused; Kafka's parsers read over some of it.
//   - A token without kid is tried with several keys; Kafka tries the first.
//   - A JWKS that cannot be downloaded does not stop the start: tokens are refused until it can.
//   - Unknown key ids cause at most one download in 10 seconds, whatever their number.
package oauth

import (
	"math"
	"net/url"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/certs"
)

// Keys that more than one function names.
const (
	keyJaas            = "sasl.jaas.config"
	keyJWKS            = "sasl.oauthbearer.jwks.endpoint.url"
	keyAudience        = "sasl.oauthbearer.expected.audience"
	keyAnyAudience     = "sasl.oauthbearer.allow.unverified.audience"
	keyIssuer          = "sasl.oauthbearer.expected.issuer"
	keyAnyIssuer       = "sasl.oauthbearer.allow.unverified.issuer"
	keyHandler         = "sasl.server.callback.handler.class"
	keyValidatorClass  = "sasl.oauthbearer.jwt.validator.class"
	keyRetryBackoff    = "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms"
	keyRetryBackoffMax = "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms"
)

// Settings says how tokens of clients are checked. The zero value is not usable; see Parse.
type Settings struct {
	JWKS              *url.URL // where the issuer's public keys are: http, https or file
	RefreshMs         int64    // between downloads of the JWKS
	RetryBackoffMs    int64    // after the first failed download; then doubled
	RetryBackoffMaxMs int64
	Audiences         []string // one of them must be in the claim aud; empty: any or none will do
	Issuer            string   // the claim iss; "": any or none will do
	ClockSkewSeconds  int64    // between the issuer's clock and ours
	ScopeClaim        string
	SubClaim          string // the claim with the user's name

	tls certs.Settings // for a JWKS at an https URL
}

// Parse reads the effective keys of a listener on which OAUTHBEARER is enabled. options are the
// options of its JAAS entry. Where there are problems, the settings must not be used.
func Parse(
	keys map[string]string, options map[string]protocol.Password,
) (Settings, []security.Problem) {
	r := &reader{keys: keys}
	r.refuseUnsecured()
	s := Settings{
		JWKS:              r.endpoint(keyJWKS),
		RefreshMs:         r.number("sasl.oauthbearer.jwks.endpoint.refresh.ms", 3600000, 1, maxMs),
		RetryBackoffMs:    r.number(keyRetryBackoff, 100, 0, maxMs),
		RetryBackoffMaxMs: r.number(keyRetryBackoffMax, 10000, 0, maxMs),
		Audiences:         r.list(keyAudience),
		Issuer:            r.text(keyIssuer, ""),
		ClockSkewSeconds: r.number("sasl.oauthbearer.clock.skew.seconds", 30, 0,
			math.MaxInt32),
		ScopeClaim: r.text("sasl.oauthbearer.scope.claim.name", "scope"),
		SubClaim:   r.text("sasl.oauthbearer.sub.claim.name", "sub"),
		tls:        r.tlsSettings(options),
	}
	if s.RetryBackoffMaxMs < s.RetryBackoffMs {
		r.problem(keyRetryBackoffMax, "is less than "+keyRetryBackoff, "raise it")
	}
	r.demandChecks(s)
	return s, r.problems
}

// maxMs is the longest interval that a key may set, ten years.
const maxMs = 10 * 365 * 24 * 3600 * 1000

// refuseUnsecured refuses what would take tokens without looking at their signatures.
func (r *reader) refuseUnsecured() {
	const secured = "OAuthBearerValidatorCallbackHandler"
	if r.text(keyHandler, "") == kafkas+
		"internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler" {
		r.problem(keyHandler, "would take tokens that nobody has signed, so any client could be "+
			"anyone", "name "+kafkas+secured+" and set "+keyJWKS)
	} else {
		r.class(keyHandler, secured)
	}
	if r.text(keyValidatorClass, "") == kafkas+"ClientJwtValidator" {
		r.problem(keyValidatorClass, "does not check the signatures of tokens, so any client could "+
			"be anyone", "remove the key and set "+keyJWKS)
		return
	}
	r.class(keyValidatorClass, "DefaultJwtValidator", "BrokerJwtValidator")
}

// demandChecks asks for each check that is neither configured nor given up in words, as Kafka 4.4.
func (r *reader) demandChecks(s Settings) {
	if r.text(keyJWKS, "") == "" {
		r.problem(keyJWKS, "is not set, so the signatures of tokens cannot be checked",
			"set it to the URL of the JWKS of the issuer of the tokens, or remove OAUTHBEARER "+
				"from sasl.enabled.mechanisms")
	}
	if !r.boolean(keyAnyAudience) && r.text(keyAudience, "") == "" {
		r.problem(keyAudience, "is not set, so tokens for other services would be taken",
			"set it to the audience in the tokens for this cluster, or "+keyAnyAudience+
				"=true to take tokens of every audience")
	}
	if !r.boolean(keyAnyIssuer) && s.Issuer == "" {
		r.problem(keyIssuer, "is not set, so tokens of other issuers would be taken",
			"set it to the name of the issuer in the tokens (claim iss), or "+keyAnyIssuer+
				"=true to take tokens of every issuer")
	}
}
