package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// HostPort is an address to dial or, with an empty host, to listen on. The host has no brackets.
type HostPort struct {
	Host string
	Port int
}

// String writes host:port, with brackets around IPv6: what net.Dial and net.Listen take.
func (h HostPort) String() string { return net.JoinHostPort(h.Host, strconv.Itoa(h.Port)) }

// Voter is one entry of controller.quorum.voters.
type Voter struct {
	ID int32
	HostPort
}

// SecurityProtocol has Kafka's numbers, as they stand in records.
type SecurityProtocol int16

const (
	Plaintext     SecurityProtocol = 0
	SSL           SecurityProtocol = 1
	SASLPlaintext SecurityProtocol = 2
	SASLSSL       SecurityProtocol = 3
)

var protocolNames = [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

func (p SecurityProtocol) String() string {
	if p < 0 || int(p) >= len(protocolNames) {
		return fmt.Sprintf("security protocol %d", int16(p))
	}
	return protocolNames[p]
}

func parseProtocol(name string) (SecurityProtocol, bool) {
	for i, known := range protocolNames {
		if strings.EqualFold(name, known) {
			return SecurityProtocol(i), true
		}
	}
	return 0, false
}

// Listener is one entry of listeners or advertised.listeners. Name is in upper case, as Kafka
// compares it.
type Listener struct {
	Name string
	HostPort
	Protocol SecurityProtocol
}

func (l Listener) String() string { return l.Name + "://" + l.HostPort.String() }

// The letters a host may have are Kafka's, and so is that the brackets around IPv6 may be missing:
// the last colon is the port's.
var (
	listenerForm = regexp.MustCompile(`^([^:/]*)://(.*)$`)
	hostPortForm = regexp.MustCompile(`^\[?([0-9a-zA-Z\-%._:]*)\]?:([0-9]+)$`)
)

// parseHostPort reads host:port; Kafka takes a leading "NAME://" in stride, so it is skipped.
func parseHostPort(text string) (HostPort, string) {
	if m := listenerForm.FindStringSubmatch(text); m != nil {
		text = m[2]
	}
	m := hostPortForm.FindStringSubmatch(text)
	if m == nil {
		return HostPort{}, "is not of the form host:port"
	}
	if _, err := netip.ParseAddr(m[1]); err != nil && strings.Contains(m[1], ":") {
		return HostPort{}, "has a colon in its host, which is no IPv6 address"
	}
	port, err := strconv.ParseUint(m[2], 10, 16)
	if err != nil {
		return HostPort{}, "has a port above 65535"
	}
	return HostPort{Host: m[1], Port: int(port)}, ""
}

// parseVoter reads id@host:port.
func parseVoter(text string) (Voter, string) {
	id, address, ok := strings.Cut(text, "@")
	n, err := strconv.ParseInt(id, 10, 32)
	if !ok || err != nil || n < 0 {
		return Voter{}, "is not of the form id@host:port"
	}
	at, wrong := parseHostPort(address)
	switch {
	case wrong != "":
	case at.Host == "" || isWildcard(at.Host):
		wrong = "has no host that others could dial"
	case at.Port == 0:
		wrong = "has port 0"
	}
	return Voter{ID: int32(n), HostPort: at}, wrong
}

// parseListener reads NAME://host:port.
func parseListener(text string) (Listener, string) {
	m := listenerForm.FindStringSubmatch(text)
	if m == nil || m[1] == "" {
		return Listener{}, "is not of the form NAME://host:port"
	}
	at, wrong := parseHostPort(m[2])
	return Listener{Name: strings.ToUpper(m[1]), HostPort: at}, wrong
}

// isWildcard says whether the host stands for every address, so that nobody could dial it.
func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}
