package record_test

import (
	"math/rand/v2"
	"reflect"

	"github.com/yakt/yakt/metadata/record"
)

// randomRecord fills a record of a type with random content that its version can hold.
func randomRecord(rng *rand.Rand, t record.Type, version int16) record.Record {
	r := newRecord(t)
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		old := reflect.New(f.Type()).Elem()
		old.Set(f)
		fill(rng, f)
		if _, err := record.Append(nil, r, version); err != nil {
			f.Set(old)
		}
	}
	return r
}

// newRecord is an empty record of a type, with its defaults.
func newRecord(t record.Type) record.Record {
	if t == record.TypePartitionChange {
		return record.NewPartitionChange(record.UUID{}, 0)
	}
	return zeroRecords[t]()
}

func zero[R any, P interface {
	*R
	record.Record
}]() func() record.Record {
	return func() record.Record { return P(new(R)) }
}

var zeroRecords = map[record.Type]func() record.Record{
	record.TypeRegisterBroker: zero[record.RegisterBroker](), record.TypeUnregisterBroker: zero[record.UnregisterBroker](),
	record.TypeTopic: zero[record.Topic](), record.TypePartition: zero[record.Partition](), record.TypeConfig: zero[record.Config](),
	record.TypeFenceBroker: zero[record.FenceBroker](), record.TypeUnfenceBroker: zero[record.UnfenceBroker](),
	record.TypeRemoveTopic: zero[record.RemoveTopic](), record.TypeDelegationToken: zero[record.DelegationToken](),
	record.TypeUserScramCredential: zero[record.UserScramCredential](), record.TypeFeatureLevel: zero[record.FeatureLevel](),
	record.TypeClientQuota: zero[record.ClientQuota](), record.TypeProducerIDs: zero[record.ProducerIDs](),
	record.TypeBrokerRegistrationChange: zero[record.BrokerRegistrationChange](), record.TypeAccessControlEntry: zero[record.AccessControlEntry](),
	record.TypeRemoveAccessControlEntry: zero[record.RemoveAccessControlEntry](), record.TypeNoOp: zero[record.NoOp](),
	record.TypeZkMigrationState: zero[record.ZkMigrationState](), record.TypeRemoveUserScramCredential: zero[record.RemoveUserScramCredential](),
	record.TypeBeginTransaction: zero[record.BeginTransaction](), record.TypeEndTransaction: zero[record.EndTransaction](),
	record.TypeAbortTransaction: zero[record.AbortTransaction](), record.TypeRemoveDelegationToken: zero[record.RemoveDelegationToken](),
	record.TypeRegisterController: zero[record.RegisterController](), record.TypeClearElr: zero[record.ClearElr](),
}

// fill sets a value to something random; a list to null, to nothing or to some elements.
func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(rng.Uint64()) >> rng.IntN(64))
	case reflect.Uint16:
		v.SetUint(uint64(uint16(rng.Uint64())))
	case reflect.Float64:
		v.SetFloat(rng.NormFloat64() * 1e6)
	case reflect.String:
		v.SetString(randomText(rng))
	case reflect.Array: // UUID
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(byte(rng.Uint32())))
		}
	case reflect.Pointer:
		v.SetZero()
		if rng.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rng, v.Elem())
		}
	case reflect.Slice:
		v.SetZero()
		if n := rng.IntN(6) - 1; n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			if v.Type().Elem().Kind() == reflect.Uint8 {
				v.Index(i).SetUint(uint64(byte(rng.Uint32())))
				continue
			}
			fill(rng, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rng, v.Field(i))
		}
	default:
		panic(v.Kind().String())
	}
}

func randomText(rng *rand.Rand) string {
	const letters = "abcdefghijk-._ 0123456789äöü€漢字"
	runes := []rune(letters)
	text := make([]rune, rng.IntN(12))
	if rng.IntN(20) == 0 {
		text = make([]rune, 200)
	}
	for i := range text {
		text[i] = runes[rng.IntN(len(runes))]
	}
	return string(text)
}
