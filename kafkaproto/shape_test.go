package kafkaproto

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// eachVersion calls fn for every request key and version that kmsg knows.
func eachVersion(t testing.TB, fn func(key, version int16, sh *shape)) {
	for key := range int16(kmsg.MaxKey + 1) {
		if kmsg.RequestForKey(key) == nil {
			continue
		}
		shapes, err := shapesOf(key)
		if err != nil {
			t.Fatal(err)
		}
		for version, sh := range shapes {
			fn(key, int16(version), sh)
		}
	}
}

// fill sets everything in v to random values: arrays of 0-3 elements, null where that is possible,
// and sometimes unknown tagged fields. Tagged fields of later versions keep their defaults.
func fill(r *rand.Rand, v reflect.Value, version int16, unknownTags bool) {
	t := v.Type()
	switch {
	case t == tagsType:
		if unknownTags && r.IntN(2) == 0 {
			tags := kmsg.Tags{}
			tags.Set(90+r.Uint32N(1000), make([]byte, r.IntN(200)))
			v.Set(reflect.ValueOf(tags))
		}
	case t.Kind() == reflect.Struct:
		v.Addr().Interface().(interface{ Default() }).Default()
		for i := range v.NumField() {
			later := taggedSince[t.Name()+"."+t.Field(i).Name] > version
			if !later && (isWireField(t, i) || t.Field(i).Type == tagsType) {
				fill(r, v.Field(i), version, unknownTags)
			}
		}
	case t.Kind() == reflect.Pointer:
		if r.IntN(3) > 0 {
			v.Set(reflect.New(t.Elem()))
			fill(r, v.Elem(), version, unknownTags)
		}
	case t.Kind() == reflect.Slice:
		n := r.IntN(4)
		v.Set(reflect.MakeSlice(t, n, n))
		fallthrough
	case t.Kind() == reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i), version, unknownTags)
		}
	case t.Kind() == reflect.String:
		v.SetString(string(bytes.Repeat([]byte{'s'}, r.IntN(200))))
	case v.CanInt():
		v.SetInt(r.Int64() >> (64 - t.Bits()))
	case v.CanUint():
		v.SetUint(r.Uint64() >> (64 - t.Bits()))
	case v.CanFloat():
		v.SetFloat(r.Float64())
	default:
		v.SetBool(r.IntN(2) == 0)
	}
}

func randomRequest(r *rand.Rand, key, version int16, unknownTags bool) kmsg.Request {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	fill(r, reflect.ValueOf(req).Elem(), version, unknownTags)
	return req
}

// The walker walks over every request that kmsg can write exactly to its end, and refuses it if it
// is cut anywhere, as kmsg does.
func TestWalkerAgreesWithKmsg(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	eachVersion(t, func(key, version int16, sh *shape) {
		for range 20 {
			body := randomRequest(r, key, version, true).AppendTo(nil)
			w := walker{src: body, version: version}
			if !w.structure(sh) || len(w.src) != 0 {
				t.Fatalf("key %d version %d: the walker refuses (%s) or leaves %d of %x",
					key, version, w.why(), len(w.src), body)
			}
			if len(body) == 0 {
				continue
			}
			w = walker{src: body[:r.IntN(len(body))], version: version}
			if w.structure(sh) {
				t.Fatalf("key %d version %d: the walker takes a part of %x", key, version, body)
			}
		}
	})
}

// A request that keeps no slices of its body is unchanged after the body is overwritten, so the
// connection may decode it from its read buffer.
func TestSharedBufferIsNotKept(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	eachVersion(t, func(key, version int16, _ *shape) {
		for range 20 {
			body := randomRequest(r, key, version, true).AppendTo(nil)
			decode := func(body []byte) (req kmsg.Request, kept bool) {
				req = kmsg.RequestForKey(key)
				req.SetVersion(version)
				facts, err := inspectBody(req, body)
				if err == nil {
					err = readBody(req, body)
				}
				if err != nil {
					t.Fatal(err)
				}
				return req, facts.keeps
			}
			buffer := bytes.Clone(body)
			got, keeps := decode(buffer)
			if keeps {
				continue
			}
			for i := range buffer {
				buffer[i] ^= 0xff
			}
			if want, _ := decode(body); !reflect.DeepEqual(got, want) {
				t.Fatalf("key %d version %d: changed with the buffer\n got %+v\nwant %+v", key,
					version, got, want)
			}
		}
	})
}

// decodedFactor exceeds the need of any layout: the bytes of Go memory per byte on the wire, when
// all elements are as small as possible.
func TestDecodedFactor(t *testing.T) {
	var worst float64
	var visit func(f *field, flexible bool) float64
	visit = func(f *field, flexible bool) (ratio float64) {
		switch f.kind {
		case kindArray:
			ratio = float64(f.elem.goBytes) / float64(max(1, f.elem.min(flexible)))
			return max(ratio, visit(f.elem, flexible))
		case kindStruct, kindNullable:
			for i := range f.of.fields {
				ratio = max(ratio, visit(&f.of.fields[i], f.of.flexible))
			}
			for _, tagged := range f.of.tagged {
				ratio = max(ratio, visit(tagged, true))
			}
		case kindString: // one character
			ratio = float64(f.goBytes+1) / 2
		}
		return ratio
	}
	eachVersion(t, func(key, version int16, sh *shape) {
		ratio := visit(&field{kind: kindStruct, of: sh}, sh.flexible)
		if ratio > worst {
			worst = ratio
			t.Logf("%s version %d: %.1f", kmsg.NameForKey(key), version, ratio)
		}
	})
	if worst > decodedFactor*2/3 {
		t.Fatalf("a well-formed request can take %.1f times its size: "+
			"decodedFactor %d is too close", worst, decodedFactor)
	}
}
