package acls

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// cidrVersion is the first metadata.version with ranges of addresses as hosts.
const cidrVersion = metadata.V4_4_IV1

// checkHost returns why a new entry cannot have a host: an address, "*", a range of addresses in
// CIDR notation, or any other text without a slash, which will match no client.
func checkHost(host string, v metadata.Version) *protocol.Error {
	switch {
	case host == "":
		return invalid("Host pattern cannot be null or empty")
	case !strings.Contains(host, "/"):
		return nil
	case v < cidrVersion:
		return protocol.Errorf(kerr.UnsupportedVersion,
			"CIDR-based ACL host patterns require metadata version 4.4-IV1 or higher.")
	}
	if problem := cidrProblem(host); problem != "" {
		return invalid("Invalid CIDR notation '%s': %s", host, problem)
	}
	return nil
}

// cidrProblem returns why a host with a slash is no range, or "". Kafka's rules are neither
// netip.ParsePrefix's nor those of the RFCs: numbers may have leading zeros and addresses host
// bits, an IPv6 address brackets and a scope, but not the form of an IPv4 address.
func cidrProblem(host string) string {
	address, prefix, _ := strings.Cut(host, "/")
	if strings.Contains(address, ":") {
		return ipv6Problem(address, prefix)
	}
	octets := strings.Split(address, ".")
	if len(octets) != ipv4Octets {
		return "the address does not have four parts"
	}
	for _, o := range octets {
		if _, problem := number(o, 3, 255); problem != "" {
			return problem
		}
	}
	_, problem := number(prefix, 2, 32)
	return problem
}

const ipv4Octets = 4

func ipv6Problem(address, prefix string) string {
	inner := address
	if rest, ok := strings.CutPrefix(address, "["); ok {
		if inner, ok = strings.CutSuffix(rest, "]"); !ok {
			return "the brackets are not closed"
		}
	}
	// Java accepts an empty scope, netip does not.
	inner = strings.TrimSuffix(inner, "%")
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() || addr.Is4In6() {
		return "the address is not one of IPv6"
	}
	_, problem := number(prefix, 3, 128)
	return problem
}

// number reads a decimal number of at most so many digits.
func number(text string, digits, most int) (n int, problem string) {
	if text == "" || len(text) > digits || strings.Trim(text, "0123456789") != "" {
		return 0, fmt.Sprintf("Could not parse [%s]", shortened(text))
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > most {
		return 0, fmt.Sprintf("Value [%s] not in range [0,%d]", text, most)
	}
	return n, ""
}

func shortened(text string) string { return strings.ToValidUTF8(text[:min(len(text), 50)], "") }
