package quota

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

var alice = protocol.Caller{Principal: "User:alice", ClientID: "app"}

var rateQuota = controllertest.MutationQuota

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
			rateQuota("bob", "app", 99), rateQuota("alice", "other", 99),
			rateQuota("-", "other", 99), rateQuota("bob", "-", 99),
			&record.ClientQuota{Entity: rateQuota("alice", "app", 0).(*record.ClientQuota).Entity,
				Key: "producer_byte_rate", Value: 99},
		}
		for i := first; i < len(levels); i++ {
			records = append(records, rateQuota(levels[i].user, levels[i].client, float64(i+1)))
		}
		slices.Reverse(records)
		holder, rate, limited := rateOf(controllertest.Image(t, records...), alice)
		if !limited || rate != float64(first+1) || holder != levels[first].owner {
			t.Errorf("from %+v on: %+v at %v, %v", levels[first], holder, rate, limited)
		}
	}
	bobs := controllertest.Image(t, rateQuota("bob", "-", 1))
	if _, _, limited := rateOf(bobs, alice); limited {
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
