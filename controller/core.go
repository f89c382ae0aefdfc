package controller

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/controller/quota"
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// core is the controller without goroutine, clock or network. Its driver gives it events one at a
// time, with the time of each, and carries out the outputs that take returns after each event. Only
// the driver's goroutine calls it, and nothing outside its methods writes its fields.
//
// Connections read two parts of it on their own goroutines: brokers, which has a lock of its own
// and shows them immutable images, and cfg, which does not change.
//
// Invariants:
//   - On a standby working == committed, and pending, deferred, periodic, partEnds and the backlog
//     of the outputs are empty.
//   - On the active controller working is the last of pending, or committed when that is empty.
//     Each pending image follows from the one before it by exactly one batch.
//   - An event that fails changes none of this: images move on only with an accepted proposal.
type core struct {
	cfg *Config

	// committed is the image at the high watermark. working is committed with everything proposed
	// on top; operations read it.
	committed *metadata.Image
	working   *metadata.Image
	// pending are the images of the batches that are proposed and not committed, oldest first.
	pending  []*metadata.Image
	deferred deferred
	// epoch is the leader epoch that this node is active in, standby otherwise.
	epoch int32
	// activated says that the records of activate are proposed. No other operation runs before: its
	// records could land inside a metadata transaction that another controller left open, or before
	// the bootstrap.
	activated bool

	brokers      *sessions
	plainTopic   configs.PlainTopic
	quota        *quota.Buckets
	tokens       tokenIndex
	staleChecked time.Time // when fenceStale last ran
	partMax      int       // partitionsPerPart, or fewer in tests
	batchMax     int       // batch.MaxBytes, or fewer in tests
	periodic     []*task
	// preferredAfter and uncleanAfter are the last partitions that the runs of these elections
	// looked at; zero: the next run begins with the first.
	preferredAfter, uncleanAfter metadata.TopicPartition
	// partEnds are the end offsets of the parts of long operations that are proposed and not
	// committed, oldest first.
	partEnds []int64

	out outputs
}

// outputs are the effects of an event outside the core, in the order in which the driver carries
// them out: a client must find its write in the image when it has the answer.
type outputs struct {
	// image is the newest committed image outside a transaction; nil if it is the same as before.
	image *metadata.Image
	// answers send replies, in the order in which their operations ran.
	answers []func()
	// backlog are operations that the core begins itself, to be queued after the waiting events.
	backlog []background
}

// take returns the outputs since the last call.
func (c *core) take() outputs {
	out := c.out
	c.out = outputs{}
	return out
}

// background is an operation without a caller.
type background struct {
	name string
	run  func(op) result
}

func (c *core) later(name string, run func(op) result) {
	c.out.backlog = append(c.out.backlog, background{name, run})
}

// partsAhead is how many parts of long operations may wait for their commit. A small write that
// comes between them then finds a log with little before it, while the next part is computed during
// the commit of the last.
const partsAhead = 2

// mayRunPart reports whether a further part of a long operation may run now. If not, the commit of
// an earlier part is outstanding.
func (c *core) mayRunPart() bool {
	for len(c.partEnds) > 0 && c.partEnds[0] <= c.committed.EndOffset() {
		c.partEnds = c.partEnds[1:]
	}
	return len(c.partEnds) < partsAhead
}

// countParts counts the proposal of r among the parts that wait for their commit, a proposal that
// is larger than a batch as all of them.
func (c *core) countParts(r *result) {
	end := c.working.EndOffset()
	if r.more != nil || r.long {
		c.partEnds = append(c.partEnds, end)
	}
	if len(r.records) > recordsPerBatch {
		c.partEnds = append(c.partEnds, end)
	}
}

const standby int32 = -1

func newCore(cfg *Config) *core {
	if cfg.Loggers == nil {
		cfg.Loggers = loglevel.Of(cfg.Logger)
	}
	c := &core{
		cfg: cfg, committed: metadata.Empty(), epoch: standby,
		partMax: partitionsPerPart, batchMax: batch.MaxBytes,
		brokers: newSessions(cfg), quota: quota.NewBuckets(cfg.QuotaWindow),
	}
	c.working = c.committed
	return c
}

func (c *core) active() bool { return c.epoch != standby }

// nextOffset is the offset of the next record that is proposed.
func (c *core) nextOffset() int64 { return c.working.EndOffset() }

// op is the circumstances of one operation.
type op struct {
	now    time.Time
	caller protocol.Caller
	rights *rights // of the caller
	// hosts has the host names of a request that have been looked up: whether they have an address.
	hosts map[string]bool
}

// result is the outcome of an operation, or of one part. Operations read the core and change
// nothing; records change it once they are proposed.
type result struct {
	records []record.Record
	// controls become a control batch after the records, such as a changed voter set.
	controls []record.Control
	// response answers the operation. It belongs to the last part, the one without more, and is nil
	// for operations that have no response of their own.
	response kmsg.Response
	// refusal, if not nil, answers an operation without a response instead.
	refusal error
	// message is the reason for the error in a response that has no room for it.
	message *string
	// atomic results are one batch, or a metadata transaction of several, or fail. Others are cut
	// into batches of recordsPerBatch, each of which stands alone.
	atomic bool
	// long counts the result as a part of a long operation although nothing may follow it.
	long bool
	// then, if not nil, updates soft state once the records are proposed; end is the offset after
	// the last of them.
	then func(end int64)
	// keep, if not nil, keeps what the answer of a long operation needs of this part. It is called
	// before then, and also in a dry run.
	keep func()
	// more, if not nil, is the next part of an operation that is too long for one turn. It runs
	// after the events that wait now, against the state that it then finds.
	more func(op) result
}

// answer sends the answer of an operation that has ended: at once when it was computed from
// committed state, else when what it was computed from, or what was written for it, is committed.
// reply or fail is called, once.
func (c *core) answer(r *result, reply func(kmsg.Response, error), fail func(*protocol.Error)) {
	response, refusal := r.response, r.refusal
	if len(c.pending) == 0 && !c.committed.InTransaction() {
		c.out.answers = append(c.out.answers, func() { reply(response, refusal) })
		return
	}
	c.deferred.add(c.working.EndOffset(), func(err *protocol.Error) {
		if err != nil {
			fail(err)
			return
		}
		reply(response, refusal)
	})
}

// commit applies batches that the log has committed. With read set it reads the states that the
// feed needs around each batch. Only the image after the last batch is published, so that a standby
// edits one image for all of them: much of what one batch changes, the next changes again.
func (c *core) commit(batches []*feed.Batch, read bool) error {
	var edit *metadata.Editor
	for _, b := range batches {
		if len(c.pending) > 0 {
			if err := c.commitPending(b, read); err != nil {
				return err
			}
			continue
		}
		if edit == nil {
			edit = c.committed.Edit()
		}
		if read {
			b.ReadBefore(edit.Image())
		}
		if err := edit.Batch(b.Batch); err != nil {
			return err
		}
		if read {
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
	stable := c.committed.Stable()
	c.out.image = stable
	c.show()
	c.out.answers = c.deferred.complete(c.out.answers, stable.EndOffset())
	return nil
}

// commitPending applies the oldest batch that this node has proposed, whose image exists already.
func (c *core) commitPending(b *feed.Batch, read bool) error {
	img := c.pending[0]
	if img.EndOffset() != b.EndOffset() || img.Epoch() != b.Epoch() {
		return fmt.Errorf("committed a batch that ends at %d in epoch %d, proposed was %d in %d",
			b.EndOffset(), b.Epoch(), img.EndOffset(), img.Epoch())
	}
	metadata.CheckReplay(c.committed, b.Batch, img)
	c.pending[0] = nil // the array outlives the entry, images are large
	c.pending = c.pending[1:]
	if read {
		b.ReadLater(c.committed, img)
	}
	c.committed = img
	return nil
}

// show lets connections see the newest images of brokers.
func (c *core) show() {
	if c.active() {
		c.brokers.view.Store(&brokerView{c.working, c.committed.Stable()})
	}
}

// load replaces the state by that of a snapshot.
func (c *core) load(img *metadata.Image) {
	c.renounce()
	c.committed, c.working = img, img
	c.out.image = img
}

// claim makes this node active in epoch. Everything that was ever acknowledged is committed and
// replayed here by then: the log reports leadership only afterwards. An error means that the first
// records could not be written: this replica cannot be active.
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

// renounce makes this node a standby. Proposed batches may still commit under the next leader, so
// their callers are referred to it.
func (c *core) renounce() {
	if !c.active() {
		return
	}
	c.cfg.Logger.Info("standby controller", "epoch", c.epoch)
	c.epoch, c.activated = standby, false
	c.pending, c.partEnds = nil, nil
	c.working = c.committed
	c.periodic, c.out.backlog = nil, nil
	c.quota.Reset()
	c.preferredAfter, c.uncleanAfter = metadata.TopicPartition{}, metadata.TopicPartition{}
	c.brokers.renounce()
	c.out.answers = c.deferred.fail(c.out.answers, errNotController)
}
