package controller

import (
	"context"
	"encoding/binary"
	"net/netip"
	"reflect"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// ENVELOPE (58), version 0: a request that a broker forwards for one of its clients.
//
// Behaviour: the sender needs CLUSTER_ACTION, since what the envelope says is believed; of another
// sender's envelope nothing is looked at. The nested request is authorized and answered on behalf
// of the principal and address in the envelope; the listener stays that of the broker's connection.
// A fault of the envelope itself is an error of
// the envelope, without data, checked in this order: a principal that cannot be read is
// PRINCIPAL_DESERIALIZATION_FAILURE; an invalid address is INVALID_REQUEST; an API that is not
// served is UNSUPPORTED_VERSION, after which brokers learn the versions again; one that is not
// forwardable, such as another envelope, is INVALID_REQUEST; a nested request that cannot be read
// is UNSUPPORTED_VERSION. Later errors belong to the nested response, except NOT_CONTROLLER: then
// the envelope has that error and no data, and the broker sends the request again to the active
// controller.
//
// KIP-590.
func (c *Controller) envelope(ctx context.Context, caller protocol.Caller,
	req *kmsg.EnvelopeRequest, reply func(kmsg.Response)) {
	n, err := c.openEnvelope(caller, req)
	if err != nil {
		reply(failEnvelope(req, err))
		return
	}
	c.Handle(ctx, n.caller, n.req, func(nested kmsg.Response) {
		if saysNotController(nested) {
			reply(failEnvelope(req, errNotController))
			return
		}
		resp := responseTo[*kmsg.EnvelopeResponse](req)
		if parts, ok := nested.(*inParts); ok {
			reply(&nestedParts{resp, n.correlationID, parts})
			return
		}
		resp.ResponseData = c.cfg.Codec.Encode(n.correlationID, nested)
		reply(resp)
	})
}

// nestedParts is an envelope's answer around a response in parts, which is encoded as it is
// written.
type nestedParts struct {
	*kmsg.EnvelopeResponse
	correlationID int32
	parts         *inParts
}

// Nested returns the field of the response that is missing, and its content.
func (n *nestedParts) Nested() (field *[]byte, correlationID int32, resp kmsg.Response) {
	return &n.ResponseData, n.correlationID, n.parts
}

func failEnvelope(req *kmsg.EnvelopeRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.EnvelopeResponse](req)
	resp.ErrorCode = err.Code()
	return resp
}

// nestedRequest is the content of an envelope.
type nestedRequest struct {
	caller        protocol.Caller
	req           kmsg.Request
	correlationID int32
}

func (c *Controller) openEnvelope(
	caller protocol.Caller, req *kmsg.EnvelopeRequest,
) (n nestedRequest, _ *protocol.Error) {
	principal, byToken, ok := parsePrincipal(req.RequestPrincipal)
	if !ok {
		return n, protocol.Errorf(kerr.PrincipalDeserializationFailure,
			"Failed to deserialize client principal from envelope")
	}
	addr, ok := netip.AddrFromSlice(req.ClientHostAddress)
	if !ok {
		return n, protocol.Errorf(kerr.InvalidRequest,
			"Failed to parse client address from envelope")
	}
	if err := checkForwardable(req.RequestData); err != nil {
		return n, err
	}
	nested, correlationID, clientID, err := c.cfg.Codec.Decode(req.RequestData)
	if err != nil {
		return n, protocol.Errorf(kerr.UnsupportedVersion,
			"Failed to parse the request in the envelope: %v", err)
	}
	caller.Principal, caller.ClientAddr = principal, addr.Unmap().String()
	caller.ClientID, caller.Forwarded, caller.TokenAuthenticated = clientID, true, byToken
	return nestedRequest{caller, nested, correlationID}, nil
}

// checkForwardable looks at the API key, with which every request header begins.
func checkForwardable(request []byte) *protocol.Error {
	if len(request) < 2 {
		return protocol.Errorf(kerr.UnsupportedVersion, "The envelope holds no request")
	}
	key := int16(binary.BigEndian.Uint16(request))
	a := apiOf(key)
	switch {
	// also an API that Kafka has: brokers then learn the versions again and stop sending it
	case a == nil:
		return protocol.Errorf(kerr.UnsupportedVersion, "API key %d is not served", key)
	case !a.forwardable:
		return protocol.Errorf(kerr.InvalidRequest,
			"API %s is not enabled or is not eligible for forwarding", kmsg.NameForKey(key))
	}
	return nil
}

// parsePrincipal reads the principal as DefaultKafkaPrincipalBuilder writes it:
//
//	version int16 = 0, type compact string, name compact string,
//	token authenticated bool, tagged fields
//
// and returns it as "type:name". Tagged fields are ignored.
func parsePrincipal(b []byte) (principal string, byToken, ok bool) {
	if len(b) < 2 || b[0] != 0 || b[1] != 0 {
		return "", false, false
	}
	kind, b, ok := compactString(b[2:])
	if !ok {
		return "", false, false
	}
	name, b, ok := compactString(b)
	if !ok || len(b) < 2 {
		return "", false, false
	}
	return kind + ":" + name, b[0] != 0, true
}

func compactString(b []byte) (s string, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length == 0 || length-1 > uint64(len(b)-n) {
		return "", nil, false
	}
	end := n + int(length-1)
	return string(b[n:end]), b[end:], true
}

// saysNotController reports whether a response has NOT_CONTROLLER anywhere; DESCRIBE_QUORUM says
// NOT_LEADER_OR_FOLLOWER for it.
func saysNotController(resp kmsg.Response) bool {
	if parts, ok := resp.(*inParts); ok {
		return parts.refused != nil && parts.refused.Kafka == kerr.NotController
	}
	code := kerr.NotController.Code
	if resp.Key() == kmsg.DescribeQuorum.Int16() {
		code = kerr.NotLeaderForPartition.Code
	}
	return hasErrorCode(reflect.ValueOf(resp), func(c int16) bool { return c == code })
}

// hasErrorCode looks for an error code at every level of a response; kmsg calls all of them
// ErrorCode. It skips slices that cannot contain one, such as records.
func hasErrorCode(v reflect.Value, is func(int16) bool) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && hasErrorCode(v.Elem(), is)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return false
		}
		for i := range v.Len() {
			if hasErrorCode(v.Index(i), is) {
				return true
			}
		}
	case reflect.Struct:
		for _, f := range errorFieldsOf(v.Type()) {
			if f.isCode && is(int16(v.Field(f.index).Int())) ||
				!f.isCode && hasErrorCode(v.Field(f.index), is) {
				return true
			}
		}
	}
	return false
}

// errorField is a field that is an error code, or may contain one.
type errorField struct {
	index  int
	isCode bool
}

// errorFieldsByType caches errorFieldsOf, because reflection allocates to describe a field.
var errorFieldsByType sync.Map

// errorFieldsOf returns the fields of a struct that hasErrorCode looks at, in their order.
func errorFieldsOf(t reflect.Type) []errorField {
	if known, ok := errorFieldsByType.Load(t); ok {
		return known.([]errorField)
	}
	var fields []errorField
	for i := range t.NumField() {
		f := t.Field(i)
		switch kind := f.Type.Kind(); {
		case f.Name == "ErrorCode":
			fields = append(fields, errorField{i, true})
		case kind == reflect.Pointer, kind == reflect.Slice, kind == reflect.Struct:
			fields = append(fields, errorField{i, false})
		}
	}
	errorFieldsByType.Store(t, fields)
	return fields
}
