package sasl

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"strings"
	"time"

	"github.com/yakt/yakt/security"
)

const (
	// scramMinIterations is Kafka's least number of iterations for both mechanisms, and the number
	// for delegation tokens (ScramMechanism.minIterations).
	scramMinIterations = 4096
	// tokenAuth is the extension that says that the user is the id of a delegation token.
	tokenAuth = "tokenauth"
	// scramMaxBytes bounds a message of SCRAM.
	scramMaxBytes = 16 << 10
)

// scramExchange is the server's side of SCRAM (RFC 5802, 7677), as Kafka's ScramSaslServer, with
// the credentials in the cluster's metadata.
//
// Differs from Kafka: for a user or a token that does not exist, or whose credential has too few
// iterations, the exchange goes on with a salt that nobody can tell from a real one, and fails at
// the end as with a wrong password. Kafka's brokers fail at the first message, which shows who
// exists. The GS2 header in the client's last message must be that of its first.
type scramExchange struct {
	server *Server
	hash   scramHash

	first       *clientFirst // nil until it has arrived
	serverFirst serverFirst
	subject     scramSubject
	over        bool
}

// scramSubject is who a client says it is.
type scramSubject struct {
	name       string
	exists     bool
	credential Credential
	token      *Token // a delegation token; its keys are made when they are needed
	problem    string // why the exchange cannot succeed, for the log
}

// Step implements security.Exchange.
func (x *scramExchange) Step(message []byte) ([]byte, *security.Identity, error) {
	switch {
	case x.over:
		return nil, nil, errors.New("sasl: SCRAM: Step after the end")
	case len(message) > scramMaxBytes:
		x.over = true
		return nil, nil, invalid("SCRAM: a message of %d bytes", len(message))
	case x.first == nil:
		reply, err := x.begin(string(message))
		x.over = err != nil
		return reply, nil, err
	}
	x.over = true
	return x.finish(string(message))
}

// begin answers the first message with the salt and the number of iterations.
func (x *scramExchange) begin(message string) ([]byte, error) {
	m, err := parseClientFirst(message)
	if err != nil {
		return nil, invalid("SCRAM: the client's first message: %v", err)
	}
	if m.authzid != "" && m.authzid != m.user {
		return nil, told("Authentication failed: Client requested an authorization id that is " +
			"different from username")
	}
	nonce, err := newNonce(x.server.options.Random)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(m.extensions[tokenAuth], "true") {
		x.subject = x.server.tokenSubject(x.hash, m.user)
	} else {
		x.subject = x.server.userSubject(x.hash, m.user)
	}
	x.first = &m
	x.serverFirst = serverFirst{m.nonce + nonce, x.subject.credential.Salt,
		x.subject.credential.Iterations}
	return []byte(x.serverFirst.String()), nil
}

// userSubject looks a user up. The decoy is made in any case, so that it takes the same time.
func (s *Server) userSubject(h scramHash, user string) scramSubject {
	decoy := s.decoy(h, "user", user)
	c, exists := s.options.Credentials.Scram(h.mechanism, user)
	subject := scramSubject{name: user, exists: exists, credential: c}
	switch {
	case !exists:
		subject.problem = "there is no such user with a credential for the mechanism"
	case c.Iterations < scramMinIterations:
		subject.exists, subject.problem = false, "the user's credential has too few iterations"
	}
	if !subject.exists {
		subject.credential = decoy
	}
	return subject
}

// tokenSubject looks a delegation token up. It has no stored keys: those of its HMAC are made at
// the end of the exchange.
func (s *Server) tokenSubject(h scramHash, id string) scramSubject {
	t, exists := s.options.Credentials.Token(id)
	subject := scramSubject{name: id, exists: exists, credential: s.decoy(h, "token", id), token: &t}
	switch {
	case !exists:
		subject.problem = "there is no such delegation token"
	case !t.Expires.After(s.options.Now()):
		subject.exists, subject.problem = false, "the delegation token has expired"
	}
	return subject
}

// decoy is a credential that no password fits. It is the same each time it is asked for, and its
// salt looks like those that Kafka makes.
func (s *Server) decoy(h scramHash, kind, name string) Credential {
	salt := new(big.Int).SetBytes(s.digest("salt of "+kind+" "+h.mechanism, name)[:17])
	salt.Rsh(salt, 6) // 130 bits
	c := Credential{Salt: []byte(salt.Text(36)), Iterations: scramMinIterations}
	c.StoredKey = h.hmac(s.secret, "stored key of "+kind+" "+name)
	c.ServerKey = h.hmac(s.secret, "server key of "+kind+" "+name)
	return c
}

// finish checks the proof and returns the server's signature.
func (x *scramExchange) finish(message string) ([]byte, *security.Identity, error) {
	m, err := parseClientFinal(message)
	switch {
	case err != nil:
		return nil, nil, invalid("SCRAM: the client's final message: %v", err)
	case m.nonce != x.serverFirst.nonce:
		return nil, nil, invalid("SCRAM: the final message of %q has another nonce",
			shown(x.subject.name))
	case !bytes.Equal(m.binding, []byte(x.first.header)):
		return nil, nil, invalid("SCRAM: the final message of %q repeats another header than "+
			"the first had", shown(x.subject.name))
	}
	c, err := x.credential()
	if err != nil {
		return nil, nil, err
	}
	authMessage := x.first.bare + "," + x.serverFirst.String() + "," + m.withoutProof
	proved := x.hash.proves(m.proof, c, authMessage)
	if err := x.verdict(proved); err != nil {
		return nil, nil, err
	}
	signature := x.hash.hmac(c.ServerKey, authMessage)
	return []byte("v=" + base64.StdEncoding.EncodeToString(signature)), x.identity(), nil
}

// credential returns the keys of the subject. Those of a token, also of one that does not exist,
// cost the node as much as a password costs the client.
func (x *scramExchange) credential() (Credential, error) {
	if x.subject.token == nil {
		return x.subject.credential, nil
	}
	password := base64.StdEncoding.EncodeToString(x.subject.token.HMAC)
	release, err := x.server.costs.enter()
	if err != nil {
		return Credential{}, err // not the client's fault: it may try again
	}
	defer release()
	return x.hash.derive(password, x.subject.credential.Salt, scramMinIterations)
}

// verdict returns why the exchange has failed, if it has.
func (x *scramExchange) verdict(proved bool) error {
	switch {
	case !x.subject.exists:
		return invalid("SCRAM: %q: %s", shown(x.subject.name), x.subject.problem)
	case !proved:
		return invalid("SCRAM: wrong password of %q", shown(x.subject.name))
	}
	return nil
}

func (x *scramExchange) identity() *security.Identity {
	if t := x.subject.token; t != nil {
		return tokenIdentity(*t)
	}
	return &security.Identity{Principal: userPrincipal(x.subject.name)}
}

// tokenIdentity is the owner of a token, for as long as the token is valid.
func tokenIdentity(t Token) *security.Identity {
	_, name, _ := strings.Cut(t.Owner, ":")
	return &security.Identity{Principal: userPrincipal(name), TokenAuthenticated: true,
		Expires: t.Expires.Truncate(time.Millisecond)}
}

// newNonce makes a nonce as Kafka does: 130 random bits in base 36.
func newNonce(random io.Reader) (string, error) {
	var bits [17]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return "", err
	}
	n := new(big.Int).SetBytes(bits[:])
	return n.Rsh(n, 6).Text(36), nil
}
