package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol/kafkakeys"
)

// HasTLS reports whether connections of the protocol are encrypted.
func (p SecurityProtocol) HasTLS() bool { return p == SSL || p == SASLSSL }

// HasSASL reports whether clients of the protocol authenticate by SASL.
func (p SecurityProtocol) HasSASL() bool { return p == SASLPlaintext || p == SASLSSL }

// voidUnusedSecurity marks the keys of TLS or SASL as without effect if no listener uses that:
// files may be shared with brokers.
func (r *reader) voidUnusedSecurity() {
	protocols, _ := r.protocolMap()
	tls, sasl := r.httpProtocol().HasTLS(), r.httpProtocol().HasSASL()
	for _, name := range r.listenerNames() {
		tls, sasl = tls || protocols[name].HasTLS(), sasl || protocols[name].HasSASL()
	}
	for name, key := range r.table {
		why := ""
		switch {
		case key.Class != Used || key.Void != "" || key.ofListener:
		case tlsKey(name) && !tls:
			why = "no listener uses TLS"
		case saslKey(name) && !sasl:
			why = "no listener uses SASL"
		case name == "security.providers" && !tls && !sasl:
			why = "no listener uses TLS or SASL"
		}
		if why != "" {
			k := *key
			k.Class, k.Void = Ignored, why
			r.table[name] = &k
		}
	}
}

// checkSecurity reads the security of each controller listener, and refuses what is configured for
// it and would not be enforced.
func (r *reader) checkSecurity() {
	r.checkClasses()
	r.checkEarlyStart()
	for _, name := range r.config.ControllerListenerNames {
		if protocol, ok := r.config.SecurityProtocols[name]; ok {
			r.checkListenerKeys(name, protocol.HasTLS(), protocol.HasSASL(), protocol.String())
		}
	}
	http := r.httpProtocol()
	r.checkListenerKeys(httpListener, http.HasTLS(), http.HasSASL(), http.String())
	r.parseSecurity()
	r.adviseOpenListeners()
}

func (r *reader) expose(key, text string) {
	r.advise(key, "", text)
	r.notices[len(r.notices)-1].Kind = Exposed
}

// adviseOpenListeners says, each in one line, what an attacker on the network could use.
func (r *reader) adviseOpenListeners() {
	c := r.config
	beyond := func(l Listener) bool { return !isLoopback(l.Host) }
	if len(c.ControllerListenerNames) == 0 || len(c.Listeners) == 0 {
		return
	}
	first := c.ControllerListenerNames[0]
	elsewhere := slices.ContainsFunc(c.Quorum.Voters,
		func(v Voter) bool { return v.ID != c.NodeID && !isLoopback(v.Host) })
	elsewhere = elsewhere || slices.ContainsFunc(c.Quorum.BootstrapServers,
		func(at HostPort) bool { return !isLoopback(at.Host) })
	switch plain := c.SecurityProtocols[first] == Plaintext; {
	case plain && c.Secured():
		r.expose("listener.security.protocol.map", "secures a listener, but controllers talk to "+
			"each other over the first of controller.listener.names, "+first+", which is PLAINTEXT: "+
			"everyone who reaches it can read and change the metadata; give it a secure protocol too")
	case plain && elsewhere:
		r.expose("listener.security.protocol.map", "gives "+first+" the protocol PLAINTEXT, and "+
			"other controllers are on other machines: the metadata, with all credentials, crosses the "+
			"network as it is, and nobody proves to be a controller; give it SSL or SASL_SSL")
	}
	if !c.Security.Authorizer && slices.ContainsFunc(c.Listeners, beyond) {
		r.expose("authorizer.class.name", "is not set: everyone who can reach a listener of this "+
			"controller, and authenticate where it asks for that, can do everything")
	}
}

// httpProtocol is the security protocol of the HTTP listeners.
func (r *reader) httpProtocol() SecurityProtocol {
	const key = "yakt.http.security.protocol"
	p, _ := parseProtocol(r.text(key))
	return p
}

// javaClasses lists the keys that name classes for all connections, and Kafka's own classes, whose
// work is done here.
var javaClasses = map[string]string{
	"principal.builder.class": "org.apache.kafka.common.security.authenticator." +
		"DefaultKafkaPrincipalBuilder",
	"ssl.engine.factory.class": "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory",
	"security.providers":       "",
}

// checkClasses refuses Java classes that would decide about connections, under every name by which
// they can be set.
func (r *reader) checkClasses() {
	for _, name := range slices.Sorted(maps.Keys(r.table)) {
		own, ok := javaClasses[kafkakeys.Base(name)]
		if !ok || r.table[name].Class == Ignored {
			continue
		}
		if text := strings.TrimSpace(r.text(name)); text == "" || text == own || r.bad[name] {
			continue
		}
		fix := "remove it"
		if own != "" {
			fix += ": Kafka's own " + own[strings.LastIndexByte(own, '.')+1:] + " is what is done here"
		}
		r.refuse(name, "is a Java class, which cannot run here", fix)
	}
}

func (r *reader) checkEarlyStart() {
	const key = "early.start.listeners"
	for _, name := range splitList(r.text(key)) {
		if !slices.Contains(r.listenerNames(), strings.ToUpper(name)) && !r.bad[key] {
			r.refuse(key, "has "+name+", which is not among the listeners",
				"remove it, or leave the key out")
		}
	}
}

// checkListenerKeys refuses keys that are set for one listener and have no effect on it: an
// operator who set them believes that they protect it.
func (r *reader) checkListenerKeys(listener string, tls, sasl bool, protocol string) {
	prefix := listenerPrefix(listener)
	for _, name := range r.explicit() {
		key, ours := strings.CutPrefix(strings.ToLower(name), prefix)
		if !ours || r.bad[name] {
			continue
		}
		base := kafkakeys.Base("listener.name.x." + key)
		switch {
		case !tlsKey(base) && !saslKey(base) && base != "principal.builder.class" &&
			!strings.Contains(key, "sasl."):
		case slices.Contains(globalOnly, base):
			r.refuse(name, "cannot be set for one listener", "set "+base)
		case r.table[name] == nil:
			r.refuseListenerKey(name, prefix)
		case tlsKey(base) && !tls, saslKey(base) && !sasl:
			r.refuse(name, "has no effect: the listener "+listener+" is "+protocol,
				"remove it, or change the listener's protocol in "+protocolKey(listener))
		}
	}
}

// protocolKey is the key with the protocol of a listener.
func protocolKey(listener string) string {
	if listener == httpListener {
		return "yakt.http.security.protocol"
	}
	return "listener.security.protocol.map"
}

// refuseListenerKey refuses a misspelt key of a listener.
func (r *reader) refuseListenerKey(name, prefix string) {
	fix := "remove it, or name a key of TLS or SASL"
	if near := nearest(name, r.table); near != "" && near != name {
		fix = "did you mean " + near + "?"
	}
	r.refuse(name, "is not a key of Kafka 4.4 for a listener", fix)
}

func (r *reader) isExplicit(name string) bool { return slices.Contains(r.explicit(), name) }
