package controller

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// pendingOp is an operation on its way through the queue: a request, or something that the core began on its own.
type pendingOp struct {
	c        *Controller
	name     string
	op       op
	epoch    int32     // that it began in
	deadline time.Time // zero: none. It bounds the wait in the queue, not the commit.
	// admin: an administrator's, which leaves the first place to what brokers need. long: it lists
	// much, so that it counts as a part even if it has but one.
	admin, long bool
	// reply and fail complete the operation; exactly one of them is called, once.
	reply func(kmsg.Response)
	fail  func(*protocol.Error)
}

// begin returns the event that runs the first part.
func (p *pendingOp) begin(f func(op) result) event {
	return event{p.name, func() {
		core, now := p.c.core, p.c.cfg.Clock.Now()
		switch {
		case !core.activated:
			p.fail(errNotController)
		case !p.deadline.IsZero() && now.After(p.deadline):
			p.c.stats.timedOut.Add(1)
			p.fail(errTimedOut)
		default:
			p.epoch = core.epoch
			p.part(f, false)
		}
	}, p.fail}
}

// goOn queues a further part.
func (p *pendingOp) goOn(f func(op) result) {
	e := event{p.name, func() { p.part(f, true) }, p.fail}
	if !p.c.queue.addPart(p.admin, e) {
		p.fail(errStopping)
	}
}

// part runs one part and queues the next, if there is one. An operation that has begun does not give up because the log
// refuses a batch: it computes the part again, a little later, as long as this node is active in the same epoch.
func (p *pendingOp) part(f func(op) result, begun bool) {
	core := p.c.core
	if core.epoch != p.epoch {
		p.fail(errNotController)
		return
	}
	p.op.now = p.c.cfg.Clock.Now()
	r, err := p.propose(f)
	switch {
	case begun && errors.Is(err, errRefused):
		p.c.cfg.Clock.AfterFunc(againAfter, func() { p.goOn(f) })
		return
	case err != nil:
		p.fail(core.explain(err))
		return
	}
	core.answer(r.response, p.reply, p.fail)
	if r.more != nil || p.long {
		core.partEnds = append(core.partEnds, core.working.EndOffset())
	}
	if len(r.records) > recordsPerBatch { // as much as all the parts that may be ahead
		core.partEnds = append(core.partEnds, core.working.EndOffset())
	}
	if r.more != nil {
		p.goOn(r.more)
	}
}

// propose runs the operation's own code, which changes nothing, and proposes what it came to. A panic is a fault that the core
// survives: it moves on to a new image only with the batch that makes it.
func (p *pendingOp) propose(f func(op) result) (r result, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.c.fault(p.name, v)
			err = errFault
		}
	}()
	r = f(p.op)
	return r, p.c.core.append(p.op.now, r)
}
