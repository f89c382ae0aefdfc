package kafka

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Attacker opens connections and sends what it likes over them; Close ends all of them. Safe for
// concurrent use.
type Attacker struct {
	Addr string

	mu    sync.Mutex
	conns []net.Conn
	wg    sync.WaitGroup
}

// connectMax is how long an attacker tries to connect: a server may be out of room.
const connectMax = 2 * time.Second

// Connect opens a connection from one of the loopback addresses, as Dial has them.
func (a *Attacker) Connect(ctx context.Context, from int) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectMax)
	defer cancel()
	nc, err := Dial(ctx, a.Addr, from)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conns = append(a.conns, nc)
	return nc, nil
}

// Crowd has so many connections, each from an address of its own, do the same at once. It
// returns at once; Wait waits for them.
func (a *Attacker) Crowd(ctx context.Context, n int, do func(nc net.Conn)) {
	a.CrowdFrom(ctx, n, n, do)
}

// CrowdFrom is Crowd from so many addresses.
func (a *Attacker) CrowdFrom(ctx context.Context, n, addresses int, do func(nc net.Conn)) {
	for i := range n {
		a.wg.Go(func() {
			if nc, err := a.Connect(ctx, 1+i%addresses); err == nil {
				do(nc)
			}
		})
	}
}

// Wait returns when every one of a Crowd has done what it was to do.
func (a *Attacker) Wait() { a.wg.Wait() }

// Close closes all connections and waits for the crowd.
func (a *Attacker) Close() {
	a.mu.Lock()
	for _, nc := range a.conns {
		nc.Close()
	}
	a.conns = nil
	a.mu.Unlock()
	a.wg.Wait()
}

// Ask sends a frame and takes the answer, again and again until ctx ends, on a new connection
// each time, since the last may have been closed on it.
func (a *Attacker) Ask(ctx context.Context, frame []byte) (answers Answers) {
	for ctx.Err() == nil {
		began := time.Now()
		n, err := a.AskOnce(ctx, frame)
		answers.Longest = max(answers.Longest, time.Since(began))
		if err != nil {
			answers.Refused++
			answers.Last = err
			continue
		}
		answers.Count++
		answers.Bytes = n
	}
	return answers
}

// Answers are those that an attacker has had.
type Answers struct {
	Count   int
	Bytes   int64 // of the last one
	Longest time.Duration
	Refused int   // how often the connection was closed instead
	Last    error // of those
}

func (a Answers) String() string {
	return fmt.Sprintf("%d answers, the last of %d bytes, the longest after %v; %d times refused (%v)",
		a.Count, a.Bytes, a.Longest.Round(time.Millisecond), a.Refused, a.Last)
}

// AskOnce sends a frame and returns the size of the answer.
func (a *Attacker) AskOnce(ctx context.Context, frame []byte) (int64, error) {
	nc, err := a.Connect(ctx, 1)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Now().Add(askLinger)) })()
	if _, err = nc.Write(frame); err != nil {
		return 0, err
	}
	return SkipFrame(nc)
}

// askLinger is how much longer an attacker waits for an answer when its time is over.
const askLinger = 40 * time.Second
