package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// task is work that the active controller does periodically.
type task struct {
	name   string
	period time.Duration
	next   time.Time
	// prepare, if not nil, updates soft state before each run.
	prepare func(now time.Time)
	// run returns the records to write; again asks for another run soon, because there is more to
	// do than one run may.
	run func(op) (r result, again bool)
}

// againAfter is the pause before a task with more to do, or an operation that the log refused, runs
// again.
const againAfter = 10 * time.Millisecond

// nextTask is the time at which the next task is due; zero for never.
func (c *core) nextTask() time.Time {
	var next time.Time
	for _, t := range c.periodic {
		if next.IsZero() || t.next.Before(next) {
			next = t.next
		}
	}
	return next
}

// due returns the tasks that are due, and schedules each for its next period.
func (c *core) due(now time.Time) []*task {
	var due []*task
	for _, t := range c.periodic {
		if !t.next.After(now) {
			t.next = now.Add(t.period)
			due = append(due, t)
		}
	}
	return due
}

// repeat runs a task again soon.
func (t *task) repeat(now time.Time) { t.next = now.Add(againAfter) }

// runTasks runs every task that is due. A task that fails runs again after its period.
func (c *Controller) runTasks() {
	now := c.cfg.Clock.Now()
	for _, t := range c.core.due(now) {
		if !c.core.active() { // lost during a task before this one
			return
		}
		if t.prepare != nil {
			t.prepare(now)
		}
		again := false
		c.background(t.name).begin(func(o op) (r result) {
			r, again = t.run(o)
			return r
		}).run()
		if again {
			t.repeat(now)
		}
	}
}

// background returns an operation without a caller.
func (c *Controller) background(name string) *pendingOp {
	fail := func(err *protocol.Error) {
		if err == errNotController || err == errStopping {
			return
		}
		c.cfg.Logger.Warn("an operation of the controller's own did not end",
			"operation", name, "err", err)
	}
	return &pendingOp{
		c: c, name: name, epoch: c.core.epoch, fail: fail, reply: func(kmsg.Response, error) {},
	}
}

// carryOut carries out the outputs of the core.
func (c *Controller) carryOut() {
	out := c.core.take()
	if out.image != nil {
		c.published.Store(out.image)
	}
	for _, answer := range out.answers {
		c.deliver(answer)
	}
	for _, b := range out.backlog {
		c.background(b.name).queuePart(b.run)
	}
}

// deliver sends an answer. A panic there is not the core's.
func (c *Controller) deliver(answer func()) {
	defer func() {
		if p := recover(); p != nil {
			c.fault("reply", p)
		}
	}()
	answer()
}

// timers keeps one timer for the earliest task.
type timers struct {
	clock  Clock
	fire   func()
	at     time.Time // when it will fire; zero: not armed
	disarm func() bool
}

// set arms the timer for at; zero disarms it. A timer that is due but has not fired yet stays.
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

// fired records that the timer has fired.
func (t *timers) fired() { t.at, t.disarm = time.Time{}, nil }

func (t *timers) stop() {
	if t.disarm != nil {
		t.disarm()
	}
	t.fired()
}
