package controller

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/protocol"
)

func logsTo(text *bytes.Buffer) func(*Config) {
	return func(cfg *Config) { cfg.Logger = slog.New(slog.NewTextHandler(text, nil)) }
}

// TestADeposedControllerDoesNothingMore fails the log under a controller with work in every place
// where it can wait: each is answered once, nothing further is proposed and nothing is fenced.
func TestADeposedControllerDoesNothingMore(t *testing.T) {
	var text bytes.Buffer
	d := newTestDriver(t, logsTo(&text))
	epoch := d.addBroker(1)
	proposed := d.ask(producerIDs(1, epoch)) // waits for its commit
	d.work()
	waiting := d.ask(producerIDs(1, epoch)) // waits in the queue
	d.log.Refuse = errors.New("the log has failed")
	log := len(d.log.All)

	d.Depose()
	if _, ok := d.Active(); ok {
		t.Error("still active")
	}
	wantCode(t, "a request behind it", d.ask(producerIDs(1, epoch)), kerr.NotController.Code)
	d.Committed([][]byte{d.log.Take()[0]})
	turned := d.Ping()
	go d.loop()
	d.Stop()
	<-turned
	wantCode(t, "a request that waited for its commit", proposed, kerr.NotController.Code)
	wantCode(t, "a request in the queue", waiting, kerr.NotController.Code)
	d.clock.Advance(time.Minute, func() { t.Error("a timer fires") })
	if strings.Contains(text.String(), "fencing") || len(d.log.All) != log {
		t.Errorf("%d batches were proposed: %s", len(d.log.All)-log, &text)
	}
}

// TestAPingThatWaitsIsAnsweredAtTheEnd: a log event that can no longer run is dropped, and its
// waiter is released.
func TestAPingThatWaitsIsAnsweredAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testDriver){
		"deposed": func(d *testDriver) { d.Depose() },
		"stopped": func(d *testDriver) { d.queue.close() },
	} {
		d := newTestDriver(t)
		waiting := d.Ping()
		end(d)
		d.end() // as the loop does, without another turn
		select {
		case <-waiting:
		default:
			t.Errorf("%s: a ping still waits", name)
		}
		<-d.Ping()
	}
}

// TestADeposedControllerTellsWhatItKnows checks what operations of other protocols learn.
func TestADeposedControllerTellsWhatItKnows(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := d.Do(ctx, protocol.Caller{}, createTopicRequest("a", []int32{1}))
		ended <- err
	}()
	for len(d.log.Waiting) == 0 { // until it waits for its commit
		<-d.queue.wake
		d.work()
	}
	d.Depose()
	d.end()
	if err := <-ended; !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("an operation that was proposed: %v", err)
	}
	_, err := d.Do(ctx, protocol.Caller{}, createTopicRequest("b", []int32{1}))
	if !errors.Is(err, ErrNotActive) {
		t.Errorf("an operation behind it: %v", err)
	}
}

// TestFencingIsLoggedWhenTheLogHasTakenIt has a session end while the log takes nothing.
func TestFencingIsLoggedWhenTheLogHasTakenIt(t *testing.T) {
	var text bytes.Buffer
	d := newTestDriver(t, logsTo(&text))
	d.addBroker(1)
	d.log.Refuse = ErrTooManyPending
	d.advance(d.cfg.SessionTimeout + time.Second)
	if strings.Contains(text.String(), "fencing") {
		t.Errorf("logged: %s", &text)
	}
	d.log.Refuse = nil
	d.advance(time.Second)
	if n := strings.Count(text.String(), "fencing"); n != 1 || !d.Image().Broker(1).Fenced {
		t.Errorf("logged %d times: %s", n, &text)
	}
}
