package controller

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// quotaEntry is an entry of ALTER_CLIENT_QUOTAS for parts like "user=alice", "client-id" for the
// default, and operations like "producer_byte_rate" to remove a quota.
func quotaEntry(entity string, ops ...kmsg.AlterClientQuotasRequestEntryOp,
) kmsg.AlterClientQuotasRequestEntry {
	var e kmsg.AlterClientQuotasRequestEntry
	for part := range strings.FieldsSeq(entity) {
		kind, name, named := strings.Cut(part, "=")
		p := kmsg.AlterClientQuotasRequestEntryEntity{Type: kind}
		if named {
			p.Name = &name
		}
		e.Entity = append(e.Entity, p)
	}
	e.Ops = ops
	return e
}

func setQuota(key string, value float64) kmsg.AlterClientQuotasRequestEntryOp {
	return kmsg.AlterClientQuotasRequestEntryOp{Key: key, Value: value}
}

func removeQuota(key string) kmsg.AlterClientQuotasRequestEntryOp {
	return kmsg.AlterClientQuotasRequestEntryOp{Key: key, Remove: true}
}

func (d *testDriver) alterQuotas(
	entries ...kmsg.AlterClientQuotasRequestEntry,
) []kmsg.AlterClientQuotasResponseEntry {
	d.t.Helper()
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Entries = entries
	return d.answer(req).(*kmsg.AlterClientQuotasResponse).Entries
}

const rate = "producer_byte_rate"

// TestAlterClientQuotasValidation has Kafka's texts, in the order in which it checks.
func TestAlterClientQuotasValidation(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, func(cfg *Config) {
		cfg.Resolve = func(_ context.Context, host string) error {
			if host == "known.example" {
				return nil
			}
			return errors.New("no such host")
		}
	})
	for _, c := range []struct {
		entry kmsg.AlterClientQuotasRequestEntry
		want  string
	}{
		{quotaEntry("", setQuota(rate, 1)), "Invalid empty client quota entity"},
		{quotaEntry("group=g", setQuota(rate, 1)), "Unhandled client quota entity type: group"},
		{quotaEntry("user=", setQuota(rate, 1)), "Empty user not supported"},
		{quotaEntry("ip=10.0.0.1 user=u", setQuota(rate, 1)),
			"Invalid quota entity combination, IP entity should" +
				"not be combined with User or ClientId"},
		{quotaEntry("ip=nowhere.example", setQuota("connection_creation_rate", 1)),
			"nowhere.example is not a valid IP or resolvable host."},
		{quotaEntry("ip=10.0.0.1", setQuota(rate, 1)), "Invalid configuration key " + rate},
		{quotaEntry("user=u", setQuota("connection_creation_rate", 1)),
			"Invalid configuration key connection_creation_rate"},
		{quotaEntry("user=u", setQuota("nosuch", math.NaN())), "Invalid configuration key nosuch"},
		{quotaEntry("user=u", setQuota(rate, math.NaN())), "Quota " + rate +
			" must be a finite number"},
		{quotaEntry("user=u", setQuota(rate, math.Inf(-1))), "Quota " + rate +
			" must be a finite number"},
		{quotaEntry("user=u", setQuota(rate, 0)), "Quota " + rate + " must be greater than 0"},
		{quotaEntry("user=u", setQuota(rate, 1.5)), rate + " cannot be a fractional value."},
		{quotaEntry("user=u", setQuota(rate, 1e19)), "Proposed value for " + rate +
			" is too large for a LONG."},
		{quotaEntry("ip", setQuota("connection_creation_rate", 1<<31)),
			"Proposed value for connection_creation_rate is too large for an INT."},
		{quotaEntry("user=u client-id", setQuota(rate, 1), removeQuota(rate)),
			"Ignoring duplicate entity ClientQuotaEntity(entries={client-id=null, user=u})"},
		{quotaEntry("user=u", removeQuota("nosuch")), ""},
		{quotaEntry("user=u", setQuota(rate, 5.0000001)), ""},
		{quotaEntry("user=u client-id", setQuota("request_percentage", 0.5)), ""},
		{quotaEntry("ip=10.0.0.1", setQuota("connection_creation_rate", 7)), ""},
		{quotaEntry("ip=::1", setQuota("connection_creation_rate", 7)), ""},
		{quotaEntry("ip=known.example", setQuota("connection_creation_rate", 7)), ""},
	} {
		got := d.alterQuotas(c.entry)
		switch {
		case len(got) != 1:
			t.Errorf("%+v: %d answers", c.entry, len(got))
		case c.want == "" && (got[0].ErrorCode != 0 || got[0].ErrorMessage != nil):
			t.Errorf("%+v: %d %s", c.entry, got[0].ErrorCode, *got[0].ErrorMessage)
		case c.want != "" && (got[0].ErrorCode != kerr.InvalidRequest.Code ||
			*got[0].ErrorMessage != c.want):
			t.Errorf("%+v: %d %v, want %s", c.entry, got[0].ErrorCode, *got[0].ErrorMessage, c.want)
		}
	}
	if got := d.Image().QuotaEntityCount(); got != 5 {
		t.Errorf("%d entities have quotas", got)
	}
}

// TestAlterClientQuotasWritesChangesOnly: of one request, entities that fail cost no others;
// nothing is written for what is so already; an entity that comes again is an error, and its first
// changes are written.
func TestAlterClientQuotasWritesChangesOnly(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	before := d.Image().EndOffset()
	got := d.alterQuotas(
		quotaEntry("user=a client-id=c", setQuota(rate, 10)),
		quotaEntry("user=b", setQuota(rate, 10), setQuota("request_percentage", -1)),
		quotaEntry("client-id=c user=a", setQuota(rate, 20)),
	)
	if len(got) != 2 || got[0].ErrorCode != kerr.InvalidRequest.Code ||
		!strings.HasPrefix(*got[0].ErrorMessage, "Ignoring duplicate entity") ||
		got[1].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("%+v", got)
	}
	a, c := "a", "c"
	q := d.Image().Quota(record.QuotaEntity{Type: "user", Name: &a},
		record.QuotaEntity{Type: "client-id", Name: &c})
	if q == nil || q.Values[rate] != 10 || d.Image().QuotaEntityCount() != 1 {
		t.Errorf("the quotas are %+v", q)
	}
	if n := d.Image().EndOffset() - before; n != 1 {
		t.Errorf("%d records", n)
	}
	d.alterQuotas(quotaEntry("user=a client-id=c", setQuota(rate, 10), removeQuota("nothing")))
	if n := d.Image().EndOffset() - before; n != 1 {
		t.Errorf("%d records after a change of nothing", n)
	}
	dry := kmsg.NewPtrAlterClientQuotasRequest()
	dry.ValidateOnly = true
	dry.Entries = append(dry.Entries, quotaEntry("user=a client-id=c", removeQuota(rate)))
	d.answer(dry)
	if d.Image().QuotaEntityCount() != 1 {
		t.Error("a request to validate only was carried out")
	}
	d.alterQuotas(dry.Entries...)
	if d.Image().HasQuotas() {
		t.Error("the quota is still there")
	}
}

// TestEntitiesOfOneTextAreTwo: the texts of these entities are the same, the entities are not.
func TestEntitiesOfOneTextAreTwo(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	user, client := "bob", "app, user=bob"
	comma := kmsg.AlterClientQuotasRequestEntry{
		Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "client-id", Name: &client}},
		Ops:    []kmsg.AlterClientQuotasRequestEntryOp{setQuota(rate, 4)},
	}
	got := d.alterQuotas(quotaEntry("user", setQuota(rate, 1)),
		quotaEntry("user=null", setQuota(rate, 2)),
		quotaEntry("client-id=app user="+user, setQuota(rate, 3)), comma)
	for _, e := range got {
		if e.ErrorCode != 0 {
			t.Errorf("%d %s", e.ErrorCode, *e.ErrorMessage)
		}
	}
	if n := d.Image().QuotaEntityCount(); len(got) != 4 || n != 4 {
		t.Errorf("%d answers, %d entities with quotas", len(got), n)
	}
}

// TestAlteredMutationQuotaHolds sets controller_mutation_rate through the API, for each kind of
// entity, and finds that the most specific one decides about creations of topics (KIP-599).
func TestAlteredMutationQuotaHolds(t *testing.T) {
	t.Parallel()
	const mutations = "controller_mutation_rate"
	// each entity is more specific than those before it: its quota takes over
	for i, entity := range []string{
		"client-id", "client-id=app", "user", "user client-id", "user client-id=app",
		"user=alice", "user=alice client-id", "user=alice client-id=app",
	} {
		d := newTestDriver(t, func(cfg *Config) { cfg.QuotaWindow = 10 * time.Second })
		d.addBroker(1)
		d.alterQuotas(quotaEntry(entity, setQuota(mutations, 1)),
			quotaEntry("client-id=other", setQuota(mutations, 0.1)))
		if i > 0 {
			d.alterQuotas(quotaEntry("client-id", setQuota(mutations, 1000)))
		}
		if code, _ := d.as(alice, creation("a", 15, 7)); code != 0 {
			t.Errorf("%s: the first creation: %d", entity, code)
		}
		if code, wait := d.as(alice, creation("b", 1, 7)); code !=
			kerr.ThrottlingQuotaExceeded.Code || wait != 5000 {
			t.Errorf("%s: the second: %d, to wait for %d ms", entity, code, wait)
		}
		d.alterQuotas(quotaEntry(entity, removeQuota(mutations)))
		d.clock.Jump(10 * time.Millisecond) // the next quota may hold for the same bucket
		if code, _ := d.as(alice, creation("b", 1, 7)); code != 0 {
			t.Errorf("%s: without the quota: %d", entity, code)
		}
	}
}

func TestDescribeClientQuotas(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.alterQuotas(
		quotaEntry("user=a", setQuota(rate, 1), setQuota("consumer_byte_rate", 2)),
		quotaEntry("user=a client-id=c", setQuota(rate, 2)),
		quotaEntry("user client-id=c", setQuota(rate, 3)),
		quotaEntry("client-id=d", setQuota(rate, 4)),
		quotaEntry("ip=10.0.0.1", setQuota("connection_creation_rate", 5)),
	)
	exact, byDefault, whatever := kmsg.QuotasMatchTypeExact, kmsg.QuotasMatchTypeDefault,
		kmsg.QuotasMatchTypeAny
	for _, c := range []struct {
		strict     bool
		components []kmsg.DescribeClientQuotasRequestComponent
		want       int
		code       int16
	}{
		{false, nil, 5, 0},
		{true, nil, 0, 0},
		{false, filterParts("user=a", exact), 2, 0},
		{true, filterParts("user=a", exact), 1, 0},
		{false, filterParts("user", byDefault), 1, 0},
		{false, filterParts("user", whatever), 3, 0},
		{false, filterParts("user client-id", whatever), 2, 0},
		{true, filterParts("client-id", whatever), 1, 0},
		{false, filterParts("ip=10.0.0.1", exact), 1, 0},
		{false, filterParts("user", exact), 0, kerr.InvalidRequest.Code},
		{false, filterParts("user=a", byDefault), 0, kerr.InvalidRequest.Code},
		{false, filterParts("user=a", whatever), 0, kerr.InvalidRequest.Code},
		{false, filterParts("user=a", 3), 0, kerr.InvalidRequest.Code},
		{false, filterParts("user user", whatever), 0, kerr.InvalidRequest.Code},
		{false, filterParts("user ip", whatever), 0, kerr.InvalidRequest.Code},
		{false, filterParts("group=g", exact), 0, kerr.UnsupportedVersion.Code},
		{false, filterParts("=g", exact), 0, kerr.InvalidRequest.Code},
	} {
		req := kmsg.NewPtrDescribeClientQuotasRequest()
		req.Strict, req.Components = c.strict, c.components
		resp := d.answer(req).(*kmsg.DescribeClientQuotasResponse)
		if resp.ErrorCode != c.code || len(resp.Entries) != c.want ||
			(resp.ErrorMessage == nil) != (c.code == 0) || (resp.Entries == nil) != (c.code != 0) {
			t.Errorf("%v %+v: %+v", c.strict, c.components, resp)
		}
	}
}

func filterParts(
	parts string, match kmsg.QuotasMatchType,
) (components []kmsg.DescribeClientQuotasRequestComponent) {
	for _, p := range quotaEntry(parts).Entity {
		components = append(components, kmsg.DescribeClientQuotasRequestComponent{
			EntityType: p.Type, MatchType: match, Match: p.Name,
		})
	}
	return components
}
