// Package sasl has the SASL mechanisms of Kafka, for servers and for clients: PLAIN, SCRAM-SHA-256
// and -512, also with delegation tokens, and OAUTHBEARER. It knows nothing of connections: the
// messages of an exchange are those of SASL itself.
//
// What a client learns of a failure is the sentence that Kafka's brokers send. Whether a user
// exists does not show in the time that an answer takes, nor in the answer, as long as credentials
// have the 4096 iterations and the kind of salt that Kafka's tools make by default.
package sasl

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/yakt/yakt/security"
)

// Names of the mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
	GSSAPI      = "GSSAPI"
)

// Credentials are the secrets that are kept in the cluster's metadata. The methods are called from
// any goroutine; what they return is not changed by either side.
type Credentials interface {
	// Scram returns the credential of a user for ScramSHA256 or ScramSHA512.
	Scram(mechanism, user string) (Credential, bool)
	// Token returns a delegation token. Whether it has expired is not looked at.
	Token(id string) (Token, bool)
}

// Credential is a user's SCRAM credential, as UserScramCredentialRecord has it.
type Credential struct {
	Salt, StoredKey, ServerKey []byte
	Iterations                 int
}

// Token is a delegation token.
type Token struct {
	Owner   string // "User:name"
	HMAC    []byte // the secret
	Expires time.Time
}

// TokenValidator checks tokens of OAUTHBEARER. An error of type *security.Failure is the token's
// fault; any other is the node's, which could not decide.
type TokenValidator interface {
	Validate(ctx context.Context, token string, now time.Time) (security.Identity, error)
}

// Options are what a Server needs beyond its configuration.
type Options struct {
	Credentials Credentials // for SCRAM and Server.Password and Token
	OAuth       TokenValidator
	// Secret makes the salts of users that do not exist and of tokens. Nodes with the same secret
	// cannot be told apart by asking them for the same user. nil: a random one.
	Secret []byte
	Now    func() time.Time // time.Now
	Random io.Reader        // crypto/rand
	Costs  *Costs           // shared by the servers of a process; nil: of this server alone
}

// Server authenticates the clients of one listener. It is safe for concurrent use.
type Server struct {
	settings Settings
	options  Options
	secret   []byte
	costs    *Costs
	verified verified
}

var _ security.Authenticator = (*Server)(nil)

// NewServer makes a server. Settings must have come from Parse without a problem. An error says
// which option is missing.
func NewServer(settings Settings, o Options) (*Server, error) {
	for _, m := range settings.Mechanisms {
		switch {
		case isScram(m) && o.Credentials == nil:
			return nil, fmt.Errorf("sasl: %s needs Credentials", m)
		case m == OAuthBearer && o.OAuth == nil:
			return nil, fmt.Errorf("sasl: %s needs OAuth", m)
		case !Supported(m):
			return nil, fmt.Errorf("sasl: mechanism %s is not supported", m)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	s := &Server{
		settings: settings, options: o, secret: slices.Clone(o.Secret),
		costs: cmp.Or(o.Costs, NewCosts()),
	}
	if s.secret == nil {
		s.secret = make([]byte, 32)
		if _, err := io.ReadFull(o.Random, s.secret); err != nil {
			return nil, fmt.Errorf("sasl: no randomness: %w", err)
		}
	}
	return s, nil
}

// Mechanisms implements security.Authenticator.
func (s *Server) Mechanisms() []string { return slices.Clone(s.settings.Mechanisms) }

// MaxReauth is the time after which a client must authenticate again by a mechanism
// (connections.max.reauth.ms); 0: never.
func (s *Server) MaxReauth(mechanism string) time.Duration {
	return s.settings.MaxReauth(mechanism)
}

// Begin implements security.Authenticator.
func (s *Server) Begin(mechanism string, client security.Client) (security.Exchange, error) {
	if !slices.Contains(s.settings.Mechanisms, mechanism) {
		return nil, fmt.Errorf("sasl: mechanism %q is not enabled", mechanism)
	}
	switch mechanism {
	case Plain:
		return &plainExchange{server: s}, nil
	case ScramSHA256, ScramSHA512:
		return &scramExchange{server: s, hash: scramHashes[mechanism]}, nil
	case OAuthBearer:
		return &oauthExchange{server: s}, nil
	}
	return nil, fmt.Errorf("sasl: mechanism %s is not supported", mechanism)
}

// Supported reports whether a mechanism can be enabled.
func Supported(mechanism string) bool {
	return slices.Contains([]string{Plain, ScramSHA256, ScramSHA512, OAuthBearer}, mechanism)
}

func isScram(mechanism string) bool { return mechanism == ScramSHA256 || mechanism == ScramSHA512 }

// userPrincipal is the principal of a user name, as Kafka's DefaultKafkaPrincipalBuilder makes it.
func userPrincipal(name string) string { return "User:" + name }

// invalid is a failure of which the client learns no more than that its credentials are invalid:
// the protocol layer tells it Kafka's general sentence.
func invalid(format string, args ...any) error { return security.Failf("", format, args...) }

// told is a failure whose sentence the client learns.
func told(sentence string) error { return security.Failf(sentence, "%s", sentence) }
