package kafkaproto

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// BenchmarkRoundTrip sends heartbeats one after the other on each of several connections, with
// client and server in this process. An operation is one request with its response; p50 and p99 are
// over single round trips.
func BenchmarkRoundTrip(b *testing.B) {
	async := func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		go reply(req.ResponseKind())
	}
	for _, handler := range []struct {
		name   string
		handle handleFunc
	}{{"sync", respond}, {"async", async}} {
		for _, conns := range []int{1, 50} {
			b.Run(fmt.Sprintf("reply=%s/conns=%d", handler.name, conns), func(b *testing.B) {
				cfg, _ := testConfig(handler.handle)
				cfg.Logger = slog.New(slog.DiscardHandler)
				_, addr := start(b, cfg)
				roundTrips(b, addr, conns)
			})
		}
	}
}

// A response to heartbeat, with its length.
const heartbeatResponseBytes = 4 + 5 + 4 + 2 + 3 + 1

func roundTrips(b *testing.B, addr string, conns int) {
	var clients []net.Conn
	for range conns {
		clients = append(clients, dial(b, addr).Conn)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	times := make([][]time.Duration, conns)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, c := range clients {
		c.SetDeadline(time.Time{})
		wg.Go(func() {
			req := heartbeat(1)
			resp := make([]byte, heartbeatResponseBytes)
			for left.Add(-1) >= 0 {
				begin := time.Now()
				if _, err := c.Write(req); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, resp); err != nil {
					b.Error(err)
					return
				}
				times[i] = append(times[i], time.Since(begin))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkPipelined has a client that writes 64 requests at once, so that it measures mostly the
// server.
func BenchmarkPipelined(b *testing.B) {
	cfg, _ := testConfig(respond)
	cfg.Logger = slog.New(slog.DiscardHandler)
	_, addr := start(b, cfg)
	c := dial(b, addr).Conn
	c.SetDeadline(time.Time{})
	const batch = 64
	var reqs []byte
	for range batch {
		reqs = append(reqs, heartbeat(1)...)
	}
	in := bufio.NewReaderSize(c, 64<<10)
	resp := make([]byte, heartbeatResponseBytes*batch)
	b.ReportAllocs()
	for done := 0; done < b.N; done += batch {
		if _, err := c.Write(reqs); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(in, resp); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// BenchmarkDecode measures header, inspection and decoding of a small request.
func BenchmarkDecode(b *testing.B) {
	data := heartbeat(1)[4:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRequest(testVersions, data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareLoopback measures the same round trips to a server that only reads a request's bytes
// and writes a response's: the cost of the kernel and of Go's poller.
func BenchmarkBareLoopback(b *testing.B) {
	for _, conns := range []int{1, 50} {
		b.Run(fmt.Sprintf("conns=%d", conns), func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			var wg sync.WaitGroup
			b.Cleanup(wg.Wait) // after the clients are closed
			wg.Go(func() {
				for nc, err := l.Accept(); err == nil; nc, err = l.Accept() {
					wg.Go(func() { bareServer(nc) })
				}
			})
			roundTrips(b, l.Addr().String(), conns)
			l.Close()
		})
	}
}

func bareServer(nc net.Conn) {
	defer nc.Close()
	req, resp := make([]byte, len(heartbeat(1))), make([]byte, heartbeatResponseBytes)
	for {
		if _, err := io.ReadFull(nc, req); err != nil {
			return
		}
		if _, err := nc.Write(resp); err != nil {
			return
		}
	}
}

// BenchmarkInspect walks over large bodies of strings and of small structs.
func BenchmarkInspect(b *testing.B) {
	topics, _ := bigRequest(1, 1000)
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Topics = append(fetch.Topics, kmsg.NewFetchRequestTopic())
	for range 1000 {
		partition := kmsg.NewFetchRequestTopicPartition()
		partition.ReplicaDirectoryID[0] = 1
		fetch.Topics[0].Partitions = append(fetch.Topics[0].Partitions, partition)
	}
	topics.SetVersion(7)
	fetch.SetVersion(17)
	for _, req := range []kmsg.Request{topics, fetch} {
		b.Run(kmsg.NameForKey(req.Key()), func(b *testing.B) {
			body := req.AppendTo(nil)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := inspectBody(req, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
