package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestGarbageClosesWithOneLine(t *testing.T) {
	tests := []struct {
		name   string
		bytes  []byte
		reason closeReason
		log    string
	}{
		{"negative length", []byte{0xff, 0xff, 0xff, 0xff}, closedFrameLength, "frame length -1"},
		{"length above the limit", []byte{0x00, 0x80, 0x00, 0x01}, closedFrameLength,
			"frame length 8388609"},
		{"TLS hello", []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}, closedWrongProtocol,
			"the client speaks TLS and this listener does not"},
		{"HTTP", []byte("GET / HTTP/1.1\r\n"), closedWrongProtocol, "the client speaks HTTP"},
		{"empty frame", frame(nil), closedMalformed, "0 bytes"},
		{"part of a header", frame([]byte{0, 63, 0}), closedMalformed, "3 bytes"},
		{"no client id", frame([]byte{0, 63, 0, 1, 0, 0, 0, 1}), closedMalformed,
			"header of BrokerHeartbeat (63) version 1"},
		{"client id too long", frame([]byte{0, 63, 0, 1, 0, 0, 0, 1, 0, 9, 'x'}), closedMalformed,
			"header of"},
		{"header tags without end",
			frame([]byte{0, 63, 0, 1, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f}),
			closedMalformed, "header of"},
		{"unknown key", frame([]byte{0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0, 0}), closedUnknownKey,
			"not served: 32767"},
		{"key not served here", request(kmsg.NewPtrProduceRequest(), 9, 1), closedUnknownKey,
			"key=0"},
		{"version too high", frame([]byte{0, 63, 0, 3, 0, 0, 0, 1, 0, 0, 0}),
			closedUnsupportedVersion, "version 3, served are 0-2"},
		{"version too low", request(kmsg.NewPtrFetchRequest(), 3, 1), closedUnsupportedVersion,
			"client=127.0.0.1"},
		{"body cut off", cut(heartbeat(1), 3), closedMalformed, "BrokerHeartbeat (63) version 1"},
		{"large body cut off", func() []byte { _, b := bigRequest(1, 500); return cut(b, 1) }(),
			closedMalformed, "CreateTopics"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cfg, logs := testConfig(respond)
			s, addr := start(t, cfg)
			c := dial(t, addr)
			c.send(test.bytes)
			c.expectClose()
			expectClosed(t, s, test.reason, 1)
			eventually(t, func() string {
				lines := logs.String()
				if strings.Count(lines, "\n") != 1 || !strings.Contains(lines, test.log) ||
					!strings.Contains(lines, "level=INFO") {
					return fmt.Sprintf("want one line at INFO with %q:\n%s", test.log, lines)
				}
				return ""
			})
		})
	}
}

// TestBadConnectionsAreLoggedByRate has many bad connections of two kinds: each kind gets one line.
func TestBadConnectionsAreLoggedByRate(t *testing.T) {
	t.Parallel()
	cfg, logs := testConfig(respond)
	cfg.Logger = slog.New(slog.NewTextHandler(logs, nil))
	s, addr := start(t, cfg)
	const each = 50
	for range each {
		for _, bytes := range [][]byte{[]byte("GET / HTTP/1.1\r\n"), frame([]byte{0, 63, 0})} {
			c := dial(t, addr)
			c.send(bytes)
			c.expectClose()
		}
	}
	expectClosed(t, s, closedWrongProtocol, each)
	expectClosed(t, s, closedMalformed, each)
	if n := strings.Count(logs.String(), "\n"); n != 2 {
		t.Errorf("%d lines for %d bad connections of two kinds:\n%s", n, 2*each, logs)
	}
}

// cut removes n bytes from the end of a frame and corrects its length.
func cut(whole []byte, n int) []byte { return frame(whole[4 : len(whole)-n]) }

// heapInUse is the live heap with stacks.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// 1,000 connections that announce 8 MiB each and send nothing more cost a few KiB each, for client
// and server together.
func TestClaimsCostNothing(t *testing.T) {
	cfg, _ := testConfig(respond)
	s, addr := start(t, cfg)
	for _, sent := range []int{0, 100} {
		before := heapInUse()
		var conns []net.Conn
		for range 1000 {
			c := dial(t, addr)
			c.send(binary.BigEndian.AppendUint32(nil, 8<<20))
			c.send(make([]byte, sent))
			conns = append(conns, c)
		}
		eventually(t, func() string {
			if n := s.Stats().Connections; n != 1000 {
				return fmt.Sprint("connections: ", n)
			}
			return ""
		})
		perConn := (int64(heapInUse()) - int64(before)) / 1000
		t.Logf("%d bytes sent: %d bytes a connection", sent, perConn)
		if perConn > 32<<10 {
			t.Errorf("%d bytes a connection", perConn)
		}
		for _, c := range conns {
			c.Close()
		}
		eventually(t, func() string {
			if n := s.Stats().Connections; n != 0 {
				return fmt.Sprint("connections left: ", n)
			}
			return ""
		})
	}
}

// A large frame that stops half-way holds a small multiple of the bytes that have arrived, and
// returns it.
func TestFrameMemoryFollowsArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		s, nc := pipe(t, cfg)
		nc.Write(binary.BigEndian.AppendUint32(nil, 8<<20))
		for arrived := 0; arrived < 4<<20; arrived += 64 << 10 {
			nc.Write(make([]byte, 64<<10))
			synctest.Wait()
			if in := s.Stats().InFlightBytes; in > growFactor*int64(arrived+64<<10) {
				t.Fatalf("%d bytes held for %d", in, arrived)
			}
		}
		nc.Close()
		s.serving.Wait()
		if in := s.Stats().InFlightBytes; in != 0 {
			t.Errorf("%d bytes still held", in)
		}
	})
}

// hostileBodies would make a trusting decoder allocate or loop as much as possible.
func hostileBodies(version int16, flexible bool) [][]byte {
	const size = 64 << 10
	zeros := make([]byte, size)
	ones := bytes.Repeat([]byte{0xff}, size)
	var claims []byte // lengths as large as what is left
	for len(claims) < size {
		left := size - len(claims)
		if flexible {
			claims = binary.AppendUvarint(claims, uint64(left-3))
		} else {
			claims = binary.BigEndian.AppendUint32(claims, uint32(left-4))
		}
	}
	many := bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff, 0x0f}, 10)
	return [][]byte{zeros, ones, claims, many, append([]byte{0, 0, 0, 3, 0xd0, 0x00}, zeros...)}
}

// No body makes decoding allocate more than the fixed multiple, or take long, for any key and
// version.
func TestHostileBodiesAreCheap(t *testing.T) {
	everything := func(int16) (int16, int16, bool) { return 0, 100, true }
	eachVersion(t, func(key, version int16, sh *shape) {
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		prefix := req.AppendTo(nil)
		var bodies [][]byte
		for _, body := range hostileBodies(version, sh.flexible) {
			bodies = append(bodies, body)
			// also behind a beginning that is in order
			for _, n := range []int{1, len(prefix) / 2, len(prefix) - 1} {
				bodies = append(bodies,
					append(bytes.Clone(prefix[:min(len(prefix), max(n, 0))]), body...))
			}
		}
		for _, body := range bodies {
			data := binary.BigEndian.AppendUint16(nil, uint16(key))
			data = binary.BigEndian.AppendUint16(data, uint16(version))
			data = append(data, 0, 0, 0, 1, 0, 0)
			if sh.flexible {
				data = append(data, 0)
			}
			data = append(data, body...)
			begin := time.Now()
			allocated := allocatedBy(func() { DecodeRequest(everything, data) })
			if limit := allocationLimit(len(data)); allocated > limit {
				t.Fatalf("key %d version %d: %d bytes allocated for a body of %d, limit %d: %x...",
					key, version, allocated, len(body), limit, body[:min(len(body), 40)])
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Fatalf("key %d version %d: took %v", key, version, took)
			}
		}
	})
}

// allocationLimit bounds the memory for decoding n bytes: estimates are correct to a factor of two.
func allocationLimit(n int) uint64 { return 2 * uint64(decodedMinBytes+decodedFactor*n) }

func allocatedBy(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The estimate that is taken from the budget is at least half of what decoding allocates.
func TestCostIsNotTooLow(t *testing.T) {
	var worst float64
	check := func(name string, req kmsg.Request, version int16) {
		body := request(req, version, 1)
		h, fresh, err := readHeader(func(int16) (int16, int16, bool) { return 0, 100, true },
			body[4:])
		if err != nil {
			t.Fatal(err)
		}
		facts, err := inspectBody(fresh, h.body)
		if err != nil {
			t.Fatal(err)
		}
		allocated := allocatedBy(func() { readBody(fresh, h.body) })
		worst = max(worst, float64(allocated)/float64(facts.cost))
		if allocated > 2*uint64(facts.cost)+1024 {
			t.Errorf("%s: %d bytes allocated, estimated %d for a body of %d", name, allocated,
				facts.cost, len(h.body))
		}
	}
	tags := func(n int) (tags kmsg.Tags) {
		for i := range n {
			tags.Set(uint32(100+i), []byte{1})
		}
		return tags
	}
	topics, _ := bigRequest(1, 10_000)
	check("topics", topics, 7)
	acls := kmsg.NewPtrCreateACLsRequest()
	fetch := kmsg.NewPtrFetchRequest()
	for i := range 1000 {
		acl := kmsg.NewCreateACLsRequestCreation()
		acl.UnknownTags = tags(1)
		acls.Creations = append(acls.Creations, acl)
		topic := kmsg.NewFetchRequestTopic()
		topic.UnknownTags = tags(i % 40)
		for range 3 {
			topic.Partitions = append(topic.Partitions, kmsg.NewFetchRequestTopicPartition())
		}
		fetch.Topics = append(fetch.Topics, topic)
	}
	check("a tag each", acls, 3)
	check("many tags", fetch, 13)
	heartbeat := kmsg.NewPtrBrokerHeartbeatRequest()
	heartbeat.UnknownTags = tags(100_000)
	check("tags", heartbeat, 1)
	t.Logf("worst: %.2f times the estimate", worst)
}
