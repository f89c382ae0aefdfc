// Package controller is the Kafka controller. It turns requests into metadata records, proposes
// them to the log, and answers when they are committed. Its core is single-threaded and free of
// I/O: see core.
package controller

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/limits"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// Controller drives the core: it queues requests, the log's events and timers for it, and carries
// out its outputs. All methods may be called from any goroutine unless they say otherwise.
type Controller struct {
	cfg    Config
	core   *core
	limits *limiter
	queue  *queue
	timers timers

	published atomic.Pointer[metadata.Image]
	// whole is the newest image at the end of a call of Committed, outside any metadata
	// transaction: the state for the next snapshot.
	whole atomic.Pointer[metadata.Image]
	// active is the epoch that the core leads, or standby. It is a hint that saves requests to a
	// standby the queue.
	active  atomic.Int32
	deposed atomic.Bool // never reset, see Depose
	stats   counters
	feed    *feed.Feed
	largest largestTopic
	// lastFetch is the newest shared response to observers.
	lastFetch atomic.Pointer[sharedFetch]
	poison    poisonWatch
	// aclsFrom is the end offset from which on this node's images are current enough to authorize
	// by; unknownOffset until the log knows it.
	aclsFrom atomic.Int64
	// strayReplicas counts the fetches of replicas that may not fetch.
	strayReplicas limits.Pace
	brokers       *brokerAsker
	denials       *denials
	audit         *audit

	stop func()
	done chan struct{}
}

// New makes a controller with an empty image; the log then loads it through LoadSnapshot and
// Committed.
func New(cfg Config) *Controller {
	if cfg.QueueMax == 0 {
		cfg.QueueMax = queueMaxDefault
	}
	if cfg.SlowEvent == 0 {
		cfg.SlowEvent = slowEventDefault
	}
	if cfg.QuotaWindow == 0 {
		cfg.QuotaWindow = quota.WindowDefault
	}
	c := &Controller{
		cfg: cfg, limits: newLimiter(cfg.Limits, cfg.Logger), queue: newQueue(cfg.QueueMax),
		feed: feed.New(func() time.Time { return cfg.Clock.Now() }), done: make(chan struct{}),
		brokers: newBrokerAsker(cfg.AskBroker),
	}
	c.stop = sync.OnceFunc(c.queue.close)
	c.active.Store(standby)
	c.aclsFrom.Store(unknownOffset)
	c.core = newCore(&c.cfg)
	now := func() time.Time { return c.cfg.Clock.Now() }
	c.denials = newDenials(c.cfg.Loggers.Logger("authorizer"), now)
	c.audit = newAudit(c.cfg.Loggers.Logger("audit"), now)
	c.published.Store(c.core.committed)
	c.whole.Store(c.core.committed)
	c.timers = timers{clock: cfg.Clock, fire: c.fireTimers}
	return c
}

// SetLog sets the log that the controller proposes to. It must be called before Start: the log
// needs the controller, and is made second.
func (c *Controller) SetLog(log Log) { c.cfg.Log = log }

// Start runs the core's goroutine.
func (c *Controller) Start() { go c.loop() }

// Stop ends the core's goroutine after its current event, and fails everything that waits. It may
// be called again, but not without Start.
func (c *Controller) Stop() {
	c.stop()
	<-c.done
}

// Depose makes this controller a standby for good, at once, without waiting and from any goroutine:
// its log or its state has failed. After the current event it runs no other. Waiting operations get
// NOT_CONTROLLER, or an unknown outcome; batches that the log commits meanwhile are not replayed.
// Stop still ends it.
func (c *Controller) Depose() {
	c.deposed.Store(true)
	c.queue.abandon()
}

// Image is the newest committed image, outside any metadata transaction.
func (c *Controller) Image() *metadata.Image { return c.published.Load() }

// Active reports whether this node is the active controller, and in which epoch.
func (c *Controller) Active() (epoch int32, ok bool) {
	epoch = c.active.Load()
	return epoch, epoch != standby && !c.deposed.Load()
}

func (c *Controller) loop() {
	defer close(c.done)
	for range c.queue.wake {
		c.work()
		if c.queue.isClosed() {
			c.end()
			return
		}
	}
}

// work runs events until none waits.
func (c *Controller) work() {
	take := func() []event { return c.queue.take(c.core.mayRunPart()) }
	for events := take(); events != nil; events = take() {
		for _, e := range events {
			c.turn(e)
		}
		c.afterTurns()
	}
}

// afterTurns follows a round of events: it reports a lost leadership and arms the timer.
func (c *Controller) afterTurns() {
	if !c.core.active() {
		c.active.Store(standby)
	}
	c.timers.set(c.cfg.Clock.Now(), c.core.nextTask())
}

// end fails everything that waits. Operations whose records may still commit are sent to the next
// controller.
func (c *Controller) end() {
	reason := errStopping
	if c.deposed.Load() {
		reason = errNotController
	}
	for _, e := range c.queue.drain() {
		if e.drop != nil {
			e.drop(reason)
		}
	}
	c.core.renounce()
	c.carryOut()
	c.active.Store(standby)
	c.timers.stop()
}

// turn runs one event. A panic in it is a fault: operations change nothing, so the core continues.
func (c *Controller) turn(e event) {
	began := c.cfg.Clock.Now()
	defer func() {
		if p := recover(); p != nil {
			c.fault(e.name, p)
		}
		c.carryOut()
		c.stats.events.Add(1)
		if took := c.cfg.Clock.Now().Sub(began); took > c.cfg.SlowEvent {
			c.stats.slowEvents.Add(1)
			c.cfg.Logger.Warn("a slow event of the controller", "event", e.name, "took", took)
		}
	}()
	e.run()
}

func (c *Controller) fault(name string, p any) {
	c.stats.faults.Add(1)
	c.cfg.Logger.Error("internal fault", "event", name, "fault", p, "stack", string(debug.Stack()))
}

// invariant wraps an event whose failure leaves the core in doubt: a failure stops the replica.
func (c *Controller) invariant(name string, f func() error) event {
	return event{name: name, run: func() {
		defer func() {
			if p := recover(); p != nil {
				c.fault(name, p)
				c.cfg.Stop(fmt.Errorf("%s: %v", name, p))
			}
		}()
		if err := f(); err != nil {
			c.cfg.Stop(fmt.Errorf("%s: %w", name, err))
		}
	}}
}

// Committed applies batches that a majority holds, in log order; the log no longer changes their
// bytes. Batches that were proposed together come in one call. It does not block.
func (c *Controller) Committed(batches [][]byte) {
	c.queue.addLog(c.invariant("commit", func() error {
		parsed := make([]*feed.Batch, len(batches))
		for i, b := range batches {
			first, rest, err := batch.Parse(b)
			if err == nil && len(rest) != 0 {
				err = fmt.Errorf("%d bytes follow a committed batch", len(rest))
			}
			if err != nil {
				return err
			}
			parsed[i] = &feed.Batch{Batch: first}
		}
		if len(parsed) == 0 {
			return nil
		}
		read := c.feed.Reaches(parsed[len(parsed)-1])
		if err := c.core.commit(parsed, read); err != nil {
			return err
		}
		if !read {
			parsed = nil
		}
		c.carryOut() // readers that the feed wakes must find the image
		c.feed.Add(parsed, c.core.committed)
		c.offerSnapshot()
		return nil
	}))
}

// offerSnapshot makes the committed state the one for snapshots, unless it is inside a metadata
// transaction.
func (c *Controller) offerSnapshot() {
	if img := c.core.committed; !img.InTransaction() {
		c.whole.Store(img)
		c.watchPoison(img)
	}
}

// LeaderChanged reports the leader of an epoch; -1 is nobody. It does not block.
func (c *Controller) LeaderChanged(leader, epoch int32) {
	if leader != c.cfg.NodeID {
		c.active.Store(standby)
	}
	c.queue.addLog(c.invariant("leader change", func() error {
		c.core.renounce()
		if leader != c.cfg.NodeID {
			return nil
		}
		err := c.core.claim(c.cfg.Clock.Now(), epoch)
		c.active.Store(c.core.epoch)
		return err
	}))
}

// LoadSnapshot replaces the state by that of a snapshot, given by its end offset and epoch.
func (c *Controller) LoadSnapshot(
	endOffset int64, epoch int32, open func() (io.ReadCloser, error),
) error {
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	img, err := metadata.ReadSnapshot(r, endOffset, epoch)
	if err != nil {
		return err
	}
	c.queue.addLog(c.invariant("load snapshot", func() error {
		c.core.load(img)
		c.carryOut()
		c.offerSnapshot()
		c.feed.Add(nil, img)
		return nil
	}))
	return nil
}

// Snapshot returns the position of the newest committed state, and how to write it; write may run
// on any goroutine at any later time. The state ends where a call of Committed ended: inside a call
// the log may have no place to cut.
func (c *Controller) Snapshot() (endOffset int64, epoch int32, write func(io.Writer) error) {
	img := c.whole.Load()
	return img.EndOffset(), img.Epoch(), func(w io.Writer) error {
		return metadata.WriteSnapshot(w, img)
	}
}

// Handle answers a request. reply is called once, on any goroutine; a FETCH is parked on the
// caller's.
func (c *Controller) Handle(
	ctx context.Context, caller protocol.Caller, req kmsg.Request, reply func(kmsg.Response),
) {
	a := apiOf(req.Key())
	if a == nil {
		c.cfg.Logger.Error("a request without a handler reached the controller", "key", req.Key())
		reply(req.ResponseKind())
		return
	}
	if resp := c.refusal(a, caller, req); resp != nil {
		c.send(a.name, reply, resp)
		return
	}
	if err := c.limits.check(caller, req); err != nil {
		c.send(a.name, reply, a.fail(req, err))
		return
	}
	switch {
	case a.read != nil:
		reply(a.read(c, ctx, caller, req))
	case a.serve != nil:
		a.serve(c, ctx, caller, req, reply)
	default:
		c.write(ctx, a, caller, req, reply)
	}
}

// write queues a request for the core, unless it can be answered without it.
func (c *Controller) write(
	ctx context.Context, a *api, caller protocol.Caller, req kmsg.Request,
	reply func(kmsg.Response),
) {
	o, resp := c.admit(a, caller, req)
	if resp != nil {
		c.send(a.name, reply, resp)
		return
	}
	p := c.pendingRequest(ctx, a, o, req)
	p.reply = func(resp kmsg.Response, _ error) { c.send(a.name, reply, resp) }
	p.fail = func(err *protocol.Error) { c.send(a.name, reply, a.fail(req, err)) }
	c.start(p, a.sender, func(o op) result { return a.write(c.core, o, req) })
}

// pendingRequest returns the operation for a row of the table; the caller sets reply and fail.
func (c *Controller) pendingRequest(
	ctx context.Context, a *api, o op, req kmsg.Request,
) *pendingOp {
	p := &pendingOp{
		c: c, name: a.name, op: o, what: func() string { return about(req) },
		admin: a.sender == administrator, long: isLong(req),
	}
	if a.timeout != nil {
		p.deadline = c.cfg.Clock.Now().Add(a.timeout(c, req))
	}
	if _, active := c.Active(); active && a.prepare != nil {
		a.prepare(c, ctx, req, &p.op)
	}
	return p
}

// start queues an operation for the core of the active controller.
func (c *Controller) start(p *pendingOp, from sender, run func(op) result) {
	if from == administrator && !p.dry {
		c.audit.follow(p)
	}
	if _, active := c.Active(); !active {
		p.fail(errNotController)
		return
	}
	if !c.queue.addNew(from, p.long, p.begin(run)) {
		c.stats.refused.Add(1)
		p.fail(errQueueFull)
	}
}

// admit returns the operation for a write request, or its response if it needs no turn of the core.
func (c *Controller) admit(
	a *api, caller protocol.Caller, req kmsg.Request,
) (o op, resp kmsg.Response) {
	granted, some := c.grant(a, caller, req)
	o = op{caller: caller, rights: granted}
	if !some {
		return o, c.nothingAllowed(a, o, req)
	}
	if _, active := c.Active(); a.quick != nil && active {
		quick := o
		quick.now = c.cfg.Clock.Now()
		resp = a.quick(c, quick, req)
		if resp != nil && a.sender == administrator {
			c.audit.quick(caller, a.name, req, resp)
		}
	}
	return o, resp
}

// send passes a response to its connection. A panic there is not the core's.
func (c *Controller) send(name string, reply func(kmsg.Response), resp kmsg.Response) {
	defer func() {
		if p := recover(); p != nil {
			c.fault(name+" reply", p)
		}
	}()
	reply(resp)
}

// fireTimers queues the core's due tasks.
func (c *Controller) fireTimers() {
	c.queue.addLog(event{name: "timer", run: func() {
		c.timers.fired()
		c.runTasks()
	}})
}
