package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// maxStoreBytes bounds the file of a store.
const maxStoreBytes = 16 << 20

// material is what the stores give at one time. It is not changed.
type material struct {
	pair  *tls.Certificate    // nil: no keystore
	chain []*x509.Certificate // of pair
	// trusted are the certificates of the truststore, and roots the same; nil: the system's.
	trusted []*x509.Certificate
	roots   *x509.CertPool
	stamps  []stamp
}

// load reads and checks both stores.
func (o Options) load(s Settings, now time.Time) (*material, error) {
	m := &material{stamps: o.stamps(s)}
	if err := o.loadKeystore(s, m, now); err != nil {
		return nil, err
	}
	if err := o.loadTruststore(s, m); err != nil {
		return nil, err
	}
	if o.Use == ForPeers {
		if err := m.verifiedBy(m, now); err != nil {
			return nil, fault(s.Keystore.key(),
				fmt.Sprintf("holds a certificate that the other nodes would not accept: %v", err),
				"put the authority that issued it into the truststore, and let it be valid for "+
					"servers and clients", err)
		}
	}
	return m, nil
}

func (o Options) loadKeystore(s Settings, m *material, now time.Time) error {
	if !s.Keystore.configured() {
		if o.Use == ForClient {
			return nil
		}
		return fault("ssl.keystore.location", "is not set, and a server needs a certificate",
			"set it, or ssl.keystore.certificate.chain and ssl.keystore.key", nil)
	}
	key, chain, err := o.readKeystore(s)
	if err != nil {
		return keystoreFault(s, err)
	}
	if len(chain) == 0 || !samePublic(chain[0], key) {
		return fault(s.Keystore.key(), "holds a certificate that does not belong to its private "+
			"key", "put the certificate that was issued for this key first, its issuers after it",
			nil)
	}
	if err := checkDates(s.Keystore.key(), chain[0], now); err != nil {
		return err
	}
	m.chain = chain
	m.pair = &tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		m.pair.Certificate = append(m.pair.Certificate, c.Raw)
	}
	return nil
}

// keystoreFault names the key to change for an error of reading the keystore.
func keystoreFault(s Settings, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	key, fix := s.Keystore.key(), "give a store with one private key and its certificates"
	switch {
	case errors.Is(err, errIsPEM):
		key, fix = "ssl.keystore.type", "write PEM, and remove ssl.keystore.password"
	case errors.Is(err, errStorePassword):
		key, fix = "ssl.keystore.password", "set the password of the store"
	case errors.Is(err, errNoPassword), errors.Is(err, errWrongPassword):
		key, fix = "ssl.key.password", "set the password of the private key"
		if s.Keystore.Type != typePEM {
			fix += ", if it is another than that of the store"
		}
	}
	return fault(key, "does not give a certificate: "+s.Keystore.describe()+": "+err.Error(), fix,
		err)
}

// describe names the store in an error.
func (s Source) describe() string {
	if s.Location != "" {
		return s.Location
	}
	return "the text of " + s.key()
}

func (o Options) readKeystore(s Settings) (crypto.Signer, []*x509.Certificate, error) {
	source, keyPassword := s.Keystore, s.KeyPassword.Reveal()
	if source.Type == typePEM {
		key, chain := source.Key.Reveal(), source.Certificates.Reveal()
		if source.Location != "" {
			data, err := o.read(source)
			if err != nil {
				return nil, nil, err
			}
			key, chain = string(data), string(data)
		}
		return readPEM(key, chain, keyPassword)
	}
	data, err := o.read(source)
	if err != nil {
		return nil, nil, err
	}
	password := source.Password.Reveal()
	if isPEM(data) {
		return nil, nil, errIsPEM
	}
	if !isJKS(data) {
		return readPKCS12(data, password)
	}
	if keyPassword == "" {
		keyPassword = password
	}
	return readJKS(data, password, keyPassword)
}

func readPEM(key, chain, password string) (crypto.Signer, []*x509.Certificate, error) {
	s, err := pemKey(key, []byte(password))
	if err != nil {
		return nil, nil, err
	}
	certs, err := pemCertificates(chain)
	return s, certs, err
}

func (o Options) loadTruststore(s Settings, m *material) error {
	if !s.Truststore.configured() {
		return nil
	}
	trusted, err := o.readTruststore(s.Truststore)
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	key, fix := s.Truststore.key(), "give a store with the certificates of trusted authorities"
	switch {
	case errors.Is(err, errIsPEM):
		key, fix = "ssl.truststore.type", "write PEM, and remove ssl.truststore.password"
	case errors.Is(err, errStorePassword):
		key, fix = "ssl.truststore.password", "set the password of the store"
	}
	if err == nil && len(trusted) == 0 {
		err = errors.New("it holds no trusted certificate")
	}
	if err != nil {
		return fault(key, "does not give trusted certificates: "+s.Truststore.describe()+": "+
			err.Error(), fix, err)
	}
	m.trusted, m.roots = trusted, x509.NewCertPool()
	for _, c := range trusted {
		m.roots.AddCert(c)
	}
	return nil
}

func (o Options) readTruststore(source Source) ([]*x509.Certificate, error) {
	if source.Certificates.IsSet() {
		return pemCertificates(source.Certificates.Reveal())
	}
	data, err := o.read(source)
	switch {
	case err != nil:
		return nil, err
	case source.Type == typePEM:
		return pemCertificates(string(data))
	case isPEM(data):
		return nil, errIsPEM
	case isJKS(data):
		return readJKSTrust(data, source.Password.Reveal())
	}
	return readPKCS12Trust(data, source.Password.Reveal())
}

// read returns the contents of a store's file.
func (o Options) read(source Source) ([]byte, error) {
	key, name := source.key(), source.Location
	info, err := o.Stat(name)
	if err == nil && info.Size() > maxStoreBytes {
		return nil, fault(key, fmt.Sprintf("names %s of %d bytes, more than %d", name,
			info.Size(), maxStoreBytes), "name a store", nil)
	}
	var data []byte
	if err == nil {
		data, err = o.ReadFile(name)
	}
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault(key, "names "+name+", which does not exist",
			"correct the path, or put the file there", err)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault(key, "names "+name+", which this process may not read",
			"give its user the right to read the file and to enter its directory", err)
	}
	return nil, fault(key, fmt.Sprintf("names %s, which cannot be read: %v", name, err),
		"name a file", err)
}

func checkDates(key string, c *x509.Certificate, now time.Time) error {
	const day = time.DateOnly + " 15:04:05 MST"
	switch {
	case now.After(c.NotAfter):
		return fault(key, fmt.Sprintf("holds the certificate of %q, which expired at %s",
			subject(c), c.NotAfter.UTC().Format(day)), "renew it", nil)
	case now.Before(c.NotBefore):
		return fault(key, fmt.Sprintf("holds the certificate of %q, which is not valid before %s",
			subject(c), c.NotBefore.UTC().Format(day)),
			"wait, or set the clock of this machine", nil)
	}
	return nil
}

// subject is the name in a certificate, for logs and errors.
func subject(c *x509.Certificate) string {
	name, err := Name(c.RawSubject)
	if err != nil {
		return "(not valid DER)"
	}
	return name
}
