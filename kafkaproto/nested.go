package kafkaproto

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Nested is a response with one bytes field that contains a complete other response with its
// header: the answer to an ENVELOPE.
type Nested interface {
	kmsg.Response
	// Nested returns the field, which is empty, and the response that it will contain.
	Nested() (field *[]byte, correlationID int32, resp kmsg.Response)
}

// writeNested writes the inner response in parts, between the two ends of the outer one.
func (c *conn) writeNested(correlationID int32, resp Nested) error {
	field, nestedID, inner := resp.Nested()
	p := newPartEncoder(inner.(InParts), nestedID, c.pause)
	defer p.free()
	size, err := p.measure()
	if err != nil {
		return err
	}
	head, tail, err := around(correlationID, resp, field, size)
	if err != nil {
		return err
	}
	return c.writeMeasured(size, func(out *pieceWriter) error {
		if err := out.add(head); err != nil {
			return err
		}
		if err := p.writeBody(out, size); err != nil {
			return err
		}
		return out.add(tail)
	})
}

// DecodeCost estimates the bytes that decoding a request inside an ENVELOPE allocates; 0 if it
// cannot be decoded.
func DecodeCost(versions func(key int16) (min, max int16, ok bool), data []byte) int64 {
	h, req, err := readHeader(versions, data)
	if err != nil {
		return 0
	}
	facts, err := inspectBody(req, h.body)
	if err != nil {
		return 0
	}
	return int64(facts.cost)
}
