package controller

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
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
	// activated: the records of activate are proposed. No other operation runs before: its records could land inside a metadata transaction
	// that another controller left open, or before the bootstrap.
	activated bool

	brokers      *sessions
	plainTopic   configs.PlainTopic
	quota        *quota.Buckets
	staleChecked time.Time // when fenceStale ran last
	partMax      int       // partitionsPerPart, or fewer in tests
	batchMax     int       // metadata.BatchMaxBytes, or fewer in tests
	periodic     []*task
	// preferredAfter and uncleanAfter are where the runs of these elections go on; zero: at the beginning.
	preferredAfter, uncleanAfter metadata.TopicPartition
	// backlog are long operations that the core begins on its own; the driver runs them part by part, behind requests.
	backlog []background

	// partEnds are the end offsets of the parts of long operations that are proposed and not committed, oldest first.
	partEnds []int64

	publish func(*metadata.Image)
}

// partsAhead is how many parts of long operations may wait for their commit. A small write that comes between them then finds a log with
// little before it, while the next part is made during the commit of the last.
const partsAhead = 2

// mayRunPart reports whether a further part of a long operation may run now. Where not, a commit is on its way that lets it.
func (c *core) mayRunPart() bool {
	for len(c.partEnds) > 0 && c.partEnds[0] <= c.committed.EndOffset() {
		c.partEnds = c.partEnds[1:]
	}
	return len(c.partEnds) < partsAhead
}

// background is an operation that nobody waits for.
type background struct {
	name string
	run  func(op) result
}

// later begins an operation behind the events that wait.
func (c *core) later(name string, run func(op) result) {
	c.backlog = append(c.backlog, background{name, run})
}

const standby int32 = -1

func newCore(cfg *Config, publish func(*metadata.Image)) *core {
	c := &core{cfg: cfg, log: cfg.Log, committed: metadata.Empty(), epoch: standby, partMax: partitionsPerPart, batchMax: metadata.BatchMaxBytes, publish: publish}
	c.working = c.committed
	c.brokers, c.quota = newSessions(cfg), quota.NewBuckets(cfg.QuotaWindow)
	return c
}

func (c *core) active() bool { return c.epoch != standby }

// nextOffset is the offset that the next record proposed will have.
func (c *core) nextOffset() int64 { return c.working.EndOffset() }

// op is the circumstances of one operation.
type op struct {
	now    time.Time
	caller protocol.Caller
}

// result is what an operation comes to. Operations read the core and change nothing: the records do, once proposed.
type result struct {
	records []record.Record
	// controls are a control batch, such as a changed voter set, behind the records.
	controls []record.Control
	response kmsg.Response
	// message is why the response says no, where it has no room for that.
	message *string
	// atomic results are one batch, or a metadata transaction of several, or fail. Others are cut into batches of recordsPerBatch,
	// each of which stands alone.
	atomic bool
	// then, if not nil, updates soft state once the records are proposed; end is the offset after the last of them.
	then func(end int64)
	// more, if not nil, goes on with an operation that is too long for one turn. It runs after the events that wait now, against the
	// state it then finds; the response is that of the last part.
	more func(op) result
}

// batches encodes the records and computes the images that follow, one for each batch. Nothing has moved yet.
func (c *core) batches(now time.Time, r result) (batches []metadata.Batch, images []*metadata.Image, err error) {
	records, batches, err := c.encode(now, r)
	if err != nil {
		return nil, nil, err
	}
	img := c.working
	for _, b := range batches {
		n := b.Count()
		b.SetPosition(img.EndOffset(), c.epoch)
		edit := img.Edit()
		for i, rec := range records[:n] {
			if err := edit.Replay(img.EndOffset()+int64(i), rec); err != nil {
				return nil, nil, err
			}
		}
		img = edit.Done(b.EndOffset(), c.epoch, b.TimestampMs())
		images, records = append(images, img), records[n:]
	}
	if len(r.controls) > 0 {
		b, err := metadata.EncodeControl(now.UnixMilli(), r.controls...)
		if err != nil {
			return nil, nil, err
		}
		b.SetPosition(img.EndOffset(), c.epoch)
		if img, err = img.ReplayBatch(b); err != nil {
			return nil, nil, err
		}
		batches, images = append(batches, b), append(images, img)
	}
	return batches, images, nil
}

// encode returns the records of r as they are to be written, and their batches. Atomic records that do not fit one batch become a metadata
// transaction (KIP-868) where the metadata.version has them: all of its batches are proposed at once.
func (c *core) encode(now time.Time, r result) ([]record.Record, []metadata.Batch, error) {
	v := c.versionFor(c.working, r.records)
	if !r.atomic {
		batches, err := cut(r.records, v, now, recordsPerBatch, c.batchMax)
		return r.records, batches, err
	}
	if len(r.records) > recordsPerUserOp {
		return nil, nil, errTooLarge
	}
	batches, err := cut(r.records, v, now, recordsPerUserOp, c.batchMax)
	switch {
	case err != nil || len(batches) <= 1:
		return r.records, batches, err
	case !v.HasTransactions():
		return nil, nil, errTooLarge
	}
	name := "Controller operation"
	if r.response != nil {
		name = kmsg.NameForKey(r.response.Key())
	}
	records := slices.Concat([]record.Record{&record.BeginTransaction{Name: &name}}, r.records, []record.Record{&record.EndTransaction{}})
	batches, err = cut(records, v, now, recordsPerUserOp, c.batchMax)
	return records, batches, err
}

// cut encodes records as batches of at most so many records and bytes each. More than ProposalMaxBytes are too large together.
func cut(records []record.Record, v metadata.Version, now time.Time, maxRecords, maxBytes int) (batches []metadata.Batch, err error) {
	for total := 0; len(records) > 0; {
		b, err := metadata.EncodeSome(records[:min(maxRecords, len(records))], v, now.UnixMilli(), maxBytes)
		if err != nil {
			return nil, err
		}
		if total += len(b); total > ProposalMaxBytes {
			return nil, errTooLarge
		}
		batches, records = append(batches, b), records[b.Count():]
	}
	return batches, nil
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

// ErrTooManyPending is what Log.Propose answers when too much is proposed and not committed. Any other error of it means that
// this node does not lead the epoch any more.
var ErrTooManyPending = errors.New("too much is proposed and not committed yet")

// errRefused wraps what Propose answers. It is no reason to renounce: the log says by LeaderChanged when leadership is lost, and
// until then the working image is what it was.
var errRefused = errors.New("the log refused a batch")

// append proposes the records of r and makes their state the working one. An error that wraps errRefused means that
// the log did not take a batch: those before it are proposed, of the refused one nothing has moved. The batches of atomic records are
// taken together or not at all. A *protocol.Error is for the caller; any other is a fault, and nothing has moved.
func (c *core) append(now time.Time, r result) error {
	batches, images, err := c.batches(now, r)
	if err != nil {
		return err
	}
	for len(batches) > 0 {
		n := 1
		if r.atomic && !batches[0].IsControl() {
			n = len(batches) - min(1, len(r.controls)) // controls are a batch of their own, no part of a transaction
		}
		if err := c.propose(batches[:n], images[:n]); err != nil {
			return err
		}
		batches, images = batches[n:], images[n:]
	}
	if r.then != nil {
		r.then(c.working.EndOffset())
	}
	return nil
}

// propose hands batches to the log, which takes all or none, and makes the last of the images that follow them the working one.
func (c *core) propose(batches []metadata.Batch, images []*metadata.Image) error {
	want := batches[0].BaseOffset() // the log may patch the headers
	raw := make([][]byte, len(batches))
	for i, b := range batches {
		raw[i] = b
	}
	offset, err := c.log.Propose(c.epoch, raw...)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	if offset != want {
		err := fmt.Errorf("the log gave offset %d to a batch made for %d", offset, want)
		c.cfg.Stop(err)
		return err
	}
	c.working = images[len(images)-1]
	c.pending = append(c.pending, images...)
	c.show()
	return nil
}

// show lets connections see the newest images of brokers.
func (c *core) show() {
	if c.active() {
		c.brokers.view.Store(&brokerView{c.working, c.committed.Stable()})
	}
}

// explain is what a caller learns of an error of append.
func (c *core) explain(err error) *protocol.Error {
	var known *protocol.Error
	switch {
	case errors.Is(err, ErrTooManyPending):
		return errBusy
	case errors.Is(err, errRefused):
		return errNotController
	case errors.As(err, &known):
		return known
	}
	if refused := invalidRecord(err); refused != nil {
		return refused
	}
	c.cfg.Logger.Error("an operation's records cannot be written", "err", err)
	return errFault
}

// answer sends a response, if there is one: at once when it was made from committed state, else when what it was made from, or
// what was written for it, is committed.
func (c *core) answer(response kmsg.Response, reply func(kmsg.Response), fail func(*protocol.Error)) {
	switch {
	case response == nil:
	case len(c.pending) == 0 && !c.committed.InTransaction():
		reply(response)
	default:
		c.deferred.add(c.working.EndOffset(), func(err *protocol.Error) {
			if err != nil {
				fail(err)
				return
			}
			reply(response)
		})
	}
}

// commit takes batches that the log has committed, and notes in them what they come to if tell is set. Only the image after the last one
// is shown to anybody, so that a standby edits one image for all of them: much of what one batch changes, the next changes again.
func (c *core) commit(batches []*feed.Batch, tell bool) error {
	var edit *metadata.Editor
	for _, b := range batches {
		if len(c.pending) > 0 {
			if err := c.commitPending(b, tell); err != nil {
				return err
			}
			continue
		}
		if edit == nil {
			edit = c.committed.Edit()
		}
		if tell {
			b.ReadBefore(edit.Image())
		}
		if err := edit.Batch(b.Batch); err != nil {
			return err
		}
		if tell {
			b.ReadAfter(edit.Image())
		}
	}
	if edit != nil {
		last := batches[len(batches)-1]
		c.committed = edit.Done(last.EndOffset(), last.Epoch(), last.TimestampMs())
	}
	if len(c.pending) == 0 {
		c.working = c.committed
	}
	c.publish(c.committed.Stable())
	c.show()
	c.deferred.complete(c.committed.Stable().EndOffset())
	return nil
}

// commitPending takes the oldest batch that this node has proposed, whose image is there already.
func (c *core) commitPending(b *feed.Batch, tell bool) error {
	img := c.pending[0]
	if img.EndOffset() != b.EndOffset() || img.Epoch() != b.Epoch() {
		return fmt.Errorf("committed a batch that ends at %d in epoch %d, proposed was %d in %d", b.EndOffset(), b.Epoch(), img.EndOffset(), img.Epoch())
	}
	c.pending[0] = nil // the array outlives the entry, images are large
	c.pending = c.pending[1:]
	if tell {
		b.ReadLater(c.committed, img)
	}
	c.committed = img
	return nil
}

// load replaces the state by a snapshot's.
func (c *core) load(img *metadata.Image) {
	c.renounce()
	c.committed, c.working = img, img
	c.publish(img)
}

// claim makes this node active in epoch. All that was ever acknowledged is committed and replayed here: the log says so only then.
// An error means that the first records could not be written, so that this replica is of no use.
func (c *core) claim(now time.Time, epoch int32) error {
	c.cfg.Logger.Info("active controller", "epoch", epoch, "offset", c.nextOffset())
	c.epoch = epoch
	c.brokers.claim(now, c.working.Stable())
	c.staleChecked = now
	c.show()
	first := c.activate(op{now: now})
	switch err := c.append(now, first); {
	case errors.Is(err, errRefused):
		c.later("activation", c.activate)
	case err != nil:
		return fmt.Errorf("activation: %w", err)
	default:
		c.later("activation", first.more)
	}
	return nil
}

// renounce makes this node a standby. What was proposed may still commit, under whoever leads next: callers are told to ask there.
func (c *core) renounce() {
	if !c.active() {
		return
	}
	c.cfg.Logger.Info("standby controller", "epoch", c.epoch)
	c.epoch, c.activated = standby, false
	c.pending, c.partEnds = nil, nil
	c.working = c.committed
	c.periodic, c.backlog = nil, nil
	c.quota.Reset()
	c.preferredAfter, c.uncleanAfter = metadata.TopicPartition{}, metadata.TopicPartition{}
	c.brokers.renounce()
	c.deferred.fail(errNotController)
}
