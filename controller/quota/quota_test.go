package quota

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

var alice = protocol.Caller{Principal: "User:alice", ClientID: "app"}

// quotaRecord gives a rate to a user, a client id or both: "-" is none, "*" the default.
func quotaRecord(user, client string, rate float64) record.Record {
	r := &record.ClientQuota{Key: mutationRate, Value: rate}
	for _, e := range []struct{ kind, name string }{{"client-id", client}, {"user", user}} {
		switch e.name {
		case "-":
		case "*":
			r.Entity = append(r.Entity, record.QuotaEntity{Type: e.kind})
		default:
			r.Entity = append(r.Entity, record.QuotaEntity{Type: e.kind, Name: &e.name})
		}
	}
	return r
}

func imageOf(t *testing.T, records ...record.Record) *metadata.Image {
	t.Helper()
	edit := metadata.Empty().Edit()
	for i, r := range records {
		if err := edit.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return edit.Done(int64(len(records)), 1, 0)
}

func TestTheMostSpecificQuotaWins(t *testing.T) {
	t.Parallel()
	levels := []struct {
		user, client string
		owner        owner
	}{
		{"alice", "app", owner{"alice", "app"}},
		{"alice", "*", owner{"alice", "app"}},
		{"alice", "-", owner{"alice", ""}},
		{"*", "app", owner{"alice", "app"}},
		{"*", "*", owner{"alice", "app"}},
		{"*", "-", owner{"alice", ""}},
		{"-", "app", owner{"", "app"}},
		{"-", "*", owner{"", "app"}},
	}
	for first := range levels {
		records := []record.Record{
			quotaRecord("bob", "app", 99), quotaRecord("alice", "other", 99), quotaRecord("-",
				"other", 99), quotaRecord("bob", "-", 99),
			&record.ClientQuota{Entity: quotaRecord("alice", "app", 0).(*record.ClientQuota).Entity,
				Key: "producer_byte_rate", Value: 99},
		}
		for i := first; i < len(levels); i++ {
			records = append(records, quotaRecord(levels[i].user, levels[i].client, float64(i+1)))
		}
		slices.Reverse(records)
		holder, rate, limited := rateOf(imageOf(t, records...), alice)
		if !limited || rate != float64(first+1) || holder != levels[first].owner {
			t.Errorf("from %+v on: %+v at %v, %v", levels[first], holder, rate, limited)
		}
	}
	if _, _, limited := rateOf(imageOf(t, quotaRecord("bob", "-", 1)), alice); limited {
		t.Error("another user's quota holds")
	}
	if (owner{"a", "b"}).key() == (owner{"ab", ""}).key() {
		t.Error("owners share a key")
	}
}

func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	b, now := NewBuckets(WindowDefault), time.UnixMilli(0)
	spend := func(client string, tokens float64) {
		b.Spend(&Allowance{owner: owner{client: client}.key(), bucket: bucket{tokens, now}})
	}
	for i := range bucketsMax + 10 {
		spend(fmt.Sprint(i), -1)
		now = now.Add(time.Millisecond)
	}
	if _, oldest := b.byKey[owner{client: "0"}.key()]; oldest || len(b.byKey) != bucketsMax {
		t.Errorf("%d buckets, the oldest among them: %v", len(b.byKey), oldest)
	}
	spend("10", 1) // the only one that is not overdrawn, and so refills in time
	now = now.Add(WindowDefault)
	spend("new", -1)
	if _, full := b.byKey[owner{client: "10"}.key()]; full || len(b.byKey) != bucketsMax {
		t.Errorf("%d buckets, a full one among them: %v", len(b.byKey), full)
	}
}
