package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// task is something that the active controller does on its own, again and again.
type task struct {
	name   string
	period time.Duration
	next   time.Time
	// run returns what to write; again asks for another run soon, since there is more to do than one run may.
	run func(op) (r result, again bool)
}

// againAfter is how soon a task that has more to do runs again.
const againAfter = 10 * time.Millisecond

// nextTask is when the core wants to be called; zero for never.
func (c *core) nextTask() time.Time {
	var next time.Time
	for _, t := range c.periodic {
		if next.IsZero() || t.next.Before(next) {
			next = t.next
		}
	}
	return next
}

// runTasks runs every task that is due. A task that fails comes again in its period.
func (c *Controller) runTasks() {
	now := c.cfg.Clock.Now()
	for _, t := range c.core.periodic {
		if !c.core.active() { // a task before this one may have found out
			return
		}
		if t.next.After(now) {
			continue
		}
		t.next = now.Add(t.period)
		p := c.background(t.name)
		p.begin(func(o op) result {
			r, again := t.run(o)
			if again {
				t.next = now.Add(againAfter)
			}
			return r
		}).run()
	}
}

// background makes an operation that nobody waits for.
func (c *Controller) background(name string) *pendingOp {
	return &pendingOp{c: c, name: name, epoch: c.core.epoch, reply: func(kmsg.Response) {}, fail: func(err *protocol.Error) {
		if err == errNotController || err == errStopping {
			return
		}
		c.cfg.Logger.Warn("an operation of the controller's own did not end", "operation", name, "err", err)
	}}
}

// runBacklog queues what the core began on its own.
func (c *Controller) runBacklog() {
	for _, b := range c.core.backlog {
		c.background(b.name).goOn(b.run)
	}
	c.core.backlog = nil
}

// timers keeps one timer for the earliest task.
type timers struct {
	clock  Clock
	fire   func()
	at     time.Time // when it will fire; zero: not armed
	disarm func() bool
}

// set arms the timer for at; zero disarms it. A timer that is due and has not been heard yet stays as it is.
func (t *timers) set(now, at time.Time) {
	if at.Equal(t.at) {
		return
	}
	t.stop()
	t.at = at
	if !at.IsZero() {
		t.disarm = t.clock.AfterFunc(max(0, at.Sub(now)), t.fire)
	}
}

// fired notes that the timer was heard.
func (t *timers) fired() { t.at, t.disarm = time.Time{}, nil }

func (t *timers) stop() {
	if t.disarm != nil {
		t.disarm()
	}
	t.fired()
}
