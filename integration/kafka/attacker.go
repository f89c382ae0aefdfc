package kafka

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Attacker opens connections and sends arbitrary bytes over them; Close ends all of them. Safe for
// concurrent use.
type Attacker struct {
	Addr string

	mu    sync.Mutex
	conns []net.Conn
	wg    sync.WaitGroup
}

// connectMax bounds an attempt to connect: a server may have no connection free.
const connectMax = 2 * time.Second

// Connect opens a connection from one of the loopback addresses, numbered as for Dial.
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

// Crowd runs do concurrently for n connections, each from its own address. It returns at once; Wait
// waits for all of them.
func (a *Attacker) Crowd(ctx context.Context, n int, do func(nc net.Conn)) {
	a.CrowdFrom(ctx, n, n, do)
}

// CrowdFrom is Crowd with a limited number of addresses.
func (a *Attacker) CrowdFrom(ctx context.Context, n, addresses int, do func(nc net.Conn)) {
	for i := range n {
		a.wg.Go(func() {
			if nc, err := a.Connect(ctx, 1+i%addresses); err == nil {
				do(nc)
			}
		})
	}
}

// Wait returns when do has ended for every connection of a Crowd.
func (a *Attacker) Wait() { a.wg.Wait() }

// Close closes all connections and waits until every do has returned.
func (a *Attacker) Close() {
	a.mu.Lock()
	for _, nc := range a.conns {
		nc.Close()
	}
	a.conns = nil
	a.mu.Unlock()
	a.wg.Wait()
}

// Ask sends a frame and reads the response, repeatedly until ctx ends. Each time it opens a new
// connection, since the server may have closed the last one.
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

// Answers counts the responses that an attacker has received.
type Answers struct {
	Count   int
	Bytes   int64 // size of the last response
	Longest time.Duration
	Refused int   // how often the server closed the connection instead
	Last    error // why it was last refused
}

// String is a phrase for the test log.
func (a Answers) String() string {
	return fmt.Sprintf("%d answers, the last of %d bytes, the longest after %v; "+
		"%d times refused (%v)",
		a.Count, a.Bytes, a.Longest.Round(time.Millisecond), a.Refused, a.Last)
}

// AskOnce sends a frame and returns the size of the response.
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

// askLinger is how long an attacker still waits for a response after the attack's end.
const askLinger = 40 * time.Second
