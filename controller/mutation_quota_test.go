package controller

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/protocol"
)

var alice = protocol.Caller{Principal: "User:alice", ClientID: "app"}

// as sends a request of a caller and returns the code of its first topic, and the throttle time of
// the response.
func (d *testDriver) as(caller protocol.Caller, req kmsg.Request) (code int16, throttleMs int32) {
	d.t.Helper()
	var resp kmsg.Response
	d.Handle(context.Background(), caller, req, func(r kmsg.Response) { resp = r })
	d.settle()
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		return r.Topics[0].ErrorCode, r.ThrottleMillis
	case *kmsg.DeleteTopicsResponse:
		return r.Topics[0].ErrorCode, r.ThrottleMillis
	case *kmsg.CreatePartitionsResponse:
		return r.Topics[0].ErrorCode, r.ThrottleMillis
	}
	d.t.Fatalf("no answer: %T", resp)
	return 0, 0
}

func creation(name string, partitions int, version int16) *kmsg.CreateTopicsRequest {
	req := createTopicRequest(name, slices.Repeat([][]int32{{1}}, partitions)...)
	req.SetVersion(version)
	return req
}

func deletionOf(name string, version int16) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames = version, []string{name}
	return req
}

func growth(name string, to int32, version int16) *kmsg.CreatePartitionsRequest {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version = version
	req.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: name, Count: to}}
	return req
}

func TestMutationQuota(t *testing.T) {
	d := newTestDriver(t, func(cfg *Config) { cfg.QuotaWindow = 10 * time.Second })
	d.addBroker(1)
	d.apply(controllertest.MutationQuota("alice", "-", 2)) // 20 at once
	refused := kerr.ThrottlingQuotaExceeded.Code
	validate := creation("v", 5, 7)
	validate.ValidateOnly = true
	for i, step := range []struct {
		caller protocol.Caller
		req    kmsg.Request
		after  time.Duration // the step before
		code   int16
		wait   int32
	}{
		// 0 left: not overdrawn
		{alice, creation("a", 20, 7), 0, 0, 0},
		// -6: the last that goes
		{alice, creation("b", 6, 7), 0, 0, 0},
		// -4
		{alice, creation("c", 1, 6), time.Second, refused, 2000},
		// and a refusal draws nothing
		{alice, deletionOf("a", 5), 0, refused, 2000},
		{alice, growth("a", 21, 3), 0, refused,
			2000}, //
		{protocol.Caller{Principal: "User:bob", ClientID: "app"}, creation("bobs", 50, 7), 0, 0,
			0}, //
		// an old client only gets the throttle time: -5
		{alice, creation("c", 1, 5), 0, 0, 2500},
		// -6
		{alice, deletionOf("c", 4), 0, 0, 3000},
		// -8
		{alice, growth("b", 8, 2), 0, 0, 4000},
		// 0, and -5 by nothing but a question
		{alice, validate, 4 * time.Second, 0, 0},
		{alice, deletionOf("nothing", 6), 0, kerr.UnknownTopicOrPartition.Code,
			0}, //
		// -1
		{alice, deletionOf("b", 6), 2 * time.Second, refused, 500},
		// 0, then -8
		{alice, deletionOf("b", 6), 500 * time.Millisecond, 0, 0},
		{alice, growth("a", 21, 3), time.Second, refused,
			3000}, //
		// full: 19 left
		{alice, growth("a", 21, 3), time.Hour, 0, 0},
		{alice, creation("d", 19, 7), 0, 0,
			0}, //
		{alice, creation("e", 1, 7), 0, 0,
			0}, //
		{alice, creation("f", 1, 7), 0, refused,
			500}, //
	} {
		d.clock.Jump(step.after)
		if v, ok := step.req.(*kmsg.DeleteTopicsRequest); ok && v.Version >= 6 {
			v.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &v.TopicNames[0]}}
			v.TopicNames = nil
		}
		if code, wait := d.as(step.caller, step.req); code != step.code || wait != step.wait {
			t.Errorf("step %d: code %d, to wait for %d ms; want %d, %d", i, code, wait, step.code,
				step.wait)
		}
	}
	d.LeaderChanged(3001, 2)
	d.work()
	d.lead(3)
	d.settle()
	d.answer(heartbeatRequest(1, d.Image().Broker(1).Epoch, 1<<40))
	if code, _ := d.as(alice, creation("f", 1, 7)); code != 0 {
		t.Errorf("under a new leader: code %d", code)
	}
}

func TestWhatTheLogRefusesDrawsNothing(t *testing.T) {
	d := newTestDriver(t)
	d.addBroker(1)
	d.apply(controllertest.MutationQuota("-", "*", 1))
	d.log.Refuse = ErrTooManyPending
	for range 3 {
		if code, _ := d.as(alice, creation("a", 100, 7)); code != kerr.RequestTimedOut.Code {
			t.Errorf("code %d", code)
		}
	}
	d.log.Refuse = nil
	if code, _ := d.as(alice, creation("a", 100, 7)); code != 0 {
		t.Errorf("code %d", code)
	}
	if code, wait := d.as(alice, creation("b", 1, 7)); code != kerr.ThrottlingQuotaExceeded.Code ||
		wait != 89_000 {
		t.Errorf("code %d, to wait for %d ms", code, wait)
	}
}
