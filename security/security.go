// Package security holds what the servers and the mechanisms of authentication have in common: the
// identity of a client, and the exchange of messages that ends with one. It imports none of them.
package security

import (
	"crypto/tls"
	"fmt"
	"time"
)

// Identity says who has authenticated on a connection.
type Identity struct {
	Principal string // "Type:name", such as "User:alice"
	// TokenAuthenticated says that a delegation token has authenticated the principal.
	TokenAuthenticated bool
	Expires            time.Time // when the credentials end by themselves; zero: never
}

// Client is what a mechanism may know of the client that authenticates.
type Client struct {
	Listener string               // the name of the listener, in upper case
	Addr     string               // textual IP, without port
	TLS      *tls.ConnectionState // nil without TLS
}

// Exchange is the server's side of one SASL authentication. It belongs to one goroutine.
type Exchange interface {
	// Step takes a message of the client and returns the message for it, and who it is once that
	// is certain; no further Step is called then, nor after an error. An error of type *Failure is
	// the client's; any other is a fault of this node, of which the client learns nothing.
	Step(message []byte) (reply []byte, who *Identity, err error)
}

// Authenticator starts SASL exchanges for the connections of one listener. It is safe for
// concurrent use.
type Authenticator interface {
	// Mechanisms are the names of the enabled mechanisms, in the order of the configuration.
	Mechanisms() []string
	// Begin starts an exchange by one of the enabled mechanisms.
	Begin(mechanism string, client Client) (Exchange, error)
}

// Failure is an authentication that failed because of what the client sent.
type Failure struct {
	// Told is the sentence for the client. It says no more than what Kafka's says.
	Told string
	// Reason is for the log of this node. It holds no secret.
	Reason string
}

// Error is the reason.
func (f *Failure) Error() string { return f.Reason }

// Failf makes a failure that tells the client nothing but that it failed.
func Failf(told, format string, args ...any) *Failure {
	return &Failure{Told: told, Reason: fmt.Sprintf(format, args...)}
}

// Dialogue is the client's side of one SASL authentication. It belongs to one goroutine.
type Dialogue interface {
	Mechanism() string
	// Step takes the server's message, nil at first, and returns the next one for it; done after
	// the server's last message has been checked.
	Step(message []byte) (reply []byte, done bool, err error)
}

// Problem is something wrong with a configuration key, in the words of config.Problem.
type Problem struct{ Key, Wrong, Fix string }
