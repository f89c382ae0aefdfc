package acls

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/aclindex"
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
	if problem := aclindex.RangeProblem(host); problem != "" {
		return invalid("Invalid CIDR notation '%s': %s", host, problem)
	}
	return nil
}
