package realm

import (
	"crypto/tls"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Login is how a client connects. It is safe for concurrent use.
type Login struct {
	Name string         // for messages
	TLS  *tls.Config    // nil: without
	SASL sasl.Mechanism // nil: without
	java map[string]string
}

// Login returns how a user connects by a protocol, and a mechanism of SASL.
func (r *Realm) Login(user, protocol string, mechanism ...string) *Login {
	l := r.connection(user, protocol)
	if len(mechanism) > 0 {
		l.Name += " by " + mechanism[0]
		l.java["sasl.mechanism"] = mechanism[0]
		r.authenticate(l, user, mechanism[0])
	}
	return l
}

// TokenLogin returns how the owner of a delegation token connects by it.
func (r *Realm) TokenLogin(id, hmac, protocol, mechanism string) *Login {
	l := r.connection("", protocol)
	l.Name = fmt.Sprintf("token by %s, %s", protocol, mechanism)
	l.java["sasl.mechanism"] = mechanism
	l.java["sasl.jaas.config"] = fmt.Sprintf(
		`%s required username="%s" password="%s" tokenauth="true";`, scramModule, id, hmac)
	l.SASL = scramMechanism(mechanism, scram.Auth{User: id, Pass: hmac, IsToken: true})
	return l
}

// connection is a login without SASL. Over SSL it presents the user's certificate.
func (r *Realm) connection(user, protocol string) *Login {
	l := &Login{Name: user + " by " + protocol,
		java: map[string]string{"security.protocol": protocol}}
	if !(Listener{Protocol: protocol}).IsTLS() {
		return l
	}
	l.TLS = r.TLS()
	maps.Copy(l.java, r.truststore(Admin))
	if protocol == SSL {
		l.TLS.Certificates = append(l.TLS.Certificates, r.Certificate(user))
		maps.Copy(l.java, r.stores(user))
	}
	return l
}

func (r *Realm) authenticate(l *Login, user, mechanism string) {
	switch mechanism {
	case Plain:
		l.java["sasl.jaas.config"] = jaas(plainModule, user, "")
		l.SASL = plain.Auth{User: user, Pass: Password(user)}.AsMechanism()
	case OAuthBearer:
		maps.Copy(l.java, r.bearer(user))
		l.java["sasl.jaas.config"] = oauthLine
		l.SASL = oauth.Auth{Token: r.Issuer.Token(user, nil)}.AsMechanism()
	default:
		l.java["sasl.jaas.config"] = jaas(scramModule, user, "")
		l.SASL = scramMechanism(mechanism, scram.Auth{User: user, Pass: Password(user)})
	}
}

func scramMechanism(name string, auth scram.Auth) sasl.Mechanism {
	if name == Scram256 {
		return auth.AsSha256Mechanism()
	}
	return auth.AsSha512Mechanism()
}

// With returns the login with other properties for Java clients.
func (l *Login) With(other map[string]string) *Login {
	changed := *l
	changed.java = maps.Clone(l.java)
	maps.Copy(changed.java, other)
	return &changed
}

// Options are those of a franz-go client.
func (l *Login) Options() (opts []kgo.Opt) {
	if l.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(l.TLS.Clone()))
	}
	if l.SASL != nil {
		opts = append(opts, kgo.SASL(l.SASL))
	}
	return opts
}

// File writes the login as a file for --command-config and returns its path.
func (l *Login) File(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(l.java)) {
		fmt.Fprintf(&b, "%s=%s\n", k, l.java[k])
	}
	path := filepath.Join(t.TempDir(), "client.properties")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// OnlyPresent returns the login for servers whose certificate is of the present authority.
func (l *Login) OnlyPresent(r *Realm) *Login {
	changed := *l
	changed.TLS = l.TLS.Clone()
	changed.TLS.RootCAs = r.authority.Pool()
	return &changed
}

// Unchecked returns the login for servers with any certificate.
func (l *Login) Unchecked() *Login {
	changed := *l
	changed.TLS = l.TLS.Clone()
	changed.TLS.InsecureSkipVerify = true
	return &changed
}
