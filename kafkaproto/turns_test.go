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
)

// takeInBubble takes a turn on a goroutine of its own.
func takeInBubble(t *turn) (taken <-chan struct{}) {
	done := make(chan struct{})
	go func() { t.take(nil); close(done) }()
	synctest.Wait()
	return done
}

func TestTurnsAreFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(2)
		a, b, c := newTurn(s), newTurn(s), newTurn(s)
		a.take(nil)
		second, third := takeInBubble(&b), takeInBubble(&c)
		a.yield(turnSlice, nil)
		if !a.held.Load() {
			t.Error("it has lost its place before its slice was over")
		}
		time.Sleep(turnSlice) // of the bubble's clock
		again := make(chan struct{})
		go func() { a.yield(turnSlice, nil); close(again) }()
		<-second
		synctest.Wait()
		if b.held.Load() == a.held.Load() || c.held.Load() {
			t.Error("not the first that waited has the place")
		}
		b.drop()
		<-third
		c.drop()
		<-again
		a.drop()
		if len(s.holders) != 0 || s.waiting.Load() != 0 {
			t.Errorf("%d holders, %d wait", len(s.holders), s.waiting.Load())
		}
	})
}

// TestLightConnectionsGoFirst: one that has used much waits for those that have not, but not for ever;
// in a crowd the newest goes first.
func TestLightConnectionsGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(1)
		busy, heavy, light := newTurn(s), newTurn(s), newTurn(s)
		heavy.take(nil)
		time.Sleep(heavyAfter) // of the bubble's clock
		heavy.drop()
		busy.take(nil)
		first, second := takeInBubble(&heavy), takeInBubble(&light)
		busy.drop()
		<-second
		light.drop()
		<-first
		var crowd [2 * crowded]turn
		for i := range crowd {
			crowd[i] = newTurn(s)
			takeInBubble(&crowd[i])
		}
		heavy.drop()
		if !crowd[len(crowd)-1].held.Load() {
			t.Error("the newest did not come first")
		}
		takeInBubble(&heavy)
		for n := 0; !heavy.held.Load(); n++ {
			if n > heavyShare {
				t.Fatal("a heavy connection waits for ever")
			}
			synctest.Wait() // what got a place has seen it
			for i := range crowd {
				if crowd[i].held.Load() {
					crowd[i].drop()
					break
				}
			}
		}
		synctest.Wait()
		for heavy.drop(); s.waiting.Load() > 0; {
			for i := range crowd {
				crowd[i].drop()
				synctest.Wait() // the next one that got the place has seen it
			}
		}
	})
}

// TestBlockedConnectionLosesItsPlace: one that waits for its client does not keep others out, and one
// that works does.
func TestBlockedConnectionLosesItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(1)
		a, b := newTurn(s), newTurn(s)
		a.take(nil)
		taken := takeInBubble(&b)
		time.Sleep(10 * turnSlice) // of the bubble's clock
		select {
		case <-taken:
			t.Fatal("one that works has lost its place")
		default:
		}
		began := time.Now()
		a.block()
		<-taken
		if took := time.Since(began); took > 2*turnSlice {
			t.Errorf("its place was taken after %v", took)
		}
		a.unblock()
		if a.held.Load() {
			t.Error("it thinks that it has its place still")
		}
		a.drop()
		if !b.held.Load() {
			t.Error("it has given back another's place")
		}
		b.drop()
	})
}

// TestWaitForATurnEnds with the connection, whether or not it was granted at the same time.
func TestWaitForATurnEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(1)
		a, b := newTurn(s), newTurn(s)
		a.take(nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.take(ctx.Done()); close(done) }()
		synctest.Wait()
		cancel()
		<-done
		elem := s.enter(&b) // and once more, granted before it leaves
		a.drop()
		s.leave(&b, elem)
		if len(s.holders) != 0 || s.light.Len() != 0 || s.waiting.Load() != 0 {
			t.Errorf("%d holders, %d wait", len(s.holders), s.light.Len())
		}
	})
}

// TestPipelinersTakeTurns: connections with many requests at once are never more at the processor
// than there are places, but for their first requests; a client with one request does not wait.
func TestPipelinersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inside, most, good atomic.Int32
		cfg, _ := testConfig(func(_ context.Context, caller Caller, req kmsg.Request, reply func(kmsg.Response)) {
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
		s := bubbleServer(t, cfg)
		s.turns = newTurns(2)
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

// TestPipelinerThatDoesNotRead is closed when its reply is not taken, and holds nobody up until then.
func TestPipelinerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		s := bubbleServer(t, cfg)
		s.turns = newTurns(1)
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
		if took := time.Since(began); took > 10*turnSlice {
			t.Errorf("another waited %v", took)
		}
	})
}

// TestInPartsHoldsPieces: clients that do not read a large response in parts hold a piece each, and
// others get theirs.
func TestInPartsHoldsPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		topics := manyTopics(20_000)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply func(kmsg.Response)) {
			reply(&metadataInParts{MetadataResponse: metadataResponse(req.GetVersion(), nil), topics: topics})
		})
		s := bubbleServer(t, cfg)
		s.turns = newTurns(1)
		const clients = 100
		for range clients {
			connectTo(t, s, cfg, "10.0.0.66").send(request(kmsg.NewPtrMetadataRequest(), 12, 1))
		}
		time.Sleep(largeSlice) // of the bubble's clock
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

// TestCostIsHeldUntilTheReply: what Cost says is taken before Handle and given back with the reply.
func TestCostIsHeldUntilTheReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		replies := make(chan func(), 10)
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply func(kmsg.Response)) {
			replies <- func() { reply(req.ResponseKind()) }
		})
		cfg.Cost = func(kmsg.Request) int64 { return 20 << 20 }
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
		if n, held := len(replies), s.Stats().InFlightBytes; n != 3 || held != 60<<20 {
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
		if held := s.Stats().InFlightBytes; held != 0 || len(s.turns.holders) != 0 {
			t.Errorf("%d bytes and %d turns are held", held, len(s.turns.holders))
		}
	})
}

// TestWhoAsksNowAndThenStaysLight: pauses make up for use, waiting for a turn does not.
func TestWhoAsksNowAndThenStaysLight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(1)
		calm, hasty := newTurn(s), newTurn(s)
		for range 100 {
			calm.take(nil)
			time.Sleep(heavyAfter / 4) // of the bubble's clock
			calm.drop()
			time.Sleep(pauseShare * heavyAfter / 4)
		}
		if calm.used >= heavyAfter {
			t.Errorf("with pauses it has used %v", calm.used)
		}
		for range 5 {
			calm.take(nil)
			waits := takeInBubble(&hasty)
			time.Sleep(pauseShare * heavyAfter)
			calm.drop()
			<-waits
			time.Sleep(heavyAfter / 4)
			hasty.drop()
		}
		if hasty.used < heavyAfter {
			t.Errorf("without pauses it has used %v", hasty.used)
		}
	})
}
