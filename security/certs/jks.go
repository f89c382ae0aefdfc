package certs

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"

	keystore "github.com/pavlo-v-chernykh/keystore-go/v4"
)

// jksMagic begins every JKS store.
const jksMagic = 0xfeedfeed

func isJKS(data []byte) bool {
	return len(data) >= 4 && binary.BigEndian.Uint32(data) == jksMagic
}

// loadJKS opens a store. Java opens one without a password, and then does not check whether it is
// damaged: so does this.
func loadJKS(data []byte, password string) (keystore.KeyStore, error) {
	if password == "" && len(data) > sha1.Size {
		sum := sha1.New()
		sum.Write([]byte("Mighty Aphrodite"))
		sum.Write(data[:len(data)-sha1.Size])
		data = sum.Sum(bytes.Clone(data[:len(data)-sha1.Size]))
	}
	ks := keystore.New(keystore.WithOrderedAliases(), keystore.WithCaseExactAliases())
	if err := ks.Load(bytes.NewReader(data), []byte(password)); err != nil {
		if err.Error() == "got invalid digest" {
			return ks, errStorePassword
		}
		return ks, fmt.Errorf("it cannot be read: %w", err)
	}
	return ks, nil
}

// readJKS returns the key of a keystore and its chain.
func readJKS(
	data []byte, password, keyPassword string,
) (crypto.Signer, []*x509.Certificate, error) {
	ks, err := loadJKS(data, password)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, name := range ks.Aliases() {
		if ks.IsPrivateKeyEntry(name) {
			names = append(names, name)
		}
	}
	switch len(names) {
	case 0:
		return nil, nil, errNoKey
	case 1:
	default:
		return nil, nil, errSeveralKeys
	}
	entry, err := ks.GetPrivateKeyEntry(names[0], []byte(keyPassword))
	if err != nil {
		return nil, nil, errWrongPassword
	}
	key, err := x509.ParsePKCS8PrivateKey(entry.PrivateKey)
	if err != nil {
		return nil, nil, errors.New("its private key cannot be parsed: use RSA, ECDSA or Ed25519")
	}
	s, err := signer(key)
	if err != nil {
		return nil, nil, err
	}
	chain, err := jksCertificates(entry.CertificateChain)
	return s, chain, err
}

// readJKSTrust returns the trusted certificates of a store and, as Java does, those of its keys.
func readJKSTrust(data []byte, password string) ([]*x509.Certificate, error) {
	ks, err := loadJKS(data, password)
	if err != nil {
		return nil, err
	}
	var all []keystore.Certificate
	for _, name := range ks.Aliases() {
		if entry, err := ks.GetTrustedCertificateEntry(name); err == nil {
			all = append(all, entry.Certificate)
		} else if chain, err := ks.GetPrivateKeyEntryCertificateChain(name); err == nil &&
			len(chain) > 0 {
			all = append(all, chain[0])
		}
	}
	return jksCertificates(all)
}

func jksCertificates(entries []keystore.Certificate) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for _, e := range entries {
		c, err := x509.ParseCertificate(e.Content)
		if err != nil {
			return nil, fmt.Errorf("it holds a certificate that cannot be parsed: %w", err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}
