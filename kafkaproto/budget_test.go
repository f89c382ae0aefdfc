package kafkaproto

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// holder is an account with a context that ends at its eviction.
type holder struct {
	*account
	ctx context.Context
}

func openHolder(t *testing.T, b *budget, ip string) holder {
	ctx, cancel := context.WithCancelCause(t.Context())
	a := b.open(ip, func(err error) { cancel(err) })
	t.Cleanup(a.close)
	return holder{a, ctx}
}

func (h holder) take(t *testing.T, n int64) {
	t.Helper()
	if err := h.acquire(h.ctx, n, time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("%d bytes: %v", n, err)
	}
}

// takeLater acquires memory on a goroutine of its own. After an eviction it returns everything.
func (h holder) takeLater(n int64) <-chan error {
	result := make(chan error, 1)
	go func() {
		err := h.acquire(h.ctx, n, time.Now().Add(time.Hour))
		if err != nil {
			h.release()
		}
		result <- err
	}()
	synctest.Wait()
	return result
}

// giveBackWhenEvicted acts as a connection's goroutine does once its connection is closed.
func (h holder) giveBackWhenEvicted() {
	go func() {
		<-h.ctx.Done()
		h.release()
	}()
}

func (h holder) wasEvicted() bool { return errors.Is(context.Cause(h.ctx), errSlow) }

func TestBudgetServesInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(10, 10, 10)
		first, second, third := openHolder(t, b, "a"), openHolder(t, b, "b"), openHolder(t, b, "c")
		first.take(t, 8)
		large := make(chan error, 1)
		deadline := time.Now().Add(500 * time.Millisecond)
		go func() { large <- second.acquire(t.Context(), 5, deadline) }()
		synctest.Wait()
		small := third.takeLater(2)
		if len(small) != 0 {
			t.Error("a later one overtook")
		}
		if err := <-large; !errors.Is(err, errBudgetWait) {
			t.Error(err)
		}
		if err := <-small; err != nil {
			t.Error(err)
		}
		if err := first.acquire(t.Context(), 3, time.Now()); !errors.Is(err, errBudgetLarge) {
			t.Error("more than a connection may hold:", err)
		}
		first.release()
		third.release()
		if b.inUse() != 0 {
			t.Errorf("%d in use", b.inUse())
		}
	})
}

// TestModestHaveRoomOfTheirOwn: large requests do not fill all of the memory.
func TestModestHaveRoomOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const total = 3 * 4 * modestShare * modestBytes
		b := newBudget(total, total, total/2)
		var greedy []holder
		for range modestShare - 1 {
			h := openHolder(t, b, "a")
			h.take(t, total/modestShare)
			greedy = append(greedy, h)
		}
		waits := openHolder(t, b, "a").takeLater(modestBytes + 1)
		for range total / modestShare / modestBytes {
			openHolder(t, b, "a").take(t, modestBytes)
		}
		if len(waits) != 0 || b.inUse() != total {
			t.Errorf("%d bytes are in use", b.inUse())
		}
		greedy[0].release()
		if len(waits) != 0 {
			t.Error("it was given what is kept for others")
		}
		greedy[1].release()
		if err := <-waits; err != nil {
			t.Error(err)
		}
	})
}

// TestBudgetHasShares: memory beyond one address's share is free for others, whoever waits.
func TestBudgetHasShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 60, 40)
		one, two, three := openHolder(t, b, "a"), openHolder(t, b, "a"), openHolder(t, b, "a")
		one.take(t, 40)
		two.take(t, 20)
		waits := three.takeLater(10)
		other := openHolder(t, b, "b")
		other.take(t, 40)
		if len(waits) != 0 {
			t.Error("an address holds more than its share")
		}
		one.release()
		if err := <-waits; err != nil {
			t.Error(err)
		}
		for _, h := range []holder{two, three, other} {
			if h.ctx.Err() != nil {
				t.Error("one that works on its request lost its memory")
			}
			h.release()
		}
		if b.inUse() != 0 || len(b.holders) != 0 {
			t.Errorf("%d in use by %d", b.inUse(), len(b.holders))
		}
	})
}

// TestSlowestLoses has connections of different speed hold all memory: as many as necessary lose
// theirs, the slowest first, and only after a while.
func TestSlowestLoses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 100, 50)
		var senders []holder
		for i := range 10 {
			h := openHolder(t, b, fmt.Sprint("sender", i))
			h.take(t, 10)
			h.moving.begin(time.Now())
			h.moving.bytes.Add(int64(10-i) << 30) // the later, the slower
			h.giveBackWhenEvicted()
			senders = append(senders, h)
		}
		began := time.Now()
		good := openHolder(t, b, "good")
		if err := <-good.takeLater(15); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < evictAfter || took > evictAfter+evictInterval {
			t.Errorf("memory came after %v", took)
		}
		for i, h := range senders {
			if h.wasEvicted() != (i >= 8) {
				t.Errorf("sender %d: %v", i, context.Cause(h.ctx))
			}
		}
		if b.inUse() != 95 || b.leaving != 0 {
			t.Errorf("%d in use, %d leaving", b.inUse(), b.leaving)
		}
	})
}

// TestTricklersLoseWhateverTheySentAtFirst: a sender that was fast and then stops is judged by its
// recent speed. All such senders lose their memory when many others wait.
func TestTricklersLoseWhateverTheySentAtFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 100, 50)
		var fast []holder
		for i := range 10 {
			h := openHolder(t, b, fmt.Sprint("trickler", i))
			h.take(t, 10)
			h.moving.begin(time.Now())
			h.moving.bytes.Add(1 << 40)
			h.giveBackWhenEvicted()
			fast = append(fast, h)
		}
		var waiting []<-chan error
		for i := range 10 {
			waiting = append(waiting, openHolder(t, b, fmt.Sprint("good", i)).takeLater(10))
		}
		began := time.Now()
		for _, w := range waiting {
			if err := <-w; err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 4*evictAfter {
			t.Errorf("all have memory after %v", took)
		}
		for _, h := range fast {
			if !h.wasEvicted() {
				t.Error("one kept its memory")
			}
		}
	})
}

// TestHoldersThatWaitForOneAnother: one must lose its memory, or all wait forever.
func TestHoldersThatWaitForOneAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 100, 80)
		one, two := openHolder(t, b, "a"), openHolder(t, b, "b")
		one.take(t, 50)
		two.take(t, 50)
		first, second := one.takeLater(20), two.takeLater(20)
		if err := <-second; !errors.Is(err, errSlow) {
			if err := <-first; !errors.Is(err, errSlow) {
				t.Error("both went on")
			}
			return
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// TestStuckRequestsLose: a request that is in Handle for long may lose its memory, a short one may
// not.
func TestStuckRequestsLose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 100, 100)
		stuck := openHolder(t, b, "a")
		stuck.take(t, 100)
		stuck.working.begin(time.Now())
		stuck.giveBackWhenEvicted()
		began := time.Now()
		if err := <-openHolder(t, b, "b").takeLater(1); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < stuckAfter || !stuck.wasEvicted() {
			t.Errorf("after %v: %v", took, context.Cause(stuck.ctx))
		}
	})
}

func TestForcedBytesCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100, 100, 100)
		writer, other := openHolder(t, b, "a"), openHolder(t, b, "b")
		writer.force(150)
		waits := other.takeLater(10)
		time.Sleep(evictInterval) // on the bubble's clock
		if len(waits) != 0 {
			t.Error("there was none left")
		}
		writer.release()
		if err := <-waits; err != nil {
			t.Error(err)
		}
	})
}

// bubbleServer is a server without listeners, for tests in a synctest bubble.
func bubbleServer(t *testing.T, cfg Config) *Server {
	s := newServer(cfg.withDefaults())
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // at once
		s.Shutdown(ctx)
	})
	return s
}

// connectTo gives a server without listeners a connection from an address.
func connectTo(t *testing.T, s *Server, cfg Config, ip string) client {
	nc, server := net.Pipe()
	from := &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}
	s.admit(cfg.Listeners[0], addressed{server, from})
	t.Cleanup(func() { nc.Close() })
	return client{nc, t}
}

// addressed is a connection from a given address.
type addressed struct {
	net.Conn
	from net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }

// Frames that are decoded only after others have returned their memory.
func TestDecodingWaitsForMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		cfg.MaxFrameBytes, cfg.MaxInFlightBytes = 1500<<10, 1600<<10
		s := bubbleServer(t, cfg)
		first, second := connectTo(t, s, cfg, "10.0.0.1"), connectTo(t, s, cfg, "10.0.0.2")
		// 400 KiB as a frame and 1 MB decoded: two frames fit, but then none can be decoded
		_, big := bigRequest(1, 5_000)
		first.send(big[:len(big)-1])
		second.send(big[:len(big)-1])
		synctest.Wait()
		if held := s.Stats().InFlightBytes; held < 2*int64(len(big)-4) {
			t.Fatalf("%d bytes held for two frames of %d", held, len(big))
		}
		second.send(big[len(big)-1:])
		synctest.Wait()
		if n := s.Stats().Requests; n != 0 {
			t.Fatal("a request was decoded beyond the budget")
		}
		first.Close()
		second.receive()
		synctest.Wait()
		if n := s.Stats().InFlightBytes; n != 0 {
			t.Errorf("%d bytes in flight", n)
		}
		_, tooBig := bigRequest(1, 12_000) // fits as a frame, not decoded
		second.send(tooBig)
		s.serving.Wait()
		got := s.Stats()
		if got.Closed["memory"] != 1 || got.InFlightBytes != 0 ||
			got.Refused["queued.max.request.bytes"] != 1 {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestTricklersDoNotHoldUpOthers repeats an observed attack: connections that announce the largest
// frame, send most of it and then a byte at a time. A good client's large request waits only
// briefly.
func TestTricklersDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		s := bubbleServer(t, cfg)
		var clients sync.WaitGroup
		t.Cleanup(clients.Wait)
		for range 16 {
			c := connectTo(t, s, cfg, "10.0.0.66")
			clients.Go(func() {
				c.Write(binary.BigEndian.AppendUint32(nil, 8<<20))
				c.Write(make([]byte, 5<<20)) // waits where the server does
				for {
					if _, err := c.Write([]byte{0}); err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond) // on the bubble's clock
				}
			})
		}
		time.Sleep(time.Second)
		for _, ip := range []string{"10.0.0.1", "10.0.0.66"} {
			began := time.Now()
			good := connectTo(t, s, cfg, ip)
			_, big := bigRequest(1, 5_000)
			good.send(big)
			good.receive()
			if took := time.Since(began); took > 2*evictAfter {
				t.Errorf("a good client at %s waited %v", ip, took)
			}
		}
		if n := s.Stats().Refused["queued.max.request.bytes"]; n == 0 {
			t.Error("nobody lost anything")
		}
	})
}

// TestHalvesOfFramesDoNotHoldUpOthers: many connections that each hold a little and wait for more
// lose it together.
func TestHalvesOfFramesDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(respond)
		s := bubbleServer(t, cfg)
		half := append(binary.BigEndian.AppendUint32(nil, 64<<10), make([]byte, 40<<10)...)
		for i := range 3000 {
			c := connectTo(t, s, cfg, fmt.Sprintf("10.0.%d.%d", 1+i/250, i%250))
			go c.Write(half)
		}
		time.Sleep(50 * time.Millisecond) // on the bubble's clock
		for range 5 {
			began := time.Now()
			good := connectTo(t, s, cfg, "10.0.0.1")
			_, big := bigRequest(1, 5_000)
			good.send(big)
			good.receive()
			if took := time.Since(began); took > 5*evictAfter {
				t.Errorf("a good client waited %v", took)
			}
			time.Sleep(evictAfter)
		}
		if n := s.Stats().Refused["queued.max.request.bytes"]; n > 2500 {
			t.Errorf("%d of 3000 lost their memory", n)
		}
	})
}

// TestSlowReadersDoNotHoldUpOthers: unread responses are treated like frames that do not arrive.
func TestSlowReadersDoNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			resp := req.ResponseKind()
			if m, ok := resp.(*kmsg.MetadataResponse); ok {
				name := string(make([]byte, 4<<20))
				m.ClusterID = &name
				m.Topics = make([]kmsg.MetadataResponseTopic, 1)
				m.Topics[0].Topic = &name
			}
			reply(resp)
		})
		cfg.Cost = func(req kmsg.Request) int64 {
			if req.Key() == 3 {
				return 8 << 20
			}
			return 0
		}
		s := bubbleServer(t, cfg)
		for range 20 {
			c := connectTo(t, s, cfg, "10.0.0.66")
			go c.Write(request(kmsg.NewPtrMetadataRequest(), 12, 1))
		}
		time.Sleep(10 * time.Millisecond) // on the bubble's clock
		if held := s.Stats().InFlightBytes; held < 40<<20 || held > 48<<20 {
			t.Errorf("%d bytes held", held)
		}
		began := time.Now()
		good := connectTo(t, s, cfg, "10.0.0.66")
		_, big := bigRequest(1, 5_000)
		good.send(big)
		good.receive()
		if took := time.Since(began); took > readGrace+5*evictAfter {
			t.Errorf("a good client waited %v", took)
		}
	})
}

// TestPeersHaveMemoryOfTheirOwn fills all memory of clients: frames of a confirmed peer are read,
// those of a stranger are not.
func TestPeersHaveMemoryOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := peersConfig()
		cfg.MaxStreamFrameBytes = 33 << 20
		plain := cfg.Stream
		cfg.Stream = func(caller Caller, remote string) Stream {
			stream := plain(caller, remote)
			stream.Confirmed = func() bool { return remote == "10.0.0.1:1" }
			return stream
		}
		s := bubbleServer(t, cfg)
		for i := range 4 {
			holder := s.budget.open(fmt.Sprint(i), func(error) { t.Error("closed") })
			defer holder.close()
			holder.force(16 << 20)
		}
		body := string(make([]byte, 10<<20))
		peer := connectTo(t, s, cfg, "10.0.0.1")
		peer.send(streamFrame(0, 1, "hello"))
		peer.receive()
		go peer.Write(streamFrame(0, 2, body))
		if got := peer.receive(); len(got) != 4+len(body) {
			t.Errorf("%d bytes", len(got))
		}
		stranger := connectTo(t, s, cfg, "10.0.0.9")
		stranger.send(streamFrame(0, 1, "hello"))
		stranger.receive()
		stranger.send(streamFrame(0, 2, body)[:4])
		stranger.expectClose()
		synctest.Wait()
		got := s.Stats()
		if got.Closed["frame-length"] != 1 || got.PeerBytes != 0 || got.InFlightBytes != 64<<20 {
			t.Errorf("stats %+v", got)
		}
	})
}

// TestModestOnesAreServedFirst: a small request does not wait behind large ones.
func TestModestOnesAreServedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const total = 8 * modestBytes
		b := newBudget(total, total, total)
		first, large := openHolder(t, b, "a"), openHolder(t, b, "b")
		first.take(t, total-2*modestBytes)
		waits := large.takeLater(4 * modestBytes)
		modest, more := openHolder(t, b, "c"), openHolder(t, b, "d")
		if err := <-modest.takeLater(modestBytes); err != nil {
			t.Error(err)
		}
		other := more.takeLater(modestBytes + 1)
		if len(waits)+len(other) != 0 {
			t.Error("one that wants much is served though there is not so much")
		}
		first.release()
		if err := errors.Join(<-waits, <-other); err != nil {
			t.Error(err)
		}
		for _, h := range []holder{large, modest, more} {
			h.release()
		}
	})
}
