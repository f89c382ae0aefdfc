package controller

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// fenceByHand fences a broker by an operator's change.
func (d *testDriver) fenceByHand(id int32, dry bool) Outcome {
	d.t.Helper()
	fenced := TargetFenced
	change := BrokerChange{
		BrokerID: id, BrokerEpoch: d.Image().Broker(id).Epoch, State: &fenced, DryRun: dry,
	}
	outcome, err := d.do(d.t, func(ctx context.Context) (Outcome, error) {
		return d.ChangeBroker(ctx, protocol.Caller{}, change)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return outcome
}

// leaderships describes every partition of an image.
func leaderships(img *metadata.Image) map[string]string {
	all := map[string]string{}
	for t := range img.Topics() {
		for id, p := range t.Partitions() {
			all[fmt.Sprintf("%s-%d", t.Name, id)] = leadership(p)
		}
	}
	return all
}

func leadership(p *metadata.Partition) string {
	return fmt.Sprint(p.Leader, p.LeaderEpoch, p.PartitionEpoch, p.ISR, p.ELR(), p.LastKnownELR())
}

// TestWhatIfIsWhatHappens compares the forecast of two failures with the failures. Each replica set
// of up to three of four brokers occurs, so partitions lose one, two or all of their replicas.
func TestWhatIfIsWhatHappens(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	for id := int32(1); id <= 4; id++ {
		d.addBroker(id)
	}
	var sets [][]int32
	for a := int32(1); a <= 4; a++ {
		sets = append(sets, []int32{a})
		for b := int32(1); b <= 4; b++ {
			for c := int32(1); c <= 4 && a != b; c++ {
				if c == a || c == b {
					sets = append(sets, []int32{a, b})
				} else {
					sets = append(sets, []int32{a, b, c})
				}
			}
		}
	}
	d.addPartitions("foo", len(sets), func(i int) []int32 { return sets[i] })
	want := leaderships(d.Image())
	w, err := d.WhatIf(d.Image(), []int32{3, 1, 3})
	if err != nil {
		t.Fatal(err)
	}
	offline, changed := 0, 0
	w.Effects(func(e Effect) bool {
		name := fmt.Sprintf("%s-%d", e.Topic.Name, e.ID)
		if want[name] != leadership(e.Before) {
			t.Errorf("%s came twice, or was %s", name, want[name])
		}
		want[name] = leadership(e.After)
		changed++
		if e.Offline() {
			offline++
		}
		return true
	})
	d.fenceByHand(3, false)
	d.fenceByHand(1, false)
	for name, got := range leaderships(d.Image()) {
		if got != want[name] {
			t.Errorf("%s: the forecast was %s, and it is %s", name, want[name], got)
		}
	}
	if offline == 0 || changed <= offline || changed == len(sets) {
		t.Errorf("of %d partitions %d change and %d are offline", len(sets), changed, offline)
	}
	if _, err := d.WhatIf(d.Image(), []int32{1, 9}); err == nil {
		t.Error("an unknown broker was accepted")
	}
}

// TestADryRunLeavesLoggersAlone: their levels are no records, so that they change as soon as a
// request is carried out.
func TestADryRunLeavesLoggersAlone(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	outcome, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.DoNext(ctx, protocol.Caller{}, Operation{DryRun: true,
			Make: func(*metadata.Image) (kmsg.Request, error) {
				level := "FATAL"
				r := kmsg.NewIncrementalAlterConfigsRequestResource()
				r.ResourceType = kmsg.ConfigResourceTypeBrokerLogger
				r.ResourceName = fmt.Sprint(d.cfg.NodeID)
				r.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{
					{Name: loglevel.Root, Value: &level},
				}
				req := kmsg.NewPtrIncrementalAlterConfigsRequest()
				req.Resources = append(req.Resources, r)
				return req, nil
			}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range outcome.Response.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if r.ErrorCode != 0 {
			t.Errorf("%d %s", r.ErrorCode, *r.ErrorMessage)
		}
	}
	if root, _ := d.cfg.Loggers.Get(loglevel.Root); root.Level == "FATAL" {
		t.Error("a dry run changed the level of a logger")
	}
}

// TestALongDryRunIsWhole: a dry run of an operation in parts has the records of all parts, and
// changes nothing.
func TestALongDryRunIsWhole(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	for id := int32(1); id <= 3; id++ {
		d.addBroker(id)
	}
	d.addPartitions("foo", manyPartitions, func(int) []int32 { return []int32{1, 2, 3} })
	end := d.Image().EndOffset()
	fence := d.fenceByHand(1, true)
	unregister, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.DoNext(ctx, protocol.Caller{}, Operation{DryRun: true,
			Make: func(*metadata.Image) (kmsg.Request, error) {
				req := kmsg.NewPtrUnregisterBrokerRequest()
				req.BrokerID = 1
				return req, nil
			}})
	})
	if err != nil {
		t.Fatal(err)
	}
	elect, err := d.do(t, func(ctx context.Context) (Outcome, error) {
		return d.DoNext(ctx, protocol.Caller{}, Operation{DryRun: true,
			Make: func(*metadata.Image) (kmsg.Request, error) {
				return kmsg.NewPtrElectLeadersRequest(), nil
			}})
	})
	if err != nil || elect.Response == nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Outcome{"fence": fence, "unregister": unregister} {
		if n := len(d.Changed(o.Before, o.Image, o.Written)); n != manyPartitions ||
			o.Image.Leads(1) != 0 || o.Before.Leads(1) != manyPartitions {
			t.Errorf("%s: %d partitions change, and broker 1 leads %d", name, n, o.Image.Leads(1))
		}
	}
	if d.Image().EndOffset() != end || d.core.working.EndOffset() != end {
		t.Errorf("dry runs moved the log from %d to %d", end, d.core.working.EndOffset())
	}
}
