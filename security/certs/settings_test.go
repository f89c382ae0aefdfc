package certs

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/yakt/yakt/protocol/kafkakeys"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	s, problems := Parse(nil)
	if len(problems) > 0 || s.ClientAuth != tls.NoClientCert || s.MinVersion != tls.VersionTLS12 ||
		s.MaxVersion != tls.VersionTLS13 || !s.CheckHost || s.CipherSuites != nil {
		t.Errorf("defaults: %+v, %v", s, problems)
	}
	s, problems = Parse(map[string]string{
		"ssl.client.auth": "required", "ssl.enabled.protocols": " TLSv1.3 ,TLSv1.2",
		"ssl.protocol":                          "TLSv1.2",
		"ssl.endpoint.identification.algorithm": "",
		"ssl.cipher.suites": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256," +
			"TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
		"ssl.allow.dn.changes": "TRUE", "ssl.allow.san.changes": "true",
	})
	if len(problems) > 0 || s.ClientAuth != tls.RequireAndVerifyClientCert || s.CheckHost ||
		s.MaxVersion != tls.VersionTLS13 || s.ClientMaxVersion != tls.VersionTLS12 ||
		len(s.CipherSuites) != 1 || !s.AllowDNChanges || !s.AllowSANChanges {
		t.Errorf("%+v, %v", s, problems)
	}
	if len(s.Warnings) != 3 { // client auth without truststore, names not checked, suites of 1.3
		t.Errorf("%v", s.Warnings)
	}
}

// Suites of one version alone exclude the other.
func TestSuitesChooseTheVersion(t *testing.T) {
	t.Parallel()
	for suite, want := range map[string]uint16{
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": tls.VersionTLS12,
		"TLS_AES_256_GCM_SHA384":                  tls.VersionTLS13,
	} {
		s, problems := Parse(map[string]string{"ssl.cipher.suites": suite})
		if len(problems) > 0 || s.MinVersion > want || s.MaxVersion < want ||
			s.MinVersion != want && s.MaxVersion != want {
			t.Errorf("%s: %x-%x, %v", suite, s.MinVersion, s.MaxVersion, problems)
		}
	}
}

// Each key that cannot be honoured is a problem that names it, and what to do.
func TestProblems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		keys string // separated by blanks
		key  string
		text string
	}{
		{"ssl.client.auth=REQUIRED", "ssl.client.auth", "none of none"},
		{"ssl.enabled.protocols=TLSv1.1,TLSv1.2", "ssl.enabled.protocols", "TLSv1.1"},
		{"ssl.enabled.protocols=TLSv1.2,TLSv1.2", "ssl.enabled.protocols", "twice"},
		{"ssl.protocol=SSL", "ssl.protocol", "SSL"},
		{"ssl.protocol=TLSv1.2 ssl.enabled.protocols=TLSv1.3", "ssl.protocol", "does not name"},
		{"ssl.cipher.suites=TLS_RSA_WITH_AES_128_CBC_SHA", "ssl.cipher.suites", "not safe"},
		{"ssl.cipher.suites=TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "ssl.cipher.suites",
			"cannot be used here"},
		{"ssl.cipher.suites=TLS_AES_128_GCM_SHA256 ssl.enabled.protocols=TLSv1.2",
			"ssl.cipher.suites", "no suite for the versions"},
		{"ssl.endpoint.identification.algorithm=ldaps",
			"ssl.endpoint.identification.algorithm", "ldaps"},
		{"ssl.engine.factory.class=com.example.Engine", "ssl.engine.factory.class",
			"com.example.Engine"},
		{"ssl.provider=BC", "ssl.provider", "BC"},
		{"ssl.keymanager.algorithm=PKIX", "ssl.keymanager.algorithm", "PKIX"},
		{"ssl.trustmanager.algorithm=X", "ssl.trustmanager.algorithm", "X"},
		{"ssl.secure.random.implementation=NativePRNG", "ssl.secure.random.implementation",
			"NativePRNG"},
		{"ssl.allow.dn.changes=yes", "ssl.allow.dn.changes", "neither true nor false"},
		{"ssl.principal.mapping.rules=RULE:(?=x)/a/", "ssl.principal.mapping.rules", "(?=x)"},
		{"ssl.keystore.type=JCEKS", "ssl.keystore.type", "JCEKS"},
		{"ssl.truststore.type=BCFKS", "ssl.truststore.type", "BCFKS"},
		{"ssl.keystore.key=k ssl.keystore.certificate.chain=c", "ssl.keystore.key", "type PEM"},
		{"ssl.keystore.type=PEM ssl.keystore.key=k", "ssl.keystore.key", "without"},
		{"ssl.keystore.type=PEM ssl.keystore.key=k ssl.keystore.certificate.chain=c " +
			"ssl.keystore.location=l", "ssl.keystore.key", "both set"},
		{"ssl.keystore.type=PEM ssl.keystore.certificate.chain=c",
			"ssl.keystore.certificate.chain", "without ssl.keystore.key"},
		{"ssl.keystore.type=PEM ssl.keystore.location=l ssl.keystore.password=p",
			"ssl.keystore.password", "not for stores of type PEM"},
		{"ssl.keystore.password=p", "ssl.keystore.password", "without a keystore"},
		{"ssl.keystore.location=l", "ssl.keystore.location", "without ssl.keystore.password"},
		{"ssl.truststore.certificates=c", "ssl.truststore.certificates", "type PEM"},
		{"ssl.truststore.type=PEM ssl.truststore.certificates=c ssl.truststore.location=l",
			"ssl.truststore.certificates", "both set"},
		{"ssl.truststore.type=PEM ssl.truststore.location=l ssl.truststore.password=p",
			"ssl.truststore.password", "not for stores of type PEM"},
		{"ssl.truststore.password=p", "ssl.truststore.password", "without a truststore"},
	} {
		keys := make(map[string]string)
		for _, pair := range strings.Fields(test.keys) {
			key, value, _ := strings.Cut(pair, "=")
			keys[key] = value
		}
		_, problems := Parse(keys)
		if len(problems) != 1 || problems[0].Key != test.key || problems[0].Fix == "" ||
			!strings.Contains(problems[0].Wrong, test.text) {
			t.Errorf("%s: %q", test.keys, problems)
		}
	}
}

// Every ssl.* key of Kafka means something here, or is refused.
func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	before, _ := Parse(nil)
	for _, k := range kafkakeys.All() {
		if !strings.HasPrefix(k.Name, "ssl.") {
			continue
		}
		values := map[string]string{k.Name: "nonsense"}
		if strings.HasPrefix(k.Name, "ssl.keystore") || strings.HasPrefix(k.Name, "ssl.truststore") {
			continue // TestProblems has each of them
		}
		after, problems := Parse(values)
		after.keys, before.keys = nil, nil
		if len(problems) == 0 && fmt.Sprint(after) == fmt.Sprint(before) {
			t.Errorf("%s has no effect", k.Name)
		}
	}
}

// Settings hold secrets and do not show them.
func TestSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	keys := map[string]string{"ssl.keystore.password": secret, "ssl.key.password": secret,
		"ssl.keystore.location": "x", "ssl.truststore.location": "x",
		"ssl.truststore.password": secret, "ssl.keystore.key": secret}
	s, problems := Parse(keys)
	for _, text := range []string{fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s),
		fmt.Sprint(problems)} {
		if strings.Contains(text, secret) {
			t.Error(text)
		}
	}
}
