// Package certstest makes certificates for tests, and the stores that Kafka's ssl.* keys name: PEM,
// PKCS12 and JKS. Keys are of ECDSA P-256, because generating one takes no time.
package certstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Names describes a certificate. The zero value of a field has the meaning beside it.
type Names struct {
	Subject pkix.Name // CN=test
	// RawSubject is the DER of a name that pkix.Name cannot express; it replaces Subject.
	RawSubject []byte
	Hosts      []string      // DNS names and IP addresses; "localhost" and 127.0.0.1
	From       time.Time     // an hour ago
	Until      time.Time     // in ten years
	Key        crypto.Signer // a new ECDSA key
	// Usage is what the certificate may be used for; servers and clients.
	Usage []x509.ExtKeyUsage
}

// CN returns the names of a certificate for these hosts whose subject is only a common name.
func CN(name string, hosts ...string) Names {
	return Names{Subject: pkix.Name{CommonName: name}, Hosts: hosts}
}

// Pair is a private key and its certificate, with the certificates that issued it.
type Pair struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
	// Issuers are the intermediate authorities, from that of Certificate on, without the root.
	Issuers []*x509.Certificate
}

// CA is an authority that issues certificates.
type CA struct {
	Pair
	root bool
}

// NewCA makes a root authority with this common name.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	return newCA(t, CN(name), nil)
}

// NewCAOf makes a root authority of these names, for tests of its expiry.
func NewCAOf(t testing.TB, names Names) *CA {
	t.Helper()
	return newCA(t, names, nil)
}

// Intermediate makes an authority that ca has issued.
func (ca *CA) Intermediate(t testing.TB, name string) *CA {
	t.Helper()
	return newCA(t, CN(name), ca)
}

// Issue makes a certificate for servers and clients.
func (ca *CA) Issue(t testing.TB, names Names) *Pair {
	t.Helper()
	template := names.template(t)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = names.Usage
	if names.Usage == nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{
			x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	hosts := names.Hosts
	if hosts == nil {
		hosts = []string{"localhost", "127.0.0.1"}
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	p := sign(t, template, names.key(t), ca)
	return &p
}

func newCA(t testing.TB, names Names, issuer *CA) *CA {
	t.Helper()
	template := names.template(t)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return &CA{Pair: sign(t, template, names.key(t), issuer), root: issuer == nil}
}

func (n Names) key(t testing.TB) crypto.Signer {
	t.Helper()
	if n.Key != nil {
		return n.Key
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require(t, err)
	return key
}

func (n Names) template(t testing.TB) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: n.Subject, RawSubject: n.RawSubject,
		NotBefore: n.From, NotAfter: n.Until,
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().AddDate(10, 0, 0)
	}
	if n.RawSubject == nil && len(n.Subject.ToRDNSequence()) == 0 {
		template.Subject.CommonName = "test"
	}
	return template
}

// sign issues a certificate; without an issuer it signs itself.
func sign(t testing.TB, template *x509.Certificate, key crypto.Signer, issuer *CA) Pair {
	t.Helper()
	p := Pair{Key: key}
	parent, by := template, key
	if issuer != nil {
		parent, by = issuer.Certificate, issuer.Key
		if !issuer.root {
			p.Issuers = append([]*x509.Certificate{issuer.Certificate}, issuer.Issuers...)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	require(t, err)
	p.Certificate, err = x509.ParseCertificate(der)
	require(t, err)
	return p
}

// Pool returns a pool with only this authority.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Certificate)
	return pool
}

// chain is the certificate and then its issuers.
func (p *Pair) chain() []*x509.Certificate {
	return append([]*x509.Certificate{p.Certificate}, p.Issuers...)
}

// TLS returns the pair as crypto/tls takes it.
func (p *Pair) TLS() tls.Certificate {
	c := tls.Certificate{PrivateKey: p.Key, Leaf: p.Certificate}
	for _, cert := range p.chain() {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c
}

// ChainPEM returns the certificate and its issuers, as ssl.keystore.certificate.chain takes them.
func (p *Pair) ChainPEM() string { return certificatesPEM(p.chain()) }

// KeyPEM returns the private key without encryption, as ssl.keystore.key takes it.
func (p *Pair) KeyPEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	require(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// PEM returns the certificate of the authority, as ssl.truststore.certificates takes it.
func (ca *CA) PEM() string { return certificatesPEM([]*x509.Certificate{ca.Certificate}) }

func certificatesPEM(certs []*x509.Certificate) string {
	var text []byte
	for _, c := range certs {
		text = append(text,
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return string(text)
}

func require(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal("certstest:", err)
	}
}
