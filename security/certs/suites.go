package certs

import (
	"crypto/tls"
	"slices"
	"strings"
)

const (
	protocolsKey = "ssl.enabled.protocols"
	suitesKey    = "ssl.cipher.suites"
)

// versions parses ssl.enabled.protocols and ssl.protocol.
func (p *parser) versions(s *Settings) {
	s.MinVersion, s.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	enabled := p.list(protocolsKey, "TLSv1.2,TLSv1.3")
	var known []uint16
	for i, name := range enabled {
		version, ok := versions[name]
		switch {
		case slices.Contains(enabled[:i], name):
			p.problem(protocolsKey, "names "+name+" twice", "name it once")
		case !ok:
			p.problem(protocolsKey, "names "+name+", which is not known or not safe",
				"name TLSv1.2, TLSv1.3 or both")
		default:
			known = append(known, version)
		}
	}
	if len(known) > 0 {
		s.MinVersion, s.MaxVersion = slices.Min(known), slices.Max(known)
	}
	p.protocol(s)
}

// protocol parses ssl.protocol, which bounds the version of clients.
func (p *parser) protocol(s *Settings) {
	const key = "ssl.protocol"
	s.ClientMaxVersion = s.MaxVersion
	switch name := p.text(key, "TLSv1.3"); name {
	case "TLSv1.3", "TLS":
	case "TLSv1.2":
		s.ClientMaxVersion = min(s.MaxVersion, tls.VersionTLS12)
		if s.MinVersion > s.ClientMaxVersion {
			p.problem(key, "is TLSv1.2, which "+protocolsKey+" does not name",
				"remove "+key+", or name TLSv1.2 there")
		}
	default:
		p.problem(key, "is "+name+", which is not known or not safe", "write TLSv1.3 or TLSv1.2")
	}
}

// suites parses ssl.cipher.suites. A list that names suites of one version of TLS only excludes
// the other version, as in Java.
func (p *parser) suites(s *Settings) {
	var of13 int
	for _, name := range p.list(suitesKey, "") {
		suite := find(tls.CipherSuites(), name)
		switch {
		case name == "TLS_EMPTY_RENEGOTIATION_INFO_SCSV": // a signal, not a suite
		case find(tls.InsecureCipherSuites(), name) != nil:
			p.problem(suitesKey, "names "+name+", which is not safe", "remove it; "+suitesKnown())
		case suite == nil:
			p.problem(suitesKey, "names "+name+", which cannot be used here",
				"remove it; "+suitesKnown())
		case slices.Contains(suite.SupportedVersions, tls.VersionTLS13):
			of13++
		case slices.Contains(s.CipherSuites, suite.ID):
			p.problem(suitesKey, "names "+name+" twice", "name it once")
		default:
			s.CipherSuites = append(s.CipherSuites, suite.ID)
		}
	}
	if of13+len(s.CipherSuites) > 0 {
		p.suiteVersions(s, of13)
	}
}

// suitesOf13 is how many suites of TLS 1.3 there are.
const suitesOf13 = 3

func (p *parser) suiteVersions(s *Settings, of13 int) {
	if of13 == 0 {
		s.MaxVersion = min(s.MaxVersion, tls.VersionTLS12)
		s.ClientMaxVersion = min(s.ClientMaxVersion, tls.VersionTLS12)
	}
	if len(s.CipherSuites) == 0 {
		s.MinVersion = max(s.MinVersion, tls.VersionTLS13)
	}
	if s.MinVersion > s.ClientMaxVersion {
		p.problem(suitesKey, "names no suite for the versions of "+protocolsKey,
			"name one, or change the versions")
	}
	if of13 > 0 && of13 < suitesOf13 && s.MaxVersion == tls.VersionTLS13 {
		p.warn(suitesKey, "names some of the three suites of TLS 1.3, and all three, which are "+
			"safe, stay in use: they cannot be chosen here",
			"name all three, or restrict them at the clients")
	}
}

func find(suites []*tls.CipherSuite, name string) *tls.CipherSuite {
	i := slices.IndexFunc(suites, func(s *tls.CipherSuite) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return suites[i]
}

// suitesKnown is a hint with all names that may be used.
func suitesKnown() string {
	var names []string
	for _, s := range tls.CipherSuites() {
		names = append(names, s.Name)
	}
	return "there are " + strings.Join(names, ", ")
}
