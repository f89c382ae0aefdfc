package certstest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"
)

// Formats of stores, as ssl.keystore.type and ssl.truststore.type name them.
const (
	PEM    = "PEM"
	PKCS12 = "PKCS12"
	JKS    = "JKS"
)

// Password is that of every PKCS12 and JKS store of this package.
const Password = "certstest-password"

// Write writes the pair as a keystore of a format to path, which it replaces in one step.
func (p *Pair) Write(t testing.TB, format, path string) {
	t.Helper()
	var data []byte
	var err error
	switch format {
	case PEM:
		data = []byte(p.ChainPEM() + p.KeyPEM(t))
	case PKCS12:
		data, err = pkcs12.Modern.Encode(p.Key, p.Certificate, p.Issuers, Password)
	case JKS:
		data, err = jksKeys(p.Key, p.chain())
	default:
		err = fmt.Errorf("no format %q", format)
	}
	require(t, err)
	replace(t, path, data)
}

// WriteTrust writes the authorities as a truststore of a format to path, which it replaces in one
// step.
func WriteTrust(t testing.TB, format, path string, cas ...*CA) {
	t.Helper()
	var trusted []*x509.Certificate
	for _, ca := range cas {
		trusted = append(trusted, ca.Certificate)
	}
	var data []byte
	var err error
	switch format {
	case PEM:
		data = []byte(certificatesPEM(trusted))
	case PKCS12:
		data, err = pkcs12.Modern.EncodeTrustStore(trusted, Password)
	case JKS:
		data, err = jksTrust(trusted)
	default:
		err = fmt.Errorf("no format %q", format)
	}
	require(t, err)
	replace(t, path, data)
}

// Files writes a keystore and a truststore into dir and returns the keys of the configuration that
// name them, without any prefix. name tells several pairs in one directory apart.
func (ca *CA) Files(t testing.TB, dir, name, format string, p *Pair) map[string]string {
	t.Helper()
	key, trust := filepath.Join(dir, name+".keystore"), filepath.Join(dir, name+".truststore")
	p.Write(t, format, key)
	WriteTrust(t, format, trust, ca)
	keys := map[string]string{
		"ssl.keystore.type": format, "ssl.keystore.location": key,
		"ssl.truststore.type": format, "ssl.truststore.location": trust,
	}
	if format != PEM {
		keys["ssl.keystore.password"], keys["ssl.truststore.password"] = Password, Password
	}
	return keys
}

func jksKeys(key crypto.Signer, chain []*x509.Certificate) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	ks := keystore.New()
	entry := keystore.PrivateKeyEntry{CreationTime: chain[0].NotBefore, PrivateKey: der}
	for _, c := range chain {
		entry.CertificateChain = append(entry.CertificateChain, jksCertificate(c))
	}
	if err := ks.SetPrivateKeyEntry("kafka", entry, []byte(Password)); err != nil {
		return nil, err
	}
	return storeJKS(ks)
}

func jksTrust(trusted []*x509.Certificate) ([]byte, error) {
	ks := keystore.New()
	for i, c := range trusted {
		entry := keystore.TrustedCertificateEntry{
			CreationTime: c.NotBefore, Certificate: jksCertificate(c)}
		if err := ks.SetTrustedCertificateEntry(fmt.Sprint("kafka", i), entry); err != nil {
			return nil, err
		}
	}
	return storeJKS(ks)
}

func jksCertificate(c *x509.Certificate) keystore.Certificate {
	return keystore.Certificate{Type: "X509", Content: c.Raw}
}

func storeJKS(ks keystore.KeyStore) ([]byte, error) {
	var out bytes.Buffer
	err := ks.Store(&out, []byte(Password))
	return out.Bytes(), err
}

// replace writes a file beside path and renames it.
func replace(t testing.TB, path string, data []byte) {
	t.Helper()
	next := path + ".next"
	require(t, os.WriteFile(next, data, 0o600))
	require(t, os.Rename(next, path))
}
