package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol"
)

// checkListeners reads the listeners, what is advertised for them, and their security protocols.
func (r *reader) checkListeners() {
	c := r.config
	c.ControllerListenerNames = r.controllerNames()
	c.Listeners = r.listeners("listeners")
	c.SecurityProtocols = r.protocols()
	r.matchNames()
	r.checkPorts()
	r.advertise()
	for _, at := range []*[]Listener{&c.Listeners, &c.AdvertisedListeners} {
		for i := range *at {
			(*at)[i].Protocol = c.SecurityProtocols[(*at)[i].Name]
		}
	}
	c.HTTP.Listeners, c.DebugListeners = r.httpListeners(), r.debugListeners()
}

func (r *reader) controllerNames() []string {
	const key = "controller.listener.names"
	names := r.listenerNames()
	if len(names) == 0 && !r.bad[key] {
		r.refuse(key, "is not set",
			"name the controller listener, usually controller.listener.names=CONTROLLER")
	}
	return names
}

// listeners reads a list of listeners. It refuses the first entry that is malformed or repeats a
// name.
func (r *reader) listeners(key string) []Listener {
	var all []Listener
	for _, entry := range splitList(r.text(key)) {
		l, wrong := parseListener(entry)
		same := func(other Listener) bool { return other.Name == l.Name }
		switch {
		case wrong != "":
			r.refuse(key, fmt.Sprintf("has the entry %q, which %s", entry, wrong),
				"write NAME://host:port, IPv6 in brackets, such as CONTROLLER://:9093")
			return nil
		case slices.ContainsFunc(all, same):
			r.refuse(key, "has the name "+l.Name+" twice", "give each listener its own name")
			return nil
		}
		all = append(all, l)
	}
	return all
}

// protocols reads the protocol map, and refuses its first malformed entry.
func (r *reader) protocols() map[string]SecurityProtocol {
	const key = "listener.security.protocol.map"
	protocols, bad := r.protocolMap()
	if bad != "" {
		r.refuse(key, fmt.Sprintf("has the entry %q, which is not of the form NAME:PROTOCOL", bad),
			"write one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL after each listener name")
	}
	return protocols
}

// protocolMap returns the protocol of each listener name, and the first malformed entry. As in
// Kafka, controller listeners are PLAINTEXT if no map is given and no listener is named after a
// secure protocol.
func (r *reader) protocolMap() (protocols map[string]SecurityProtocol, bad string) {
	const key = "listener.security.protocol.map"
	protocols = map[string]SecurityProtocol{}
	for _, entry := range splitList(r.text(key)) {
		colon := strings.LastIndexByte(entry, ':')
		protocol, ok := parseProtocol(strings.TrimSpace(entry[colon+1:]))
		if colon < 1 || !ok {
			return protocols, entry
		}
		protocols[strings.ToUpper(strings.TrimSpace(entry[:colon]))] = protocol
	}
	secure := func(entry string) bool {
		l, _ := parseListener(entry)
		p, ok := parseProtocol(l.Name)
		return ok && p != Plaintext
	}
	if r.set(key) || slices.ContainsFunc(splitList(r.text("listeners")), secure) {
		return protocols, ""
	}
	for _, name := range r.listenerNames() {
		if _, mapped := protocols[name]; !mapped {
			protocols[name] = Plaintext
		}
	}
	return protocols, ""
}

// matchNames checks that the listeners are those of controller.listener.names, and that the map has
// their protocols.
func (r *reader) matchNames() {
	c := r.config
	if r.bad["listeners"] || r.bad["controller.listener.names"] {
		return
	}
	var present, strange []string
	for _, l := range c.Listeners {
		present = append(present, l.Name)
		if !slices.Contains(c.ControllerListenerNames, l.Name) {
			strange = append(strange, l.Name)
		}
	}
	if len(strange) > 0 {
		r.refuse("listeners", "has "+strings.Join(strange,
			", ")+", not named in controller.listener.names="+strings.Join(c.ControllerListenerNames, ","),
			"a controller has controller listeners only: add the name there or remove the listener")
		return
	}
	for _, name := range c.ControllerListenerNames {
		if !slices.Contains(present, name) {
			r.refuse("controller.listener.names", "names "+name+", which is not among the listeners",
				"add "+name+"://:9093 to listeners")
			return
		}
	}
	r.checkProtocols()
}

func (r *reader) checkProtocols() {
	const key = "listener.security.protocol.map"
	for _, name := range r.config.ControllerListenerNames {
		_, ok := r.config.SecurityProtocols[name]
		switch {
		case r.bad[key]:
			return
		case !ok:
			r.refuse(key, "has no entry for the listener "+name, "add "+name+":PLAINTEXT")
			return
		}
	}
}

func (r *reader) checkPorts() {
	all := r.config.Listeners
	for i, a := range all {
		for _, b := range all[:i] {
			if a.Port == b.Port && a.Port != 0 &&
				(a.Host == b.Host || isWildcard(a.Host) || isWildcard(b.Host)) {
				r.refuse("listeners", fmt.Sprintf("has %s and %s on one port", b, a),
					"give each listener a port of its own")
				return
			}
		}
	}
}

// advertise finds the advertised endpoint of each controller listener: from advertised.listeners;
// else the listener's own, if it has a host; else, for the first listener, this node's address
// among the voters; else the name of this machine.
func (r *reader) advertise() {
	const key = "advertised.listeners"
	given := r.listeners(key)
	for _, l := range given {
		switch {
		case isWildcard(l.Host):
			r.refuse(key, fmt.Sprintf("has %s, which nobody can connect to", l),
				"give the name or address under which brokers reach this machine")
			return
		case l.Port == 0 && slices.ContainsFunc(r.config.Listeners,
			func(o Listener) bool { return o.Name == l.Name && o.Port != 0 }):
			r.refuse(key, fmt.Sprintf("has %s with port 0", l), "give the port brokers connect to")
			return
		case !slices.Contains(r.config.ControllerListenerNames, l.Name) &&
			!r.bad["controller.listener.names"]:
			r.advise(key, "", "has "+l.Name+", which is no controller listener; that entry does nothing")
		}
	}
	for i, name := range r.config.ControllerListenerNames {
		named := func(l Listener) bool { return l.Name == name }
		if at := slices.IndexFunc(given, named); at >= 0 {
			r.config.AdvertisedListeners = append(r.config.AdvertisedListeners, given[at])
		} else if at := slices.IndexFunc(r.config.Listeners, named); at >= 0 {
			r.config.AdvertisedListeners = append(r.config.AdvertisedListeners,
				r.reachable(r.config.Listeners[at], i == 0))
		}
	}
}

func (r *reader) reachable(l Listener, first bool) Listener {
	if !isWildcard(l.Host) {
		return l
	}
	if first {
		for _, entry := range splitList(r.text("controller.quorum.voters")) {
			if v, wrong := parseVoter(entry); wrong == "" && v.ID == r.config.NodeID {
				l.HostPort = v.HostPort
				return l
			}
		}
	}
	host, err := machineName()
	if err != nil || host == "" {
		r.refuse("advertised.listeners", "is not set, and this machine's name cannot be determined",
			"set advertised.listeners="+l.Name+"://<name>:<port>")
		return l
	}
	l.Host = host
	r.advise("advertised.listeners", "", "is not set: brokers will be told to connect to "+l.String()+
		"; set it if they cannot resolve that name")
	return l
}

func (r *reader) httpListeners() []HostPort {
	const key = "yakt.http.listeners"
	_, source, _ := r.get(r.table[key])
	r.config.HTTP.Default = source == fromDefault
	r.config.HTTP.Protocol = r.httpProtocol()
	all := r.hostPorts(key, "127.0.0.1:8093")
	for _, at := range all {
		switch missing := r.httpLacks(); {
		case isLoopback(at.Host) || missing == "":
		case r.config.HTTP.Insecure:
			r.advise(key, "", "has "+at.String()+", which other machines can reach "+missing+
				" (yakt.http.insecure=true)")
			r.checkInsecure()
		default:
			r.refuse(key, "has "+at.String()+", which other machines can reach "+missing,
				"set yakt.http.security.protocol=SASL_SSL, or SSL with "+
					"listener.name.http.ssl.client.auth=required; or give a loopback address, such as "+
					"127.0.0.1:8093, and reach it through ssh -L; or set yakt.http.insecure=true on a "+
					"network where everyone may do everything")
			return nil
		}
	}
	return all
}

// httpLacks says what protects too little for listeners that other machines can reach; "" if
// connections are encrypted and clients have to authenticate.
func (r *reader) httpLacks() string {
	switch p := r.httpProtocol(); {
	case p == Plaintext:
		return "without TLS and credentials"
	case !p.HasTLS():
		return "without TLS, so that passwords can be read on their way"
	case !p.HasSASL() && r.httpClientAuth() != "required":
		return "without credentials"
	}
	return ""
}

// httpClientAuth is whether HTTP clients have to show certificates (ssl.client.auth).
func (r *reader) httpClientAuth() string {
	const key = "ssl.client.auth"
	own := listenerPrefix(httpListener) + key
	if r.isExplicit(own) {
		return strings.ToLower(strings.TrimSpace(r.text(own)))
	}
	return strings.ToLower(strings.TrimSpace(r.text(key)))
}

// checkInsecure refuses an authorizer beside HTTP listeners that say that everyone may do
// everything, unless those without credentials may in fact do everything.
func (r *reader) checkInsecure() {
	const key = "yakt.http.insecure"
	anonymous := slices.ContainsFunc(strings.Split(r.text("super.users"), ";"),
		func(s string) bool { return strings.TrimSpace(s) == protocol.Anonymous })
	if r.set("authorizer.class.name") && !anonymous && !r.bad[key] {
		r.refuse(key, "permits HTTP requests without credentials to do everything, and "+
			"authorizer.class.name does not", "remove it and set yakt.http.security.protocol; or, if "+
			"everyone may do everything, add "+protocol.Anonymous+" to super.users")
	}
}

// debugListeners must be loopback: profiles reveal what a process does, and take its time.
func (r *reader) debugListeners() []HostPort {
	const key = "yakt.debug.listeners"
	all := r.hostPorts(key, "127.0.0.1:6060")
	for _, at := range all {
		if !isLoopback(at.Host) {
			r.refuse(key, "has "+at.String()+", which other machines can reach",
				"give a loopback address, such as 127.0.0.1:6060, and reach it through ssh -L")
			return nil
		}
	}
	return all
}

// hostPorts reads a list of addresses. It refuses the first that is malformed.
func (r *reader) hostPorts(key, example string) []HostPort {
	var all []HostPort
	for _, entry := range splitList(r.text(key)) {
		at, wrong := parseHostPort(entry)
		if wrong != "" {
			r.refuse(key, fmt.Sprintf("has the entry %q, which %s", entry, wrong),
				"write host:port, such as "+example)
			return nil
		}
		all = append(all, at)
	}
	return all
}
