// Package recordtest makes random metadata records for tests, and reads the seeds and sizes that
// tests are given.
package recordtest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Source is where randomness comes from, such as a *rand.Rand.
type Source interface{ Uint64() uint64 }

// intN is a number from 0 to n-1.
func intN(src Source, n int) int { return int(src.Uint64() % uint64(n)) }

// Random is a record of a type, filled with random content that its version can hold and that
// brokers accept.
func Random(src Source, t record.Type, version int16) record.Record {
	r := t.New()
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		old := reflect.New(f.Type()).Elem()
		old.Set(f)
		fill(src, fieldOf(v.Type(), i), f)
		// a field that is not filled yet may be the reason for it
		var invalid *record.InvalidError
		if _, err := record.Append(nil, r, version); err != nil && !errors.As(err, &invalid) {
			f.Set(old)
		}
	}
	relate(src, r)
	if err := record.Check(r); err != nil {
		panic(err)
	}
	return r
}

// relate makes fields that depend on each other consistent.
func relate(src Source, r record.Record) {
	switch r := r.(type) {
	case *record.Partition:
		r.Directories = likeReplicas(src, r.Directories, len(r.Replicas))
	case *record.PartitionChange:
		if r.Replicas != nil {
			r.Directories = likeReplicas(src, r.Directories, len(r.Replicas))
		}
	case *record.ClientQuota:
		r.Entity = [][]record.QuotaEntity{
			{{Type: "user"}}, {{Type: "ip", Name: name(src)}},
			{{Type: "client-id", Name: name(src)}, {Type: "user", Name: name(src)}},
		}[intN(src, 3)]
	}
}

func likeReplicas(src Source, directories []protocol.UUID, replicas int) []protocol.UUID {
	if len(directories) == 0 {
		return directories
	}
	directories = make([]protocol.UUID, replicas)
	for i := range directories {
		fill(src, "", reflect.ValueOf(&directories[i]).Elem())
	}
	return directories
}

// Fill sets every field of the struct that p points to to a random value, whichever version has the
// field.
func Fill(src Source, p any) { fill(src, "", reflect.ValueOf(p).Elem()) }

func fieldOf(t reflect.Type, i int) string { return t.Name() + "." + t.Field(i).Name }

// within are the ranges of the numbers that have one, by struct and field.
var within = map[string][2]int64{
	"RegisterBroker.BrokerID":                       {0, math.MaxInt32},
	"RegisterController.ControllerID":               {0, math.MaxInt32},
	"Endpoint.SecurityProtocol":                     {0, 3},
	"FeatureRange.Min":                              {0, 10},
	"FeatureRange.Max":                              {10, math.MaxInt16},
	"BrokerRegistrationChange.Fenced":               {-1, 1},
	"BrokerRegistrationChange.InControlledShutdown": {0, 1},
	"Partition.PartitionID":                         {0, math.MaxInt32},
	"Partition.LeaderRecoveryState":                 {0, 1},
	"PartitionChange.PartitionID":                   {0, math.MaxInt32},
	"PartitionChange.LeaderRecoveryState":           {-1, 1},
	"FeatureLevel.Level":                            {0, math.MaxInt16},
	"ProducerIDs.NextProducerID":                    {0, math.MaxInt64 - 1},
	"UserScramCredential.Mechanism":                 {1, 2},
	"UserScramCredential.Iterations":                {1, math.MaxInt32},
	"RemoveUserScramCredential.Mechanism":           {1, 2},
	"AccessControlEntry.ResourceType":               {2, 7},
	"AccessControlEntry.PatternType":                {3, 4},
	"AccessControlEntry.Operation":                  {2, 15},
	"AccessControlEntry.PermissionType":             {2, 3},
	"Voter.ID":                                      {0, math.MaxInt32},
	"Voter.KRaftVersionMin":                         {0, 1},
	"Voter.KRaftVersionMax":                         {1, math.MaxInt16},
}

// texts make the strings that must have a certain form.
var texts = map[string]func(Source) string{
	"Topic.Name": func(src Source) string {
		return strings.ReplaceAll(*name(src), "-", "._")
	},
	"AccessControlEntry.Principal": principal,
	"DelegationToken.Owner":        principal,
	"DelegationToken.Requester":    principal,
	"DelegationToken.Renewers":     principal,
	"BeginTransaction.Name":        randomText,
	"AbortTransaction.Reason":      randomText,
	"RegisterBroker.Rack":          randomText,
	"Config.Value":                 randomText,
	"ClearElr.TopicName":           randomText,
}

func principal(src Source) string { return randomText(src) + ":" + randomText(src) }

// name returns a text that is almost certainly unique.
func name(src Source) *string {
	text := fmt.Sprintf("n-%x", src.Uint64())
	return &text
}

// fill sets the value of a named field to a random value; lists become null, empty or have some
// elements.
func fill(src Source, field string, v reflect.Value) {
	if r, ok := within[field]; ok {
		v.SetInt(r[0] + int64(src.Uint64()%uint64(r[1]-r[0]+1)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(intN(src, 2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if field == "Config.ResourceType" {
			v.SetInt([]int64{2, 4, 16, 32}[intN(src, 4)])
			return
		}
		v.SetInt(int64(src.Uint64()) >> intN(src, 64))
	case reflect.Uint16:
		v.SetUint(uint64(uint16(src.Uint64()) | 1))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(src.Uint64()>>2 | 1))
	case reflect.String:
		text := texts[field]
		if text == nil {
			text = func(src Source) string { return *name(src) + randomText(src) }
		}
		v.SetString(text(src))
	case reflect.Array: // UUID
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(byte(src.Uint64())))
		}
	case reflect.Pointer:
		v.SetZero()
		if intN(src, 3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(src, field, v.Elem())
		}
	case reflect.Slice:
		v.SetZero()
		if n := intN(src, 6) - 1; n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			if v.Type().Elem().Kind() == reflect.Uint8 {
				v.Index(i).SetUint(uint64(byte(src.Uint64())))
				continue
			}
			fill(src, field, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(src, fieldOf(v.Type(), i), v.Field(i))
		}
	default:
		panic(v.Kind().String())
	}
}

func randomText(src Source) string {
	const letters = "abcdefghijk-._ 0123456789äöü€漢字"
	runes := []rune(letters)
	text := make([]rune, intN(src, 12))
	if intN(src, 20) == 0 {
		text = make([]rune, 200)
	}
	for i := range text {
		text[i] = runes[intN(src, len(runes))]
	}
	return string(text)
}
