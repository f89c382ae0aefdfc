// Package certs is TLS as Kafka's ssl.* keys configure it: it parses the keys, reads keystores and
// truststores (PEM, PKCS12, JKS), makes configurations of crypto/tls from them, exchanges
// certificates without a restart, and names the principal of a client's certificate.
//
// Differs from Kafka: a session is never resumed, so that every handshake is checked against the
// truststore of that moment; names of servers are looked for in subject alternative names only,
// not in the common name; without a truststore the system's authorities are trusted, as there is
// no JVM with its own; PEM keys may also be PKCS#1 and SEC 1, and a chain may have its key's
// certificate anywhere in PKCS12.
package certs

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/yakt/yakt/security"
)

// Error is a store that cannot be used. It names the configuration key, and holds no secret.
type Error struct {
	security.Problem
	Cause error // may be nil
}

// Error is one sentence: the key, what is wrong, what to do.
func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", e.Key, e.Wrong, e.Fix) }

func (e *Error) Unwrap() error { return e.Cause }

func fault(key, wrong, fix string, cause error) *Error {
	return &Error{security.Problem{Key: key, Wrong: wrong, Fix: fix}, cause}
}

// Use says what the certificates of a Store are for.
type Use int

const (
	// ForServer is a listener: a keystore is required.
	ForServer Use = iota
	// ForPeers is a listener whose other nodes use the same stores, and which this node uses as
	// their client. A keystore is required, and the truststore must trust it: Kafka checks that
	// of the listener between brokers.
	ForPeers
	// ForClient only connects; a keystore is needed only by servers that ask for a certificate.
	ForClient
)

// Options are what a Store needs beside its settings. Fields that are zero have the meaning beside
// them.
type Options struct {
	Listener string // named in the log and by Expiries
	Use      Use
	// NextProtos are the protocols of ALPN that servers offer; none.
	NextProtos []string
	Logger     *slog.Logger     // slog.Default()
	Now        func() time.Time // time.Now
	// ReadFile and Stat are os.ReadFile and os.Stat. Stat follows symbolic links.
	ReadFile func(name string) ([]byte, error)
	Stat     func(name string) (fs.FileInfo, error)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.Stat == nil {
		o.Stat = os.Stat
	}
	return o
}

// versions are the names of the versions of TLS that are served.
var versions = map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}
