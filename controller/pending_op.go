package controller

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// pendingOp is an operation on its way through the queue: a request, or something that the core
// began itself. It is answered once: by reply when its last part is committed, by fail when it
// could not be carried out.
type pendingOp struct {
	c        *Controller
	name     string
	op       op
	epoch    int32     // in which it began
	deadline time.Time // zero: none. It bounds the wait in the queue, not the commit.
	// admin operations give way to those that brokers need. long ones list much, so that they count
	// as a part even if they have only one.
	admin, long bool
	dry         bool // it writes nothing
	// what describes what it changes, for the audit log. May be nil.
	what func() string
	// The records that it has written are among those from first on and before end; end is 0 if it
	// has written none.
	first, end int64
	// reply gets the response, nil for operations without one, or the refusal.
	reply func(resp kmsg.Response, refusal error)
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
			p.runPart(f, false)
		}
	}, p.fail}
}

// queuePart queues a further part.
func (p *pendingOp) queuePart(f func(op) result) {
	e := event{p.name, func() { p.runPart(f, true) }, p.fail}
	if !p.c.queue.addPart(p.admin, e) {
		p.fail(errStopping)
	}
}

// runPart runs one part and queues the next, if there is one. An operation that has begun does not
// give up because the log refuses a batch: it computes the part again, a little later, as long as
// this node is active in the same epoch.
func (p *pendingOp) runPart(f func(op) result, begun bool) {
	core := p.c.core
	if core.epoch != p.epoch {
		p.fail(errNotController)
		return
	}
	p.op.now = p.c.cfg.Clock.Now()
	r, err := p.propose(f)
	switch {
	case begun && errors.Is(err, errRefused):
		p.c.cfg.Clock.AfterFunc(againAfter, func() { p.queuePart(f) })
	case err != nil:
		p.fail(core.explain(err))
	case r.more != nil:
		p.queuePart(r.more)
	default:
		core.answer(&r, p.reply, p.fail)
	}
}

// propose runs the operation's own code, which changes nothing, and proposes its result. A panic is
// a fault that the core survives: images move on only with an accepted batch.
func (p *pendingOp) propose(f func(op) result) (r result, err error) {
	defer func() {
		if v := recover(); v != nil {
			p.c.fault(p.name, v)
			err = errFault
		}
	}()
	r = f(p.op)
	if r.more != nil && (r.response != nil || r.refusal != nil) {
		panic("an operation answers before its last part")
	}
	r.long = r.long || p.long
	base := p.c.core.nextOffset()
	err = p.c.core.append(p.op.now, r)
	p.wrote(base, p.c.core.nextOffset())
	return r, err
}

// wrote notes that the log has accepted what lies between two offsets.
func (p *pendingOp) wrote(base, end int64) {
	if base == end {
		return
	}
	if p.end == 0 {
		p.first = base
	}
	p.end = end
}
