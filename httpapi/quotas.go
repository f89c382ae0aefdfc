package httpapi

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
)

// QuotaEntity names who a quota is for. An absent part does not matter; "" is the default of all
// that have no quota of their own.
type QuotaEntity struct {
	// A user; empty for the default of all users.
	User *string `json:"user,omitempty" maxLength:"32767" example:"alice"`
	// A client id; empty for the default of all client ids.
	ClientID *string `json:"clientId,omitempty" maxLength:"32767" example:"billing"`
	// An IP address or host name, without user and clientId; empty for the default of all addresses.
	IP *string `json:"ip,omitempty" maxLength:"255" example:"10.0.0.1"`
}

// quotaArgs is the body of alter_quota.
type quotaArgs struct {
	// Who the quotas are for.
	Entity QuotaEntity `json:"entity"`
	// Quotas to set, by Kafka's key: producer_byte_rate, consumer_byte_rate, request_percentage,
	// controller_mutation_rate for users and client ids, connection_creation_rate for addresses.
	Set map[string]float64 `json:"set,omitempty" maxProperties:"100" example:"{\"producer_byte_rate\":1048576}"`
	// Keys of quotas to remove.
	Remove []string `json:"remove,omitempty" maxItems:"100" example:"[\"request_percentage\"]"`
}

// QuotaAnswer is the quotas of an entity.
type QuotaAnswer struct {
	// Who the quotas are for.
	Entity QuotaEntity `json:"entity"`
	// The quotas by key.
	Values map[string]float64 `json:"values" example:"{\"producer_byte_rate\":1048576}"`
}

func (a *API) quotas() {
	handle(a, operation{
		kind: readKind, name: "list_quotas", tag: tagIdentities,
		needs:   onCluster(acls.DescribeConfigs),
		summary: "List all client quotas",
		text:    "The quotas of each user, client id, pair of both, and address.",
	}, a.listQuotas)
	handle(a, operation{
		kind: writeKind, name: "alter_quota", tag: tagIdentities,
		needs:   onCluster(acls.AlterConfigs),
		summary: "Set and remove quotas of one entity",
		text:    "All changes are made, or none. What is so already is no error.",
	}, a.alterQuota)
}

// entryBytes is roughly the memory of an entry of a list in an answer, as a value and as JSON.
const entryBytes = 1000

func (a *API) listQuotas(
	ctx context.Context, in *StateParams,
) (*stateAnswer[[]QuotaAnswer], error) {
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	if err := afford(ctx, int64(img.QuotaEntityCount())*entryBytes); err != nil {
		return nil, err
	}
	all := []QuotaAnswer{}
	for q := range img.Quotas {
		all = append(all, QuotaAnswer{shownEntity(q.Entity), q.Values})
	}
	return &stateAnswer[[]QuotaAnswer]{stateOf(img), all}, nil
}

// quotaParts are the parts of an entity with Kafka's names of their types.
func (e *QuotaEntity) quotaParts() (parts []record.QuotaEntity) {
	for _, p := range []struct {
		kind string
		name *string
	}{{"client-id", e.ClientID}, {"ip", e.IP}, {"user", e.User}} {
		if p.name == nil {
			continue
		}
		part := record.QuotaEntity{Type: p.kind}
		if *p.name != "" {
			part.Name = p.name
		}
		parts = append(parts, part)
	}
	return parts
}

func shownEntity(parts []record.QuotaEntity) (e QuotaEntity) {
	for _, p := range parts {
		name := orEmpty(p.Name)
		switch p.Type {
		case "user":
			e.User = &name
		case "client-id":
			e.ClientID = &name
		case "ip":
			e.IP = &name
		}
	}
	return e
}

func (a *API) alterQuota(ctx context.Context, in *struct {
	WriteParams
	Body quotaArgs
}) (*answer[QuotaAnswer], error) {
	req := in.Body.request()
	outcome, err := a.do(ctx, sameRequest("alter_quota", in.DryRun, req))
	if err != nil {
		return nil, problemOf(err)
	}
	for _, e := range outcome.Response.(*kmsg.AlterClientQuotasResponse).Entries {
		if err := codeProblem(e.ErrorCode, e.ErrorMessage); err != nil {
			return nil, err
		}
	}
	body := QuotaAnswer{in.Body.Entity, map[string]float64{}}
	if q := outcome.Image.Quota(in.Body.Entity.quotaParts()...); q != nil {
		body.Values = q.Values
	}
	return &answer[QuotaAnswer]{headersOf(outcome.Image), body}, nil
}

func (q *quotaArgs) request() *kmsg.AlterClientQuotasRequest {
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Version = 1
	var e kmsg.AlterClientQuotasRequestEntry
	for _, p := range q.Entity.quotaParts() {
		e.Entity = append(e.Entity,
			kmsg.AlterClientQuotasRequestEntryEntity{Type: p.Type, Name: p.Name})
	}
	for _, key := range slices.Sorted(maps.Keys(q.Set)) {
		e.Ops = append(e.Ops,
			kmsg.AlterClientQuotasRequestEntryOp{Key: key, Value: q.Set[key]})
	}
	for _, key := range q.Remove {
		e.Ops = append(e.Ops, kmsg.AlterClientQuotasRequestEntryOp{Key: key, Remove: true})
	}
	req.Entries = append(req.Entries, e)
	return req
}
