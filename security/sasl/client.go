package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
)

// ClientSettings is how a client authenticates.
type ClientSettings struct {
	Mechanism string
	User      string // for PLAIN and SCRAM
	Password  protocol.Password
	TokenAuth bool // SCRAM: User is the id of a delegation token, Password its HMAC in base64
	// Extensions are sent with a token of OAUTHBEARER.
	Extensions map[string]string
}

// ClientOptions are what a client needs beyond its configuration.
type ClientOptions struct {
	// Token returns a token for OAUTHBEARER. It is called for each authentication.
	Token func(context.Context) (string, error)
	// Refused, unless nil, is told of a token that a server has not taken.
	Refused func(token string)
	// TokenTimeout bounds the call; 30 s.
	TokenTimeout time.Duration
	Random       io.Reader // crypto/rand
}

// ParsePeer reads how this node authenticates at its peers: by sasl.mechanism.controller.protocol,
// with the user and the password of the JAAS line that also configures the server, as Kafka's
// controllers do. The keys are the effective ones of the first controller listener.
func ParsePeer(keys map[string]string) (ClientSettings, []security.Problem) {
	const key = "sasl.mechanism.controller.protocol"
	p := &parser{keys: keys}
	mechanism := p.clientMechanism(key)
	return p.client(mechanism, prefixed(mechanism, keyJaas))
}

// ParseClient reads how a client program authenticates from its properties, sasl.mechanism and
// sasl.jaas.config.
func ParseClient(keys map[string]string) (ClientSettings, []security.Problem) {
	p := &parser{keys: keys}
	return p.client(p.clientMechanism("sasl.mechanism"), keyJaas)
}

const oneMechanism = "name one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER"

// clientMechanism returns a mechanism, "" after a problem.
func (p *parser) clientMechanism(key string) string {
	m, ok := p.keys[key]
	m = strings.TrimSpace(m)
	switch {
	case Supported(m):
		return m
	case !ok:
		p.wrong(key, "is not set, and its default, GSSAPI (Kerberos), is not supported",
			oneMechanism)
	default:
		p.wrong(key, "is not a supported mechanism", oneMechanism)
	}
	return ""
}

func (p *parser) client(mechanism, key string) (ClientSettings, []security.Problem) {
	if mechanism == "" {
		return ClientSettings{}, p.problems
	}
	s := ClientSettings{Mechanism: mechanism}
	line, ok := p.keys[key]
	if !ok {
		p.wrong(key, "is not set, which says as whom to authenticate by "+mechanism,
			"set it to \""+loginModules[mechanism]+" required username=\"<name>\" "+
				"password=\"<password>\";\"; "+noJAASFile)
		return s, p.problems
	}
	e, ok := p.parsed(key, line, mechanism)
	if !ok {
		return s, p.problems
	}
	if mechanism == OAuthBearer {
		s.Extensions = make(map[string]string)
		for option, value := range e.Options {
			if name, ok := strings.CutPrefix(option, "extension_"); ok {
				s.Extensions[name] = value.Reveal()
			}
		}
		return s, p.problems
	}
	s.User, s.Password = e.Option("username"), e.Options["password"]
	s.TokenAuth = isScram(mechanism) && strings.EqualFold(e.Option(tokenAuth), "true")
	if s.User == "" || !s.Password.IsSet() {
		p.wrong(key, "lacks the options username and password, with which this program "+
			"authenticates by "+mechanism, "add username=\"<name>\" password=\"<password>\"")
	}
	return s, p.problems
}

// NewClient returns a function that begins a dialogue, one for each connection. The function is
// safe for concurrent use.
func NewClient(s ClientSettings, o ClientOptions) (func() security.Dialogue, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.TokenTimeout == 0 {
		o.TokenTimeout = 30 * time.Second
	}
	switch {
	case s.Mechanism == Plain:
		return func() security.Dialogue { return &plainDialogue{settings: s} }, nil
	case isScram(s.Mechanism):
		return func() security.Dialogue {
			return &scramDialogue{settings: s, hash: scramHashes[s.Mechanism], random: o.Random}
		}, nil
	case s.Mechanism == OAuthBearer && o.Token == nil:
		return nil, errors.New("sasl: OAUTHBEARER needs a source of tokens")
	case s.Mechanism == OAuthBearer:
		return func() security.Dialogue { return &oauthDialogue{settings: s, options: o} }, nil
	}
	return nil, fmt.Errorf("sasl: mechanism %q is not supported", s.Mechanism)
}

var errUnexpected = errors.New("the server goes on after the end of the SASL dialogue")

// plainDialogue is the client's side of PLAIN.
type plainDialogue struct {
	settings ClientSettings
	sent     bool
}

func (d *plainDialogue) Mechanism() string { return Plain }

// Step implements security.Dialogue.
func (d *plainDialogue) Step(message []byte) ([]byte, bool, error) {
	switch {
	case !d.sent:
		d.sent = true
		return []byte("\x00" + d.settings.User + "\x00" + d.settings.Password.Reveal()), false, nil
	case len(message) > 0:
		return nil, false, errUnexpected
	}
	return nil, true, nil
}

// scramDialogue is the client's side of SCRAM. It trusts a server only after it has proved that it
// knows the user's credential.
type scramDialogue struct {
	settings ClientSettings
	hash     scramHash
	random   io.Reader

	nonce       string
	bare        string
	serverKey   []byte
	authMessage string
}

// A client derives keys for no more iterations than this, so that a false server cannot occupy it;
// Kafka's limit for credentials is 16384.
const clientMaxIterations = 1 << 20

const gs2Header = "n,,"

func (d *scramDialogue) Mechanism() string { return d.hash.mechanism }

// Step implements security.Dialogue.
func (d *scramDialogue) Step(message []byte) ([]byte, bool, error) {
	switch {
	case d.bare == "":
		return d.begin()
	case d.serverKey == nil:
		return d.prove(string(message))
	}
	return nil, true, d.verify(string(message))
}

func (d *scramDialogue) begin() ([]byte, bool, error) {
	nonce, err := newNonce(d.random)
	if err != nil {
		return nil, false, err
	}
	d.nonce = nonce
	d.bare = "n=" + escapeName(d.settings.User) + ",r=" + nonce
	if d.settings.TokenAuth {
		d.bare += "," + tokenAuth + "=true"
	}
	return []byte(gs2Header + d.bare), false, nil
}

func (d *scramDialogue) prove(message string) ([]byte, bool, error) {
	m, err := parseServerFirst(message)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("SCRAM: the server's first message: %w", err)
	case !strings.HasPrefix(m.nonce, d.nonce) || len(m.nonce) == len(d.nonce):
		return nil, false, errors.New("SCRAM: the server does not use the client's nonce")
	case m.iterations < scramMinIterations || m.iterations > clientMaxIterations:
		return nil, false, fmt.Errorf("SCRAM: the server asks for %d iterations; %d to %d are safe",
			m.iterations, scramMinIterations, clientMaxIterations)
	}
	salted, err := d.hash.salted(d.settings.Password.Reveal(), m.salt, m.iterations)
	if err != nil {
		return nil, false, err
	}
	withoutProof := "c=" + base64.StdEncoding.EncodeToString([]byte(gs2Header)) + ",r=" + m.nonce
	d.authMessage = d.bare + "," + message + "," + withoutProof
	d.serverKey = d.hash.serverKey(salted)
	proof := d.hash.prove(d.hash.clientKey(salted), d.authMessage)
	return []byte(withoutProof + ",p=" + base64.StdEncoding.EncodeToString(proof)), false, nil
}

// verify checks the server's signature.
func (d *scramDialogue) verify(message string) error {
	field, _, _ := strings.Cut(message, ",")
	if reason, isError := strings.CutPrefix(field, "e="); isError {
		return fmt.Errorf("SCRAM: the server refuses: %q", shown(reason))
	}
	text, ok := strings.CutPrefix(field, "v=")
	signature, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return errors.New("SCRAM: the server's final message has no signature")
	}
	if !hmac.Equal(signature, d.hash.hmac(d.serverKey, d.authMessage)) {
		return errors.New("SCRAM: the server's signature is wrong: it does not know the " +
			"credential of this user, so it may be another than it claims to be")
	}
	return nil
}

// oauthDialogue is the client's side of OAUTHBEARER.
type oauthDialogue struct {
	settings ClientSettings
	options  ClientOptions
	sent     bool
	token    string
	refused  error
}

func (d *oauthDialogue) Mechanism() string { return OAuthBearer }

// Step implements security.Dialogue.
func (d *oauthDialogue) Step(message []byte) ([]byte, bool, error) {
	switch {
	case !d.sent:
		d.sent = true
		return d.begin()
	case d.refused != nil:
		return nil, false, d.refused
	case len(message) > 0:
		d.refused = fmt.Errorf("the server refuses the token: %q", shown(string(message)))
		if d.options.Refused != nil {
			d.options.Refused(d.token)
		}
		return []byte(controlA), false, nil
	}
	return nil, true, nil
}

func (d *oauthDialogue) begin() ([]byte, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.options.TokenTimeout)
	defer cancel()
	token, err := d.options.Token(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("no token for OAUTHBEARER: %w", err)
	}
	d.token = token
	var b strings.Builder
	b.WriteString(gs2Header + controlA + "auth=Bearer " + token)
	for name, value := range d.settings.Extensions {
		if !isAlpha(name) || name == "auth" || !isOAuthValue(value) {
			return nil, false, fmt.Errorf("the extension %q of OAUTHBEARER is not valid",
				shown(name))
		}
		b.WriteString(controlA + name + "=" + value)
	}
	b.WriteString(controlA + controlA)
	return []byte(b.String()), false, nil
}
