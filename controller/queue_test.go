package controller

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// takeAll runs a queue until it is empty and lists what ran, with counts: "a3 b" is three of a,
// then b.
func takeAll(q *queue) (order []string) {
	var last string
	n := 0
	note := func() {
		switch {
		case n > 1:
			order = append(order, last+strconv.Itoa(n))
		case n == 1:
			order = append(order, last)
		}
	}
	for events := q.take(true); events != nil; events = q.take(true) {
		for _, e := range events {
			if e.name != last {
				note()
				last, n = e.name, 0
			}
			n++
		}
	}
	note()
	return order
}

func TestWhatKeepsBrokersAliveGoesFirst(t *testing.T) {
	t.Parallel()
	q := newQueue(0)
	for range 40 {
		q.addNew(administrator, true, event{name: "flood"})
		q.addNew(administrator, false, event{name: "short"})
		q.addPart(false, event{name: "fence"})
	}
	for range 3 {
		q.addNew(livingBroker, false, event{name: "beat"})
	}
	q.addLog(event{name: "commit"})
	got := takeAll(q)
	want := []string{"commit", "beat3", "short16", "fence", "short16", "fence", "short8", "fence2",
		"flood", "fence4", "flood"}
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("%v, want %v...", got, want)
	}
}

func TestHeartbeatsDoNotKeepOthersFromTheCore(t *testing.T) {
	t.Parallel()
	q := newQueue(0)
	for range 3 * urgentPerOther {
		q.addNew(livingBroker, false, event{name: "beat"})
	}
	q.addNew(administrator, false, event{name: "short"})
	q.addNew(administrator, true, event{name: "long"})
	beats := "beat" + strconv.Itoa(urgentPerOther)
	if got, want := takeAll(q), []string{beats, "short", beats, "long", beats}; !slices.Equal(got,
		want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestTheQueueForgetsWhatItHasGivenOut: an event may hold a request of megabytes.
func TestTheQueueForgetsWhatItHasGivenOut(t *testing.T) {
	t.Parallel()
	q := newQueue(0)
	for range 10 {
		q.addNew(administrator, false, event{name: "short", run: func() {}})
	}
	all := q.requests
	for range 10 {
		q.take(true)
	}
	for i := range all {
		if all[i].run != nil {
			t.Fatalf("event %d is still held", i)
		}
	}
}

// electionsOf asks for the elections of named partitions, more than a part of them.
func electionsOf(topic string, partitions int) *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version = 2
	t := kmsg.NewElectLeadersRequestTopic()
	t.Topic = topic
	for i := range partitions {
		t.Partitions = append(t.Partitions, int32(i))
	}
	req.Topics = append(req.Topics, t)
	return req
}

// TestAFloodOfLongRequestsLeavesTheOthersTheirTurn counts how many turns of long requests pass
// before a heartbeat that needs the core, and a small request, have theirs.
func TestAFloodOfLongRequestsLeavesTheOthersTheirTurn(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	epoch := d.addBroker(1)
	d.addBroker(2)
	d.addPartitions("foo", 3*partitionsPerPart, func(int) []int32 { return []int32{1, 2} })
	var flood []*kmsg.Response
	for range 20 {
		flood = append(flood, d.ask(electionsOf("foo", 3*partitionsPerPart)))
	}
	d.step()
	beat := heartbeatRequest(1, epoch, 1<<40)
	beat.CordonedLogDirs = [][16]byte{testUUID(1)}
	slots := map[string]*kmsg.Response{"heartbeat": d.ask(beat),
		"small": d.ask(producerIDs(1, epoch))}
	for name, slot := range slots {
		long := 0
		for *slot == nil {
			if event, _ := d.step(); event == "ElectLeaders" {
				long++
			}
		}
		if long > 1 {
			t.Errorf("%s: %d turns of long requests went first", name, long)
		}
	}
	d.settle()
	for _, slot := range flood {
		if resp, ok := (*slot).(*kmsg.ElectLeadersResponse); !ok || resp.ErrorCode != 0 ||
			resp.Topics[0].Partitions[0].ErrorCode != kerr.ElectionNotNeeded.Code {
			t.Fatalf("%s", fmt.Sprintf("%+v", *slot)[:200])
		}
	}
}
