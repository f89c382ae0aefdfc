package sasl

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/yakt/yakt/security"
)

// oauthExchange is the server's side of OAUTHBEARER (RFC 7628), as Kafka's OAuthBearerSaslServer:
// after a token that is not valid the client gets an error in JSON, answers with one byte, and only
// then has failed. Extensions are checked for their form and otherwise ignored, as Kafka's
// OAuthBearerValidatorCallbackHandler does.
type oauthExchange struct {
	server  *Server
	refusal error // the token is not valid; the client has been sent oauthError
	over    bool
}

// oauthError is the JSON for a token that is not valid, with Kafka's status.
const oauthError = `{"status":"invalid_token"}`

// oauthMaxBytes bounds the client's message, which contains the token.
const oauthMaxBytes = 256 << 10

// Step implements security.Exchange.
func (x *oauthExchange) Step(message []byte) ([]byte, *security.Identity, error) {
	switch {
	case x.over:
		return nil, nil, errors.New("sasl: OAUTHBEARER: Step after the end")
	case x.refusal != nil:
		x.over = true
		return nil, nil, x.refusal
	case len(message) > oauthMaxBytes:
		x.over = true
		return nil, nil, invalid("OAUTHBEARER: a message of %d bytes", len(message))
	}
	reply, who, err := x.token(string(message))
	x.over = err != nil || who != nil
	return reply, who, err
}

func (x *oauthExchange) token(message string) ([]byte, *security.Identity, error) {
	m, err := parseOAuth(message)
	if err != nil {
		return nil, nil, invalid("OAUTHBEARER: %v", err)
	}
	o := x.server.options
	who, err := o.OAuth.Validate(context.Background(), m.token, o.Now())
	if failure, ok := errors.AsType[*security.Failure](err); ok {
		x.refusal = security.Failf(oauthError, "OAUTHBEARER: %s", failure.Reason)
		return []byte(oauthError), nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	name := strings.TrimPrefix(who.Principal, "User:")
	if m.authzid != "" && m.authzid != name {
		return nil, nil, told(fmt.Sprintf("Authentication failed: Client requested an "+
			"authorization id (%s) that is different from the token's principal name (%s)",
			m.authzid, name))
	}
	return []byte{}, &who, nil
}

// oauthMessage is
//
//	"n," ["a=" authzid] "," ^A *(key "=" value ^A) ^A
//
// with a value "Bearer" token for the key "auth".
type oauthMessage struct {
	authzid, token string
	extensions     map[string]string
}

const controlA = "\x01"

var (
	errOAuthFormat = errors.New("it does not have the form of a first message")
	bearer         = regexp.MustCompile(`^(?i:bearer) +([-_~+/.a-zA-Z0-9]+=*)$`)
)

func parseOAuth(message string) (m oauthMessage, err error) {
	header, body, found := strings.Cut(message, ","+controlA)
	authzid, isHeader := strings.CutPrefix(header, "n,")
	if !found || !isHeader {
		return m, errOAuthFormat
	}
	if authzid != "" {
		escaped, ok := strings.CutPrefix(authzid, "a=")
		// Kafka compares the name as it is escaped; a real one has neither comma nor equals sign.
		if _, err := unescapeName(escaped); !ok || err != nil || !isSafe(escaped) ||
			strings.Contains(escaped, ",") {
			return m, errOAuthFormat
		}
		m.authzid = escaped
	}
	pairs, ok := strings.CutSuffix(body, controlA)
	if !ok {
		return m, errOAuthFormat
	}
	if m.extensions, err = oauthPairs(pairs); err != nil {
		return m, err
	}
	auth, ok := m.extensions["auth"]
	if !ok {
		return m, errors.New("the key \"auth\" is missing")
	}
	delete(m.extensions, "auth")
	match := bearer.FindStringSubmatch(auth)
	if match == nil {
		return m, errors.New("the value of \"auth\" is not \"Bearer\" and a token")
	}
	m.token = match[1]
	return m, nil
}

// oauthPairs reads the pairs, each of which a ^A ends.
func oauthPairs(pairs string) (map[string]string, error) {
	const most = 32
	values := make(map[string]string)
	for n := 0; pairs != ""; n++ {
		pair, rest, ended := strings.Cut(pairs, controlA)
		key, value, ok := strings.Cut(pair, "=")
		if n == most || !ended || !ok || !isAlpha(key) || !isOAuthValue(value) {
			return nil, errOAuthFormat
		}
		values[key], pairs = value, rest
	}
	return values, nil
}

func isOAuthValue(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return (c < ' ' || c > '~') && c != '\t' && c != '\r' && c != '\n'
	})
}
