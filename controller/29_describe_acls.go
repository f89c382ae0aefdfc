package controller

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_ACLS (29), versions 1 to 3.
//
// Behaviour: without an authorizer, SECURITY_DISABLED. Otherwise a read of the committed image, on
// any node: the entries that the filter selects, by resource.
//
// Differs from Kafka: a filter with unknown codes is INVALID_REQUEST; Kafka closes the connection
// when one of them is 0, and otherwise selects nothing. Resources are sorted, and one with more
// than pieceEntries entries is several elements.
//
// KIP-140, KIP-290. Kafka: AclApis.handleDescribeAcls.
func (c *Controller) describeAcls(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeACLsRequest,
) kmsg.Response {
	if c.cfg.Authorizer == nil {
		return failDescribeAcls(req, errSecurityDisabledHere)
	}
	filter := acls.Filter{
		ResourceType: int8(req.ResourceType), ResourceName: req.ResourceName,
		PatternType: int8(req.ResourcePatternType), Principal: req.Principal, Host: req.Host,
		Operation: int8(req.Operation), PermissionType: int8(req.PermissionType),
	}
	if err := filter.Check(); err != nil {
		return failDescribeAcls(req, err)
	}
	comparisons := math.MaxInt
	found, _ := filter.Select(c.Image(), &comparisons)
	slices.SortStableFunc(found, compareResources)
	resources := resourceRuns(found)
	lists := entryLists{len(resources), func(i int) int { return len(resources[i]) }}
	resp := responseTo[*kmsg.DescribeACLsResponse](req)
	return nested(resp, &resp.Resources, lists, func(r run) kmsg.DescribeACLsResponseResource {
		return describedAcls(resources[r.list][r.entry:r.end])
	})
}

// HasAuthorizer reports whether an authorizer is configured, without which there are no ACLs.
func (c *Controller) HasAuthorizer() bool { return c.cfg.Authorizer != nil }

func compareResources(a, b *record.AccessControlEntry) int {
	return cmp.Or(cmp.Compare(a.ResourceType, b.ResourceType),
		cmp.Compare(a.ResourceName, b.ResourceName), cmp.Compare(a.PatternType, b.PatternType))
}

// resourceRuns cuts sorted entries into those of each resource.
func resourceRuns(sorted []*record.AccessControlEntry) (runs [][]*record.AccessControlEntry) {
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && compareResources(sorted[0], sorted[n]) == 0 {
			n++
		}
		runs, sorted = append(runs, sorted[:n]), sorted[n:]
	}
	return runs
}

// describedAcls makes the element for entries of one resource, of which there is at least one.
func describedAcls(entries []*record.AccessControlEntry) kmsg.DescribeACLsResponseResource {
	r := kmsg.NewDescribeACLsResponseResource()
	r.ResourceType = kmsg.ACLResourceType(entries[0].ResourceType)
	r.ResourceName = entries[0].ResourceName
	r.ResourcePatternType = kmsg.ACLResourcePatternType(entries[0].PatternType)
	for _, e := range entries {
		a := kmsg.NewDescribeACLsResponseResourceACL()
		a.Principal, a.Host = e.Principal, e.Host
		a.Operation = kmsg.ACLOperation(e.Operation)
		a.PermissionType = kmsg.ACLPermissionType(e.PermissionType)
		r.ACLs = append(r.ACLs, a)
	}
	return r
}

func failDescribeAcls(req *kmsg.DescribeACLsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.DescribeACLsResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}

var (
	errSecurityDisabledHere = protocol.Errorf(kerr.SecurityDisabled,
		"No Authorizer is configured on the broker")
	errSecurityDisabled = protocol.Errorf(kerr.SecurityDisabled, "No Authorizer is configured.")
)
