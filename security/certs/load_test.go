package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/security/certs/certstest"
)

// Passwords in testdata/make.sh.
const (
	storePassword = "store-password"
	keyPassword   = "key-password"
)

func testdata(name string) string { return filepath.Join("testdata", name) }

// madeBy are the stores that openssl and keytool have made, each with the same node's key.
var madeBy = []struct {
	file, format, keyPassword string
}{
	{"plain.pem", "PEM", ""}, {"pkcs1.pem", "PEM", ""},
	{"encrypted-aes-128-cbc.pem", "PEM", storePassword},
	{"encrypted-aes-192-cbc.pem", "PEM", storePassword},
	{"encrypted-aes-256-cbc.pem", "PEM", storePassword},
	{"encrypted-des3.pem", "PEM", storePassword},
	{"encrypted-hmacWithSHA1.pem", "PEM", storePassword},
	{"encrypted-hmacWithSHA384.pem", "PEM", storePassword},
	{"encrypted-hmacWithSHA512.pem", "PEM", storePassword},
	{"encrypted-java.pem", "PEM", storePassword},
	{"openssl.p12", "PKCS12", ""}, {"openssl-legacy.p12", "PKCS12", ""},
	{"keytool.p12", "PKCS12", ""}, {"keytool-both.p12", "PKCS12", ""},
	{"keytool.p12", "JKS", ""}, // as Java, whatever the type says
	{"keytool.jks", "JKS", keyPassword}, {"keytool-both.jks", "JKS", keyPassword},
	{"keytool.jks", "PKCS12", keyPassword},
}

func nodeKeys(file, format, keyPassword string) map[string]string {
	keys := map[string]string{"ssl.keystore.location": testdata(file), "ssl.keystore.type": format,
		"ssl.truststore.type": "PEM", "ssl.truststore.location": testdata("root.pem")}
	if format != "PEM" {
		keys["ssl.keystore.password"] = storePassword
	}
	if keyPassword != "" {
		keys["ssl.key.password"] = keyPassword
	}
	return keys
}

func TestStoresOfOtherPrograms(t *testing.T) {
	t.Parallel()
	for _, made := range madeBy {
		t.Run(made.file+" as "+made.format, func(t *testing.T) {
			t.Parallel()
			store := open(t, nodeKeys(made.file, made.format, made.keyPassword),
				Options{Use: ForPeers})
			_, client, err, err2 := handshake(t, store.Server(), store.Client("localhost"))
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if n := len(client.PeerCertificates); n < 2 ||
				subject(client.PeerCertificates[0]) != "CN=node,O=Test" {
				t.Errorf("%d certificates of %v", n, client.PeerCertificates[0].Subject)
			}
		})
	}
}

func TestTruststoresOfKeytool(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, format, password string }{
		{"keytool-trust.p12", "PKCS12", storePassword}, {"keytool-trust.jks", "JKS", storePassword},
		{"keytool-trust.jks", "JKS", ""}, {"keytool-trust.p12", "JKS", storePassword},
		{"keytool-both.jks", "JKS", ""},
	} {
		keys := with(nodeKeys("plain.pem", "PEM", ""), "ssl.truststore.type", test.format,
			"ssl.truststore.location", testdata(test.file))
		if test.password != "" {
			keys["ssl.truststore.password"] = test.password
		}
		store := open(t, keys, Options{Use: ForPeers})
		if n := len(store.Expiries()); n < 3 {
			t.Errorf("%v: %d certificates", test, n)
		}
	}
}

// PEM in the configuration may stand on one line.
func TestPEMOnOneLine(t *testing.T) {
	t.Parallel()
	ca := certstest.NewCA(t, "root")
	pair := ca.Issue(t, certstest.CN("node"))
	oneLine := func(text string) string { return strings.ReplaceAll(text, "\n", " ") }
	store := open(t, map[string]string{"ssl.keystore.type": "PEM",
		"ssl.keystore.certificate.chain": oneLine(pair.ChainPEM()),
		"ssl.keystore.key":               oneLine(pair.KeyPEM(t)),
		"ssl.truststore.type":            "PEM", "ssl.truststore.certificates": oneLine(ca.PEM()),
	}, Options{Use: ForPeers})
	if _, _, err, err2 := handshake(t, store.Server(), store.Client("localhost")); err != nil ||
		err2 != nil {
		t.Error(err, err2)
	}
}

// Each store that cannot be used gives one error that names the key to change and no secret.
func TestStoresThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	ca, other := certstest.NewCA(t, "root"), certstest.NewCA(t, "other")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pair, second := ca.Issue(t, certstest.CN("node")), ca.Issue(t, certstest.CN("second"))
	issue := func(from, until time.Time) string {
		n := certstest.CN("dated")
		n.From, n.Until = from, until
		p := ca.Issue(t, n)
		return p.ChainPEM() + p.KeyPEM(t)
	}
	foreign := other.Issue(t, certstest.CN("foreign"))
	for _, test := range []struct {
		name string
		keys map[string]string // beside those of a good store
		key  string
		text string
	}{
		{"missing", map[string]string{"ssl.keystore.location": dir + "/none"},
			"ssl.keystore.location", "does not exist"},
		{"a directory", map[string]string{"ssl.truststore.location": dir},
			"ssl.truststore.location", "cannot be read"},
		{"empty", map[string]string{"ssl.keystore.location": write("empty", "")},
			"ssl.keystore.location", "no PEM block"},
		{"no key", map[string]string{"ssl.keystore.location": write("nokey", pair.ChainPEM())},
			"ssl.keystore.location", "no PEM block PRIVATE KEY"},
		{"no certificate", map[string]string{
			"ssl.keystore.location": write("nocert", pair.KeyPEM(t))},
			"ssl.keystore.location", "no PEM block CERTIFICATE"},
		{"two keys", map[string]string{"ssl.keystore.location": write("two",
			pair.ChainPEM()+pair.KeyPEM(t)+second.KeyPEM(t))},
			"ssl.keystore.location", "2 private keys"},
		{"another's key", map[string]string{
			"ssl.keystore.location": write("mixed", pair.ChainPEM()+second.KeyPEM(t))},
			"ssl.keystore.location", "does not belong to its private key"},
		{"cut off", map[string]string{
			"ssl.keystore.location": write("cut", pair.ChainPEM()[:100]+pair.KeyPEM(t))},
			"ssl.keystore.location", "PEM"},
		{"expired", map[string]string{"ssl.keystore.location": write("old",
			issue(now.AddDate(-1, 0, 0), now.AddDate(0, 0, -1)))},
			"ssl.keystore.location", `"CN=dated", which expired at`},
		{"not yet valid", map[string]string{"ssl.keystore.location": write("early",
			issue(now.AddDate(0, 0, 1), now.AddDate(1, 0, 0)))},
			"ssl.keystore.location", "not valid before"},
		{"of another authority", map[string]string{"ssl.keystore.location": write("foreign",
			foreign.ChainPEM()+foreign.KeyPEM(t))},
			"ssl.keystore.location", "other nodes would not accept"},
		{"no password of the key", map[string]string{
			"ssl.keystore.location": testdata("encrypted-aes-256-cbc.pem")},
			"ssl.key.password", "no password for it"},
		{"wrong password of the key", map[string]string{"ssl.key.password": "wrong-secret",
			"ssl.keystore.location": testdata("encrypted-aes-256-cbc.pem")},
			"ssl.key.password", "cannot be decrypted"},
		{"weak encryption", map[string]string{"ssl.key.password": storePassword,
			"ssl.keystore.location": testdata("encrypted-pbes1.pem")},
			"ssl.keystore.location", "1.2.840.113549.1.12.1.3, which is not supported"},
		{"OpenSSL's encryption", map[string]string{"ssl.key.password": storePassword,
			"ssl.keystore.location": testdata("encrypted-openssl.pem")},
			"ssl.keystore.location", "before PKCS#8"},
		{"PKCS12, wrong password", map[string]string{"ssl.keystore.type": "PKCS12",
			"ssl.keystore.location": testdata("keytool.p12"), "ssl.keystore.password": "wrong-secret"},
			"ssl.keystore.password", "cannot be opened"},
		{"JKS, wrong password", map[string]string{"ssl.keystore.type": "JKS",
			"ssl.keystore.location": testdata("keytool.jks"), "ssl.keystore.password": "wrong-secret"},
			"ssl.keystore.password", "cannot be opened"},
		{"JKS, other password of the key", map[string]string{"ssl.keystore.type": "JKS",
			"ssl.keystore.location": testdata("keytool.jks"), "ssl.keystore.password": storePassword},
			"ssl.key.password", "cannot be decrypted"},
		{"PKCS12, several keys", map[string]string{"ssl.keystore.type": "PKCS12",
			"ssl.keystore.location": testdata("several.p12"), "ssl.keystore.password": storePassword},
			"ssl.keystore.location", "several private keys"},
		{"JKS, several keys", map[string]string{"ssl.keystore.type": "JKS",
			"ssl.keystore.location": testdata("several.jks"), "ssl.keystore.password": storePassword},
			"ssl.keystore.location", "several private keys"},
		{"PKCS12, no key", map[string]string{"ssl.keystore.type": "PKCS12",
			"ssl.keystore.location": testdata("keytool-trust.p12"),
			"ssl.keystore.password": storePassword}, "ssl.keystore.location", "no private key"},
		{"JKS, no key", map[string]string{"ssl.keystore.type": "JKS",
			"ssl.keystore.location": testdata("keytool-trust.jks"),
			"ssl.keystore.password": storePassword}, "ssl.keystore.location", "no private key"},
		{"PEM for PKCS12", map[string]string{"ssl.keystore.type": "PKCS12",
			"ssl.keystore.location": testdata("plain.pem"), "ssl.keystore.password": storePassword},
			"ssl.keystore.type", "it is PEM"},
		{"PEM for JKS", map[string]string{"ssl.truststore.type": "JKS",
			"ssl.truststore.location": testdata("root.pem")}, "ssl.truststore.type", "it is PEM"},
		{"garbage", map[string]string{"ssl.keystore.type": "PKCS12",
			"ssl.keystore.location": testdata("names.txt"), "ssl.keystore.password": storePassword},
			"ssl.keystore.location", "cannot be read"},
		{"truststore by openssl", map[string]string{"ssl.truststore.type": "PKCS12",
			"ssl.truststore.location": testdata("openssl-trust.p12"),
			"ssl.truststore.password": storePassword}, "ssl.truststore.location", "not marked"},
		{"truststore with a key", map[string]string{"ssl.truststore.type": "PKCS12",
			"ssl.truststore.location": testdata("keytool-both.p12"),
			"ssl.truststore.password": storePassword}, "ssl.truststore.location", "private key"},
		{"truststore, wrong password", map[string]string{"ssl.truststore.type": "PKCS12",
			"ssl.truststore.location": testdata("keytool-trust.p12"),
			"ssl.truststore.password": "wrong-secret"}, "ssl.truststore.password", "opened"},
		{"truststore without certificates", map[string]string{
			"ssl.truststore.location": write("nothing", pair.KeyPEM(t))},
			"ssl.truststore.location", "no PEM block CERTIFICATE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			keys := ca.Files(t, t.TempDir(), "node", certstest.PEM, pair)
			for k, v := range test.keys {
				keys[k] = v
			}
			s, problems := Parse(keys)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			_, err := Open(s, Options{Use: ForPeers, Now: func() time.Time { return now }})
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Key != test.key || e.Fix == "" || !strings.Contains(e.Error(), test.text) {
				t.Errorf("%v", err)
			}
			for _, secret := range []string{"wrong-secret", storePassword, "PRIVATE KEY-----"} {
				if text := fmt.Sprintf("%v %+v", err, e); strings.Contains(text, secret) {
					t.Error("it shows a secret:", text)
				}
			}
		})
	}
}

// A file that may not be read is told from one that is not there. Root may read everything, so the
// file system is the test's.
func TestStoreThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	ca := certstest.NewCA(t, "root")
	keys := ca.Files(t, t.TempDir(), "node", certstest.PEM, ca.Issue(t, certstest.CN("node")))
	s, _ := Parse(keys)
	_, err := Open(s, Options{ReadFile: func(name string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}})
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Key != "ssl.keystore.location" ||
		!strings.Contains(e.Error(), "may not read") {
		t.Error(err)
	}
}

// A client needs no certificate, and without a truststore the system's authorities count.
func TestClientWithoutStores(t *testing.T) {
	t.Parallel()
	ca := certstest.NewCA(t, "root")
	server := open(t, ca.Files(t, t.TempDir(), "node", certstest.PEM,
		ca.Issue(t, certstest.CN("node"))), Options{})
	client := open(t, nil, Options{Use: ForClient})
	if _, _, _, err := handshake(t, server.Server(), client.Client("localhost")); err == nil {
		t.Error("a client without a truststore trusts an unknown authority")
	}
	trusting := open(t, map[string]string{"ssl.truststore.type": "PEM",
		"ssl.truststore.certificates":           ca.PEM(),
		"ssl.endpoint.identification.algorithm": ""}, Options{Use: ForClient})
	if _, _, err, err2 := handshake(t, server.Server(), trusting.Client("other")); err != nil ||
		err2 != nil {
		t.Error("without the check of names:", err, err2)
	}
	stranger := certstest.NewCA(t, "root")
	distrusting := open(t, map[string]string{"ssl.truststore.type": "PEM",
		"ssl.truststore.certificates":           stranger.PEM(),
		"ssl.endpoint.identification.algorithm": ""}, Options{Use: ForClient})
	if _, _, _, err := handshake(t, server.Server(), distrusting.Client("other")); err == nil {
		t.Error("without the check of names a client accepts any certificate")
	}
}
