package sasl

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/yakt/yakt/security"
)

// plainExchange is the server's side of PLAIN (RFC 4616) with the users of the listener's JAAS
// line, as Kafka's PlainSaslServer and PlainServerCallbackHandler.
type plainExchange struct{ server *Server }

// Step implements security.Exchange.
func (x *plainExchange) Step(message []byte) ([]byte, *security.Identity, error) {
	authzid, user, password, err := parsePlain(message)
	switch {
	case err != nil:
		return nil, nil, err
	case user == "":
		return nil, nil, told("Authentication failed: username not specified")
	case password == "":
		return nil, nil, told("Authentication failed: password not specified")
	case !x.server.plainUser(user, password):
		return nil, nil, security.Failf("Authentication failed: Invalid username or password",
			"PLAIN: wrong password or unknown user %q", shown(user))
	case authzid != "" && authzid != user:
		return nil, nil, told("Authentication failed: Client requested an authorization id that " +
			"is different from username")
	}
	return []byte{}, &security.Identity{Principal: userPrincipal(user)}, nil
}

// parsePlain splits
//
//	[authzid] NUL user NUL password
func parsePlain(message []byte) (authzid, user, password string, err error) {
	parts := strings.SplitN(strings.ToValidUTF8(string(message), "\uFFFD"), "\x00", 4)
	if len(parts) != 3 {
		return "", "", "", told(fmt.Sprintf(
			"Invalid SASL/PLAIN response: expected 3 tokens, got %d", len(parts)))
	}
	return parts[0], parts[1], parts[2], nil
}

// plainUser reports whether a user has a password. The time it takes depends on the lengths of the
// input alone: digests are compared, with that of a secret for a user that does not exist.
func (s *Server) plainUser(user, password string) bool {
	known, exists := s.settings.plainUsers[user]
	expected := s.digest("plain", known.Reveal())
	if !exists {
		expected = s.digest("nobody", user)
	}
	return hmac.Equal(expected, s.digest("plain", password))
}

// digest is a keyed hash that only this server can compute.
func (s *Server) digest(purpose, text string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// shown shortens a name that a client sent, for the log.
func shown(name string) string {
	const most = 100
	if len(name) > most {
		return name[:most] + "..."
	}
	return name
}
