package controllertest

import (
	"slices"
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Image returns the image of records from offset 0 on, in epoch 1 and without a timestamp.
func Image(t testing.TB, records ...record.Record) *metadata.Image {
	t.Helper()
	edit := metadata.Empty().Edit()
	for i, r := range records {
		if err := edit.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return edit.Done(int64(len(records)), 1, 0)
}

// MutationQuota gives a rate of partition mutations a second to a user, a client id or both: "-"
// stands for none, "*" for the default.
func MutationQuota(user, client string, rate float64) record.Record {
	r := &record.ClientQuota{Key: "controller_mutation_rate", Value: rate}
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

// IDs returns the broker ids of a permutation.
func IDs(perm []int) []int32 {
	list := make([]int32, len(perm))
	for i, n := range perm {
		list[i] = int32(n)
	}
	return list
}

// Shuffled returns a copy of list in an order that shuffle, such as that of a *rand.Rand, gives it.
func Shuffled(shuffle func(n int, swap func(i, j int)), list []int32) []int32 {
	list = slices.Clone(list)
	shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
