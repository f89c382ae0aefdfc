package realm

import (
	"crypto/tls"
	"testing"

	"github.com/yakt/yakt/security/certs/certstest"
)

// formats of the members' stores: between them, all that there are. Clients have PEM.
var formats = map[string]string{Controller: certstest.PKCS12, Broker: certstest.JKS}

func format(user string) string {
	if f := formats[user]; f != "" {
		return f
	}
	return certstest.PEM
}

// NewAuthority replaces the authority that certifies. Nobody trusts the new one until Trust.
func (r *Realm) NewAuthority(t testing.TB) {
	t.Helper()
	r.authority = certstest.NewCA(t, "another authority")
}

// Trust adds the present authority to those that all members and clients trust.
func (r *Realm) Trust(t testing.TB) {
	t.Helper()
	r.trusted = append(r.trusted, r.authority)
	r.writeTrust(t)
}

// TrustOnly has all members and clients trust the present authority only.
func (r *Realm) TrustOnly(t testing.TB) {
	t.Helper()
	r.trusted = []*certstest.CA{r.authority}
	r.writeTrust(t)
}

func (r *Realm) writeTrust(t testing.TB) {
	t.Helper()
	for _, user := range users {
		certstest.WriteTrust(t, format(user), r.trustFile(user), r.trusted...)
	}
}

// Certify gives a user a new key and a certificate of the present authority, valid for loopback
// addresses. It replaces the file of the old one.
func (r *Realm) Certify(t testing.TB, user string) {
	t.Helper()
	r.certificates[user] = r.authority.Issue(t, certstest.CN(user))
	r.certificates[user].Write(t, format(user), r.keyFile(user))
}

func (r *Realm) keyFile(user string) string   { return r.file(user + ".keystore") }
func (r *Realm) trustFile(user string) string { return r.file(user + ".truststore") }

// TrustFile is the path of a PEM file with the trusted certificates.
func (r *Realm) TrustFile() string { return r.trustFile(Admin) }

// KeyFile is the path of a PEM file with the key and the certificate of a user who is no member.
func (r *Realm) KeyFile(user string) string { return r.keyFile(user) }

// stores are the ssl.* keys of a user.
func (r *Realm) stores(user string) map[string]string {
	p := r.truststore(user)
	p["ssl.keystore.type"] = format(user)
	p["ssl.keystore.location"] = r.keyFile(user)
	if format(user) != certstest.PEM {
		p["ssl.keystore.password"] = certstest.Password
		p["ssl.key.password"] = certstest.Password
	}
	return p
}

func (r *Realm) truststore(user string) map[string]string {
	p := map[string]string{
		"ssl.truststore.type":     format(user),
		"ssl.truststore.location": r.trustFile(user),
	}
	if format(user) != certstest.PEM {
		p["ssl.truststore.password"] = certstest.Password
	}
	return p
}

// TLS is a configuration for a client without a certificate. It trusts the authorities that are
// trusted now, and the present one.
func (r *Realm) TLS() *tls.Config {
	pool := r.authority.Pool()
	for _, ca := range r.trusted {
		pool.AddCert(ca.Certificate)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// Certificate is a user's present one.
func (r *Realm) Certificate(user string) tls.Certificate { return r.certificates[user].TLS() }
