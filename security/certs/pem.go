package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// block is one PEM block.
type block struct {
	label string
	der   []byte
}

var errIsPEM = errors.New("it is PEM, and its type says something else")

func isPEM(data []byte) bool { return bytes.Contains(data, []byte("-----BEGIN ")) }

var errPEM = errors.New("it has a PEM block that is not complete")

// pemBlocks reads the blocks of a text and ignores what stands between them. Unlike encoding/pem it
// takes blocks without line ends, as they are when they stand on one line of a configuration.
func pemBlocks(text string) ([]block, error) {
	var blocks []block
	for {
		_, rest, found := strings.Cut(text, "-----BEGIN ")
		if !found {
			return blocks, nil
		}
		label, rest, found := strings.Cut(rest, "-----")
		body, after, ended := strings.Cut(rest, "-----END "+label+"-----")
		if !found || !ended {
			return nil, errPEM
		}
		if strings.Contains(body, ":") {
			return nil, fmt.Errorf("the PEM block %q is encrypted as OpenSSL did before PKCS#8", label)
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
		if err != nil {
			return nil, errPEM
		}
		blocks, text = append(blocks, block{label, der}), after
	}
}

// pemCertificates returns all certificates of a text, in order.
func pemCertificates(text string) ([]*x509.Certificate, error) {
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, b := range blocks {
		if b.label != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(b.der)
		if err != nil {
			return nil, fmt.Errorf("its certificate number %d cannot be parsed: %w",
				len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("it has no PEM block CERTIFICATE")
	}
	return certs, nil
}

const pkcs8Hint = "openssl pkcs8 -topk8 -v2 aes-256-cbc makes one"

// pemKey returns the only private key of a text.
func pemKey(text string, password []byte) (crypto.Signer, error) {
	blocks, err := pemBlocks(text)
	if err != nil {
		return nil, err
	}
	var keys []block
	for _, b := range blocks {
		if strings.HasSuffix(b.label, "PRIVATE KEY") {
			keys = append(keys, b)
		}
	}
	switch len(keys) {
	case 0:
		return nil, errors.New("it has no PEM block PRIVATE KEY")
	case 1:
		return parseKey(keys[0], password)
	}
	return nil, fmt.Errorf("it has %d private keys, and which to use cannot be said: keep one",
		len(keys))
}

var (
	errNoPassword    = errors.New("its private key is encrypted, and there is no password for it")
	errWrongPassword = errors.New("its private key cannot be decrypted with that password")
)

func parseKey(b block, password []byte) (crypto.Signer, error) {
	var key any
	var err error
	switch b.label {
	case "ENCRYPTED PRIVATE KEY":
		if len(password) == 0 {
			return nil, errNoPassword
		}
		if b.der, err = decryptPKCS8(b.der, password); err != nil {
			return nil, err
		}
		if key, err = x509.ParsePKCS8PrivateKey(b.der); err != nil {
			return nil, errWrongPassword
		}
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(b.der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(b.der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(b.der)
	default:
		return nil, fmt.Errorf("its key is a %q: use PKCS#8 (%s)", b.label, pkcs8Hint)
	}
	if err != nil {
		return nil, fmt.Errorf("its private key cannot be parsed: use PKCS#8 (%s)", pkcs8Hint)
	}
	return signer(key)
}

// signer refuses keys that TLS cannot sign with.
func signer(key any) (crypto.Signer, error) {
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("its private key is a %T: use RSA, ECDSA or Ed25519", key)
	}
	return s, nil
}

// samePublic reports whether a certificate is that of a key.
func samePublic(cert *x509.Certificate, key crypto.Signer) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey)
}

// selfIssued reports whether a certificate ends a chain.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
