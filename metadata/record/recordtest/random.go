// Package recordtest makes metadata records for tests.
package recordtest

import (
	"math/rand/v2"
	"reflect"

	"github.com/yakt/yakt/metadata/record"
)

// Random is a record of a type, filled with random content that its version can hold.
func Random(rng *rand.Rand, t record.Type, version int16) record.Record {
	r := t.New()
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

// Fill sets every field of the struct that p points to to something random, whatever version it takes.
func Fill(rng *rand.Rand, p any) { fill(rng, reflect.ValueOf(p).Elem()) }

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
