package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// A web page whose own name resolves to this node's address reads and changes the cluster from the
// browser of whoever opens it, and the browser takes that for requests of one site (DNS
// rebinding). Such requests carry the page's name in Host, so this node answers to names only that
// no stranger can own, and to those that it was told.

// anyHost in Config.Hosts lets requests name this node as they like.
const anyHost = "*"

// privateSuffixes end names that the public DNS does not have: RFC 6761, RFC 6762, and ICANN's
// domain for private use.
var privateSuffixes = []string{".localhost", ".local", ".internal"}

// answersTo reports whether a request may name this node so. host is a Host header; one without
// a name is none that a browser sends.
func (a *API) answersTo(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || !strings.Contains(host, ".") {
		return true
	}
	private := func(suffix string) bool { return strings.HasSuffix(host, suffix) }
	named := func(name string) bool { return name == anyHost || strings.EqualFold(name, host) }
	return slices.ContainsFunc(privateSuffixes, private) || slices.ContainsFunc(a.cfg.Hosts, named)
}

// misnamed is the answer to a request that names this node as nobody told it.
func misnamed(r *http.Request) *Problem {
	return newProblem(http.StatusForbidden, kerr.ClusterAuthorizationFailed,
		"This node does not answer to the name %.200q. Ask for it by its IP address, "+
			"or add the name to yakt.http.hosts.", r.Host)
}
