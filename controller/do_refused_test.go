package controller

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// TestDoOfWhatTheLogRefuses: nothing was done, and the error says so.
func TestDoOfWhatTheLogRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ refuse, want error }{
		"too much is pending":       {ErrTooManyPending, ErrNotTried},
		"the epoch is not this one": {errors.New("not the leader"), ErrNotActive},
	} {
		d := newTestDriver(t)
		d.addBroker(1)
		d.log.Refuse = c.refuse
		_, err := d.do(t, func(ctx context.Context) (Outcome, error) {
			return d.Do(ctx, protocol.Caller{}, createTopicRequest("a", []int32{1}))
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// writeTooMany writes more records than one operation may.
func (d *testDriver) writeTooMany(t *testing.T, atomic bool) error {
	t.Helper()
	_, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		p := &pendingOp{c: d.Controller, name: "test"}
		return d.Controller.do(ctx, p, administrator, func(*core, op) result {
			return result{records: noOps(recordsPerUserOp + 1), atomic: atomic}
		}, false)
	})
	return err
}

func TestDoOfWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	err := d.writeTooMany(t, true)
	if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Kafka != kerr.PolicyViolation {
		t.Errorf("%v, want a violation of policy", err)
	}
}

// TestDoOfWhatIsTakenInPart: the log takes the first batch of several that stand alone.
func TestDoOfWhatIsTakenInPart(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	calls := 0
	d.log.Refused = func() error {
		if calls++; calls > 1 {
			return ErrTooManyPending
		}
		return nil
	}
	err := d.writeTooMany(t, false)
	if !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("%v, want %v", err, ErrUnknownOutcome)
	}
}

// TestABrokerThatIsGoneBeforeItsChangeEnds: the change was made, and a part of what follows from it
// found no such broker any more.
func TestABrokerThatIsGoneBeforeItsChangeEnds(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.core.partMax = 1
	d.addPartitions("a", 3, func(int) []int32 { return []int32{1, 2} })
	to := TargetFenced
	done := make(chan Outcome, 1)
	go func() {
		outcome, err := d.ChangeBroker(t.Context(), protocol.Caller{},
			BrokerChange{BrokerID: 1, BrokerEpoch: epoch, State: &to})
		if err != nil {
			t.Error(err)
		}
		done <- outcome
	}()
	for d.queue.len() == 0 {
		<-d.queue.wake
	}
	d.stepUntil("the first part", func() bool { return d.Image().Broker(1).Fenced })
	gone := kmsg.NewPtrUnregisterBrokerRequest()
	gone.BrokerID = 1
	d.ask(gone)
	d.settle()
	outcome := <-done
	if b := outcome.Broker; b == nil || !b.Fenced || b.ID != 1 {
		t.Errorf("the broker right after its change: %+v", b)
	}
	if outcome.Image.Broker(1) != nil {
		t.Error("the change ended while the broker was still there: the test shows nothing")
	}
}

// TestAnOperationAnswersOnce: an answer before the last part is a fault of the operation, which
// then writes nothing, and not an answer that the core would have to give twice.
func TestAnOperationAnswersOnce(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.addBroker(1)
	end := d.Image().EndOffset()
	_, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		p := &pendingOp{c: d.Controller, name: "test"}
		return d.Controller.do(ctx, p, administrator, func(*core, op) result {
			return result{
				records: noOps(1), response: kmsg.NewPtrCreateTopicsResponse(), more: finished,
			}
		}, false)
	})
	if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Kafka != kerr.UnknownServerError {
		t.Errorf("%v, want a fault", err)
	}
	if got := d.Image().EndOffset(); got != end || d.Stats().Faults != 1 {
		t.Errorf("%d records written, %d faults", got-end, d.Stats().Faults)
	}
}

func TestAnswersAreDeferredInOrder(t *testing.T) {
	t.Parallel()
	var d deferred
	d.add(7, func(*protocol.Error) {})
	d.add(7, func(*protocol.Error) {})
	defer func() {
		if recover() == nil {
			t.Error("an answer for an earlier offset was put after a later one")
		}
	}()
	d.add(6, func(*protocol.Error) {})
}
