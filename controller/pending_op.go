package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// pendingOp is a request on its way through the queue.
type pendingOp struct {
	c        *Controller
	api      *api
	req      kmsg.Request
	op       op
	reply    func(kmsg.Response)
	fail     func(*apiError)
	deadline time.Time // zero: none. It bounds the wait in the queue, not the commit.
}

func (p *pendingOp) run() {
	core := p.c.core
	p.op.now = p.c.cfg.Clock.Now()
	switch {
	case !core.active():
		p.fail(errNotController)
	case !p.deadline.IsZero() && p.op.now.After(p.deadline):
		p.fail(errTimedOut)
	default:
		p.step(func(o op) result { return p.api.write(core, o, p.req) })
	}
}

// step runs one part of the operation and queues the next, if there is one.
func (p *pendingOp) step(f func(op) result) {
	answered := false
	defer func() {
		if r := recover(); r != nil {
			p.c.fault(p.api.name, r)
			if !answered {
				p.fail(errFault)
			}
		}
	}()
	r := f(p.op)
	answered = true
	p.c.core.run(p.op.now, r, p.reply, p.fail)
	if r.more != nil {
		p.c.queue.addRest(event{p.api.name, func() { p.next(r.more) }})
	}
}

func (p *pendingOp) next(f func(op) result) {
	if !p.c.core.active() {
		p.fail(errNotController)
		return
	}
	p.op.now = p.c.cfg.Clock.Now()
	p.step(f)
}
