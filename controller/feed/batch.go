package feed

import (
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// Batch is one committed batch with the state needed to interpret it without an image. Once the
// feed has published it, it is shared and never changes.
type Batch struct {
	batch.Batch
	// states has one entry for each record whose type has a state, in log order.
	states     []State
	boundaries []boundary
	aborted    []offsets
	concerns   audienceSet
	// changes are the records of states, until ReadAfter has completed these.
	changes []record.Record
	// before and after are the images around the batch, if the feed reads the states itself.
	before, after *metadata.Image
}

// boundary is a record that begins or ends a metadata transaction.
type boundary struct {
	offset int64
	record record.Type
}

// offsets are those from first to last.
type offsets struct{ first, last int64 }

// State is the whole entity after a record that changes a part of it, or before a record that
// removes it. At most one field is set.
type State struct {
	Partition *metadata.Partition // after a PartitionChange
	Broker    *metadata.Broker    // after a registration change; before an UnregisterBroker
	TopicName string              // before a RemoveTopic
}

// Records calls f for every metadata record, in log order, except those of aborted transactions. A
// control batch has none.
func (b *Batch) Records(f func(offset int64, r record.Record, s State)) error {
	if b.IsControl() {
		return nil
	}
	states := b.states
	return b.Each(func(offset int64, _, value []byte) error {
		r, _, err := record.Decode(value)
		if err != nil {
			return err
		}
		var s State
		if hasState(r.Type()) && len(states) > 0 {
			s, states = states[0], states[1:]
		}
		if !b.isAborted(offset) {
			f(offset, r, s)
		}
		return nil
	})
}

func (b *Batch) isAborted(offset int64) bool {
	return slices.ContainsFunc(b.aborted, func(o offsets) bool {
		return o.first <= offset && offset <= o.last
	})
}

// stateBytes is about how much memory a State keeps in use.
const stateBytes = 200

func (b *Batch) size() int { return len(b.Batch) + stateBytes*len(b.states) }

// ReadLater leaves it to the feed's goroutine to read the states from the images around the batch.
func (b *Batch) ReadLater(before, after *metadata.Image) { b.before, b.after = before, after }

// ReadBefore reads the states that the batch removes from the image before it, which may be in the
// hands of an editor. ReadAfter must follow.
func (b *Batch) ReadBefore(img *metadata.Image) {
	if b.IsControl() {
		return
	}
	_ = b.Each(func(offset int64, _, value []byte) error {
		t := typeOf(value)
		b.concerns.addRecord(t)
		switch t {
		case record.TypeBeginTransaction, record.TypeEndTransaction, record.TypeAbortTransaction:
			b.boundaries = append(b.boundaries, boundary{offset, t})
		}
		if hasState(t) {
			r, _, _ := record.Decode(value) // an error is nil here: the image reports it
			b.states, b.changes = append(b.states, stateBefore(r, img)), append(b.changes, r)
		}
		return nil
	})
}

// ReadAfter reads the states that the batch leads to from the image after it.
func (b *Batch) ReadAfter(img *metadata.Image) {
	for i, r := range b.changes {
		stateAfter(&b.states[i], r, img)
	}
	b.changes = nil
}

// markAborted excludes the aborted transactions of consecutive batches, in which every transaction
// has ended, and computes the audiences of the rest.
func markAborted(batches []*Batch) {
	var aborted []offsets
	var begin int64
	for _, b := range batches {
		for _, m := range b.boundaries {
			switch m.record {
			case record.TypeBeginTransaction:
				begin = m.offset
			case record.TypeAbortTransaction:
				aborted = append(aborted, offsets{begin, m.offset})
			}
		}
	}
	for _, b := range batches {
		b.aborted, b.concerns = aborted, audienceSet{}
		_ = b.Records(func(_ int64, r record.Record, _ State) { b.concerns.addRecord(r.Type()) })
	}
}

// typeOf is the type of a framed record that the image has replayed already, so that frame version
// and type are known to take one byte each.
func typeOf(value []byte) record.Type {
	if len(value) < 2 {
		return record.TypeNoOp
	}
	return record.Type(value[1])
}

func hasState(t record.Type) bool {
	switch t {
	case record.TypePartitionChange, record.TypeBrokerRegistrationChange, record.TypeFenceBroker,
		record.TypeUnfenceBroker, record.TypeUnregisterBroker, record.TypeRemoveTopic:
		return true
	}
	return false
}

// stateBefore is the state of the entity that a record removes.
func stateBefore(r record.Record, img *metadata.Image) (s State) {
	switch r := r.(type) {
	case *record.UnregisterBroker:
		s.Broker = img.Broker(r.BrokerID)
	case *record.RemoveTopic:
		if t := img.Topic(r.TopicID); t != nil {
			s.TopicName = t.Name
		}
	}
	return s
}

// stateAfter fills in the state of the entity that a record has changed.
func stateAfter(s *State, r record.Record, img *metadata.Image) {
	switch r := r.(type) {
	case *record.PartitionChange:
		s.Partition = img.Partition(r.TopicID, r.PartitionID)
	case *record.BrokerRegistrationChange:
		s.Broker = img.Broker(r.BrokerID)
	case *record.FenceBroker:
		s.Broker = img.Broker(r.ID)
	case *record.UnfenceBroker:
		s.Broker = img.Broker(r.ID)
	}
}
