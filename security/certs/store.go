package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
)

// Store is the certificates of one listener or client, and exchanges them while they are in use.
// Its methods may be called from any goroutine. Connections that exist are not touched by an
// exchange; every handshake uses what was last read.
type Store struct {
	o       Options
	log     *slog.Logger
	current atomic.Pointer[state]

	mu      sync.Mutex // of exchanges
	refused string     // why the last exchange was refused; "" if it was not
	tried   []stamp    // of the files at that time
	triedAt time.Time
	warned  map[string]time.Time
}

// state is the settings and certificates in use. It is not changed.
type state struct {
	settings Settings
	*material
	server *tls.Config
}

// Open reads the stores. An error is an *Error: it names the key of the configuration.
func Open(s Settings, o Options) (*Store, error) {
	o = o.withDefaults()
	store := &Store{o: o, log: o.Logger.With("listener", o.Listener),
		warned: make(map[string]time.Time)}
	m, err := o.load(s, o.Now())
	if err != nil {
		return nil, err
	}
	store.use(s, m)
	return store, nil
}

func (s *Store) use(settings Settings, m *material) {
	s.current.Store(&state{settings, m, s.serverConfig(settings, m)})
}

// serverConfig makes the configuration of handshakes. There are no session tickets: a client that
// resumed a session would not be checked against a truststore that has changed since, and clients
// of Kafka stay connected for long.
func (s *Store) serverConfig(settings Settings, m *material) *tls.Config {
	c := &tls.Config{
		MinVersion: settings.MinVersion, MaxVersion: settings.MaxVersion,
		CipherSuites: settings.CipherSuites, ClientAuth: settings.ClientAuth, ClientCAs: m.roots,
		NextProtos: s.o.NextProtos, Time: s.o.Now,
		SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true,
	}
	if m.pair != nil {
		c.Certificates = []tls.Certificate{*m.pair}
	}
	return c
}

// Server returns the configuration of a listener. It asks for the newest certificates at each
// handshake.
func (s *Store) Server() *tls.Config {
	st := s.current.Load()
	return &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return s.current.Load().server, nil
		},
		MinVersion: st.settings.MinVersion, MaxVersion: st.settings.MaxVersion,
		NextProtos: s.o.NextProtos, Time: s.o.Now,
		SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true,
	}
}

// Client returns the configuration of one connection to a host, whose name or address is compared
// with its certificate unless that is switched off. Ask again for every connection.
func (s *Store) Client(host string) *tls.Config {
	st := s.current.Load()
	c := &tls.Config{
		ServerName: host, RootCAs: st.roots, Time: s.o.Now,
		MinVersion: st.settings.MinVersion, MaxVersion: st.settings.ClientMaxVersion,
		CipherSuites:                st.settings.CipherSuites,
		DynamicRecordSizingDisabled: true,
	}
	if st.pair != nil {
		c.Certificates = []tls.Certificate{*st.pair}
	}
	if !st.settings.CheckHost {
		c.InsecureSkipVerify = true // replaced by a check of all but the name
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			return st.verifyServer(cs, s.o.Now())
		}
	}
	return c
}

// verifyServer checks a server's certificate without its name.
func (m *material) verifyServer(cs tls.ConnectionState, now time.Time) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	return verify(cs.PeerCertificates, m.roots, now, x509.ExtKeyUsageServerAuth)
}

// verify checks a chain, its leaf first, against authorities.
func verify(
	chain []*x509.Certificate, roots *x509.CertPool, now time.Time, usage x509.ExtKeyUsage,
) error {
	others := x509.NewCertPool()
	for _, c := range chain[1:] {
		others.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: others, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{usage},
	})
	return err
}

// verifiedBy checks the certificates of m as the other nodes would if they had the authorities of
// other.
func (m *material) verifiedBy(other *material, now time.Time) error {
	for name, usage := range map[string]x509.ExtKeyUsage{
		"server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth,
	} {
		if err := verify(m.chain, other.roots, now, usage); err != nil {
			return fmt.Errorf("as a %s's: %w", name, err)
		}
	}
	return nil
}

// Principal returns who a client is: the name that the rules make of its certificate's, or
// anonymous without a certificate. An error means that the client must be refused.
func (s *Store) Principal(cs tls.ConnectionState) (security.Identity, error) {
	if len(cs.PeerCertificates) == 0 {
		return security.Identity{Principal: protocol.Anonymous}, nil
	}
	name, err := Name(cs.PeerCertificates[0].RawSubject)
	if err != nil {
		return security.Identity{}, err
	}
	user, err := s.current.Load().settings.Rules.Apply(name)
	if err != nil {
		return security.Identity{}, err
	}
	return security.Identity{Principal: "User:" + user}, nil
}

// Settings returns the settings in use.
func (s *Store) Settings() Settings { return s.current.Load().settings }
