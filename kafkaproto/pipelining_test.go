package kafkaproto

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/turns"
)

// TestPipelinersTakeTurns: except for their first requests, no more pipelining connections run at
// the same time than there are places; a client with one request does not wait.
func TestPipelinersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inside, most, good atomic.Int32
		cfg, _ := testConfig(
			func(_ context.Context, caller Caller, req kmsg.Request, reply replyFunc) {
				if caller.ClientAddr == "10.0.0.1" {
					good.Add(1)
					reply(req.ResponseKind())
					return
				}
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(100 * time.Microsecond) // work, by the bubble's clock
				inside.Add(-1)
				reply(req.ResponseKind())
			})
		cfg.Turns = turns.New(2)
		s := bubbleServer(t, cfg)
		for range 8 {
			c := connectTo(t, s, cfg, "10.0.0.66")
			go c.Write(bytes.Repeat(heartbeat(1), 500))
			go drain(c)
		}
		time.Sleep(2 * freeFrames * 100 * time.Microsecond) // until all have had what is free
		most.Store(0)
		c := connectTo(t, s, cfg, "10.0.0.1")
		began := time.Now()
		c.send(heartbeat(1))
		c.receive()
		if took := time.Since(began); took > 0 {
			t.Errorf("a small request waited %v", took)
		}
		time.Sleep(20 * time.Millisecond)
		if n := most.Load(); n < 1 || n > 2 {
			t.Errorf("%d at once", n)
		}
	})
}

func drain(c client) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// TestPipelinerThatDoesNotRead: it is closed when it does not read its reply, and delays nobody
// until then.
func TestPipelinerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.Turns = turns.New(2)
		s := bubbleServer(t, cfg)
		stuck := connectTo(t, s, cfg, "10.0.0.66")
		go stuck.Write(bytes.Repeat(heartbeat(1), 500))
		for range freeFrames + framesPerLook { // until it needs turns
			stuck.receive()
		}
		synctest.Wait()
		began := time.Now()
		other := connectTo(t, s, cfg, "10.0.0.66")
		go other.Write(bytes.Repeat(heartbeat(1), 500))
		for range 500 {
			other.receive()
		}
		if took := time.Since(began); took > 10*turns.Slice {
			t.Errorf("another waited %v", took)
		}
	})
}

// TestInPartsHoldsPieces: clients that do not read a large response in parts hold one piece each,
// and others get their responses.
func TestInPartsHoldsPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		topics := manyTopics(20_000)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			reply(&metadataInParts{MetadataResponse: metadataResponse(req.GetVersion(), nil),
				topics: topics})
		})
		cfg.Turns = turns.New(2)
		s := bubbleServer(t, cfg)
		const clients = 100
		for range clients {
			connectTo(t, s, cfg, "10.0.0.66").send(request(kmsg.NewPtrMetadataRequest(), 12, 1))
		}
		time.Sleep(turns.LargeSlice) // on the bubble's clock
		if held := s.Stats().InFlightBytes; held != clients*inPartsBytes {
			t.Errorf("%d bytes held by %d clients", held, clients)
		}
		good := connectTo(t, s, cfg, "10.0.0.66")
		good.send(request(kmsg.NewPtrMetadataRequest(), 12, 1))
		if got := len(good.receive()); got < 1<<20 {
			t.Errorf("%d bytes", got)
		}
	})
}

// TestCostIsHeldUntilTheReply: the memory of Cost is taken before Handle and returned with the
// reply.
func TestCostIsHeldUntilTheReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		replies := make(chan func(), 10)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			replies <- func() { reply(req.ResponseKind()) }
		})
		cfg.Cost = func(kmsg.Request) int64 { return 15 << 20 }
		s := bubbleServer(t, cfg)
		var clients []client
		for i := range 3 {
			c := connectTo(t, s, cfg, fmt.Sprint("10.0.0.", i))
			c.send(heartbeat(1))
			clients = append(clients, c)
		}
		synctest.Wait()
		late := connectTo(t, s, cfg, "10.0.0.9")
		late.send(heartbeat(1))
		synctest.Wait()
		if n, held := len(replies), s.Stats().InFlightBytes; n != 3 || held != 45<<20 {
			t.Errorf("%d requests are worked on with %d bytes", n, held)
		}
		for range 3 {
			(<-replies)()
		}
		for _, c := range clients {
			c.receive()
		}
		(<-replies)()
		late.receive()
		synctest.Wait()
		if held := s.Stats().InFlightBytes; held != 0 || !s.cfg.Turns.Idle() {
			t.Errorf("%d bytes are held, turns %t", held, !s.cfg.Turns.Idle())
		}
	})
}
