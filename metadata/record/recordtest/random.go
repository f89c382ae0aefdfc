// Package recordtest makes metadata records for tests, and reads what they are told about their draws.
package recordtest

import (
	"math"
	"reflect"

	"github.com/yakt/yakt/metadata/record"
)

// Source is where randomness comes from, such as a *rand.Rand.
type Source interface{ Uint64() uint64 }

// intN is a number from 0 to n-1.
func intN(src Source, n int) int { return int(src.Uint64() % uint64(n)) }

// Random is a record of a type, filled with random content that its version can hold.
func Random(src Source, t record.Type, version int16) record.Record {
	r := t.New()
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		f := v.Field(i)
		old := reflect.New(f.Type()).Elem()
		old.Set(f)
		fill(src, f)
		if _, err := record.Append(nil, r, version); err != nil {
			f.Set(old)
		}
	}
	return r
}

// Fill sets every field of the struct that p points to to something random, whatever version it takes.
func Fill(src Source, p any) { fill(src, reflect.ValueOf(p).Elem()) }

// fill sets a value to something random; a list to null, to nothing or to some elements.
func fill(src Source, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(intN(src, 2) == 0)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(src.Uint64()) >> intN(src, 64))
	case reflect.Uint16:
		v.SetUint(uint64(uint16(src.Uint64())))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(src.Uint64() &^ (1 << 62)))
	case reflect.String:
		v.SetString(randomText(src))
	case reflect.Array: // UUID
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(byte(src.Uint64())))
		}
	case reflect.Pointer:
		v.SetZero()
		if intN(src, 3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(src, v.Elem())
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
			fill(src, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(src, v.Field(i))
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
