package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkQuorum reads the voters and their addresses.
func (r *reader) checkQuorum() {
	r.config.Quorum.Voters = r.voters("controller.quorum.voters")
	r.config.Quorum.BootstrapServers = r.bootstrapServers()
	r.config.Quorum.PeerAddresses = map[int32]HostPort{}
	for _, v := range r.voters("yakt.peer.addresses") {
		r.config.Quorum.PeerAddresses[v.ID] = v.HostPort
	}
	r.checkMembership()
}

// checkRoles checks that the node is a controller and has no other role.
func (r *reader) checkRoles() {
	switch {
	case r.bad["process.roles"]:
	case slices.Contains(r.config.Roles, "broker"):
		r.refuse("process.roles", "names the role broker, which YAKt does not have",
			"set process.roles=controller, and run Apache's broker in a process of its own, with "+
				"process.roles=broker")
	case len(r.config.Roles) == 0:
		r.refuse("process.roles", "is empty", "set process.roles=controller")
	}
	r.config.Roles = []string{"controller"}
}

// checkNode reads this node's id.
func (r *reader) checkNode() {
	c := r.config
	broker, node := r.text("broker.id"), r.text("node.id")
	switch {
	case r.set("broker.id") && !r.set("node.id"):
		if n, err := strconv.ParseInt(strings.TrimSpace(broker), 10, 32); err == nil && n >= 0 {
			c.NodeID = int32(n)
			r.advise("broker.id", "", "is the old name of node.id; write node.id")
		} else if !r.bad["broker.id"] {
			r.refuse("broker.id", "is not an id", "set node.id to a whole number, 0 or more")
		}
	case node == "" && !r.bad["node.id"]:
		r.refuse("node.id", "is not set", "give this controller an id of its own, such as node.id=3000")
	case r.set("broker.id") && strings.TrimSpace(broker) != strings.TrimSpace(node):
		r.refuse("broker.id", "differs from node.id="+node, "remove broker.id")
	}
}

// voters reads id@host:port entries. It refuses the first that is malformed or repeats an id or an
// address.
func (r *reader) voters(key string) []Voter {
	var all []Voter
	for _, entry := range splitList(r.text(key)) {
		v, wrong := parseVoter(entry)
		if wrong != "" {
			r.refuse(key, fmt.Sprintf("has the entry %q, which %s", entry, wrong),
				"write id@host:port for each controller, such as 1@controller-1:9093")
			return nil
		}
		for _, other := range all {
			if other.ID == v.ID || other.HostPort == v.HostPort {
				r.refuse(key, fmt.Sprintf("has %d@%s and %d@%s", other.ID, other, v.ID, v),
					"give each controller an id and an address of its own")
				return nil
			}
		}
		all = append(all, v)
	}
	return all
}

func (r *reader) bootstrapServers() []HostPort {
	const key = "controller.quorum.bootstrap.servers"
	var all []HostPort
	for _, entry := range splitList(r.text(key)) {
		at, wrong := parseHostPort(entry)
		if wrong == "" && (isWildcard(at.Host) || at.Port == 0) {
			wrong = "nobody can connect to"
		}
		if wrong != "" {
			r.refuse(key, fmt.Sprintf("has the entry %q, which %s", entry, wrong),
				"write host:port for each controller, such as controller-1:9093")
			return nil
		}
		all = append(all, at)
	}
	return all
}

func (r *reader) checkMembership() {
	c := r.config
	const key = "controller.quorum.voters"
	if r.bad[key] || r.bad["controller.quorum.bootstrap.servers"] {
		return
	}
	if len(c.Quorum.Voters) == 0 && len(c.Quorum.BootstrapServers) == 0 {
		if !c.Embedded {
			r.refuse(key, "is not set, nor is controller.quorum.bootstrap.servers",
				"set controller.quorum.bootstrap.servers=host:port,… (dynamic quorum) or "+
					"controller.quorum.voters=id@host:port,… (static)")
		} else if len(c.AdvertisedListeners) > 0 {
			c.Quorum.Voters = []Voter{{ID: c.NodeID, HostPort: c.AdvertisedListeners[0].HostPort}}
		}
		return
	}
	self := func(v Voter) bool { return v.ID == c.NodeID }
	if len(c.Quorum.Voters) > 0 && !slices.ContainsFunc(c.Quorum.Voters, self) && !r.bad["node.id"] &&
		!r.bad["broker.id"] {
		r.refuse(key, fmt.Sprintf("does not contain this node, node.id=%d", c.NodeID),
			"add the node, the same on all controllers, or correct node.id")
	}
	if len(c.Quorum.Voters) > 1 && len(c.AdvertisedListeners) > 0 &&
		isLoopback(c.AdvertisedListeners[0].Host) &&
		slices.ContainsFunc(c.Quorum.Voters, func(v Voter) bool { return !isLoopback(v.Host) }) {
		r.advise("advertised.listeners", "", "gives "+c.AdvertisedListeners[0].String()+
			", which only this machine can reach, while other voters are elsewhere")
	}
}
