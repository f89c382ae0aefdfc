package realm

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

const certified = 24 * time.Hour

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := template(t, "authority "+name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	a.cert = sign(t, template, template, &a.key.PublicKey, a.key)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial,
		Subject:   pkix.Name{CommonName: name, Organization: []string{"YAKt tests"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certified)}
}

func sign(
	t testing.TB, cert, parent *x509.Certificate, key *ecdsa.PublicKey, by *ecdsa.PrivateKey,
) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key, by)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// NewAuthority replaces the authority. Nobody trusts the new one until Trust.
func (r *Realm) NewAuthority(t testing.TB) {
	t.Helper()
	r.authority = newAuthority(t, "next")
}

// Trust adds the present authority to those that all members and clients trust.
func (r *Realm) Trust(t testing.TB) {
	t.Helper()
	r.trusted = append(r.trusted, r.authority)
	r.writeTrust(t)
}

// TrustOnly takes the trust from all authorities but the present one.
func (r *Realm) TrustOnly(t testing.TB) {
	t.Helper()
	r.trusted = []*authority{r.authority}
	r.writeTrust(t)
}

func (r *Realm) writeTrust(t testing.TB) {
	t.Helper()
	var b bytes.Buffer
	for _, a := range r.trusted {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	}
	r.replace(t, trustFile, b.Bytes())
}

const trustFile = "trusted.pem"

// Certify gives a user a new key and a certificate of the present authority, valid for loopback
// addresses.
func (r *Realm) Certify(t testing.TB, user string) {
	t.Helper()
	key := newKey(t)
	template := template(t, user)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth,
		x509.ExtKeyUsageClientAuth}
	template.DNSNames, template.IPAddresses = []string{"localhost"},
		[]net.IP{net.IPv4(127, 0, 0, 1)}
	cert := sign(t, template, r.authority.cert, &key.PublicKey, r.authority.key)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	r.replace(t, keyFile(user), b.Bytes())
}

func keyFile(user string) string { return user + ".pem" }

// replace writes a file so that readers see the old or the new contents.
func (r *Realm) replace(t testing.TB, name string, content []byte) {
	t.Helper()
	tmp := r.file(name + ".new")
	if err := os.WriteFile(tmp, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, r.file(name)); err != nil {
		t.Fatal(err)
	}
}

// stores are the ssl.* keys of a user.
func (r *Realm) stores(user string) map[string]string {
	p := r.truststore()
	p["ssl.keystore.type"] = "PEM"
	p["ssl.keystore.location"] = r.file(keyFile(user))
	return p
}

func (r *Realm) truststore() map[string]string {
	return map[string]string{
		"ssl.truststore.type":     "PEM",
		"ssl.truststore.location": r.file(trustFile),
	}
}

// TLS is a configuration for a client without a certificate; it trusts the present files.
func (r *Realm) TLS(t testing.TB) *tls.Config {
	t.Helper()
	roots, err := os.ReadFile(r.file(trustFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// Certificate is a user's present one.
func (r *Realm) Certificate(t testing.TB, user string) tls.Certificate {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(r.file(keyFile(user)), r.file(keyFile(user)))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// TrustFile is the path of the certificates that all trust.
func (r *Realm) TrustFile() string { return r.file(trustFile) }
