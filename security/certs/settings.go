package certs

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
)

// Formats of stores. Like Java, this package looks into the file: JKS and PKCS12 may name each
// other.
const (
	typePEM    = "PEM"
	typePKCS12 = "PKCS12"
	typeJKS    = "JKS"
)

// Settings are the ssl.* keys, parsed. Parse makes them.
type Settings struct {
	Keystore, Truststore Source
	KeyPassword          protocol.Password
	ClientAuth           tls.ClientAuthType
	MinVersion           uint16
	MaxVersion           uint16
	ClientMaxVersion     uint16   // as ssl.protocol bounds it
	CipherSuites         []uint16 // of TLS 1.2; nil: Go's own choice
	CheckHost            bool     // a client compares the server's name with its certificate
	Rules                Rules
	AllowDNChanges       bool
	AllowSANChanges      bool
	// Warnings are about keys that have less effect than they have in Kafka.
	Warnings []security.Problem

	keys map[string]protocol.Password // what was parsed, for Update
}

// Source is where a keystore or a truststore comes from. The zero value is none.
type Source struct {
	Name     string // prefix of its keys: "ssl.keystore" or "ssl.truststore"
	Type     string // PEM, PKCS12 or JKS
	Location string // path of a file, or empty
	Password protocol.Password
	// Key and Certificates are PEM that stands in the configuration itself.
	Key, Certificates protocol.Password
}

func (s Source) configured() bool { return s.Location != "" || s.Certificates.IsSet() }

// key is the configuration key that is to blame for the contents of the store.
func (s Source) key() string {
	switch {
	case s.Location != "":
		return s.Name + ".location"
	case s.Name == keystoreName:
		return s.Name + ".certificate.chain"
	}
	return s.Name + ".certificates"
}

const (
	keystoreName   = "ssl.keystore"
	truststoreName = "ssl.truststore"
)

// parser collects problems.
type parser struct {
	keys     map[string]string
	problems []security.Problem
	warnings []security.Problem
}

func (p *parser) problem(key, wrong, fix string) {
	p.problems = append(p.problems, security.Problem{Key: key, Wrong: wrong, Fix: fix})
}

func (p *parser) warn(key, wrong, fix string) {
	p.warnings = append(p.warnings, security.Problem{Key: key, Wrong: wrong, Fix: fix})
}

// text returns a value without blanks around it, as Kafka reads every type.
func (p *parser) text(key, otherwise string) string {
	if v, ok := p.keys[key]; ok {
		return strings.TrimSpace(v)
	}
	return otherwise
}

func (p *parser) password(key string) protocol.Password {
	return protocol.NewPassword(p.text(key, ""))
}

// list splits at commas; a key that is not set is the otherwise list, an empty one is empty.
func (p *parser) list(key, otherwise string) []string {
	text := p.text(key, otherwise)
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func (p *parser) boolean(key string) bool {
	switch text := strings.ToLower(p.text(key, "false")); text {
	case "true", "false":
		return text == "true"
	}
	p.problem(key, "is neither true nor false", "write one of them")
	return false
}

// Parse reads the ssl.* keys of a listener or a client, without any prefix; other keys are ignored.
// It opens no file. Problems name what cannot be honoured.
func Parse(keys map[string]string) (Settings, []security.Problem) {
	p := &parser{keys: keys}
	s := Settings{keys: make(map[string]protocol.Password)}
	for key, value := range maps.All(keys) {
		if strings.HasPrefix(key, "ssl.") {
			s.keys[key] = protocol.NewPassword(value)
		}
	}
	p.refuseJava()
	p.stores(&s)
	p.clientAuth(&s)
	p.versions(&s)
	p.suites(&s)
	p.endpoint(&s)
	s.AllowDNChanges = p.boolean("ssl.allow.dn.changes")
	s.AllowSANChanges = p.boolean("ssl.allow.san.changes")
	rules, err := ParseRules(p.text(rulesKey, "DEFAULT"))
	if err != nil {
		p.problem(rulesKey, err.Error(), "see Kafka's documentation of the key for the form of "+
			"rules, and RE2's syntax for patterns")
	}
	s.Rules, s.Warnings = rules, p.warnings
	return s, p.problems
}

const rulesKey = "ssl.principal.mapping.rules"

// javaKeys name parts of a JVM; only their defaults can be honoured.
var javaKeys = []struct {
	key     string
	allowed []string
}{
	{"ssl.engine.factory.class",
		[]string{"org.apache.kafka.common.security.ssl.DefaultSslEngineFactory"}},
	{"ssl.provider", nil},
	{"ssl.keymanager.algorithm", []string{"SunX509"}},
	{"ssl.trustmanager.algorithm", []string{"PKIX"}},
	{"ssl.secure.random.implementation", nil},
}

func (p *parser) refuseJava() {
	for _, k := range javaKeys {
		if text := p.text(k.key, ""); text != "" && !slices.Contains(k.allowed, text) {
			p.problem(k.key, "names "+text+", a part of a Java virtual machine, which this "+
				"program does not have", "remove the key")
		}
	}
}

func (p *parser) clientAuth(s *Settings) {
	const key = "ssl.client.auth"
	switch p.text(key, "none") {
	case "none":
		s.ClientAuth = tls.NoClientCert
	case "requested":
		s.ClientAuth = tls.VerifyClientCertIfGiven
	case "required":
		s.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		p.problem(key, "is none of none, requested and required", "write one of them")
	}
	if s.ClientAuth != tls.NoClientCert && !s.Truststore.configured() {
		p.warn(key, "asks for certificates of clients, and there is no truststore: every "+
			"authority that this system trusts may issue one",
			"set ssl.truststore.location or ssl.truststore.certificates")
	}
}

func (p *parser) endpoint(s *Settings) {
	const key = "ssl.endpoint.identification.algorithm"
	switch text := p.text(key, "https"); strings.ToLower(text) {
	case "https":
		s.CheckHost = true
	case "":
		p.warn(key, "is empty: any server with a trusted certificate passes for any other",
			"remove the key, and put the names of hosts into certificates")
	default:
		s.CheckHost = true
		p.problem(key, "is "+text+", which is not known", "write https, or nothing to switch "+
			"the check of names off")
	}
}
