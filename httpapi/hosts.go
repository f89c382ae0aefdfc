package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// DNS rebinding: a web page whose host name resolves to this node's address can send requests to it
// from the browser of a visitor, and the browser treats them as requests within one site. They have
// the page's name in Host. So this node accepts only names that a stranger cannot own in the public
// DNS, and names that are configured.

// anyHost in Config.Hosts accepts every name.
const anyHost = "*"

// privateSuffixes are the suffixes of names that the public DNS does not contain: RFC 6761, RFC
// 6762 and ICANN's domain for private use.
var privateSuffixes = []string{".localhost", ".local", ".internal"}

// answersTo reports whether a request with this Host header is accepted. Browsers always send a
// name, so an empty one is accepted.
func (a *API) answersTo(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	if !strings.Contains(host, ".") {
		return true
	}
	private := func(suffix string) bool { return strings.HasSuffix(host, suffix) }
	named := func(name string) bool { return name == anyHost || strings.EqualFold(name, host) }
	return slices.ContainsFunc(privateSuffixes, private) || slices.ContainsFunc(a.cfg.Hosts, named)
}

// misnamed is the answer to a request whose host is not accepted.
func misnamed(r *http.Request) *Problem {
	return newProblem(http.StatusForbidden, kerr.ClusterAuthorizationFailed,
		"This node does not accept requests for the host %.200q. Use its IP address, "+
			"or add the name to yakt.http.hosts.", r.Host)
}
