package controller

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/turns"
)

// ALTER_CLIENT_QUOTAS (49), versions 0 and 1.
//
// Behaviour: each entity succeeds or fails as a whole and by itself; all records are one batch. A
// value that is set already, and the removal of one that is not, write nothing. An ip must be an
// address or a host name that has one: names are looked up before the operation begins, on the
// connection's goroutine. An entity that the request names again is answered with INVALID_REQUEST,
// although its first changes are written.
//
// Differs from Kafka: of several operations with the same key Kafka says that the entity is a
// duplicate, and so does this. Kafka looks host names up in the controller's only thread, as long
// as that takes; here at most hostsMax names and for at most resolveTimeout.
//
// KIP-546, KIP-599. Kafka: ClientQuotaControlManager.alterClientQuotas.
func (c *core) alterClientQuotas(o op, req *kmsg.AlterClientQuotasRequest) result {
	a := quotaAlteration{core: c, hosts: o.hosts, answers: make(map[string]int)}
	for i := range req.Entries {
		a.entry(&req.Entries[i])
	}
	if len(a.records) > recordsPerUserOp {
		return result{response: failAlterClientQuotas(req, errTooLarge)}
	}
	r := result{records: a.records, atomic: true}
	if req.ValidateOnly {
		r.records = nil
	}
	resp := responseTo[*kmsg.AlterClientQuotasResponse](req)
	r.response = list(resp, &resp.Entries, len(a.results),
		func(i int) kmsg.AlterClientQuotasResponseEntry {
			return alterQuotasResult(a.results[i].entity, a.results[i].err, a.results[i].err.Text())
		})
	return r
}

// quotaAlteration collects the records and the answers of one request.
type quotaAlteration struct {
	core     *core
	hosts    map[string]bool
	records  []record.Record
	results  []quotaResult
	answers  map[string]int // index in results of each entity, by its quota.Key
	messages protocol.Messages
}

type quotaResult struct {
	entity []record.QuotaEntity
	err    *protocol.Error
}

func (a *quotaAlteration) entry(e *kmsg.AlterClientQuotasRequestEntry) {
	entity := quota.Entity(quotaEntity(e.Entity))
	key := quota.Key(entity)
	at, again := a.answers[key]
	if !again {
		at = len(a.results)
		a.answers[key] = at
		a.results = append(a.results, quotaResult{entity: entity})
	}
	if again || repeatsKey(e.Ops) {
		a.results[at].err = a.messages.Bounded(protocol.Errorf(kerr.InvalidRequest,
			"Ignoring duplicate entity %s", quota.Text(entity)))
		return
	}
	ops := make([]quota.Op, len(e.Ops))
	for i, op := range e.Ops {
		ops[i] = quota.Op{Key: op.Key, Value: op.Value, Remove: op.Remove}
	}
	records, err := quota.Alter(a.core.working, entity, ops,
		func(host string) bool { return a.hosts[host] })
	if err == nil {
		err = firstInvalid(records)
	}
	if err != nil {
		a.results[at].err = a.messages.Bounded(err)
		return
	}
	a.records = append(a.records, records...)
}

// firstInvalid refuses records that brokers would not read.
func firstInvalid(records []record.Record) *protocol.Error {
	for _, r := range records {
		if err := invalidRecord(record.Check(r)); err != nil {
			return err
		}
	}
	return nil
}

func repeatsKey(ops []kmsg.AlterClientQuotasRequestEntryOp) bool {
	return len(firstOfEach(len(ops), func(i int) string { return ops[i].Key })) < len(ops)
}

func quotaEntity(parts []kmsg.AlterClientQuotasRequestEntryEntity) []record.QuotaEntity {
	entity := make([]record.QuotaEntity, len(parts))
	for i, p := range parts {
		entity[i] = record.QuotaEntity{Type: p.Type, Name: p.Name}
	}
	return entity
}

func alterQuotasResult(
	entity []record.QuotaEntity, err *protocol.Error, message *string,
) kmsg.AlterClientQuotasResponseEntry {
	e := kmsg.NewAlterClientQuotasResponseEntry()
	e.ErrorCode, e.ErrorMessage = err.Code(), message
	for _, part := range entity {
		p := kmsg.NewAlterClientQuotasResponseEntryEntity()
		p.Type, p.Name = part.Type, part.Name
		e.Entity = append(e.Entity, p)
	}
	return e
}

func failAlterClientQuotas(
	req *kmsg.AlterClientQuotasRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.AlterClientQuotasResponse](req)
	return list(resp, &resp.Entries, len(req.Entries),
		func(i int) kmsg.AlterClientQuotasResponseEntry {
			return alterQuotasResult(quotaEntity(req.Entries[i].Entity), err, err.TextAt(i))
		})
}

const (
	// hostsMax bounds the host names that are looked up for one request.
	hostsMax = 100
	// resolveTimeout bounds the time of all look-ups of one request.
	resolveTimeout = 5 * time.Second
)

// resolveQuotaHosts looks up the host names in a request for its operation.
func (c *Controller) resolveQuotaHosts(
	ctx context.Context, req *kmsg.AlterClientQuotasRequest, o *op,
) {
	o.hosts = make(map[string]bool)
	ctx, stop := context.WithTimeout(ctx, resolveTimeout)
	defer stop()
	defer turns.Blocked(ctx)()
	for i := range req.Entries {
		host, ok := quota.HostToResolve(quota.Entity(quotaEntity(req.Entries[i].Entity)))
		if _, again := o.hosts[host]; !ok || again {
			continue
		}
		if len(o.hosts) == hostsMax || c.cfg.Resolve == nil {
			return
		}
		o.hosts[host] = c.cfg.Resolve(ctx, host) == nil
	}
}
