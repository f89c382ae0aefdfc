package controller

import "time"

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

// runTasks runs every task that is due.
func (c *Controller) runTasks() {
	now := c.cfg.Clock.Now()
	for _, t := range c.core.periodic {
		if t.next.After(now) {
			continue
		}
		t.next = now.Add(t.period)
		c.turn(event{t.name, func() {
			r, again := t.run(op{now: now})
			if again {
				t.next = now.Add(againAfter)
			}
			if err := c.core.append(now, r); err != nil {
				c.cfg.Logger.Warn("a periodic task could not write", "task", t.name, "err", err)
			}
		}})
	}
}

// timers keeps one timer for the earliest task.
type timers struct {
	clock  Clock
	fire   func()
	at     time.Time
	disarm func() bool
}

// set arms the timer for at; zero disarms it.
func (t *timers) set(now, at time.Time) {
	if at.Equal(t.at) && at.After(now) {
		return
	}
	t.stop()
	t.at = at
	if !at.IsZero() {
		t.disarm = t.clock.AfterFunc(max(0, at.Sub(now)), t.fire)
	}
}

func (t *timers) stop() {
	if t.disarm != nil {
		t.disarm()
	}
	t.at, t.disarm = time.Time{}, nil
}
