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
	keyEndpoint      = "sasl.oauthbearer.token.endpoint.url"
	keyRetriever     = "sasl.oauthbearer.jwt.retriever.class"
	keyLoginHandler  = "sasl.login.callback.handler.class"
	keyClientID      = "sasl.oauthbearer.client.credentials.client.id"
	keyClientSecret  = "sasl.oauthbearer.client.credentials.client.secret"
	keyAssertionFile = "sasl.oauthbearer.assertion.file"
	keyAssertionIss  = "sasl.oauthbearer.assertion.claim.iss"
	keyPrivateKey    = "sasl.oauthbearer.assertion.private.key.file"
	keyAlgorithm     = "sasl.oauthbearer.assertion.algorithm"
	keyLoginRetry    = "sasl.login.retry.backoff.ms"
	keyLoginRetryMax = "sasl.login.retry.backoff.max.ms"
)

// grant is how a token is asked for at a token endpoint.
type grant int

const (
	clientSecret    grant = iota // client credentials, with the client's id and secret
	clientAssertion              // client credentials, with a signed assertion in place of a secret
	jwtBearer                    // a signed assertion is exchanged for a token
)

// SourceSettings says where this node has its own tokens from. The zero value is not usable; see
// ParseSource.
type SourceSettings struct {
	Endpoint *url.URL // of a token endpoint, http or https, or of a file that holds a token

	grant     grant
	clientID  string
	secret    protocol.Password
	scope     string
	urlEncode bool // id, secret and scope are encoded as in a URL
	assertion assertionSettings

	connectTimeoutMs, readTimeoutMs   int64
	retryBackoffMs, retryBackoffMaxMs int64 // the latter bounds the time of all attempts together
	refresh                           refreshSettings
	skewSeconds                       int64
	scopeClaim, subClaim              string
	tls                               certs.Settings
}

// ParseSource reads the effective keys of a listener by which this node authenticates with
// OAUTHBEARER. options are those of its JAAS entry; Kafka's deprecated clientId, clientSecret and
// scope are taken where the keys for them are not set.
func ParseSource(
	keys map[string]string, options map[string]protocol.Password,
) (SourceSettings, []security.Problem) {
	r := &reader{keys: keys}
	retriever := r.retriever()
	s := SourceSettings{
		Endpoint:          r.endpoint(keyEndpoint),
		scope:             r.text("sasl.oauthbearer.scope", trim(options["scope"].Reveal())),
		urlEncode:         r.boolean("sasl.oauthbearer.header.urlencode"),
		connectTimeoutMs:  r.number("sasl.login.connect.timeout.ms", 10000, 1, maxMs),
		readTimeoutMs:     r.number("sasl.login.read.timeout.ms", 20000, 1, maxMs),
		retryBackoffMs:    r.number(keyLoginRetry, 100, 0, maxMs),
		retryBackoffMaxMs: r.number(keyLoginRetryMax, 10000, 0, maxMs),
		refresh:           r.refreshSettings(),
		skewSeconds: r.number("sasl.oauthbearer.clock.skew.seconds", 30, 0,
			math.MaxInt32),
		scopeClaim: r.text("sasl.oauthbearer.scope.claim.name", "scope"),
		subClaim:   r.text("sasl.oauthbearer.sub.claim.name", "sub"),
		tls:        r.tlsSettings(options),
	}
	if s.retryBackoffMaxMs < s.retryBackoffMs {
		r.problem(keyLoginRetryMax, "is less than "+keyLoginRetry, "raise it")
	}
	if s.Endpoint != nil && retriever != "" {
		r.checkKind(retriever, s.Endpoint.Scheme == "file")
		if s.Endpoint.Scheme != "file" {
			r.credentials(&s, retriever, options)
		}
	}
	return s, r.problems
}

// retriever reads which of Kafka's classes gets tokens, and refuses what would make its own.
func (r *reader) retriever() string {
	const ofFile = "OAuthBearerLoginCallbackHandler"
	r.class(keyLoginHandler, ofFile)
	if r.text(keyEndpoint, "") == "" {
		r.problem(keyEndpoint, "is not set, so this node has no token for its peers", "set it to "+
			"the URL of the token endpoint of your issuer, or to file:///... of a file with a token")
	}
	return r.class(keyRetriever, "DefaultJwtRetriever", "ClientCredentialsJwtRetriever",
		"FileJwtRetriever", "JwtBearerJwtRetriever")
}

func (r *reader) checkKind(retriever string, isFile bool) {
	switch {
	case retriever == "FileJwtRetriever" && !isFile:
		r.problem(keyEndpoint, "is not a file, which "+retriever+" reads", "write file:///...")
	case retriever != "FileJwtRetriever" && retriever != "DefaultJwtRetriever" && isFile:
		r.problem(keyEndpoint, "is a file, which "+retriever+" cannot ask", "write https://...")
	}
}

// credentials reads how this node proves who it is to the token endpoint, in Kafka's order: an
// assertion in a file, one that this node signs, the client's secret.
func (r *reader) credentials(
	s *SourceSettings, retriever string, options map[string]protocol.Password,
) {
	s.clientID = r.text(keyClientID, trim(options["clientId"].Reveal()))
	s.grant = clientSecret
	switch {
	case retriever == "JwtBearerJwtRetriever":
		s.grant = jwtBearer
	case r.text(keyAssertionFile, "") != "" || r.text(keyAssertionIss, "") != "":
		s.grant = clientAssertion
	}
	if s.grant != clientSecret {
		s.assertion = r.assertionSettings()
		return
	}
	secret := r.text(keyClientSecret, trim(options["clientSecret"].Reveal()))
	s.secret = protocol.NewPassword(secret)
	if s.clientID == "" {
		r.problem(keyClientID, "is not set", "set it to this node's client id at the issuer")
	}
	if secret == "" {
		r.problem(keyClientSecret, "is not set", "set it to this node's secret at the issuer")
	}
}
