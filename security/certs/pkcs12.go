package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

var (
	errStorePassword = errors.New("it cannot be opened with that password, or is damaged")
	errNoKey         = errors.New("it holds no private key")
	errSeveralKeys   = errors.New("it holds several private keys, and which to use cannot be said: " +
		"keep one")
)

// readPKCS12 returns the key of a keystore and its chain, its own certificate first.
func readPKCS12(data []byte, password string) (crypto.Signer, []*x509.Certificate, error) {
	key, first, others, err := pkcs12.DecodeChain(data, password)
	if err != nil {
		return nil, nil, pkcs12Error(err)
	}
	s, err := signer(key)
	if err != nil {
		return nil, nil, err
	}
	return s, chainOf(s, append([]*x509.Certificate{first}, others...)), nil
}

// pkcs12Error says in our words what the library found.
func pkcs12Error(err error) error {
	switch text := err.Error(); {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return errStorePassword
	case strings.Contains(text, "exactly one key bag"):
		return errSeveralKeys
	case strings.Contains(text, "private key missing"):
		return errNoKey
	case strings.Contains(text, "certificate missing"):
		return errors.New("it holds no certificate")
	}
	return fmt.Errorf("it cannot be read: %w", err)
}

// chainOf puts the certificate of a key first and each issuer behind what it issued. Certificates
// that issued none of them are left out.
func chainOf(key crypto.Signer, certs []*x509.Certificate) []*x509.Certificate {
	i := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return samePublic(c, key) })
	if i < 0 {
		return certs
	}
	chain := []*x509.Certificate{certs[i]}
	for last := certs[i]; !selfIssued(last) && len(chain) < len(certs); {
		i := slices.IndexFunc(certs, func(c *x509.Certificate) bool {
			return string(c.RawSubject) == string(last.RawIssuer)
		})
		if i < 0 {
			break
		}
		last = certs[i]
		chain = append(chain, last)
	}
	return chain
}

// readPKCS12Trust returns the certificates of a truststore that are marked as trusted, as keytool
// marks them.
func readPKCS12Trust(data []byte, password string) ([]*x509.Certificate, error) {
	trusted, err := pkcs12.DecodeTrustStore(data, password)
	if err == nil {
		return trusted, nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "not marked as trusted"):
		return nil, errors.New("it holds a certificate that is not marked as trusted, which Java " +
			"ignores (make the store with keytool -importcert, or use PEM)")
	case strings.Contains(text, "only certificate bags"), strings.Contains(text, "exactly 1 items"):
		return nil, errors.New("it holds a private key: a truststore holds certificates only")
	}
	return nil, pkcs12Error(err)
}
