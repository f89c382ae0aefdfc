package config

import (
	"fmt"
	"strconv"
	"strings"
)

// checkDirectories finds the directory of the metadata log: metadata.log.dir, else the first of
// log.dirs, else log.dir.
func (r *reader) checkDirectories() {
	c := r.config
	r.checkDirectoryNames()
	if len(c.Storage.LogDirs) == 0 {
		c.Storage.LogDirs = splitList(r.text("log.dir"))
	}
	switch {
	case len(c.Storage.LogDirs) == 0:
		r.refuse("log.dirs", "is empty",
			"name the directory that was formatted, such as log.dirs=/var/lib/yakt")
		return
	case !c.Embedded && !r.set("log.dirs") && !r.set("log.dir") && !r.set("metadata.log.dir"):
		r.advise("log.dirs", "", "is not set: Kafka's default "+c.Storage.LogDirs[0]+
			" is used, which many systems empty when they start")
	}
	if c.Storage.MetadataLogDir == "" {
		c.Storage.MetadataLogDir = c.Storage.LogDirs[0]
	} else if strings.TrimSpace(c.Storage.MetadataLogDir) != c.Storage.MetadataLogDir {
		r.advise("metadata.log.dir", "",
			fmt.Sprintf("is %q: the blank is part of the name, as for Kafka", c.Storage.MetadataLogDir))
	}
}

const standardAuthorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"

// checkAuthorizer reads the authorization settings and refuses those that would silently not be
// enforced.
func (r *reader) checkAuthorizer() {
	c := r.config
	switch class := strings.TrimSpace(r.text("authorizer.class.name")); class {
	case "":
	case standardAuthorizer:
		c.Security.Authorizer = true
	default:
		r.refuse("authorizer.class.name", "is a Java class, which cannot run here",
			"leave it empty, and let nobody but brokers and administrators reach the listeners")
	}
	for _, key := range []string{"create.topic.policy.class.name", "alter.config.policy.class.name"} {
		if r.set(key) {
			r.refuse(key, "is a Java class, which cannot run here",
				"remove it, and check in front of the cluster what the policy checked")
		}
	}
	for principal := range strings.SplitSeq(r.text("super.users"), ";") {
		if principal = strings.TrimSpace(principal); principal == "" {
			continue
		}
		if kind, name, ok := strings.Cut(principal, ":"); !ok || kind == "" || name == "" {
			r.refuse("super.users",
				fmt.Sprintf("has the entry %q, which is not of the form Type:name", principal),
				"write User:name, several separated by semicolons")
			return
		}
		c.Security.SuperUsers = append(c.Security.SuperUsers, principal)
	}
	r.adviseAuthorizer()
}

// adviseAuthorizer warns of keys of the authorizer without an authorizer.
func (r *reader) adviseAuthorizer() {
	if r.config.Security.Authorizer || r.bad["authorizer.class.name"] {
		return
	}
	for _, key := range []string{"super.users", "allow.everyone.if.no.acl.found"} {
		if r.set(key) {
			r.advise(key, "", "has no effect without authorizer.class.name: anyone who can reach a "+
				"listener can do anything")
		}
	}
}

// checkLimits compares settings with one another, as KafkaConfig does at its start.
func (r *reader) checkLimits() {
	c := r.config
	if !r.bad["broker.session.timeout.ms"] && !r.bad["broker.heartbeat.interval.ms"] &&
		2*c.Controller.BrokerHeartbeatInterval > c.Controller.BrokerSessionTimeout {
		r.advise("broker.session.timeout.ms", "", fmt.Sprintf(
			"(%s) is less than twice broker.heartbeat.interval.ms (%s): one late heartbeat fences a broker",
			c.Controller.BrokerSessionTimeout, c.Controller.BrokerHeartbeatInterval,
		))
	}
	if c.Clients.MaxQueuedBytes > 0 && c.Clients.MaxQueuedBytes < int64(c.Clients.MaxRequestBytes) {
		r.refuse("queued.max.request.bytes",
			fmt.Sprintf("is less than socket.request.max.bytes=%d", c.Clients.MaxRequestBytes),
			"make it at least as much, or -1 for 64 MiB")
	}
	c.Clients.MaxConnectionsPerIPOverrides = r.connectionOverrides()
	if c.Clients.MaxConnectionsPerIP == 0 && len(c.Clients.MaxConnectionsPerIPOverrides) == 0 &&
		!r.bad["max.connections.per.ip"] {
		r.refuse("max.connections.per.ip", "allows no connections",
			"give 1 or more, or set max.connections.per.ip.overrides")
	}
	r.checkRetention()
	r.checkCompactionLag()
}

// checkRetention applies KafkaConfig's rule to the one of the three names that takes effect.
func (r *reader) checkRetention() {
	for _, key := range []string{"log.retention.ms", "log.retention.minutes", "log.retention.hours"} {
		text := strings.TrimSpace(r.text(key))
		if text == "" || r.bad[key] {
			continue
		}
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n == 0 {
			r.refuse(key, "keeps nothing", "give 1 or more, or -1 to keep everything")
		}
		return
	}
}

func (r *reader) checkCompactionLag() {
	const least, most = "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"
	low, _ := strconv.ParseInt(strings.TrimSpace(r.text(least)), 10, 64)
	high, _ := strconv.ParseInt(strings.TrimSpace(r.text(most)), 10, 64)
	if !r.bad[least] && !r.bad[most] && low > high {
		r.refuse(least, fmt.Sprintf("is more than %s=%d", most, high), "lower one or raise the other")
	}
}

// connectionOverrides reads host:count entries. The last colon separates, so that IPv6 addresses
// are possible.
func (r *reader) connectionOverrides() map[string]int32 {
	const key = "max.connections.per.ip.overrides"
	overrides := map[string]int32{}
	for _, entry := range splitList(r.text(key)) {
		colon := strings.LastIndexByte(entry, ':')
		n, err := strconv.ParseInt(strings.TrimSpace(entry[colon+1:]), 10, 32)
		if colon < 1 || err != nil || n < 0 {
			r.refuse(key, fmt.Sprintf("has the entry %q, which is not of the form host:count", entry),
				"write an address or host name, a colon and a number")
			return nil
		}
		overrides[strings.Trim(strings.TrimSpace(entry[:colon]), "[]")] = int32(n)
	}
	return overrides
}
