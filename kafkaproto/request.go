package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Reasons why a request cannot be decoded, for errors.Is.
var (
	ErrUnknownKey         = errors.New("request key is not served")
	ErrUnsupportedVersion = errors.New("request version is not supported")
	ErrMalformed          = errors.New("request cannot be parsed")
)

const apiVersionsKey = 18

var noKnownTags = &shape{flexible: true}

// Request is one decoded request with the fields of its header.
type Request struct {
	Key, Version  int16
	CorrelationID int32
	ClientID      string // null is ""
	Body          kmsg.Request
}

// DecodeRequest decodes a request without its length: a whole frame, or the request inside an
// ENVELOPE. Key and version are checked against versions before anything else is looked at. Bytes
// fields and unknown tagged fields of the body are slices of data, which therefore must not be
// changed afterwards; strings are copies. Bytes after the body are ignored, as Kafka does.
//
// Decoding allocates no more than a fixed multiple of len(data), whatever lengths data claims.
//
// The error is ErrUnknownKey, ErrUnsupportedVersion or ErrMalformed. Key, Version and CorrelationID
// are set with each of them if data is long enough to have them; Body is not.
func DecodeRequest(
	versions func(key int16) (min, max int16, ok bool), data []byte,
) (Request, error) {
	h, req, err := readHeader(versions, data)
	if err != nil {
		return h.request(), err
	}
	r := h.request()
	if _, err = inspectBody(req, h.body); err != nil {
		return r, err
	}
	if err = readBody(req, h.body); err != nil {
		return r, err
	}
	r.Body = req
	return r, nil
}

// header is a request header, v1 or v2, its fields slices of the frame.
type header struct {
	key, version  int16
	correlationID int32
	clientID      []byte
	body          []byte // the bytes after the header
}

func (h *header) request() Request {
	return Request{Key: h.key, Version: h.version, CorrelationID: h.correlationID,
		ClientID: string(h.clientID)}
}

// readHeader reads
//
//	key int16, version int16, correlation id int32, client id nullable string, [tagged fields: v2]
//
// and returns a new request of that key and version to read the body into.
func readHeader(
	versions func(key int16) (min, max int16, ok bool), data []byte,
) (header, kmsg.Request, error) {
	if len(data) < 8 {
		return header{}, nil, fmt.Errorf("%w: %d bytes are less than a header", ErrMalformed,
			len(data))
	}
	h := header{
		key:           int16(binary.BigEndian.Uint16(data)),
		version:       int16(binary.BigEndian.Uint16(data[2:])),
		correlationID: int32(binary.BigEndian.Uint32(data[4:])),
	}
	low, high, ok := versions(h.key)
	if !ok {
		return h, nil, fmt.Errorf("%w: %d", ErrUnknownKey, h.key)
	}
	req := kmsg.RequestForKey(h.key)
	if req == nil {
		return h, nil, fmt.Errorf("%w: %d", ErrUnknownKey, h.key)
	}
	req.SetVersion(h.version)
	if !h.readRest(data[8:], req.IsFlexible()) {
		return h, nil, fmt.Errorf("%w: header of %s (%d) version %d", ErrMalformed,
			kmsg.NameForKey(h.key), h.key, h.version)
	}
	if h.version < low || h.version > high {
		return h, nil, fmt.Errorf("%w: %s (%d) version %d, served are %d-%d",
			ErrUnsupportedVersion, kmsg.NameForKey(h.key), h.key, h.version, low, high)
	}
	return h, req, nil
}

// readRest reads the header from its client id on. The client id is a classic string in header v2
// too; tagged fields are ignored.
func (h *header) readRest(data []byte, flexible bool) bool {
	w := walker{src: data}
	n, ok := w.length(false, 2)
	n = max(n, 0)
	if !ok || n > len(w.src) {
		return false
	}
	h.clientID = w.src[:n]
	if !utf8.Valid(h.clientID) { // it only names a client in logs: no reason to refuse the request
		h.clientID = bytes.ToValidUTF8(h.clientID, []byte("\uFFFD"))
	}
	w.src = w.src[n:]
	if flexible && !w.tags(noKnownTags) {
		return false
	}
	h.body = w.src
	return true
}

// A well-formed request takes up to 27 times its bytes in memory when decoded (tested). Tagged
// fields that kmsg does not know take more; a client of a later release may send one per array
// element, but many more are refused.
const (
	decodedFactor   = 64
	decodedMinBytes = 64 << 10
)

// bodyFacts are the facts about a body that are known before it is decoded.
type bodyFacts struct {
	cost  int  // bytes that decoding will allocate, approximately
	keeps bool // the request will keep slices of the body
}

// inspectBody checks every length in a request's body, so that ReadFrom is safe.
func inspectBody(req kmsg.Request, body []byte) (bodyFacts, error) {
	shapes, err := shapesOf(req.Key())
	if err != nil {
		return bodyFacts{}, malformed(req, body, err.Error())
	}
	version := int(req.GetVersion())
	if version < 0 || version >= len(shapes) {
		return bodyFacts{}, malformed(req, body, "kmsg does not know the version")
	}
	sh := shapes[version]
	w := walker{src: body, version: req.GetVersion()}
	if !w.structure(sh) {
		return bodyFacts{}, malformed(req, body, w.why())
	}
	if w.cost > decodedMinBytes+decodedFactor*len(body) {
		return bodyFacts{}, malformed(req, body, "too many unknown tagged fields")
	}
	return bodyFacts{cost: w.cost, keeps: sh.aliases || w.unknown}, nil
}

// why describes where and why the walk stopped.
func (w *walker) why() string {
	if w.problem == "" {
		return "a length goes beyond the end"
	}
	return w.at + " " + w.problem
}

// readBody decodes an inspected body.
func readBody(req kmsg.Request, body []byte) error {
	if err := req.ReadFrom(body); err != nil {
		return malformed(req, body, err.Error())
	}
	return nil
}

func malformed(req kmsg.Request, body []byte, what string) error {
	return fmt.Errorf("%w: %s (%d) version %d: %s, body of %d bytes",
		ErrMalformed, kmsg.NameForKey(req.Key()), req.Key(), req.GetVersion(), what, len(body))
}

// AppendResponse appends a response without its length: header v0, or v1 if the response is
// flexible (always v0 for API_VERSIONS, whose client does not know yet which versions the server
// supports), then the body.
func AppendResponse(dst []byte, correlationID int32, resp kmsg.Response) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if resp.IsFlexible() && resp.Key() != apiVersionsKey {
		dst = append(dst, 0) // no tagged fields
	}
	return resp.AppendTo(dst)
}

// unsupportedAPIVersions answers an API_VERSIONS request of a version that is not served, in
// version 0: it contains only the range of API_VERSIONS, so that the client can retry (KIP-511).
func unsupportedAPIVersions(low, high int16) *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = 35 // UNSUPPORTED_VERSION
	entry := kmsg.NewApiVersionsResponseApiKey()
	entry.ApiKey, entry.MinVersion, entry.MaxVersion = apiVersionsKey, low, high
	resp.ApiKeys = append(resp.ApiKeys, entry)
	return resp
}
