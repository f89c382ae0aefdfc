package main

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// answers serves one connection: every request gets its body, in pieces of that many bytes.
func answers(t *testing.T, body func(correlation uint32) []byte, piece int) *conn {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	go func() {
		request := make([]byte, 64<<10)
		for {
			if _, err := server.Read(request); err != nil {
				return
			}
			b := body(binary.BigEndian.Uint32(request[8:]))
			frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
			for len(frame) > 0 {
				n := min(piece, len(frame))
				if _, err := server.Write(frame[:n]); err != nil {
					return
				}
				frame = frame[n:]
			}
		}
	}()
	return &conn{net: client, formatter: kmsg.NewRequestFormatter(), timeout: 10 * time.Second,
		in: make([]byte, connBufferBytes)}
}

func heartbeatResponse(correlation uint32, fenced bool) []byte {
	resp := kmsg.NewPtrBrokerHeartbeatResponse()
	resp.IsFenced = fenced
	return resp.AppendTo(append(binary.BigEndian.AppendUint32(nil, correlation), 0))
}

func TestConnReadsResponsesInPieces(t *testing.T) {
	for _, piece := range []int{1, 5, 1000} {
		c := answers(t, func(id uint32) []byte { return heartbeatResponse(id, id%2 == 0) }, piece)
		b := newBroker(1, "")
		b.conn = c
		for i := range 4 {
			fenced, err := b.heartbeat(0, false)
			if err != nil || fenced != ((i+1)%2 == 0) {
				t.Fatalf("pieces of %d, request %d: fenced %t, %v", piece, i+1, fenced, err)
			}
		}
	}
}

func TestConnReadsLongResponses(t *testing.T) {
	records := make([]byte, 3*connBufferBytes)
	records[len(records)-1] = 7
	c := answers(t, func(id uint32) []byte {
		resp := kmsg.NewPtrFetchResponse()
		resp.Version = 18
		topic, p := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
		p.RecordBatches = records
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp.AppendTo(append(binary.BigEndian.AppendUint32(nil, id), 0))
	}, 1000)
	f := newFollower(1, "", 0, nil)
	f.conn = c
	for range 2 {
		p, err := f.fetch()
		if err != nil || len(p.RecordBatches) != len(records) ||
			p.RecordBatches[len(records)-1] != 7 {
			t.Fatalf("%d bytes, %v", len(p.RecordBatches), err)
		}
	}
}

func TestConnRefusesWhatItDidNotAskFor(t *testing.T) {
	other := answers(t, func(id uint32) []byte { return heartbeatResponse(id+1, false) }, 1000)
	huge := answers(t, func(uint32) []byte { return make([]byte, 3) }, 1000)
	for name, c := range map[string]*conn{"another correlation id": other,
		"a response too short": huge, "no connection": nil} {
		b := newBroker(1, "")
		b.conn = c
		if _, err := b.heartbeat(0, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// makeBatch is the header of a batch of n records, followed by that many bytes.
func makeBatch(base int64, n, epoch int32, size int) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint32(b[8:], uint32(size-12))
	binary.BigEndian.PutUint32(b[12:], uint32(epoch))
	binary.BigEndian.PutUint32(b[23:], uint32(n-1))
	return b
}

func TestFollowerTakesWholeBatches(t *testing.T) {
	f := newFollower(1, "", 0, nil)
	seen := 0
	count := func(b []byte) { seen += len(b) }
	f.records.Store(&count)
	read := append(makeBatch(0, 3, 1, 100), makeBatch(3, 1, 2, 80)...)
	if err := f.advance(append(read, makeBatch(4, 1, 2, 200)[:70]...)); err != nil {
		t.Fatal(err)
	}
	if f.offset != 4 || f.lastEpoch != 2 || seen != 180 || f.applied.Load() != 3 {
		t.Errorf("offset %d, epoch %d, %d bytes seen, applied %d", f.offset, f.lastEpoch, seen,
			f.applied.Load())
	}
	if err := f.advance(makeBatch(4, 1, 2, 200)[:70]); err == nil {
		t.Error("less than a batch is taken")
	}
	if err := f.advance(nil); err != nil {
		t.Error(err)
	}
}
