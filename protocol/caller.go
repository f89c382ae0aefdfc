package protocol

// Anonymous is the principal of a connection without authentication.
const Anonymous = "User:ANONYMOUS"

// Security protocols of connections and endpoints (SecurityProtocol).
const (
	Plaintext     int16 = 0
	SSL           int16 = 1
	SASLPlaintext int16 = 2
	SASLSSL       int16 = 3
)

// Caller says who sent a request and on which connection. It is a value and stays valid after the
// connection has ended. All fields but ClientID and Forwarded are the same for every request of a
// connection. For a forwarded request, Principal, ClientAddr and ClientID are those in the
// envelope.
type Caller struct {
	Listener  string // name of the listener that accepted the connection
	Principal string // Anonymous without authentication
	// Operator is who acts for Principal, if that is another one; only over HTTP.
	Operator         string
	ClientAddr       string // textual IP of the client, without port; IPv4-mapped addresses as IPv4
	ClientID         string // from the request header; null is ""
	Forwarded        bool   // inside an ENVELOPE, set by the controller
	LocalAddr        string // "ip:port" of this end of the connection
	SecurityProtocol int16
	// TokenAuthenticated says that a delegation token has authenticated the principal.
	TokenAuthenticated bool
}
