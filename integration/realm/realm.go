package realm

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/security/certs/certstest"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// Security protocols of listeners.
const (
	Plaintext     = "PLAINTEXT"
	SSL           = "SSL"
	SASLPlaintext = "SASL_PLAINTEXT"
	SASLSSL       = "SASL_SSL"
)

// Mechanisms of SASL.
const (
	Plain       = "PLAIN"
	Scram256    = "SCRAM-SHA-256"
	Scram512    = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// Mechanisms are all of them.
var Mechanisms = []string{Plain, Scram256, Scram512, OAuthBearer}

// The users. Each has a certificate, a password and tokens; SCRAM credentials are in the metadata
// only, see AddScram.
const (
	Admin      = "admin"      // a super user
	Controller = "controller" // a super user: the quorum's nodes
	Broker     = "broker"     // a super user: all brokers
	Alice      = "alice"      // has what a test gives her
	Bob        = "bob"        // has nothing
)

var users = []string{Admin, Controller, Broker, Alice, Bob}

// Listener is a listener of a member, or one that it connects to.
type Listener struct {
	Name     string // as in listeners, in upper case
	Protocol string
	// Mechanisms are enabled; the first is the one with which members connect to each other.
	Mechanisms []string
}

// IsTLS reports whether the listener speaks TLS.
func (l Listener) IsTLS() bool { return l.Protocol == SSL || l.Protocol == SASLSSL }

// Allows reports whether a client may log in by a mechanism, "" for none.
func (l Listener) Allows(mechanism string) bool {
	return slices.Contains(l.Mechanisms, mechanism) || mechanism == "" && len(l.Mechanisms) == 0
}

// Realm is one certificate authority, one issuer of tokens and their users. Its methods may be
// called from one goroutine at a time; logins may be used from any.
type Realm struct {
	// SuperUsers is the value of super.users.
	SuperUsers string
	Issuer     *oauthtest.Issuer

	dir          string
	authority    *certstest.CA   // certifies
	trusted      []*certstest.CA // by all
	certificates map[string]*certstest.Pair
}

// New makes a realm with a certificate and tokens for every user.
func New(t testing.TB) *Realm {
	t.Helper()
	r := &Realm{dir: t.TempDir(), SuperUsers: "User:admin;User:controller;User:broker",
		authority: certstest.NewCA(t, "the authority"), Issuer: oauthtest.New(t, "RS256"),
		certificates: map[string]*certstest.Pair{}}
	r.Trust(t)
	for _, u := range users {
		r.Certify(t, u)
	}
	r.writeTokens(t)
	return r
}

// Password of a user.
func Password(user string) string { return user + "-secret" }

// Properties configures the security of a member: the listeners that it opens, and those of other
// members that it connects to. name is the user that the member is.
func (r *Realm) Properties(name string, listeners ...Listener) map[string]string {
	p := map[string]string{
		"authorizer.class.name":          authorizer,
		"super.users":                    r.SuperUsers,
		"listener.security.protocol.map": protocolMap(listeners),
		// the principal of a certificate is the common name of its subject
		"ssl.principal.mapping.rules": `RULE:^CN=([^,]+).*$/$1/,DEFAULT`,
	}
	maps.Copy(p, r.stores(name))
	maps.Copy(p, r.validation())
	for _, l := range listeners {
		maps.Copy(p, r.Keys(name, l))
	}
	return p
}

// Keys configures one listener of a member, by keys with its prefix.
func (r *Realm) Keys(name string, l Listener) map[string]string {
	p := map[string]string{}
	for key, value := range r.listener(name, l) {
		p["listener.name."+strings.ToLower(l.Name)+"."+key] = value
	}
	return p
}

const authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"

func protocolMap(listeners []Listener) string {
	var each []string
	for _, l := range listeners {
		each = append(each, l.Name+":"+l.Protocol)
	}
	return strings.Join(each, ",")
}

// listener returns the keys of one listener, without their prefix.
func (r *Realm) listener(name string, l Listener) map[string]string {
	p := map[string]string{}
	switch {
	case l.Protocol == SSL:
		p["ssl.client.auth"] = "required"
	case l.IsTLS():
		p["ssl.client.auth"] = "none"
	}
	if len(l.Mechanisms) > 0 {
		p["sasl.enabled.mechanisms"] = strings.Join(l.Mechanisms, ",")
	}
	for _, m := range l.Mechanisms {
		for key, value := range r.mechanism(name, m) {
			p[strings.ToLower(m)+"."+key] = value
		}
	}
	return p
}

// mechanism returns the keys of a mechanism, for the server's side and for the member as a client.
func (r *Realm) mechanism(name, mechanism string) map[string]string {
	const lines = "sasl.jaas.config"
	switch mechanism {
	case Plain:
		return map[string]string{lines: jaas(plainModule, name, passwords())}
	case OAuthBearer:
		p := r.bearer(name)
		p[lines] = oauthLine
		p["sasl.server.callback.handler.class"] = oauthPackage +
			"OAuthBearerValidatorCallbackHandler"
		return p
	}
	return map[string]string{lines: jaas(scramModule, name, "")}
}

// JAAS modules of Kafka.
const (
	plainModule  = "org.apache.kafka.common.security.plain.PlainLoginModule"
	scramModule  = "org.apache.kafka.common.security.scram.ScramLoginModule"
	oauthPackage = "org.apache.kafka.common.security.oauthbearer."
	oauthLine    = oauthPackage + "OAuthBearerLoginModule required;"
)

func jaas(module, user, more string) string {
	return fmt.Sprintf(`%s required username="%s" password="%s"%s;`, module, user, Password(user),
		more)
}

// passwords are the users that a listener with PLAIN knows.
func passwords() (s string) {
	for _, u := range users {
		s += fmt.Sprintf(` user_%s="%s"`, u, Password(u))
	}
	return s
}

// AddScram returns the arguments of format that give every user SCRAM credentials of both kinds.
func AddScram() (args []string) {
	for _, u := range users {
		for _, m := range []string{Scram256, Scram512} {
			args = append(args, "--add-scram",
				fmt.Sprintf("%s=[name=%s,password=%s,iterations=%d]",
					m, u, Password(u), scramIterations))
		}
	}
	return args
}

// scramIterations is the least that Kafka accepts.
const scramIterations = 4096

// JVMArgs are the options of a Java program that reads the realm's files: since 4.0 Kafka reads
// tokens and keys from named places only.
func (r *Realm) JVMArgs() []string {
	return []string{
		"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + strings.Join(r.urls(), ","),
	}
}

func (r *Realm) file(name string) string { return filepath.Join(r.dir, name) }

// Dir is the folder with the files of all users.
func (r *Realm) Dir() string { return r.dir }
