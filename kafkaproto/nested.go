package kafkaproto

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Nested is a response of which one field, of bytes, is to hold a whole other response with its
// header: the answer to an ENVELOPE.
type Nested interface {
	kmsg.Response
	// Nested tells the field, which is empty, and what it is to hold: an InParts.
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

// DecodeCost is how many bytes decoding a request allocates, about, as it lies in an ENVELOPE; 0 for
// what cannot be decoded.
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
