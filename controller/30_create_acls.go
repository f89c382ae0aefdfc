package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// CREATE_ACLS (30), versions 1 to 3.
//
// Behaviour: without an authorizer, SECURITY_DISABLED for each entry, on every node. Otherwise each
// entry succeeds or fails by itself, and all records are one batch. An entry that exists, or that
// the request has already named, succeeds without a record. A range of addresses as host needs
// metadata.version 4.4-IV1.
//
// Differs from Kafka: an entry with a code of 0 is INVALID_REQUEST; Kafka closes the connection.
//
// KIP-140, KIP-290. Kafka: AclApis.handleCreateAcls, AclControlManager.createAcls.
func (c *core) createAcls(_ op, req *kmsg.CreateACLsRequest) result {
	var messages protocol.Messages
	errs := make([]*protocol.Error, len(req.Creations))
	r := result{atomic: true}
	wanted := make(map[acls.Binding]bool, len(req.Creations))
	for i := range req.Creations {
		b := bindingOf(&req.Creations[i])
		entry := b.Entry(c.newACLID())
		err := acls.CheckNew(b, c.working.Version())
		if err == nil {
			err = invalidRecord(record.Check(entry))
		}
		if errs[i] = messages.Bounded(err); err != nil || wanted[b] {
			continue
		}
		if wanted[b] = true; c.working.ACLIndex().Same(entry) == nil {
			r.records = append(r.records, entry)
		}
	}
	if len(r.records) > recordsPerUserOp {
		return result{response: failCreateAcls(req, errTooLarge)}
	}
	resp := responseTo[*kmsg.CreateACLsResponse](req)
	r.response = list(resp, &resp.Results, len(errs), func(i int) kmsg.CreateACLsResponseResult {
		return createdAcl(errs[i], errs[i].Text())
	})
	return r
}

// newACLID returns an id that no entry has.
func (c *core) newACLID() protocol.UUID {
	for {
		if id := newUUID(c.cfg.Random); c.working.ACL(id) == nil {
			return id
		}
	}
}

func bindingOf(r *kmsg.CreateACLsRequestCreation) acls.Binding {
	return acls.Binding{
		ResourceType: int8(r.ResourceType), ResourceName: r.ResourceName,
		PatternType: int8(r.ResourcePatternType), Principal: r.Principal, Host: r.Host,
		Operation: int8(r.Operation), PermissionType: int8(r.PermissionType),
	}
}

func createdAcl(err *protocol.Error, message *string) kmsg.CreateACLsResponseResult {
	r := kmsg.NewCreateACLsResponseResult()
	r.ErrorCode, r.ErrorMessage = err.Code(), message
	return r
}

func failCreateAcls(req *kmsg.CreateACLsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.CreateACLsResponse](req)
	return list(resp, &resp.Results, len(req.Creations), func(i int) kmsg.CreateACLsResponseResult {
		return createdAcl(err, err.TextAt(i))
	})
}
