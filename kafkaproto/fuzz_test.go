package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzFrame: any input in any pieces ends in whole frames or in an error; the frames are those that
// a simple reader finds; all memory is returned.
func FuzzFrame(f *testing.F) {
	f.Add(heartbeat(1), uint16(3))
	f.Add(append(heartbeat(1), heartbeat(2)...), uint16(5))
	f.Add(frame(make([]byte, 70_000)), uint16(10_000))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, uint16(1))
	f.Add([]byte{0, 0, 0x7f, 0xff, 1, 2}, uint16(1))
	const maxBytes = 1 << 20
	f.Fuzz(func(t *testing.T, input []byte, piece uint16) {
		client, server := net.Pipe()
		go func() {
			defer client.Close()
			for rest := input; len(rest) > 0; {
				n := min(len(rest), int(piece)+1)
				if _, err := client.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		defer server.Close()
		b := newBudget(4*maxBytes, 4*maxBytes, 4*maxBytes)
		held := b.open("10.0.0.1", nil)
		r := frameReader{nc: server, buf: make([]byte, readBufferBytes), maxBytes: maxBytes,
			account: held,
			deadline: readDeadline{idleTimeout: time.Minute, frameTimeout: time.Minute,
				stopped: func() bool { return false }}}
		for rest := input; ; {
			got, _, err := r.next(t.Context())
			want, wellFormed := nextFrame(&rest, maxBytes)
			if wellFormed != (err == nil) || !bytes.Equal(got, want) {
				t.Fatalf("got a frame of %d, %v; want %d, %v", len(got), err, len(want), wellFormed)
			}
			if charged := b.inUse(); charged > firstRoomBytes+growFactor*int64(len(input)) {
				t.Fatalf("charged %d for %d bytes of input", charged, len(input))
			}
			held.release()
			if err != nil {
				break
			}
		}
		if b.inUse() != 0 {
			t.Fatalf("%d bytes not given back", b.inUse())
		}
	})
}

// nextFrame is the simple reader.
func nextFrame(rest *[]byte, maxBytes uint32) (frame []byte, ok bool) {
	if len(*rest) < 4 {
		return nil, false
	}
	size := binary.BigEndian.Uint32(*rest)
	if size > maxBytes || int(size) > len(*rest)-4 {
		return nil, false
	}
	frame, *rest = (*rest)[4:4+size], (*rest)[4+size:]
	return frame, true
}

// FuzzDecodeRequest checks, over all keys and versions, that decoding never panics, allocates no
// more than its multiple, fails with one of the three errors, and that a decoded request encodes to
// bytes that decode and encode to themselves.
func FuzzDecodeRequest(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	eachVersion(f, func(key, version int16, _ *shape) {
		f.Add(key, version, randomRequest(r, key, version, true).AppendTo(nil))
	})
	f.Add(int16(63), int16(1), []byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	versions := func(key int16) (int16, int16, bool) {
		if req := kmsg.RequestForKey(key); req != nil {
			return 0, req.MaxVersion(), true
		}
		return 0, 0, false
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		data := binary.BigEndian.AppendUint16(nil, uint16(key))
		data = binary.BigEndian.AppendUint16(data, uint16(version))
		data = append(data, 0, 0, 0, 1, 0, 0)
		if req := kmsg.RequestForKey(key); req != nil {
			req.SetVersion(version)
			if req.IsFlexible() {
				data = append(data, 0)
			}
		}
		data = append(data, body...)
		var got Request
		var err error
		allocated := allocatedBy(func() { got, err = DecodeRequest(versions, data) })
		// Other goroutines of the fuzzing process allocate meanwhile.
		if limit := allocationLimit(len(data)) + 1<<20; allocated > limit {
			t.Fatalf("%d bytes allocated for %d, limit %d", allocated, len(data), limit)
		}
		if err != nil {
			if !errors.Is(err, ErrUnknownKey) && !errors.Is(err, ErrUnsupportedVersion) &&
				!errors.Is(err, ErrMalformed) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		again := kmsg.RequestForKey(key)
		again.SetVersion(version)
		encoded := got.Body.AppendTo(nil)
		if facts, err := inspectBody(again, encoded); err != nil {
			t.Fatalf("%v after another round, %+v", err, facts)
		}
		if err := again.ReadFrom(encoded); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.AppendTo(nil), encoded) {
			t.Fatalf("encoded\n%x\nthen\n%x", encoded, again.AppendTo(nil))
		}
	})
}
