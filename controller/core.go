package controller

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// core is the controller without goroutine, clock or network: it is given events one at a time, with the time of each, and
// leaves its effects in the log it proposes to and in the replies it completes. Everything in it belongs to the driver's
// one goroutine.
type core struct {
	cfg *Config
	log Log

	// committed is the image at the high watermark. working is committed with everything proposed on top, and is what
	// operations read; on a standby the two are the same image.
	committed *metadata.Image
	working   *metadata.Image
	// pending are the images of what is proposed and not committed yet, oldest first.
	pending  []*metadata.Image
	deferred deferred
	// epoch is the leader epoch this node is active in, -1 on a standby.
	epoch int32

	brokers  *sessions
	periodic []*task

	publish func(*metadata.Image)
}

const standby int32 = -1

func newCore(cfg *Config, publish func(*metadata.Image)) *core {
	c := &core{cfg: cfg, log: cfg.Log, committed: metadata.Empty(), epoch: standby, publish: publish}
	c.working = c.committed
	c.brokers = newSessions(cfg)
	return c
}

func (c *core) active() bool { return c.epoch != standby }

// nextOffset is the offset that the next record proposed will have.
func (c *core) nextOffset() int64 { return c.working.EndOffset() }

// op is the circumstances of one operation.
type op struct {
	now    time.Time
	caller Caller
}

// result is what an operation comes to. Operations read the core and change nothing: the records do, once proposed.
type result struct {
	records  []record.Record
	response kmsg.Response
	// atomic results are one batch, or fail. Others are cut into batches of recordsPerBatch.
	atomic bool
	// then, if not nil, updates soft state once the records are proposed; end is the offset after the last of them.
	then func(end int64)
	// more, if not nil, goes on with an operation that is too long for one turn. It runs after the events that wait now, against the
	// state it then finds; the response is that of the last part.
	more func(op) result
}

// batches encodes the records and computes the images that follow, one for each batch. Nothing has moved yet.
func (c *core) batches(now time.Time, r result) (batches []metadata.Batch, images []*metadata.Image, err error) {
	img := c.working
	for records := r.records; len(records) > 0; {
		n := len(records)
		if !r.atomic {
			n = min(n, recordsPerBatch)
		}
		b, err := metadata.EncodeData(records[:n], c.versionFor(img, records), now.UnixMilli())
		if err != nil {
			return nil, nil, err
		}
		b.SetPosition(img.EndOffset(), c.epoch)
		edit := img.Edit()
		for i, rec := range records[:n] {
			if err := edit.Replay(img.EndOffset()+int64(i), rec); err != nil {
				return nil, nil, err
			}
		}
		img = edit.Done(b.EndOffset(), c.epoch, b.TimestampMs())
		batches, images, records = append(batches, b), append(images, img), records[n:]
	}
	return batches, images, nil
}

// versionFor is the metadata.version to write records in: the image's, or for bootstrap records the one they set.
func (c *core) versionFor(img *metadata.Image, records []record.Record) metadata.Version {
	if v := img.Version(); v != 0 {
		return v
	}
	for _, r := range records {
		if f, ok := r.(*record.FeatureLevel); ok && f.Name == metadata.FeatureMetadata {
			return metadata.Version(f.Level)
		}
	}
	return metadata.MinVersion
}

var errRenounced = errors.New("the log refused a batch: leadership is lost")

// append proposes the records of r and makes their state the working one. An error that wraps errRenounced means that this node
// no longer leads; any other is a fault, and nothing has moved.
func (c *core) append(now time.Time, r result) error {
	batches, images, err := c.batches(now, r)
	if err != nil {
		return err
	}
	for i, b := range batches {
		offset, err := c.log.Propose(c.epoch, b)
		if err != nil {
			return fmt.Errorf("%w: %w", errRenounced, err)
		}
		if want := b.BaseOffset(); offset != want {
			c.cfg.Stop(fmt.Errorf("the log gave offset %d to a batch made for %d", offset, want))
			return errRenounced
		}
		c.working = images[i]
		c.pending = append(c.pending, images[i])
	}
	if r.then != nil {
		r.then(c.working.EndOffset())
	}
	return nil
}

// appendControl proposes a control batch, such as a changed voter set.
func (c *core) appendControl(now time.Time, controls ...record.Control) error {
	b, err := metadata.EncodeControl(now.UnixMilli(), controls...)
	if err != nil {
		return err
	}
	b.SetPosition(c.nextOffset(), c.epoch)
	img, err := c.working.ReplayBatch(b)
	if err != nil {
		return err
	}
	if _, err := c.log.Propose(c.epoch, b); err != nil {
		return fmt.Errorf("%w: %w", errRenounced, err)
	}
	c.working = img
	c.pending = append(c.pending, img)
	return nil
}

// run proposes what an operation came to and sees to its reply: at once when it saw only committed state, else when what it
// saw or wrote is committed. fail completes the reply with an error.
func (c *core) run(now time.Time, r result, reply func(kmsg.Response), fail func(*apiError)) {
	err := c.append(now, r)
	switch {
	case errors.Is(err, errRenounced):
		fail(errNotController)
		return
	case err != nil:
		c.cfg.Logger.Error("an operation's records cannot be written", "err", err)
		fail(errFault)
		return
	}
	if r.response == nil {
		return
	}
	if len(c.pending) == 0 {
		reply(r.response)
		return
	}
	c.deferred.add(c.working.EndOffset(), func(err *apiError) {
		if err != nil {
			fail(err)
			return
		}
		reply(r.response)
	})
}

// commit takes a batch that the log has committed.
func (c *core) commit(b metadata.Batch) error {
	img := c.committed
	switch {
	case len(c.pending) > 0:
		img = c.pending[0]
		if img.EndOffset() != b.EndOffset() || img.Epoch() != b.Epoch() {
			return fmt.Errorf("committed a batch that ends at %d in epoch %d, proposed was %d in %d", b.EndOffset(), b.Epoch(), img.EndOffset(), img.Epoch())
		}
		c.pending = c.pending[1:]
	default:
		next, err := img.ReplayBatch(b)
		if err != nil {
			return err
		}
		img = next
	}
	c.committed = img
	if len(c.pending) == 0 {
		c.working = img
	}
	c.publish(img.Stable())
	c.deferred.complete(img.Stable().EndOffset())
	return nil
}

// load replaces the state by a snapshot's.
func (c *core) load(img *metadata.Image) {
	c.renounce()
	c.committed, c.working = img, img
	c.publish(img)
}

// claim makes this node active in epoch. All that was ever acknowledged is committed and replayed here: the log says so only then.
func (c *core) claim(now time.Time, epoch int32) {
	c.cfg.Logger.Info("active controller", "epoch", epoch, "offset", c.nextOffset())
	c.epoch = epoch
	c.brokers.claim(now, c.working)
	c.periodic = c.tasks(now)
	c.activate(now)
}

// renounce makes this node a standby. What was proposed may still commit, under whoever leads next: callers are told to ask there.
func (c *core) renounce() {
	if !c.active() {
		return
	}
	c.cfg.Logger.Info("standby controller", "epoch", c.epoch)
	c.epoch = standby
	c.pending = nil
	c.working = c.committed
	c.periodic = nil
	c.brokers.renounce()
	c.deferred.fail(errNotController)
}
