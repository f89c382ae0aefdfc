package certs

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/yakt/yakt/protocol"
)

// stamp tells whether a file has changed. Kubernetes exchanges a symbolic link, so that the name
// leads to another file.
type stamp struct {
	info    fs.FileInfo // nil: the file cannot be seen
	modTime time.Time
	size    int64
}

func (a stamp) same(b stamp) bool {
	if a.info == nil || b.info == nil {
		return a.info == nil && b.info == nil
	}
	return os.SameFile(a.info, b.info) && a.size == b.size && a.modTime.Equal(b.modTime)
}

// stamps returns those of both stores' files. It is called before they are read: what is written
// later is seen by the next look.
func (o Options) stamps(s Settings) []stamp {
	var all []stamp
	for _, source := range []Source{s.Keystore, s.Truststore} {
		if source.Location == "" {
			continue
		}
		info, err := o.Stat(source.Location)
		if err != nil {
			all = append(all, stamp{})
			continue
		}
		all = append(all, stamp{info, info.ModTime(), info.Size()})
	}
	return all
}

// retryEvery is the pause between two tries of the same files: decrypting a key may take long.
const retryEvery = time.Minute

// Poll reads the stores again if one of their files has changed, and logs what came of it; it also
// warns of certificates that expire soon. Call it every few seconds. What cannot be used changes
// nothing; without a further change of the files it is tried again once a minute.
func (s *Store) Poll(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warn(now)
	st := s.current.Load()
	found := s.o.stamps(st.settings)
	if slices.EqualFunc(found, st.stamps, stamp.same) {
		s.refused, s.tried = "", nil
		return
	}
	again := slices.EqualFunc(found, s.tried, stamp.same)
	if again && now.Sub(s.triedAt) < retryEvery {
		return
	}
	s.tried, s.triedAt = found, now
	err := s.exchange(st.settings, now)
	switch {
	case err == nil:
		s.refused = ""
	case !again || err.Error() != s.refused:
		s.refused = err.Error()
		s.log.Error("the files of certificates have changed and cannot be used; "+
			"the certificates before stay in use", "err", err)
	}
}

// Reload reads the stores whether or not their files have changed. After an error the certificates
// before stay in use.
func (s *Store) Reload(_ context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exchange(s.current.Load().settings, s.o.Now())
}

// reconfigurable are the keys that dynamic configs can change (SslConfigs.RECONFIGURABLE_CONFIGS).
var reconfigurable = []string{
	"ssl.keystore.type", "ssl.keystore.location", "ssl.keystore.password", "ssl.key.password",
	"ssl.truststore.type", "ssl.truststore.location", "ssl.truststore.password",
	"ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.truststore.certificates",
}

// Update applies dynamic configs: keys are all ssl.* keys in effect, without a prefix. Of them only
// those that name stores are applied, and the stores are read again even if no key has changed.
// After an error the certificates before stay in use.
func (s *Store) Update(keys map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(s.current.Load().settings.keys)
	for _, key := range reconfigurable {
		delete(next, key)
		if value, ok := keys[key]; ok {
			next[key] = protocol.NewPassword(value)
		}
	}
	revealed := make(map[string]string, len(next))
	for key, value := range next {
		revealed[key] = value.Reveal()
	}
	settings, problems := Parse(revealed)
	if len(problems) > 0 {
		return &Error{problems[0], nil}
	}
	return s.exchange(settings, s.o.Now())
}

// exchange puts other certificates into use, if they can be used and follow the present ones. The
// caller holds the lock.
func (s *Store) exchange(settings Settings, now time.Time) error {
	old := s.current.Load()
	m, err := s.o.load(settings, now)
	if err == nil {
		err = s.follows(old, settings, m, now)
	}
	if err != nil {
		return err
	}
	s.use(settings, m)
	attrs := []any{"trusted", len(m.trusted)}
	if m.pair != nil {
		attrs = append(attrs, "subject", subject(m.chain[0]), "expires", m.chain[0].NotAfter,
			"serial", m.chain[0].SerialNumber.Text(16))
	}
	s.log.Info("certificates were read again; new connections use them", attrs...)
	clear(s.warned)
	return nil
}

// follows refuses what Kafka's SslFactory refuses in place of other certificates.
func (s *Store) follows(old *state, settings Settings, m *material, now time.Time) error {
	const exists = "of a listener that is in use"
	switch {
	case old.pair == nil && m.pair != nil:
		return fault(settings.Keystore.key(), "cannot add a keystore "+exists+" without one",
			"restart this node", nil)
	case old.pair != nil && m.pair == nil:
		return fault("ssl.keystore.location", "cannot remove the keystore "+exists,
			"restart this node", nil)
	case old.roots == nil && m.roots != nil:
		return fault(settings.Truststore.key(), "cannot add a truststore "+exists+" without one",
			"restart this node", nil)
	case old.roots != nil && m.roots == nil:
		return fault("ssl.truststore.location", "cannot remove the truststore "+exists,
			"restart this node", nil)
	case m.pair == nil:
		return nil
	}
	if err := compatible(old, settings, m); err != nil {
		return err
	}
	if s.o.Use == ForPeers {
		return crossVerified(old.material, settings, m, now)
	}
	return nil
}

// compatible compares the names in the old certificate and the new one.
func compatible(old *state, settings Settings, m *material) error {
	was, is := old.chain[0], m.chain[0]
	if !settings.AllowDNChanges && canonical(was) != canonical(is) {
		return fault(settings.Keystore.key(), fmt.Sprintf("holds a certificate of %q, and the one "+
			"in use is of %q", subject(is), subject(was)),
			"keep the name, or set ssl.allow.dn.changes=true and restart this node", nil)
	}
	if settings.AllowSANChanges {
		return nil
	}
	names := altNames(is)
	for _, name := range altNames(was) {
		if !slices.Contains(names, name) {
			return fault(settings.Keystore.key(), "holds a certificate that lacks alternative "+
				"names of the one in use", "keep them all, or set ssl.allow.san.changes=true and "+
				"restart this node", nil)
		}
	}
	return nil
}

// canonical is the name in a certificate without regard to letters and blanks, as Java compares
// names.
func canonical(c *x509.Certificate) string {
	levels, err := parseName(c.RawSubject)
	if err != nil {
		return string(c.RawSubject)
	}
	var b strings.Builder
	for _, level := range levels {
		for _, a := range level {
			value := string(a.Value.FullBytes)
			if a.isText() {
				value = strings.ToLower(strings.Join(strings.Fields(javaText(a.Value.Bytes)), " "))
			}
			fmt.Fprintf(&b, "+%s=%q", a.Type, value)
		}
		b.WriteByte(',')
	}
	return b.String()
}

var oidAltNames = asn1.ObjectIdentifier{2, 5, 29, 17}

// altNames returns the DER of each alternative name, of whatever kind.
func altNames(c *x509.Certificate) []string {
	var all []string
	for _, e := range c.Extensions {
		var names []asn1.RawValue
		if !e.Id.Equal(oidAltNames) {
			continue
		}
		if _, err := asn1.Unmarshal(e.Value, &names); err != nil {
			continue // x509 has parsed it
		}
		for _, n := range names {
			all = append(all, string(n.FullBytes))
		}
	}
	return all
}

// crossVerified requires that nodes with the old stores and nodes with the new ones accept each
// other, since the quorum is not renewed at one moment.
func crossVerified(old *material, settings Settings, m *material, now time.Time) error {
	const fix = "renew in steps, each on all nodes: the old and the new authority in every " +
		"truststore, then the certificates, then the new authority alone"
	if err := m.verifiedBy(old, now); err != nil {
		return fault(settings.Keystore.key(), fmt.Sprintf("holds a certificate that nodes with "+
			"the truststore before would not accept: %v", err), fix, err)
	}
	if now.After(old.chain[0].NotAfter) {
		return nil // nobody accepts the old certificate in any case
	}
	if err := old.verifiedBy(m, now); err != nil {
		return fault(settings.Truststore.key(), fmt.Sprintf("does not trust the certificate "+
			"before, which other nodes may still have: %v", err), fix, err)
	}
	return nil
}
