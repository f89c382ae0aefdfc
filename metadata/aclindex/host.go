package aclindex

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// AnyHost is the host of an entry for clients everywhere.
const AnyHost = "*"

// RangeProblem returns why a host with a slash is no range of addresses, or "". Kafka's rules are
// neither netip.ParsePrefix's nor those of the RFCs: numbers may have leading zeros and addresses
// host bits, an IPv6 address brackets and a scope, but not the form of an IPv4 address.
func RangeProblem(host string) string {
	_, _, problem := parseRange(host)
	return problem
}

// InRange reports whether a host is a range of addresses that has a client's address in it. A
// malformed range has none, and so has an IPv4 range for the address 0.0.0.0. A range of one family
// has no address of the other.
func InRange(addr netip.Addr, host string) bool {
	if !strings.Contains(host, "/") {
		return false
	}
	network, bits, problem := parseRange(host)
	addr = addr.Unmap().WithZone("")
	if problem != "" || addr == netip.IPv4Unspecified() {
		return false
	}
	return netip.PrefixFrom(network, bits).Contains(addr)
}

// ClientText is a client's address as Kafka compares it with the hosts of entries: Java does not
// shorten IPv6 addresses ("0:0:0:0:0:0:0:1"), and shows IPv4-mapped ones as IPv4.
func ClientText(addr netip.Addr) string {
	if addr = addr.Unmap(); addr.Is4() {
		return addr.String()
	}
	bytes := addr.As16()
	text := make([]byte, 0, len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
	for i := 0; i < len(bytes); i += 2 {
		if i > 0 {
			text = append(text, ':')
		}
		text = strconv.AppendUint(text, uint64(bytes[i])<<8|uint64(bytes[i+1]), 16)
	}
	if zone := addr.Zone(); zone != "" {
		return string(text) + "%" + zone
	}
	return string(text)
}

// parseRange reads a host with a slash.
func parseRange(host string) (network netip.Addr, bits int, problem string) {
	address, prefix, _ := strings.Cut(host, "/")
	if strings.Contains(address, ":") {
		return parseIPv6(address, prefix)
	}
	octets := strings.Split(address, ".")
	if len(octets) != ipv4Octets {
		return network, 0, "the address does not have four parts"
	}
	var b [ipv4Octets]byte
	for i, o := range octets {
		n, problem := number(o, 3, 255)
		if problem != "" {
			return network, 0, problem
		}
		b[i] = byte(n)
	}
	bits, problem = number(prefix, 2, 32)
	return netip.AddrFrom4(b), bits, problem
}

const ipv4Octets = 4

func parseIPv6(address, prefix string) (network netip.Addr, bits int, problem string) {
	inner := address
	if rest, ok := strings.CutPrefix(address, "["); ok {
		if inner, ok = strings.CutSuffix(rest, "]"); !ok {
			return network, 0, "the brackets are not closed"
		}
	}
	// Java accepts an empty scope, netip does not.
	inner = strings.TrimSuffix(inner, "%")
	addr, err := netip.ParseAddr(inner)
	if err != nil || !addr.Is6() || addr.Is4In6() {
		return network, 0, "the address is not one of IPv6"
	}
	bits, err = strconv.Atoi(prefix) // as Java's, it takes a sign and any number of zeros
	if err != nil || bits < 0 || bits > addr.BitLen() {
		return network, 0, fmt.Sprintf("the prefix length [%s] is not between 0 and %d",
			shortened(prefix), addr.BitLen())
	}
	return addr.WithZone(""), bits, ""
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

// rangeKey is the key of a host that is a range: a byte for the family, and a byte for each bit
// that its addresses have in common.
func rangeKey(host string) (key string, ok bool) {
	if !strings.Contains(host, "/") {
		return "", false
	}
	network, bits, problem := parseRange(host)
	if problem != "" {
		return "", false
	}
	return bitsKey(network)[:1+bits], true
}

// addrKey is the key of a client's address: those of the ranges that it is in begin with it. It is
// empty for an address that is in none.
func addrKey(addr netip.Addr) string {
	if addr = addr.Unmap(); addr == netip.IPv4Unspecified() {
		return ""
	}
	return bitsKey(addr)
}

func bitsKey(addr netip.Addr) string {
	key := make([]byte, 0, 1+128)
	key = append(key, byte('0'+addr.BitLen()/32))
	for _, b := range addr.AsSlice() {
		for bit := 7; bit >= 0; bit-- {
			key = append(key, '0'+b>>bit&1)
		}
	}
	return string(key)
}
