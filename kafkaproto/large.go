package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FromFile is a response with one bytes field that is not in memory: its contents go from a reader
// to the connection, without passing through this process if the reader is a file and the system
// supports that.
type FromFile interface {
	kmsg.Response
	// Content returns the field, which is empty, and the source of its n bytes. It is called once;
	// the caller closes file.
	Content() (field *[]byte, file io.ReadCloser, n int64)
}

// A field of at least largeBytes is written beside the rest of the response, not copied into it.
const largeBytes = 16 << 10

// writeLarge writes a response with a large field in memory; done is false if it has none.
func (c *conn) writeLarge(correlationID int32, resp kmsg.Response) (done bool, err error) {
	field := recordsOf(resp)
	if field == nil || len(*field) < largeBytes {
		return false, nil
	}
	content := *field
	head, tail, err := around(correlationID, resp, field, int64(len(content)))
	if err != nil {
		return true, err
	}
	return true, c.send(func() (int64, error) { return c.writeAround(head, content, tail) })
}

// writeAround writes the parts of a frame, in one call if they are not large.
func (c *conn) writeAround(head, content, tail []byte) (int64, error) {
	frame := net.Buffers{head, content, tail}
	if c.tls != nil {
		return c.writeRecords(io.MultiReader(
			bytes.NewReader(head), bytes.NewReader(content), bytes.NewReader(tail)))
	}
	if len(content) <= writePieceBytes {
		c.turn.Drop()
		return frame.WriteTo(c.nc)
	}
	c.turn.expect(pieceElements)
	written := int64(0)
	for _, part := range frame {
		n, err := c.writePieces(part)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// recordsOf is the only field of a response that may be large: the records of a FETCH of one
// partition.
func recordsOf(resp kmsg.Response) *[]byte {
	r, ok := resp.(*kmsg.FetchResponse)
	if !ok || len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		return nil
	}
	return &r.Topics[0].Partitions[0].RecordBatches
}

func (c *conn) writeFromFile(correlationID int32, resp FromFile) error {
	field, file, n := resp.Content()
	defer file.Close()
	head, tail, err := around(correlationID, resp, field, n)
	if err != nil {
		return err
	}
	c.turn.Drop()
	if c.tls != nil {
		return c.send(func() (int64, error) { return c.copyFile(head, file, n, tail) })
	}
	return c.send(func() (int64, error) {
		sent, err := writeMore(c.nc, head)
		if err != nil {
			return int64(sent), err
		}
		copied, err := io.CopyN(c.nc, file, n)
		total := int64(sent) + copied
		if errors.Is(err, io.EOF) {
			return total, fileEnds(n - copied)
		}
		if err != nil {
			return total, err
		}
		sent, err = c.nc.Write(tail)
		return total + int64(sent), err
	})
}

func fileEnds(missing int64) error {
	return &frameError{closedFault,
		fmt.Errorf("a file ends %d bytes before what was to be sent of it", missing)}
}

// copyFile is writeFromFile's copy for TLS, which needs the bytes in memory.
func (c *conn) copyFile(head []byte, file io.Reader, n int64, tail []byte) (int64, error) {
	content := &io.LimitedReader{R: file, N: n}
	written, err := c.writeRecords(io.MultiReader(bytes.NewReader(head), content,
		bytes.NewReader(tail)))
	if err == nil && content.N > 0 {
		err = fileEnds(content.N)
	}
	return written, err
}

// recordsBytes is the size of the pieces in which large content is encrypted: whole records.
const recordsBytes = 8 * 16 << 10

var recordBuffers = sync.Pool{New: func() any { return new([recordsBytes]byte) }}

// writeRecords writes all of r in full records of TLS.
func (c *conn) writeRecords(r io.Reader) (written int64, err error) {
	piece := recordBuffers.Get().(*[recordsBytes]byte)
	defer recordBuffers.Put(piece)
	for {
		n := 0
		for n < len(piece) && err == nil {
			var more int
			more, err = r.Read(piece[n:])
			n += more
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return written, &frameError{closedFault, fmt.Errorf("reading what is to be sent: %w", err)}
		}
		w, writeErr := c.writePieces(piece[:n])
		written += w
		if writeErr != nil || err != nil {
			return written, writeErr
		}
	}
}

// discard closes the file of a response that will not be written.
func discard(resp kmsg.Response) {
	if r, ok := resp.(FromFile); ok {
		_, file, _ := r.Content()
		file.Close()
	}
}

// around encodes a response as the two parts of a frame before and after the n bytes of one of its
// fields. kmsg cannot encode half a response, so around encodes it twice, with the field empty and
// with one byte in it: the first difference is the field's length.
func around(
	correlationID int32, resp kmsg.Response, field *[]byte, n int64,
) (head, tail []byte, err error) {
	*field = []byte{}
	empty := AppendResponse([]byte{0, 0, 0, 0}, correlationID, resp)
	*field = []byte{0}
	one := AppendResponse([]byte{0, 0, 0, 0}, correlationID, resp)
	at := 0
	for empty[at] == one[at] {
		at++
	}
	tail = empty[at+1:]
	if resp.IsFlexible() {
		head = binary.AppendUvarint(empty[:at:at], uint64(n)+1)
	} else {
		head = binary.BigEndian.AppendUint32(empty[:at-3:at-3], uint32(n))
	}
	size := int64(len(head)-4) + n + int64(len(tail))
	if n < 0 || size > math.MaxInt32 {
		return nil, nil, &frameError{closedFault,
			fmt.Errorf("a reply of %d bytes does not fit a frame", size)}
	}
	binary.BigEndian.PutUint32(head, uint32(size))
	return head, tail, nil
}
