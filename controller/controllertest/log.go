package controllertest

import (
	"errors"
	"slices"
	"sync"

	"github.com/yakt/yakt/protocol/batch"
)

// Log is the writing part of a controller's log, in memory: it gives offsets, and commits when the
// test takes what is proposed. Propose and Take may be called from any goroutine; the fields are
// for tests that run the controller on their own.
type Log struct {
	mu        sync.Mutex
	End       int64
	Refuse    error         // the answer of Propose instead, if not nil
	Refused   func() error  // asked at every Propose, if not nil
	Waiting   []batch.Batch // proposed, not committed
	All       []batch.Batch // proposed ever
	Proposals []int         // how many batches came together
}

// Propose appends batches, unless the test has it refuse them.
func (l *Log) Propose(epoch int32, batches ...[]byte) (baseOffset int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Refused != nil {
		if err := l.Refused(); err != nil {
			return 0, err
		}
	}
	if l.Refuse != nil {
		return 0, l.Refuse
	}
	base := l.End
	for _, data := range batches {
		b, rest, err := batch.Parse(slices.Clone(data))
		if err != nil || len(rest) != 0 {
			return 0, errors.Join(err, errors.New("not one whole batch"))
		}
		b.SetPosition(l.End, epoch)
		l.End = b.EndOffset()
		l.Waiting, l.All = append(l.Waiting, b), append(l.All, b)
	}
	l.Proposals = append(l.Proposals, len(batches))
	return base, nil
}

// Take returns the batches that are proposed and not committed, as the log commits them.
func (l *Log) Take() []batch.Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	batches := l.Waiting
	l.Waiting = nil
	return batches
}
