package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// DELETE_ACLS (31), versions 1 to 3.
//
// Behaviour: without an authorizer, SECURITY_DISABLED for each filter, on every node. Otherwise
// each filter is answered by itself with the entries that it selects; one that two filters select
// is in both answers and is removed once. All records are one batch. A request that selects more
// than 10,000 entries is INVALID_REQUEST as a whole.
//
// Differs from Kafka: a filter with a code of 0 is INVALID_REQUEST; Kafka closes the connection. A
// request whose filters would have to be compared with entries more than aclComparisonsMax times is
// a POLICY_VIOLATION. A filter with a name is compared only with the entries that the index has for
// it.
//
// KIP-140, KIP-290. Kafka: AclApis.handleDeleteAcls, AclControlManager.deleteAcls.
func (c *core) deleteAcls(_ op, req *kmsg.DeleteACLsRequest) result {
	comparisons := aclComparisonsMax
	var messages protocol.Messages
	results := make([]aclDeletion, len(req.Filters))
	r := result{atomic: true}
	removed := make(map[protocol.UUID]bool)
	for i := range req.Filters {
		filter := filterOf(&req.Filters[i])
		if err := filter.Check(); err != nil {
			results[i].err = messages.Bounded(err)
			continue
		}
		entries, ok := filter.Select(c.working, &comparisons)
		if !ok {
			return result{response: failDeleteAcls(req, errTooManyComparisons)}
		}
		results[i].entries = entries
		for _, e := range entries {
			if !removed[e.ID] {
				removed[e.ID] = true
				r.records = append(r.records, &record.RemoveAccessControlEntry{ID: e.ID})
			}
		}
	}
	if len(r.records) > recordsPerUserOp {
		return result{response: failDeleteAcls(req, errTooManyAcls)}
	}
	resp := responseTo[*kmsg.DeleteACLsResponse](req)
	matches := func(i int) int { return len(results[i].entries) }
	r.response = weighted(resp, &resp.Results, len(results), matches,
		func(i int) kmsg.DeleteACLsResponseResult { return results[i].answer() })
	return r
}

// aclComparisonsMax bounds how often one request compares a filter with an entry, which is about a
// tenth of a second of the core's time.
const aclComparisonsMax = 10_000_000

var (
	errTooManyAcls = protocol.Errorf(kerr.InvalidRequest,
		"Cannot remove more than %d acls in a single delete operation.", recordsPerUserOp)
	errTooManyComparisons = protocol.Errorf(kerr.PolicyViolation,
		"The request has too many filters for the number of ACLs: send several requests.")
)

// aclDeletion is what a filter has selected.
type aclDeletion struct {
	entries []*record.AccessControlEntry
	err     *protocol.Error
}

func (d *aclDeletion) answer() kmsg.DeleteACLsResponseResult {
	r := kmsg.NewDeleteACLsResponseResult()
	r.ErrorCode, r.ErrorMessage = d.err.Code(), d.err.Text()
	for _, e := range d.entries {
		a := kmsg.NewDeleteACLsResponseResultMatchingACL()
		a.ResourceType = kmsg.ACLResourceType(e.ResourceType)
		a.ResourceName = e.ResourceName
		a.ResourcePatternType = kmsg.ACLResourcePatternType(e.PatternType)
		a.Principal, a.Host = e.Principal, e.Host
		a.Operation = kmsg.ACLOperation(e.Operation)
		a.PermissionType = kmsg.ACLPermissionType(e.PermissionType)
		r.MatchingACLs = append(r.MatchingACLs, a)
	}
	return r
}

func filterOf(r *kmsg.DeleteACLsRequestFilter) acls.Filter {
	return acls.Filter{
		ResourceType: int8(r.ResourceType), ResourceName: r.ResourceName,
		PatternType: int8(r.ResourcePatternType), Principal: r.Principal, Host: r.Host,
		Operation: int8(r.Operation), PermissionType: int8(r.PermissionType),
	}
}

func failDeleteAcls(req *kmsg.DeleteACLsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.DeleteACLsResponse](req)
	return list(resp, &resp.Results, len(req.Filters), func(i int) kmsg.DeleteACLsResponseResult {
		r := kmsg.NewDeleteACLsResponseResult()
		r.ErrorCode, r.ErrorMessage = err.Code(), err.TextAt(i)
		return r
	})
}
