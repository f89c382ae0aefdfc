package sasl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/jaas"
)

// Settings is what the configuration of a listener says about SASL.
type Settings struct {
	Mechanisms  []string      // sasl.enabled.mechanisms
	MaxBytes    int           // sasl.server.max.receive.size
	FailedDelay time.Duration // connection.failed.authentication.delay.ms

	maxReauth  map[string]time.Duration // by mechanism; connections.max.reauth.ms under ""
	plainUsers map[string]protocol.Password
}

// MaxReauth is the time after which a client must authenticate again by a mechanism
// (connections.max.reauth.ms, which may have the mechanism in lower case as a prefix); 0: never.
func (s Settings) MaxReauth(mechanism string) time.Duration {
	if d, ok := s.maxReauth[mechanism]; ok {
		return d
	}
	return s.maxReauth[""]
}

// Kafka's defaults.
const (
	defaultMechanism     = GSSAPI
	defaultMaxBytes      = 512 << 10
	defaultFailedDelayMs = 100
)

const maxBytesMost = 8 << 20

// callbackHandlers are Kafka's classes that a mechanism uses by itself. What OAUTHBEARER takes is
// known to the package that validates its tokens.
var callbackHandlers = map[string]string{
	Plain: "org.apache.kafka.common.security.plain.internals.PlainServerCallbackHandler",
	ScramSHA256: "org.apache.kafka.common.security.scram.internals." +
		"ScramServerCallbackHandler",
	ScramSHA512: "org.apache.kafka.common.security.scram.internals." +
		"ScramServerCallbackHandler",
}

// loginModules are the classes that a JAAS line of a mechanism may name.
var loginModules = map[string]string{
	Plain:       jaas.PlainLoginModule,
	ScramSHA256: jaas.ScramLoginModule,
	ScramSHA512: jaas.ScramLoginModule,
	OAuthBearer: jaas.OAuthLoginModule,
	GSSAPI:      jaas.Krb5LoginModule,
}

// Keys without their prefixes.
const (
	keyMechanisms  = "sasl.enabled.mechanisms"
	keyJaas        = "sasl.jaas.config"
	keyCallback    = "sasl.server.callback.handler.class"
	keyMaxBytes    = "sasl.server.max.receive.size"
	keyMaxReauth   = "connections.max.reauth.ms"
	keyFailedDelay = "connection.failed.authentication.delay.ms"
)

// parser reads keys and collects what is wrong with them.
type parser struct {
	keys     map[string]string
	problems []security.Problem
}

func (p *parser) wrong(key, what, fix string) {
	p.problems = append(p.problems, security.Problem{Key: key, Wrong: what, Fix: fix})
}

// Parse reads the settings of a listener from its effective keys, which have no listener prefix.
func Parse(keys map[string]string) (Settings, []security.Problem) {
	p := &parser{keys: keys}
	s := Settings{
		Mechanisms: p.mechanisms(),
		MaxBytes:   int(p.number(keyMaxBytes, defaultMaxBytes, 1, maxBytesMost)),
		FailedDelay: time.Duration(p.number(keyFailedDelay, defaultFailedDelayMs, 0,
			int64(time.Hour/time.Millisecond))) * time.Millisecond,
		maxReauth: map[string]time.Duration{"": p.reauth(keyMaxReauth)},
	}
	for _, m := range s.Mechanisms {
		if key := prefixed(m, keyMaxReauth); p.isSet(key) {
			s.maxReauth[m] = p.reauth(key)
		}
		p.checkCallback(m)
		if m != Plain {
			p.entry(m, false)
			continue
		}
		if e, ok := p.entry(m, true); ok {
			s.plainUsers = plainUsers(e)
		}
	}
	return s, p.problems
}

// prefixed is the key for one mechanism.
func prefixed(mechanism, key string) string { return strings.ToLower(mechanism) + "." + key }

func (p *parser) isSet(key string) bool { _, ok := p.keys[key]; return ok }

func (p *parser) reauth(key string) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(p.number(key, 0, 0, most)) * time.Millisecond
}

func (p *parser) number(key string, byDefault, low, high int64) int64 {
	text, ok := p.keys[key]
	if !ok {
		return byDefault
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < low || n > high {
		p.wrong(key, fmt.Sprintf("is not a number from %d to %d", low, high),
			fmt.Sprintf("Kafka's default is %d", byDefault))
		return byDefault
	}
	return n
}

// mechanisms reads the list of mechanisms. One that cannot be served is left out of the result.
func (p *parser) mechanisms() []string {
	text, ok := p.keys[keyMechanisms]
	if !ok {
		text = defaultMechanism
	}
	var enabled []string
	for m := range strings.SplitSeq(text, ",") {
		switch m = strings.TrimSpace(m); {
		case m == "" || slices.Contains(enabled, m):
		case Supported(m):
			enabled = append(enabled, m)
		case m == GSSAPI && !ok:
			p.wrong(keyMechanisms, "is not set, and its default, GSSAPI (Kerberos), is not "+
				"supported", supportedMechanisms)
		case m == GSSAPI:
			p.wrong(keyMechanisms, "has GSSAPI (Kerberos), which is not supported",
				supportedMechanisms)
		default:
			p.wrong(keyMechanisms, fmt.Sprintf("has %q, which is not a known mechanism", shown(m)),
				supportedMechanisms)
		}
	}
	if len(enabled) == 0 && len(p.problems) == 0 {
		p.wrong(keyMechanisms, "enables no mechanism", supportedMechanisms)
	}
	return enabled
}

const supportedMechanisms = "list some of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"

const noJAASFile = "a file named by the JVM property java.security.auth.login.config is not read " +
	"here, since there is no JVM"

// checkCallback refuses classes, except Kafka's own one for the mechanism.
func (p *parser) checkCallback(mechanism string) {
	key := prefixed(mechanism, keyCallback)
	class, byDefault := strings.TrimSpace(p.keys[key]), callbackHandlers[mechanism]
	if class != "" && byDefault != "" && class != byDefault {
		p.wrong(key, "names a Java class that cannot run here",
			"remove the key; without it "+mechanism+" works as Kafka's own class does")
	}
}

// entry reads the JAAS line of a mechanism. Servers need one for PLAIN only: what SCRAM needs is in
// the metadata.
func (p *parser) entry(mechanism string, needed bool) (jaas.Entry, bool) {
	key := prefixed(mechanism, keyJaas)
	line, ok := p.keys[key]
	switch {
	case !ok && !needed:
		return jaas.Entry{}, false
	case !ok && p.isSet(keyJaas):
		p.wrong(key, "is not set; "+keyJaas+" is, but a server ignores it without the mechanism "+
			"as its prefix", "rename it to "+key)
		return jaas.Entry{}, false
	case !ok:
		p.wrong(key, "is not set, although "+mechanism+" is enabled", "set it to \""+
			loginModules[mechanism]+" required user_<name>=\"<password>\" ... ;\"; "+noJAASFile)
		return jaas.Entry{}, false
	}
	return p.parsed(key, line, mechanism)
}

func (p *parser) parsed(key, line, mechanism string) (jaas.Entry, bool) {
	e, err := jaas.One(line, loginModules[mechanism])
	if err == nil {
		return e, true
	}
	fix := "write one entry, \"" + loginModules[mechanism] + " required <option>=\"<value>\" ... ;\""
	if _, isSyntax := errors.AsType[*jaas.Error](err); !isSyntax {
		fix = "name that class; others belong to Java programs or to other mechanisms"
	}
	p.wrong(key, "cannot be used: "+err.Error(), fix)
	return jaas.Entry{}, false
}

// plainUsers are the options user_<name> of a server's entry.
func plainUsers(e jaas.Entry) map[string]protocol.Password {
	users := make(map[string]protocol.Password)
	for option, password := range e.Options {
		if name, ok := strings.CutPrefix(option, "user_"); ok && name != "" && password.IsSet() {
			users[name] = password
		}
	}
	return users
}
