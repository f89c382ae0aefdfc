package controller

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// testCodec is the protocol layer in little: header v1 or v2, body.
func testCodec() Codec {
	return Codec{
		Decode: func(data []byte) (kmsg.Request, int32, string, error) {
			if len(data) < 10 {
				return nil, 0, "", errors.New("short")
			}
			key, version := int16(binary.BigEndian.Uint16(data)), int16(binary.BigEndian.Uint16(data[2:]))
			if low, high, ok := Versions(key); !ok || version < low || version > high {
				return nil, 0, "", errors.New("unsupported")
			}
			req := kmsg.RequestForKey(key)
			req.SetVersion(version)
			n := int(binary.BigEndian.Uint16(data[8:]))
			body := data[10+n:]
			if req.IsFlexible() {
				body = body[1:]
			}
			return req, int32(binary.BigEndian.Uint32(data[4:])), string(data[10 : 10+n]), req.ReadFrom(body)
		},
		Encode: func(correlationID int32, resp kmsg.Response) []byte {
			b := binary.BigEndian.AppendUint32(nil, uint32(correlationID))
			if resp.IsFlexible() {
				b = append(b, 0)
			}
			return resp.AppendTo(b)
		},
		Cost: func(data []byte) int64 { return 4 * int64(len(data)) },
	}
}

func nestedBytes(req kmsg.Request, version int16) []byte {
	req.SetVersion(version)
	b := binary.BigEndian.AppendUint16(nil, uint16(req.Key()))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = append(b, 0, 0, 0, 77, 0, 3, 'c', 'l', 'i')
	if req.IsFlexible() {
		b = append(b, 0)
	}
	return req.AppendTo(b)
}

// anonymous is the principal as a 4.3 broker sends it.
const anonymous = "0000" + "0555736572" + "0a414e4f4e594d4f5553" + "0000"

func envelopeOf(nested []byte) *kmsg.EnvelopeRequest {
	req := kmsg.NewPtrEnvelopeRequest()
	req.RequestData = nested
	req.RequestPrincipal, _ = hex.DecodeString(anonymous)
	req.ClientHostAddress = []byte{127, 0, 0, 1}
	return req
}

func newEnvelopeController(t *testing.T) (*Controller, *readLog) {
	c, log := newReadController(t)
	c.cfg.Codec = testCodec()
	log.quorum.LeaderID = 3000
	return c, log
}

func TestEnvelopeCarriesTheAnswer(t *testing.T) {
	c, _ := newEnvelopeController(t)
	for v := int16(0); v <= 2; v++ {
		resp := ask[*kmsg.EnvelopeResponse](t, c, controllerCaller,
			envelopeOf(nestedBytes(describeQuorumRequest(protocol.MetadataTopic, 0), v)), 0)
		if resp.ErrorCode != 0 || len(resp.ResponseData) < 5 ||
			binary.BigEndian.Uint32(resp.ResponseData) != 77 {
			t.Fatalf("v%d: %+v", v, resp)
		}
		var nested kmsg.DescribeQuorumResponse
		nested.Version = v
		if err := nested.ReadFrom(resp.ResponseData[5:]); err != nil ||
			nested.Topics[0].Partitions[0].LeaderID != 3000 {
			t.Errorf("v%d: %v %+v", v, err, nested)
		}
	}
	// an error of the nested request is the nested response's
	resp := ask[*kmsg.EnvelopeResponse](t, c, controllerCaller,
		envelopeOf(nestedBytes(describeQuorumRequest("t", 0), 2)), 0)
	if resp.ErrorCode != 0 || resp.ResponseData == nil {
		t.Errorf("%+v", resp)
	}
}

// TestAnEnvelopeHoldsNoLongAnswer: a long response is produced while it is written, inside an
// envelope too, and a refusal of the whole request is still recognised.
func TestAnEnvelopeHoldsNoLongAnswer(t *testing.T) {
	t.Parallel()
	d := manyTopics(t, 2*partElements)
	d.cfg.Codec = testCodec()
	envelope := envelopeOf(nestedBytes(everything(), 2))
	resp, ok := d.raw(envelope).(*nestedParts)
	if !ok {
		t.Fatalf("%T", d.raw(envelope))
	}
	field, correlationID, inner := resp.Nested()
	if field != &resp.ResponseData || correlationID != 77 ||
		len(gather(t, "elections", inner.(*inParts))) != 2*partElements {
		t.Errorf("correlation id %d", correlationID)
	}
	if cost := d.Cost(envelope); cost < d.Cost(everything()) {
		t.Errorf("the envelope costs %d", cost)
	}
	named := envelopeOf(nestedBytes(namedMany(2 * partElements)["elect"], 2))
	if cost := d.Cost(named); cost < int64(len(named.RequestData)) {
		t.Errorf("an envelope of %d bytes costs %d", len(named.RequestData), cost)
	}
	d.LeaderChanged(3001, 2)
	d.work()
	if code := d.raw(named).(*kmsg.EnvelopeResponse).ErrorCode; code != errNotController.Code() {
		t.Errorf("code %d on a standby", code)
	}
}

func TestEnvelopeCaller(t *testing.T) {
	c, _ := newEnvelopeController(t)
	for addr, want := range map[string]string{
		"7f000001":                         "127.0.0.1",
		"20010db8000000000000000000000001": "2001:db8::1",
		"00000000000000000000ffff0a000001": "10.0.0.1",
	} {
		req := envelopeOf(nestedBytes(describeQuorumRequest(protocol.MetadataTopic, 0), 2))
		req.ClientHostAddress, _ = hex.DecodeString(addr)
		n, err := c.openEnvelope(protocol.Caller{Listener: "CONTROLLER", Principal: "User:broker",
			ClientAddr: "10.9.9.9", ClientID: "1", SecurityProtocol: 3}, req)
		if err != nil {
			t.Fatal(err)
		}
		if got := (protocol.Caller{Listener: "CONTROLLER", Principal: "User:ANONYMOUS",
			ClientAddr: want, ClientID: "cli", Forwarded: true, SecurityProtocol: 3}); n.caller != got {
			t.Errorf("%+v", n.caller)
		}
		if _, err := netip.ParseAddr(n.caller.ClientAddr); err != nil {
			t.Error(err)
		}
	}
}

func TestEnvelopeErrors(t *testing.T) {
	quorum := func() []byte {
		return nestedBytes(describeQuorumRequest(protocol.MetadataTopic, 0),
			2)
	}
	principal := func(text string) func(*kmsg.EnvelopeRequest) {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return func(r *kmsg.EnvelopeRequest) { r.RequestPrincipal = b }
	}
	for name, test := range map[string]struct {
		nested []byte
		change func(*kmsg.EnvelopeRequest)
		code   int16
	}{
		"no principal": {quorum(),
			func(r *kmsg.EnvelopeRequest) { r.RequestPrincipal = nil }, 97},
		"principal version": {quorum(), principal("0001" + anonymous[4:]), 97},
		"short principal":   {quorum(), principal("00000555736572"), 97},
		"long name":         {quorum(), principal("00000555736572ff7f41"), 97},
		"huge name":         {quorum(), principal("00000555736572ffffffffffffffffff01"), 97},
		"principal before addr": {quorum(), func(r *kmsg.EnvelopeRequest) {
			r.RequestPrincipal,
				r.ClientHostAddress = nil, nil
		}, 97},
		"no address": {quorum(),
			func(r *kmsg.EnvelopeRequest) { r.ClientHostAddress = []byte{} }, 42},
		"address of five bytes": {quorum(),
			func(r *kmsg.EnvelopeRequest) { r.ClientHostAddress = []byte{1, 2, 3, 4, 5} }, 42},
		"not forwardable": {nestedBytes(kmsg.NewPtrDescribeClusterRequest(), 2), nil, 42},
		"an envelope":     {nestedBytes(envelopeOf(quorum()), 0), nil, 42},
		"not served":      {nestedBytes(kmsg.NewPtrJoinGroupRequest(), 5), nil, 35},
		"empty":           {nil, nil, 35},
		"unknown key":     {[]byte{0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0, 0}, nil, 35},
		"unsupported version": {nestedBytes(describeQuorumRequest(protocol.MetadataTopic, 0), 3),
			nil, 35},
		"unparsable": {quorum()[:20], nil, 35},
	} {
		c, _ := newEnvelopeController(t)
		req := envelopeOf(test.nested)
		if test.change != nil {
			test.change(req)
		}
		resp := ask[*kmsg.EnvelopeResponse](t, c, controllerCaller, req, 0)
		if resp.ErrorCode != test.code || test.code != 0 && resp.ResponseData != nil {
			t.Errorf("%s: %d %x", name, resp.ErrorCode, resp.ResponseData)
		}
	}
}

// A standby sends the broker on to the active controller, wherever the nested response has its
// error code.
func TestEnvelopeOnAStandby(t *testing.T) {
	c, log := newEnvelopeController(t)
	log.quorum.LeaderID = 3001
	create := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", 1, 1
	create.Topics = append(create.Topics, topic)
	for _, nested := range [][]byte{
		nestedBytes(describeQuorumRequest(protocol.MetadataTopic, 0), 2), nestedBytes(create,
			7), nestedBytes(create, 2), nestedBytes(kmsg.NewPtrUnregisterBrokerRequest(), 0),
	} {
		resp := ask[*kmsg.EnvelopeResponse](t, c, controllerCaller, envelopeOf(nested), 0)
		if resp.ErrorCode != 41 || resp.ResponseData != nil {
			t.Errorf("key %d: %+v", nested[1], resp)
		}
	}
}

// Every error code of every forwardable response is seen, wherever kmsg has it.
func TestEnvelopeFindsNotController(t *testing.T) {
	for _, a := range apis {
		if !a.forwardable {
			continue
		}
		req := kmsg.RequestForKey(a.key)
		req.SetVersion(a.max)
		code := int64(41)
		if a.key == 55 {
			code = 6
		}
		n := 0
		eachErrorCode(reflect.ValueOf(req.ResponseKind()).Elem(), func(resp, field reflect.Value) {
			n++
			field.SetInt(code - 1)
			if saysNotController(resp.Addr().Interface().(kmsg.Response)) {
				t.Errorf("%s: %d is taken for %d", a.name, code-1, code)
			}
			field.SetInt(code)
			if !saysNotController(resp.Addr().Interface().(kmsg.Response)) {
				t.Errorf("%s: an error code is not seen", a.name)
			}
			field.SetInt(0)
		})
		if n == 0 {
			t.Errorf("%s: no error code at all", a.name)
		}
	}
}

// eachErrorCode calls f for each error code of a response that has one element in each of its
// lists.
func eachErrorCode(resp reflect.Value, f func(resp, field reflect.Value)) {
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			field, name := v.Field(i), v.Type().Field(i).Name
			switch {
			// that one is about what a caller may see
			case strings.HasSuffix(name, "ErrorCode") && name != "ConfigErrorCode":
				f(resp, field)
			case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
				field.Set(reflect.MakeSlice(field.Type(), 1, 1))
				walk(field.Index(0))
			case field.Kind() == reflect.Struct && name != "UnknownTags":
				walk(field)
			}
		}
	}
	walk(resp)
}

func TestParsePrincipal(t *testing.T) {
	for text, want := range map[string]struct {
		principal string
		byToken   bool
	}{
		anonymous:                                 {"User:ANONYMOUS", false},
		"0000" + "0555736572" + "01" + "0000":     {"User:", false},
		"0000" + "01" + "01" + "0100":             {":", true},
		"0000" + "0255" + "0261" + "0001ff020101": {"U:a", false},
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, byToken, ok := parsePrincipal(b); !ok || got != want.principal ||
			byToken != want.byToken {
			t.Errorf("%s: %q, %t, %v", text, got, byToken, ok)
		}
	}
}

func FuzzParsePrincipal(f *testing.F) {
	b, _ := hex.DecodeString(anonymous)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, _, ok := parsePrincipal(b); ok && len(p) > len(b) {
			t.Errorf("%q from %d bytes", p, len(b))
		}
	})
}
