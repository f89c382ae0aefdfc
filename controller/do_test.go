package controller

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// do runs an operation on a goroutine of its own, as callers do, and the core on this one.
func (d *testDriver) do(t testing.TB, f func(context.Context) (Outcome, error)) (Outcome, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	type ended struct {
		outcome Outcome
		err     error
	}
	done := make(chan ended, 1)
	go func() {
		outcome, err := f(ctx)
		done <- ended{outcome, err}
	}()
	for {
		select {
		case e := <-done:
			return e.outcome, e.err
		case <-d.queue.wake:
			d.settle()
		}
	}
}

func createTopicRequest(name string, replicas ...[]int32) *kmsg.CreateTopicsRequest {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	for i, r := range replicas {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), r
		topic.ReplicaAssignment = append(topic.ReplicaAssignment, a)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 60000
	req.Topics = append(req.Topics, topic)
	return req
}

func TestDoTellsWhatWasWritten(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	base := d.Image().EndOffset()
	outcome, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.Do(ctx, protocol.Caller{}, createTopicRequest("a", []int32{1}, []int32{1}))
	})
	if err != nil || len(outcome.Written) != 3 || outcome.Image.TopicByName("a").Len() != 2 {
		t.Fatalf("%+v %v", outcome, err)
	}
	for i, w := range outcome.Written {
		if w.Offset != base+int64(i) || w.Epoch != 1 || w.TimestampMs != d.clock.Now().UnixMilli() {
			t.Errorf("record %d: %+v, want offset %d", i, w, base+int64(i))
		}
	}
	if d.Image().EndOffset() != base+3 {
		t.Errorf("answered before it was committed")
	}
	if _, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.Do(ctx, protocol.Caller{}, kmsg.NewPtrMetadataRequest())
	}); err == nil {
		t.Error("a read is carried out as a write")
	}
}

func TestDoNextSeesWhatIsProposed(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	d.ask(createTopicRequest("a", []int32{1})) // proposed and not committed
	d.work()
	next := func(dry bool) func(context.Context) (Outcome, error) {
		return func(ctx context.Context) (Outcome, error) {
			return d.DoNext(ctx, protocol.Caller{},
				Operation{Name: "test", DryRun: dry,
					Make: func(img *metadata.Image) (kmsg.Request, error) {
						if img.TopicByName("a") == nil {
							return nil, protocol.Errorf(kerr.UnknownTopicOrPartition, "not yet")
						}
						return createTopicRequest("b", []int32{1}), nil
					}})
		}
	}
	dry, err := d.do(t, next(true))
	if err != nil || len(dry.Written) != 2 || dry.Written[0].Offset != -1 ||
		dry.Image.TopicByName("b") == nil || d.Image().TopicByName("b") != nil {
		t.Fatalf("a dry run: %+v %v", dry, err)
	}
	if wet, err := d.do(t, next(false)); err != nil || wet.Written[0].Offset < 0 ||
		d.Image().TopicByName("b") == nil {
		t.Fatalf("%+v %v", wet, err)
	}
	_, err = d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.DoNext(ctx, protocol.Caller{},
			Operation{Make: func(*metadata.Image) (kmsg.Request, error) {
				return nil,
					protocol.Errorf(kerr.PolicyViolation, "no")
			}})
	})
	if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Kafka != kerr.PolicyViolation {
		t.Errorf("an error of Make: %v", err)
	}
	_, err = d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.DoNext(ctx, protocol.Caller{},
			Operation{Make: func(*metadata.Image) (kmsg.Request, error) { panic("a fault") }})
	})
	if e := (*protocol.Error)(nil); !errors.As(err, &e) || e.Kafka != kerr.UnknownServerError {
		t.Errorf("a fault in Make: %v", err)
	}
}

func TestDoTellsWhatItKnowsOfAnEnd(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	create := func(ctx context.Context) (Outcome, error) {
		return d.Do(ctx, protocol.Caller{}, createTopicRequest("a", []int32{1}))
	}

	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := create(gone); !errors.Is(err, ErrNotTried) {
		t.Errorf("left before it began: %v", err)
	}
	d.settle()
	if d.Image().TopicByName("a") != nil {
		t.Error("what nobody waits for any more was begun")
	}

	lost := make(chan error, 1)
	go func() {
		_, err := create(context.Background())
		lost <- err
	}()
	for len(d.log.Waiting) == 0 { // until it is proposed
		<-d.queue.wake
		d.work()
	}
	d.LeaderChanged(-1, 2)
	d.work()
	if err := <-lost; !errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("leadership lost after it was proposed: %v", err)
	}
	if _, err := create(context.Background()); !errors.Is(err, ErrNotActive) {
		t.Errorf("on a standby: %v", err)
	}
}

func TestChangeBroker(t *testing.T) {
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.answer(createTopicRequest("a", []int32{1, 2}))
	change := func(c BrokerChange) ([]record.Type, error) {
		t.Helper()
		c.BrokerID = 1
		if c.BrokerEpoch == 0 {
			c.BrokerEpoch = epoch
		}
		outcome, err := d.do(t, func(ctx context.Context) (Outcome,
			error) {
			return d.ChangeBroker(ctx, protocol.Caller{}, c)
		})
		var types []record.Type
		for _, w := range outcome.Written {
			types = append(types, w.Record.Type())
		}
		return types, err
	}
	leader := func() int32 { return d.Image().TopicByName("a").Partition(0).Leader }
	to := func(t BrokerTarget) *BrokerTarget { return &t }
	fence := []record.Type{record.TypePartitionChange, record.TypeBrokerRegistrationChange}

	if got, err := change(BrokerChange{State: to(TargetFenced)}); err != nil ||
		!slices.Equal(got, fence) || leader() != 2 {
		t.Errorf("fence: %v %v, leader %d", got, err, leader())
	}
	if got, err := change(BrokerChange{State: to(TargetFenced)}); err != nil || len(got) != 0 {
		t.Errorf("fence again: %v %v", got, err)
	}
	if got, err := change(BrokerChange{State: to(TargetUnfenced)}); err != nil ||
		!slices.Equal(got, fence[1:]) || !d.Image().Broker(1).Active() {
		t.Errorf("unfence: %v %v", got, err)
	}
	d.advance(d.cfg.SessionTimeout + 2*time.Second)
	if d.Image().Broker(1).Active() {
		t.Error("unfenced by hand and without heartbeats: still active after its session")
	}
	rack := "r"
	if got, err := change(BrokerChange{Rack: &rack, State: to(TargetUnfenced)}); err != nil ||
		got[0] != record.TypeRegisterBroker || *d.Image().Broker(1).Rack != "r" ||
		d.Image().Broker(1).Epoch != epoch {
		t.Errorf("amend: %v %v", got, err)
	}
	if got, err := change(BrokerChange{State: to(TargetShutdown)}); err != nil ||
		got[0] != record.TypeBrokerRegistrationChange || !d.Image().Broker(1).InControlledShutdown {
		t.Errorf("shut down: %v %v", got, err)
	}
	if _, err := change(BrokerChange{State: to(TargetUnfenced)}); err == nil {
		t.Error("a controlled shutdown is taken back")
	}
	host := "h"
	if _, err := change(BrokerChange{Host: &host}); err == nil {
		t.Error("an endpoint is changed that is not there")
	}
	if _, err := change(BrokerChange{BrokerEpoch: epoch + 1, Rack: &rack}); err == nil {
		t.Error("another epoch is accepted")
	}
}
