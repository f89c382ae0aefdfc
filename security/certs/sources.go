package certs

import (
	"slices"
	"strings"
)

// stores parses where the two stores come from, with Kafka's rules for what goes together.
func (p *parser) stores(s *Settings) {
	s.Keystore = p.source(keystoreName)
	s.Keystore.Key = p.password("ssl.keystore.key")
	s.Keystore.Certificates = p.password("ssl.keystore.certificate.chain")
	s.KeyPassword = p.password("ssl.key.password")
	s.Truststore = p.source(truststoreName)
	s.Truststore.Certificates = p.password("ssl.truststore.certificates")
	p.checkKeystore(s.Keystore)
	p.checkTruststore(s.Truststore)
}

func (p *parser) source(name string) Source {
	return Source{
		Name: name, Type: p.storeType(name), Location: p.text(name+".location", ""),
		Password: p.password(name + ".password"),
	}
}

func (p *parser) storeType(name string) string {
	text := strings.ToUpper(p.text(name+".type", typeJKS))
	if !slices.Contains([]string{typePEM, typePKCS12, typeJKS}, text) {
		p.problem(name+".type", "is "+text+", which cannot be read here",
			"convert the store to PEM, PKCS12 or JKS (keytool -importkeystore)")
	}
	return text
}

func (p *parser) checkKeystore(s Source) {
	const key, chain = "ssl.keystore.key", "ssl.keystore.certificate.chain"
	inline := s.Key.IsSet()
	switch {
	case inline && s.Type != typePEM:
		p.problem(key, "is only for stores of type PEM, and ssl.keystore.type is "+s.Type,
			"set ssl.keystore.type=PEM")
	case inline && !s.Certificates.IsSet():
		p.problem(key, "is set without "+chain, "set that too")
	case inline && s.Location != "":
		p.problem(key, "and ssl.keystore.location are both set", "remove one of them")
	case !inline && s.Certificates.IsSet():
		p.problem(chain, "is set without "+key, "set that too")
	case s.Type == typePEM && s.Password.IsSet() && (inline || s.Location != ""):
		p.problem("ssl.keystore.password", "is not for stores of type PEM",
			"remove it; the password of an encrypted key is ssl.key.password")
	case s.Location == "" && !inline && s.Password.IsSet():
		p.problem("ssl.keystore.password", "is set without a keystore",
			"set ssl.keystore.location, or remove the password")
	case s.Location != "" && s.Type != typePEM && !s.Password.IsSet():
		p.problem("ssl.keystore.location", "is set without ssl.keystore.password",
			"set the password of the store")
	}
}

func (p *parser) checkTruststore(s Source) {
	const key, password = "ssl.truststore.certificates", "ssl.truststore.password"
	inline := s.Certificates.IsSet()
	switch {
	case inline && s.Type != typePEM:
		p.problem(key, "is only for stores of type PEM, and ssl.truststore.type is "+s.Type,
			"set ssl.truststore.type=PEM")
	case inline && s.Location != "":
		p.problem(key, "and ssl.truststore.location are both set", "remove one of them")
	case s.Type == typePEM && s.Password.IsSet() && s.configured():
		p.problem(password, "is not for stores of type PEM", "remove it")
	case !s.configured() && s.Password.IsSet():
		p.problem(password, "is set without a truststore",
			"set ssl.truststore.location, or remove the password")
	}
}
