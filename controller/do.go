package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Callers in this process that do not speak Kafka's protocol use the same requests, through the
// same table and queue as everyone, and get the written records in addition.

// Written is one record that an operation wrote. It is committed when the operation returns. It
// must not be changed.
type Written struct {
	Offset      int64 // -1 in a dry run
	Epoch       int32 // leader epoch of its batch
	TimestampMs int64 // its batch's time, ms since 1970
	Record      record.Record
}

// Outcome is the result of an operation.
type Outcome struct {
	Response kmsg.Response
	// Message is the reason for an error in a response that has no room for it; else nil.
	Message *string
	// Written are the records of the operation in log order; none when it changed nothing.
	Written []Written
	// Image is the state right after the operation: committed, but perhaps not the newest. It is
	// nil for a request that was answered without the core, such as a heartbeat that changes
	// nothing.
	Image *metadata.Image
	// Before is the state that a dry run began with; nil otherwise.
	Before *metadata.Image
	// Broker is the registration right after a BrokerChange; nil for other operations. Image may
	// have another one or none, when partition changes followed in parts.
	Broker *metadata.Broker
}

// Operation is a request that is made from the newest state, in the turn of the core that runs it.
// No other change comes between, so "one more replica than now" needs no second check.
type Operation struct {
	Name string // for logs
	// Make gets the newest state, which it must not keep, on the core's goroutine. It computes and
	// has no effects. Its error ends the operation; a *protocol.Error is returned as it is.
	Make func(*metadata.Image) (kmsg.Request, error)
	// Ahead, if not nil, is a request like the one that Make will return: what the core must not
	// wait for, such as looking host names up, is done for it before the operation begins.
	Ahead kmsg.Request
	// DryRun writes nothing. Outcome has the records and the image as they would be.
	DryRun bool
}

var (
	// ErrNotActive means that this node is not the active controller, and nothing was done.
	ErrNotActive = errors.New("this node is not the active controller")
	// ErrNotTried means that the time was up, or the queue full, before the operation began.
	// Nothing was done.
	ErrNotTried = errors.New("the controller was too busy to begin the operation")
	// ErrUnknownOutcome means that the operation began, and whether its records will be committed
	// is not known.
	ErrUnknownOutcome = errors.New("it is not known whether the operation was carried out")
)

// Do runs a write request and waits until the records that it wrote, and the state that it read,
// are committed. Errors inside the response are for the caller to find. An error is one of the Err
// values above, or a *protocol.Error.
func (c *Controller) Do(
	ctx context.Context, caller protocol.Caller, req kmsg.Request,
) (Outcome, error) {
	a, err := writeOf(req)
	if err != nil {
		return Outcome{}, err
	}
	if resp := c.refusal(a, caller, req); resp != nil {
		return Outcome{Response: whole(resp)}, nil
	}
	if err := c.limits.check(caller, req); err != nil {
		return Outcome{}, err
	}
	o, resp := c.admit(a, caller, req)
	if resp != nil {
		return Outcome{Response: whole(resp)}, nil
	}
	run := func(core *core, o op) result { return a.write(core, o, req) }
	return c.do(ctx, c.pendingRequest(ctx, a, o, req), a.sender, run, false)
}

// DoNext runs an operation as Do runs a request.
func (c *Controller) DoNext(
	ctx context.Context, caller protocol.Caller, operation Operation,
) (Outcome, error) {
	p := &pendingOp{c: c, name: operation.Name, op: op{caller: caller}, admin: true}
	if req := operation.Ahead; req != nil {
		if resp := c.ahead(ctx, req, &p.op); resp != nil {
			return Outcome{Response: whole(resp)}, nil
		}
	}
	run := func(core *core, o op) result {
		req, err := operation.Make(core.working)
		if err != nil {
			return result{refusal: err}
		}
		a, err := writeOf(req)
		if err != nil {
			return result{refusal: err}
		}
		if resp := c.refusal(a, caller, req); resp != nil {
			return result{response: resp}
		}
		if err := c.limits.check(caller, req); err != nil {
			return result{refusal: err}
		}
		o.rights, _ = c.grant(a, caller, req)
		p.what = func() string { return about(req) }
		return a.write(core, o, req)
	}
	return c.do(ctx, p, administrator, run, operation.DryRun)
}

// ahead refuses a request before anything is done for it, or does what the core must not wait for.
func (c *Controller) ahead(ctx context.Context, req kmsg.Request, o *op) kmsg.Response {
	a := apiOf(req.Key())
	if a == nil {
		return nil
	}
	if resp := c.refusal(a, o.caller, req); resp != nil {
		return resp
	}
	if a.prepare != nil {
		a.prepare(c, ctx, req, o)
	}
	return nil
}

// double returns a core for a dry run. It begins with the same state, but its working image is its
// own, it logs nothing, and the loggers whose levels it may change are nobody's. Soft state is
// shared, which operations only read.
func (c *core) double() *core {
	double, cfg := *c, *c.cfg
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Loggers = loglevel.New(slog.DiscardHandler, slog.LevelInfo)
	double.cfg, double.out = &cfg, outputs{}
	return &double
}

// writeOf returns the row of a write request.
func writeOf(req kmsg.Request) (*api, error) {
	a := apiOf(req.Key())
	if a == nil || a.write == nil {
		return nil, protocol.Errorf(kerr.UnsupportedVersion,
			"%s is not a write request.", kmsg.NameForKey(req.Key()))
	}
	return a, nil
}

// do runs an operation on the core, or on its double if it is dry, and waits for its end. It sets
// reply and fail of p.
func (c *Controller) do(
	ctx context.Context, p *pendingOp, from sender, run func(*core, op) result, dry bool,
) (Outcome, error) {
	p.dry = dry
	d := &doing{core: c.core, dry: dry, done: make(chan ended, 1)}
	p.reply = func(resp kmsg.Response, refusal error) { d.finish(resp, refusal) }
	p.fail = func(err *protocol.Error) { d.finish(nil, d.explain(err)) }
	c.start(p, from, func(o op) result {
		if !d.progress.CompareAndSwap(queued, begun) {
			return result{} // the caller has left
		}
		if dry {
			d.core = c.core.double()
		}
		return d.observe(o, run(d.core, o))
	})
	select {
	case e := <-d.done:
		return e.outcome, e.err
	case <-ctx.Done():
		if d.progress.CompareAndSwap(queued, abandoned) {
			return Outcome{}, ErrNotTried
		}
		return Outcome{}, ErrUnknownOutcome
	}
}

// Progress of an operation.
const (
	queued int32 = iota
	begun
	abandoned // by its caller, before it began
)

// doing is an operation on its way. Its fields belong to the core's goroutine until done has the
// outcome; progress and wrote may be read by any goroutine.
type doing struct {
	core     *core
	dry      bool
	progress atomic.Int32
	wrote    atomic.Bool // the log has accepted all records of a part
	computed bool        // a part has been computed
	base     int64       // offset of the first record of the current part
	outcome  Outcome
	done     chan ended // buffered: an operation ends once, perhaps after its caller has left
}

type ended struct {
	outcome Outcome
	err     error
}

// observe makes a result record its written records in the outcome once they are proposed. A part
// that the log refuses may be computed again; only accepted records count.
func (d *doing) observe(o op, r result) result {
	d.outcome.Message = r.message
	if d.dry {
		return d.rehearse(o, r)
	}
	records, then, base := r.records, r.then, d.core.nextOffset()
	d.computed, d.base = true, base
	r.then = func(end int64) {
		if len(records) > 0 {
			d.wrote.Store(true)
		}
		if then != nil {
			then(end)
		}
		if base+int64(len(records)) < end {
			base++ // after the record that begins a transaction
		}
		d.add(records, base, o.now.UnixMilli())
		d.outcome.Image = d.core.working
	}
	if more := r.more; more != nil {
		r.more = func(o op) result { return d.observe(o, more(o)) }
	}
	return r
}

func (d *doing) add(records []record.Record, base int64, timestampMs int64) {
	for i, r := range records {
		w := Written{
			Offset: base + int64(i), Epoch: d.core.epoch, TimestampMs: timestampMs, Record: r,
		}
		if d.dry {
			w.Offset = -1
		}
		d.outcome.Written = append(d.outcome.Written, w)
	}
}

// rehearse keeps the records of a dry run from the log. Records that could not be written are
// refused as they are there. Further parts are computed from the state as it would be; changes of
// others between the parts are not seen.
func (d *doing) rehearse(o op, r result) result {
	if d.outcome.Before == nil {
		d.outcome.Before = d.core.working
	}
	_, images, err := d.core.batches(o.now, r)
	if err != nil {
		return result{refusal: d.core.explain(err)}
	}
	d.add(r.records, 0, o.now.UnixMilli())
	if r.keep != nil {
		r.keep()
	}
	if len(images) > 0 {
		d.core.working = images[len(images)-1]
	}
	d.outcome.Image = d.core.working
	next := result{response: r.response, refusal: r.refusal, long: r.long}
	if r.more != nil {
		next.more = func(o op) result { return d.observe(o, r.more(o)) }
	}
	return next
}

// taken reports whether the log has accepted records of the operation. Right after a part was
// refused that is exact, even if only the first batches of a part were accepted; later, records of
// other operations may count as well.
func (d *doing) taken() bool {
	return d.wrote.Load() || d.computed && d.core.nextOffset() > d.base
}

// explain is the error for a caller when the operation as a whole has failed.
func (d *doing) explain(err *protocol.Error) error {
	switch {
	case d.taken():
		return ErrUnknownOutcome
	case err.Kafka == kerr.NotController:
		return ErrNotActive
	case err.Kafka == kerr.RequestTimedOut:
		return ErrNotTried
	}
	return err
}

func (d *doing) finish(resp kmsg.Response, err error) {
	e := ended{err: err}
	if err == nil {
		d.outcome.Response = nil
		if resp != nil {
			d.outcome.Response = whole(resp)
		}
		e.outcome = d.outcome
	}
	d.done <- e
}
