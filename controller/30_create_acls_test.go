package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
)

func withAuthorizer(cfg *Config) { cfg.Authorizer = acls.NewAuthorizer(nil, true) }

func aclCreation(topic string) kmsg.CreateACLsRequestCreation {
	return kmsg.CreateACLsRequestCreation{
		ResourceType: kmsg.ACLResourceTypeTopic, ResourceName: topic,
		ResourcePatternType: kmsg.ACLResourcePatternTypeLiteral, Principal: "User:a", Host: "*",
		Operation: kmsg.ACLOperationRead, PermissionType: kmsg.ACLPermissionTypeAllow,
	}
}

func (d *testDriver) createAcls(
	entries ...kmsg.CreateACLsRequestCreation,
) []kmsg.CreateACLsResponseResult {
	d.t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	req.Version, req.Creations = 3, entries
	return d.answer(req).(*kmsg.CreateACLsResponse).Results
}

// aclFilter selects the entries of a topic by any pattern; "" stands for all.
func aclFilter(topic string) kmsg.DeleteACLsRequestFilter {
	f := kmsg.DeleteACLsRequestFilter{
		ResourceType: kmsg.ACLResourceTypeAny, ResourcePatternType: kmsg.ACLResourcePatternTypeMatch,
		Operation: kmsg.ACLOperationAny, PermissionType: kmsg.ACLPermissionTypeAny,
	}
	if topic != "" {
		f.ResourceName = &topic
	}
	return f
}

func (d *testDriver) deleteAcls(
	filters ...kmsg.DeleteACLsRequestFilter,
) []kmsg.DeleteACLsResponseResult {
	d.t.Helper()
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Version, req.Filters = 3, filters
	return d.answer(req).(*kmsg.DeleteACLsResponse).Results
}

func (d *testDriver) describeAcls(topic string) *kmsg.DescribeACLsResponse {
	d.t.Helper()
	f := aclFilter(topic)
	req := kmsg.NewPtrDescribeACLsRequest()
	req.Version, req.ResourceType, req.ResourceName = 3, f.ResourceType, f.ResourceName
	req.ResourcePatternType, req.Operation = f.ResourcePatternType, f.Operation
	req.PermissionType = f.PermissionType
	return d.answer(req).(*kmsg.DescribeACLsResponse)
}

// TestAclsWithoutAuthorizer: SECURITY_DISABLED where Apache's controllers place it, on standbys
// too.
func TestAclsWithoutAuthorizer(t *testing.T) {
	t.Parallel()
	for _, standby := range []bool{false, true} {
		d := newTestDriver(t)
		if standby {
			d.LeaderChanged(3001, 2)
			d.work()
		}
		made := d.createAcls(aclCreation("t"), aclCreation("u"))
		deleted := d.deleteAcls(aclFilter("t"), aclFilter("u"))
		described := d.describeAcls("t")
		if len(made) != 2 || len(deleted) != 2 ||
			made[1].ErrorCode != kerr.SecurityDisabled.Code ||
			*made[1].ErrorMessage != "No Authorizer is configured." ||
			deleted[1].ErrorCode != kerr.SecurityDisabled.Code ||
			*deleted[1].ErrorMessage != "No Authorizer is configured." ||
			described.ErrorCode != kerr.SecurityDisabled.Code ||
			*described.ErrorMessage != "No Authorizer is configured on the broker" {
			t.Errorf("%+v, %+v, %+v", made, deleted, described)
		}
	}
}

func TestCreateAndDeleteAcls(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, withAuthorizer)
	invalid := aclCreation("t")
	invalid.Principal = "a"
	prefixed := aclCreation("to")
	prefixed.ResourcePatternType = kmsg.ACLResourcePatternTypePrefixed
	second := aclCreation("topic")
	second.Operation = kmsg.ACLOperationWrite
	made := d.createAcls(aclCreation("topic"), invalid, aclCreation("topic"), prefixed, second)
	for i, r := range made {
		if (r.ErrorCode != 0) != (i == 1) {
			t.Errorf("entry %d: %d", i, r.ErrorCode)
		}
	}
	if n := d.Image().ACLCount(); n != 3 {
		t.Fatalf("%d entries", n)
	}
	end := d.Image().EndOffset()
	if made := d.createAcls(aclCreation("topic"), prefixed); made[0].ErrorCode != 0 ||
		made[1].ErrorCode != 0 || d.Image().EndOffset() != end {
		t.Errorf("existing entries: %+v", made)
	}
	described := d.describeAcls("topic")
	if len(described.Resources) != 2 || described.Resources[0].ResourceName != "to" ||
		len(described.Resources[1].ACLs) != 2 || described.ErrorCode != 0 {
		t.Errorf("%+v", described)
	}
	unknown := aclFilter("topic")
	unknown.Operation = 0
	deleted := d.deleteAcls(aclFilter("topic"), unknown, aclFilter("to"))
	if len(deleted) != 3 || len(deleted[0].MatchingACLs) != 3 ||
		deleted[1].ErrorCode != kerr.InvalidRequest.Code || len(deleted[2].MatchingACLs) != 1 ||
		d.Image().ACLCount() != 0 {
		t.Errorf("%+v", deleted)
	}
}

// TestDeleteAclsBounds: neither too many entries nor too many comparisons at once.
func TestDeleteAclsBounds(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, withAuthorizer)
	const half = recordsPerUserOp/2 + 1
	for part := range 2 {
		records := make([]record.Record, half)
		for i := range records {
			entry := aclCreation(fmt.Sprintf("t-%d-%d", part, i))
			records[i] = bindingOf(&entry).Entry(d.core.newACLID())
		}
		d.apply(records...)
	}
	if r := d.deleteAcls(aclFilter("")); r[0].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("more than can be removed: %+v", r[0])
	}
	filters := make([]kmsg.DeleteACLsRequestFilter, aclComparisonsMax/(2*half)+1)
	for i := range filters {
		filters[i] = aclFilter("t-0-1")
	}
	if r := d.deleteAcls(filters...); r[0].ErrorCode != 0 || len(r[0].MatchingACLs) != 1 {
		t.Errorf("as many filters with a name: %+v", r[0])
	}
	nobody := "User:nobody"
	for i := range filters {
		filters[i] = aclFilter("")
		filters[i].Principal = &nobody
	}
	if r := d.deleteAcls(filters...); r[0].ErrorCode != kerr.PolicyViolation.Code {
		t.Errorf("more comparisons than one request may cost: %+v", r[0])
	}
	if r := d.deleteAcls(aclFilter("t-0-2")); len(r[0].MatchingACLs) != 1 {
		t.Errorf("one entry: %+v", r[0])
	}
	if resources := d.describeAcls("").Resources; len(resources) != 2*half-2 {
		t.Errorf("%d resources", len(resources))
	}
}
