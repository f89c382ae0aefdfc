package certs

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/security/certs/certstest"
)

// node is a store whose files a test exchanges.
type node struct {
	t    *testing.T
	ca   *certstest.CA
	dir  string
	keys map[string]string
	logs *logtest.Buffer
	now  time.Time
	*Store
}

func newNode(t *testing.T, use Use, more ...string) *node {
	t.Helper()
	n := &node{t: t, ca: certstest.NewCA(t, "root"), dir: t.TempDir(), logs: &logtest.Buffer{},
		now: time.Now()}
	n.keys = with(n.ca.Files(t, n.dir, "node", certstest.PEM, n.ca.Issue(t, certstest.CN("node"))),
		more...)
	n.Store = open(t, n.keys, Options{Listener: "CONTROLLER", Use: use,
		Logger: slog.New(slog.NewTextHandler(n.logs, nil)),
		Now:    func() time.Time { return n.now }})
	return n
}

func (n *node) write(p *certstest.Pair) {
	p.Write(n.t, certstest.PEM, n.keys["ssl.keystore.location"])
}

func (n *node) trust(cas ...*certstest.CA) {
	certstest.WriteTrust(n.t, certstest.PEM, n.keys["ssl.truststore.location"], cas...)
}

// serial is that of the certificate that a client is shown.
func (n *node) serial() string {
	n.t.Helper()
	_, client, err, _ := handshake(n.t, n.Server(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		n.t.Fatal(err)
	}
	return client.PeerCertificates[0].SerialNumber.Text(16)
}

// expect polls and requires that the certificate in use is p's, and that the log has so many lines,
// the last with this text.
func (n *node) expect(p *certstest.Pair, lines int, text string) {
	n.t.Helper()
	n.Poll(n.now)
	if got, want := n.serial(), p.Certificate.SerialNumber.Text(16); got != want {
		n.t.Errorf("serial %s, want %s", got, want)
	}
	log := strings.Split(strings.TrimSpace(n.logs.String()), "\n")
	if n.logs.String() == "" {
		log = nil
	}
	if len(log) != lines || lines > 0 && !strings.Contains(log[lines-1], text) {
		n.t.Errorf("want %d lines and %q in the last:\n%s", lines, text, n.logs)
	}
}

func TestChangedFilesAreUsed(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForPeers)
	second, third := n.ca.Issue(t, certstest.CN("node")), n.ca.Issue(t, certstest.CN("node"))
	n.write(second)
	n.expect(second, 1, "new connections use them")
	n.expect(second, 1, "") // nothing has changed
	n.write(third)
	n.expect(third, 2, "serial="+third.Certificate.SerialNumber.Text(16))
}

// Kubernetes mounts ..data as a link to a directory, and the file as a link through it.
func TestExchangedSymbolicLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := certstest.NewCA(t, "root")
	pairs := []*certstest.Pair{ca.Issue(t, certstest.CN("node")), ca.Issue(t, certstest.CN("node"))}
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, "next")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now().Add(-time.Minute)
	for i, p := range pairs {
		sub := filepath.Join(dir, fmt.Sprint("..", i))
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		p.Write(t, certstest.PEM, filepath.Join(sub, "tls.pem"))
		if err := os.Chtimes(filepath.Join(sub, "tls.pem"), at, at); err != nil {
			t.Fatal(err) // only the file tells them apart
		}
	}
	link("..0", "..data")
	link("..data/tls.pem", "tls.pem")
	store := open(t, map[string]string{"ssl.keystore.type": "PEM",
		"ssl.keystore.location": filepath.Join(dir, "tls.pem")}, Options{})
	link("..1", "..data")
	store.Poll(time.Now())
	if got, want := store.Expiries()[0].Serial,
		pairs[1].Certificate.SerialNumber.Text(16); got != want {
		t.Errorf("serial %s, want %s", got, want)
	}
}

// What cannot be used changes nothing, is logged once, and is tried again.
func TestBadFilesChangeNothing(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForPeers)
	first, second := n.ca.Issue(t, certstest.CN("node")), n.ca.Issue(t, certstest.CN("node"))
	n.write(first)
	n.expect(first, 1, "")
	path := n.keys["ssl.keystore.location"]
	if err := os.WriteFile(path, []byte(second.ChainPEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	n.expect(first, 2, "the certificates before stay in use")
	n.expect(first, 2, "no PEM block PRIVATE KEY")
	n.now = n.now.Add(retryEvery)
	n.expect(first, 2, "no PEM block PRIVATE KEY") // tried again, with nothing new to say
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	n.expect(first, 3, "does not exist")
	n.write(second)
	n.expect(second, 4, "new connections use them")
	n.write(n.ca.Issue(t, certstest.CN("other")))
	n.expect(second, 5, "ssl.allow.dn.changes")
	n.write(n.ca.Issue(t, certstest.CN("node", "localhost")))
	n.expect(second, 6, "ssl.allow.san.changes")
	third := n.ca.Issue(t, certstest.CN("node", "localhost", "127.0.0.1", "more"))
	n.write(third)
	n.expect(third, 7, "")
}

func TestNamesThatMayChange(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForPeers, "ssl.allow.dn.changes", "true", "ssl.allow.san.changes", "true")
	other := n.ca.Issue(t, certstest.CN("other", "other"))
	n.write(other)
	n.expect(other, 1, "")
	m := newNode(t, ForServer)
	// Java compares names without regard to letters and blanks.
	same := m.ca.Issue(t, certstest.Names{Subject: pkix.Name{CommonName: " NODE"}})
	m.write(same)
	m.expect(same, 1, "")
}

// An authority is replaced in three steps; what the other nodes would not accept is refused.
func TestRotationOfTheAuthority(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForPeers)
	first := n.ca.Issue(t, certstest.CN("node"))
	n.write(first)
	n.expect(first, 1, "")
	next := certstest.NewCA(t, "next")
	second := next.Issue(t, certstest.CN("node"))
	n.write(second)
	n.expect(first, 2, "the other nodes would not accept")
	n.trust(next)
	n.expect(first, 3, "renew in steps")
	n.write(first)
	n.trust(n.ca, next)
	n.expect(first, 4, "trusted=2")
	n.write(second)
	n.expect(second, 5, "serial="+second.Certificate.SerialNumber.Text(16))
	n.trust(next)
	n.expect(second, 6, "trusted=1")
	n.write(first)
	n.expect(second, 7, "the other nodes would not accept")
}

// A listener of clients alone may get certificates of any authority.
func TestRotationWithoutPeers(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForServer)
	second := certstest.NewCA(t, "next").Issue(t, certstest.CN("node"))
	n.write(second)
	n.expect(second, 1, "")
}

// A client of a removed authority is refused at its next handshake, even with a session that it
// could resume.
func TestRemovedAuthorityEndsSessions(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		n := newNode(t, ForServer, "ssl.client.auth", "required")
		old := certstest.NewCA(t, "old")
		n.trust(n.ca, old)
		n.Poll(n.now)
		client := &tls.Config{RootCAs: n.ca.Pool(), ServerName: "localhost", MaxVersion: version,
			Certificates:       []tls.Certificate{old.Issue(t, certstest.CN("alice")).TLS()},
			ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		for range 2 {
			_, state, err, err2 := handshake(t, n.Server(), client)
			if err != nil || err2 != nil || state.DidResume {
				t.Fatal(err, err2, state.DidResume)
			}
		}
		n.trust(n.ca)
		n.Poll(n.now)
		if _, _, err, _ := handshake(t, n.Server(), client); err == nil {
			t.Errorf("version %x: a client of a removed authority is accepted", version)
		}
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForServer)
	second := n.ca.Issue(t, certstest.CN("node"))
	path := filepath.Join(n.dir, "second")
	second.Write(t, certstest.PKCS12, path)
	err := n.Update(with(n.keys, "ssl.keystore.type", "PKCS12", "ssl.keystore.location", path,
		"ssl.keystore.password", certstest.Password,
		"ssl.client.auth", "required", "ssl.principal.mapping.rules", "RULE:a/b/"))
	if err != nil {
		t.Fatal(err)
	}
	n.expect(second, 1, "")
	if n.Settings().ClientAuth != tls.NoClientCert {
		t.Error("a key was changed that only the file of the configuration may set")
	}
	for _, test := range []struct {
		keys map[string]string
		key  string
		text string
	}{
		{with(n.keys, "ssl.keystore.password", "x"), "ssl.keystore.password", "not for stores of"},
		{map[string]string{}, "ssl.keystore.location", "is not set"},
		{with(n.keys, "ssl.keystore.location", "/none"), "ssl.keystore.location", "not exist"},
	} {
		e, ok := errors.AsType[*Error](n.Update(test.keys))
		if !ok || e.Key != test.key || !strings.Contains(e.Error(), test.text) {
			t.Errorf("%v", e)
		}
	}
	n.expect(second, 1, "")
}

// Stores cannot come and go while a client of other nodes is in use.
func TestStoresThatComeAndGo(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForClient)
	bare := open(t, nil, Options{Use: ForClient})
	untrusting := maps.Clone(n.keys)
	maps.DeleteFunc(untrusting, func(key, _ string) bool {
		return strings.HasPrefix(key, "ssl.truststore.")
	})
	for _, test := range []struct {
		store *Store
		keys  map[string]string
		text  string
	}{
		{n.Store, map[string]string{}, "cannot remove the keystore"},
		{n.Store, untrusting, "cannot remove the truststore"},
		{bare, n.keys, "cannot add a keystore"},
		{bare, map[string]string{"ssl.truststore.type": "PEM",
			"ssl.truststore.certificates": n.ca.PEM()}, "cannot add a truststore"},
	} {
		if err := test.store.Update(test.keys); err == nil ||
			!strings.Contains(err.Error(), test.text) {
			t.Errorf("%v, want %q", err, test.text)
		}
	}
}

func TestReloadWithoutAChange(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForPeers)
	if err := n.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.Remove(n.keys["ssl.truststore.location"]); err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(t.Context()); err == nil {
		t.Error("no error without the file")
	}
}

// Certificates are warned of daily for the last thirty days; an expired one is an error.
func TestExpiry(t *testing.T) {
	t.Parallel()
	n := newNode(t, ForServer)
	const day = 24 * time.Hour
	until := n.now.Add(40 * day)
	names := certstest.CN("node")
	names.Until = until
	p := n.ca.Issue(t, names)
	n.write(p)
	n.expect(p, 1, "")
	lines := func() []string { return strings.Split(strings.TrimSpace(n.logs.String()), "\n")[1:] }
	start := n.now
	for at := start; at.Before(start.Add(42 * day)); at = at.Add(time.Hour) {
		n.Poll(at)
	}
	var warnings, expired int
	for _, line := range lines() {
		switch {
		case strings.Contains(line, "level=WARN") && strings.Contains(line, "subject=\"CN=node\"") &&
			strings.Contains(line, "listener=CONTROLLER"):
			warnings++
		case strings.Contains(line, "level=ERROR") && strings.Contains(line, "has expired"):
			expired++
		default:
			t.Error("unexpected:", line)
		}
	}
	if warnings != 30 || expired < 1 || expired > 2 {
		t.Errorf("%d warnings and %d errors", warnings, expired)
	}
	first := n.Expiries()[0]
	if first.Listener != "CONTROLLER" || first.Store != "keystore" || first.Subject != "CN=node" ||
		!first.NotAfter.Equal(until.Truncate(time.Second)) || len(n.Expiries()) != 2 {
		t.Errorf("%+v", n.Expiries())
	}
}
