package certs

import (
	"crypto/x509"
	"time"
)

const (
	// warnBefore is how long before its expiry a certificate is warned of.
	warnBefore = 30 * 24 * time.Hour
	// warnEvery is the pause between two warnings of one certificate.
	warnEvery = 24 * time.Hour
)

// Expiry is when a certificate of a store ends.
type Expiry struct {
	Listener string
	Store    string // "keystore" or "truststore"
	Subject  string // RFC 2253
	Serial   string // hexadecimal
	NotAfter time.Time
}

// Expiries returns all certificates in use: this node's own first, its issuers, then those trusted.
func (s *Store) Expiries() []Expiry {
	st := s.current.Load()
	var all []Expiry
	add := func(store string, certs []*x509.Certificate) {
		for _, c := range certs {
			all = append(all, Expiry{s.o.Listener, store, subject(c), c.SerialNumber.Text(16),
				c.NotAfter})
		}
	}
	add("keystore", st.chain)
	add("truststore", st.trusted)
	return all
}

// warn logs the certificates that expire soon or have expired, each once a day. The caller
// holds the lock.
func (s *Store) warn(now time.Time) {
	for _, e := range s.Expiries() {
		id := e.Store + e.Serial + e.Subject
		last, warned := s.warned[id]
		if now.Before(e.NotAfter.Add(-warnBefore)) || warned && now.Sub(last) < warnEvery {
			continue
		}
		s.warned[id] = now
		attrs := []any{"store", e.Store, "subject", e.Subject, "serial", e.Serial,
			"expires", e.NotAfter}
		if now.After(e.NotAfter) {
			s.log.Error("a certificate has expired: renew it", attrs...)
			continue
		}
		s.log.Warn("a certificate expires soon: renew it",
			append(attrs, "days", int(e.NotAfter.Sub(now)/(24*time.Hour)))...)
	}
}
