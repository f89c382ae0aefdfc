package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol/kafkakeys"
)

// httpListener is the name under which the HTTP listeners have security keys of their own:
// listener.name.http.<key>.
const httpListener = "HTTP"

// listenerPrefix begins the names of the keys of one listener.
func listenerPrefix(listener string) string {
	return "listener.name." + strings.ToLower(listener) + "."
}

// securityKey reports whether a key says how connections are secured and who is on them. All but a
// few of them may be set for one listener.
func securityKey(name string) bool {
	switch name {
	case "principal.builder.class", "connections.max.reauth.ms":
		return true
	}
	return tlsKey(name) || saslKey(name)
}

func tlsKey(name string) bool { return strings.HasPrefix(name, "ssl.") }

func saslKey(name string) bool {
	return strings.HasPrefix(name, "sasl.") || name == "connections.max.reauth.ms" ||
		name == "connection.failed.authentication.delay.ms"
}

// globalOnly lists security keys that Kafka reads without the prefix of a listener only.
var globalOnly = []string{
	"sasl.mechanism.controller.protocol", "sasl.mechanism.inter.broker.protocol",
	"connection.failed.authentication.delay.ms",
}

// mechanismNames are the SASL mechanisms by which keys of a listener may be set, in lower case as
// in the keys: listener.name.controller.plain.sasl.jaas.config.
var mechanismNames = []string{"plain", "scram-sha-256", "scram-sha-512", "oauthbearer", "gssapi"}

// SecurityKeys returns the security keys that are in effect on a listener, without its prefix:
// those set for all listeners, overridden by those set for this one. Keys for one SASL mechanism
// keep its prefix, as "plain.sasl.jaas.config". Keys that were not set are not in the map. The
// name HTTP stands for the HTTP listeners. dynamic holds dynamic configs of this node by their full
// names, which count before the file's; only those with the prefix of the listener do. The map
// belongs to the caller. It holds passwords: never log it.
func (c *Config) SecurityKeys(listener string, dynamic map[string]string) map[string]string {
	prefix := listenerPrefix(listener)
	keys := map[string]string{}
	for name, text := range c.Static {
		if securityKey(name) && kafkakeys.Find(name) != nil {
			keys[name] = text
		}
	}
	for _, layer := range []map[string]string{c.Static, dynamic} {
		for name, text := range layer {
			if key, ok := strings.CutPrefix(name, prefix); ok && ofListener(key) {
				keys[key] = text
			}
		}
	}
	return keys
}

// ofListener reports whether what follows the prefix of a listener is a security key, or one of a
// SASL mechanism.
func ofListener(key string) bool {
	if kafkakeys.Find(key) != nil {
		return securityKey(key) && !slices.Contains(globalOnly, key)
	}
	mechanism, key, _ := strings.Cut(key, ".")
	return mechanism == strings.ToLower(mechanism) && saslKey(key) && kafkakeys.Find(key) != nil &&
		!slices.Contains(globalOnly, key)
}

// addListenerKeys adds the security keys of the controller listeners, and of HTTP, to the table.
// Files hold them under any name; the environment can set only names that are known.
func (r *reader) addListenerKeys() {
	r.table = maps.Clone(r.table)
	r.layers.table = r.table
	names := append(r.listenerNames(), httpListener)
	for name, base := range keyTable() {
		if base.Class != Used || !securityKey(name) || slices.Contains(globalOnly, name) {
			continue
		}
		for _, listener := range names {
			prefix := listenerPrefix(listener)
			r.addKey(prefix+name, base)
			for _, mechanism := range mechanismNames {
				if saslKey(name) {
					r.addKey(prefix+mechanism+"."+name, base)
				}
			}
		}
	}
}

func (r *reader) addKey(name string, base *Key) {
	k := *base
	k.Name, k.HasDefault, k.Default, k.ofListener = name, false, "", true
	r.table[name] = &k
	r.learn(&k)
}

// listenerNames are the names of the controller listeners, in upper case.
func (r *reader) listenerNames() []string {
	var names []string
	for _, name := range splitList(r.text("controller.listener.names")) {
		if name = strings.ToUpper(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Secured reports whether any controller listener does not serve everyone in plaintext.
func (c *Config) Secured() bool {
	return slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Protocol != Plaintext })
}

// Authenticates reports whether clients of a controller listener can authenticate there: by SASL,
// or by a certificate that it asks them for.
func (c *Config) Authenticates(listener string) bool {
	protocol := c.SecurityProtocols[listener]
	auth := strings.ToLower(c.SecurityKeys(listener, nil)["ssl.client.auth"])
	return protocol.HasSASL() || protocol == SSL && (auth == "required" || auth == "requested")
}

// HoldsSecrets reports whether a password was set, in the file or elsewhere.
func (c *Config) HoldsSecrets() bool {
	for name, text := range c.Static {
		if k := kafkakeys.Find(name); text != "" && k != nil && k.Type == "password" {
			return true
		}
	}
	return false
}
