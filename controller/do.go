package controller

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// This file is the way into the controller for callers that do not speak Kafka's protocol. They use the same requests through the same
// table and queue as everyone, and learn in addition what was written.

// Written is one record that an operation wrote. It is committed when the operation returns, and must not be changed.
type Written struct {
	Offset      int64 // -1: of a dry run
	Epoch       int32 // leader epoch of its batch
	TimestampMs int64 // of its batch, since 1970
	Record      record.Record
}

// Outcome is what an operation came to.
type Outcome struct {
	Response kmsg.Response
	// Message is why the response says no, where it has no room for that; else nil.
	Message *string
	// Written are the records of the operation in log order; none when it changed nothing.
	Written []Written
	// Image is the state right after the operation: committed, but perhaps no longer the newest. nil for a request that was answered
	// without the core, as a heartbeat that changes nothing is.
	Image *metadata.Image
	// Broker is the registration right after a BrokerChange; nil for other operations. Image may
	// have another one or none, when partitions had to follow the change in parts.
	Broker *metadata.Broker
}

// Operation is a request that is made from the newest state, in the same turn of the core that runs it: nothing comes between the
// two, so "one more replica than there are" needs no second look.
type Operation struct {
	Name string // for logs
	// Make gets the newest state, which it must not keep, on the core's goroutine: it computes and does nothing else. Its error ends
	// the operation; an *protocol.Error goes to the caller as it is.
	Make func(*metadata.Image) (kmsg.Request, error)
	// DryRun writes nothing. Outcome has the records and the image as they would be.
	DryRun bool
}

var (
	// ErrNotActive says that this node is not the active controller, and nothing was done.
	ErrNotActive = errors.New("this node is not the active controller")
	// ErrNotTried says that the time was up, or the queue full, before the operation began. Nothing was done.
	ErrNotTried = errors.New("the controller was too busy to begin the operation")
	// ErrUnknownOutcome says that the operation began, and whether what it wrote will be committed is not known.
	ErrUnknownOutcome = errors.New("it is not known whether the operation was carried out")
)

// Do runs a write request and waits until what it wrote, and what it saw, is committed. Errors inside the response are the caller's to
// look for. An error is one of the Err values above, or a *protocol.Error.
func (c *Controller) Do(ctx context.Context, caller protocol.Caller, req kmsg.Request) (Outcome, error) {
	a := apiOf(req.Key())
	if a == nil || a.write == nil {
		return Outcome{}, protocol.Errorf(kerr.UnsupportedVersion, "%s is not a write request.", kmsg.NameForKey(req.Key()))
	}
	if err := c.limits.check(caller, req); err != nil {
		return Outcome{}, err
	}
	own := *a
	return c.do(ctx, caller, &own, req, false)
}

// DoNext runs an operation as Do runs a request.
func (c *Controller) DoNext(ctx context.Context, caller protocol.Caller, operation Operation) (Outcome, error) {
	a := &api{name: operation.Name, write: func(core *core, o op, _ kmsg.Request) result {
		req, err := operation.Make(core.working)
		if err != nil {
			return result{response: refusal(err)}
		}
		a := apiOf(req.Key())
		if a == nil || a.write == nil {
			return result{response: refusal(protocol.Errorf(kerr.UnsupportedVersion, "%s is not a write request.", kmsg.NameForKey(req.Key())))}
		}
		if err := c.limits.check(caller, req); err != nil {
			return result{response: refusal(err)}
		}
		return a.write(core, o, req)
	}}
	return c.do(ctx, caller, a, nil, operation.DryRun)
}

// refused travels where a response does and carries an error instead; nil for an operation that has no response of its own.
type refused struct {
	kmsg.Response
	err error
}

func refusal(err error) *refused { return &refused{err: err} }

// do runs a on the core. a is the caller's own copy: it is changed so that what happens is noted.
func (c *Controller) do(ctx context.Context, caller protocol.Caller, a *api, req kmsg.Request, dry bool) (Outcome, error) {
	d := &doing{dry: dry, done: make(chan Outcome, 1)}
	write := a.write
	a.write = func(core *core, o op, req kmsg.Request) result {
		if !d.progress.CompareAndSwap(queued, begun) {
			return result{} // whoever asked has left
		}
		return d.note(core, o, write(core, o, req))
	}
	a.fail = func(_ kmsg.Request, err *protocol.Error) kmsg.Response { return refusal(d.explain(err)) }
	c.write(a, caller, req, func(resp kmsg.Response) { d.finish(resp) })
	select {
	case outcome := <-d.done:
		return settled(outcome)
	case <-ctx.Done():
		if d.progress.CompareAndSwap(queued, abandoned) {
			return Outcome{}, ErrNotTried
		}
		return Outcome{}, ErrUnknownOutcome
	}
}

// settled unpacks what came in the place of a response.
func settled(outcome Outcome) (Outcome, error) {
	r, ok := outcome.Response.(*refused)
	switch {
	case !ok:
		return outcome, nil
	case r.err != nil:
		return Outcome{}, r.err
	}
	outcome.Response = nil
	return outcome, nil
}

// Progress of an operation.
const (
	queued int32 = iota
	begun
	abandoned // by its caller, before it began
)

// doing is an operation on its way. outcome belongs to the core's goroutine until it is sent.
type doing struct {
	dry      bool
	progress atomic.Int32
	wrote    atomic.Bool // the log has taken all that a part of it wrote
	core     *core       // nil until it begins
	base     int64       // offset of the first record of the part in hand
	outcome  Outcome
	done     chan Outcome
}

// note has the result tell what becomes of it once it is proposed. A part that the log refuses may be computed again; only what it
// took counts.
func (d *doing) note(core *core, o op, r result) result {
	d.outcome.Message = r.message
	if d.dry {
		return d.rehearse(core, o, r)
	}
	records, then, base := r.records, r.then, core.nextOffset()
	d.core, d.base = core, base
	r.then = func(end int64) {
		if len(records) > 0 {
			d.wrote.Store(true)
		}
		if then != nil {
			then(end)
		}
		if base+int64(len(records)) < end {
			base++ // behind the record that begins a transaction
		}
		d.add(records, base, core.epoch, o.now.UnixMilli())
		d.outcome.Image = core.working
	}
	if more := r.more; more != nil {
		r.more = func(o op) result { return d.note(core, o, more(o)) }
	}
	return r
}

func (d *doing) add(records []record.Record, base int64, epoch int32, timestampMs int64) {
	for i, r := range records {
		w := Written{Offset: base + int64(i), Epoch: epoch, TimestampMs: timestampMs, Record: r}
		if d.dry {
			w.Offset = -1
		}
		d.outcome.Written = append(d.outcome.Written, w)
	}
}

// rehearse keeps the records of a dry run from the log. Those that could not be written are refused
// as there.
func (d *doing) rehearse(core *core, o op, r result) result {
	for _, rec := range r.records {
		if err := invalidRecord(record.Check(rec)); err != nil {
			return result{response: refusal(d.explain(err))}
		}
	}
	d.add(r.records, 0, core.epoch, o.now.UnixMilli())
	d.outcome.Image = preview(core.working, r.records)
	return result{response: r.response}
}

// taken reports whether the log has taken something of the operation. Right after a part was refused
// that is exact, a part of which only the first batches were taken included; later, records of
// others may count as well.
func (d *doing) taken() bool {
	return d.wrote.Load() || d.core != nil && d.core.nextOffset() > d.base
}

// explain says what the caller may conclude from a failure of the operation as a whole.
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

func (d *doing) finish(resp kmsg.Response) {
	d.outcome.Response = whole(resp)
	d.done <- d.outcome
}
