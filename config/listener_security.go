package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/certs"
	"github.com/yakt/yakt/security/jaas"
	"github.com/yakt/yakt/security/oauth"
	"github.com/yakt/yakt/security/sasl"
)

// ListenerSecurity is how the connections of one listener are secured. What its protocol does not
// use is zero.
type ListenerSecurity struct {
	TLS   certs.Settings
	SASL  sasl.Settings
	OAuth oauth.Settings // if SASL has OAUTHBEARER
}

// PeerSecurity is how this node authenticates by SASL at other controllers. It is zero if their
// listener has no SASL, and if there are no others.
type PeerSecurity struct {
	SASL  sasl.ClientSettings
	OAuth oauth.SourceSettings // for OAUTHBEARER
}

// parseSecurity reads the security of the controller listeners and of the connections between
// controllers.
func (r *reader) parseSecurity() {
	c := r.config
	c.Secure = make(map[string]ListenerSecurity)
	for i, name := range c.ControllerListenerNames {
		protocol, ok := c.SecurityProtocols[name]
		if !ok || protocol == Plaintext {
			continue
		}
		keys := c.SecurityKeys(name, nil)
		c.Secure[name] = r.listenerSecurity(name, protocol, keys)
		if i == 0 && protocol.HasSASL() &&
			(c.DialsPeers() || r.set("sasl.mechanism.controller.protocol")) {
			c.Peer = r.peerSecurity(name, keys)
		}
	}
	if p := r.httpProtocol(); p != Plaintext {
		c.Secure[httpListener] = r.listenerSecurity(httpListener, p, c.SecurityKeys(httpListener, nil))
	}
}

func (r *reader) listenerSecurity(
	listener string, protocol SecurityProtocol, keys map[string]string,
) (s ListenerSecurity) {
	var problems []security.Problem
	if protocol.HasTLS() {
		s.TLS, problems = certs.Parse(keys)
		r.refuseSecurity(listener, problems)
		for _, w := range s.TLS.Warnings {
			r.advise(r.nameOf(listener, w.Key), "", w.Wrong+"; "+w.Fix)
		}
	}
	if protocol.HasSASL() {
		s.SASL, problems = sasl.Parse(keys)
		r.refuseSecurity(listener, problems)
		if slices.Contains(s.SASL.Mechanisms, sasl.OAuthBearer) {
			s.OAuth, problems = oauth.Parse(oauthKeys(keys))
			r.refuseSecurity(listener, problems)
		}
	}
	return s
}

// DialsPeers reports whether this node has other controllers to connect to. The voters of a dynamic
// quorum are in the log; one with a single bootstrap server has probably no others.
func (c *Config) DialsPeers() bool {
	return len(c.Quorum.Voters) > 1 ||
		len(c.Quorum.Voters) == 0 && len(c.Quorum.BootstrapServers) > 1
}

func (r *reader) peerSecurity(listener string, keys map[string]string) (p PeerSecurity) {
	var problems []security.Problem
	p.SASL, problems = sasl.ParsePeer(keys)
	if p.SASL.Mechanism == sasl.OAuthBearer {
		var more []security.Problem
		p.OAuth, more = oauth.ParseSource(oauthKeys(keys))
		problems = append(problems, more...)
	}
	if len(problems) == 0 && !slices.Contains(r.config.Secure[listener].SASL.Mechanisms,
		p.SASL.Mechanism) {
		problems = append(problems, security.Problem{
			Key: "sasl.mechanism.controller.protocol",
			Wrong: "is not among sasl.enabled.mechanisms of the listener " + listener +
				", which controllers connect to",
			Fix: "add it there, or name one of them",
		})
	}
	r.refuseSecurity(listener, problems)
	return p
}

// oauthKeys returns the keys in effect for OAUTHBEARER, those with its prefix before the others,
// and the options of its JAAS entry. sasl.Parse reports an entry that is not valid.
func oauthKeys(keys map[string]string) (map[string]string, map[string]protocol.Password) {
	const prefix = "oauthbearer."
	of := maps.Clone(keys)
	for name, text := range keys {
		if key, ok := strings.CutPrefix(name, prefix); ok {
			of[key] = text
		}
	}
	entry, _ := jaas.One(of["sasl.jaas.config"], jaas.OAuthLoginModule)
	return of, entry.Options
}

// nameOf is the full name of a security key of a listener: as it was set or, if it was not, as it
// can be.
func (r *reader) nameOf(listener, key string) string {
	if full := listenerPrefix(listener) + key; r.isExplicit(full) || r.table[key] == nil {
		return full
	}
	return key
}

// refuseSecurity reports what a parser has found wrong with the keys of a listener. It reports each
// only once: several listeners may have the key.
func (r *reader) refuseSecurity(listener string, problems []security.Problem) {
	for _, p := range problems {
		if name := r.nameOf(listener, p.Key); !r.bad[name] {
			r.refuse(name, p.Wrong, p.Fix)
		}
	}
}
