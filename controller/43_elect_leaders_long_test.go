package controller

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

const electionPart = 100

// imbalanced makes broker 1, the preferred leader, broker 2, which leads its partitions at present,
// and a fenced broker 3.
func imbalanced(t *testing.T, partMax int) (d *testDriver, epoch int64) {
	d = newTestDriver(t)
	d.core.partMax = partMax
	epoch = d.addBroker(1)
	d.addBroker(2)
	d.answer(registrationRequest(d.cfg.ClusterID, 3, 1))
	return d, epoch
}

// addLed makes a topic of partitions with these replicas, all led by broker 2.
func (d *testDriver) addLed(name string, partitions int, replicas ...int32) {
	d.t.Helper()
	id := testUUID(len(d.log.All))
	records := []record.Record{&record.Topic{Name: name, TopicID: id}}
	for i := range partitions {
		records = append(records, &record.Partition{
			PartitionID: int32(i), TopicID: id, Replicas: replicas, ISR: replicas, Leader: 2,
			Directories: make([]protocol.UUID, len(replicas)),
		})
	}
	for len(records) > 0 {
		n := min(len(records), recordsPerUserOp)
		d.apply(records[:n]...)
		records = records[n:]
	}
}

func everything() *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.Topics = 2, nil
	return req
}

// addMany makes topics of three kinds, by preferred leader: broker 1, broker 2, which leads them
// already, and broker 3, which is fenced.
func (d *testDriver) addMany() {
	for i := range 6 {
		d.addLed(fmt.Sprint("back-", i), electionPart-30, 1, 2)
		d.addLed(fmt.Sprint("same-", i), 10, 2, 1)
	}
	d.addLed("gone", electionPart+5, 3, 2)
	for i := range 2 * electionPart {
		d.addLed(fmt.Sprint("tiny-", i), 1, 2, 1)
	}
}

func TestElectionsForAllPartitionsRunInParts(t *testing.T) {
	whole, _ := imbalanced(t, 1<<20)
	whole.addMany()
	want := whole.answer(everything()).(*kmsg.ElectLeadersResponse)
	if len(want.Topics) != 6+6+1+2*electionPart ||
		len(want.Topics[0].Partitions) != electionPart-30 {
		t.Fatalf("%d topics are listed", len(want.Topics))
	}

	d, epoch := imbalanced(t, electionPart)
	d.addMany()
	n := len(d.log.All)
	slot := d.ask(everything())
	turns := 0
	for ; *slot == nil; turns++ {
		// that changes something, and so takes a turn itself
		beat := heartbeatRequest(1, epoch, 1<<40)
		if turns%2 == 0 {
			beat.CordonedLogDirs = [][16]byte{testUUID(1)}
		}
		answer := d.ask(beat)
		for parts := 0; *answer == nil; {
			if name, _ := d.step(); name == "ElectLeaders" {
				parts++
			}
			if parts > 1 {
				t.Fatal("a heartbeat waits for more than one part")
			}
		}
		d.step()
	}
	if !reflect.DeepEqual(*slot, kmsg.Response(want)) {
		t.Error("the answer in parts is another than the answer at once")
	}
	for _, b := range d.log.All[n:] {
		if b.Count() > electionPart {
			t.Errorf("a part of %d records", b.Count())
		}
	}
	if least := (6*(electionPart-30)+electionPart+5)/electionPart + 1; turns < least {
		t.Errorf("%d turns, want %d or more", turns, least)
	}
	if got := d.Image().Leads(1); got != 6*(electionPart-30) {
		t.Errorf("broker 1 leads %d partitions", got)
	}
}

func TestElectionsForAllPartitionsAreLimited(t *testing.T) {
	for _, test := range []struct {
		back, gone int
		want       int16
	}{
		{recordsPerUserOp, 0, 0},
		{recordsPerUserOp, 10, 0}, // what cannot be elected is no change
		{recordsPerUserOp + 1, 0, kerr.PolicyViolation.Code},
	} {
		d, _ := imbalanced(t, partitionsPerPart)
		d.addLed("back", test.back, 1, 2)
		d.addLed("gone", test.gone, 3, 2)
		end := d.log.End
		resp := d.answer(everything()).(*kmsg.ElectLeadersResponse)
		if resp.ErrorCode != test.want {
			t.Errorf("%+v: code %d", test, resp.ErrorCode)
		}
		if changes := int(d.log.End - end); test.want == 0 && changes != test.back ||
			test.want != 0 && changes != 0 {
			t.Errorf("%+v: %d changes", test, changes)
		}
		if test.want == 0 && len(resp.Topics[0].Partitions) != test.back {
			t.Errorf("%+v: %d partitions are answered for", test, len(resp.Topics[0].Partitions))
		}
	}
}

func TestElectionsForAllPartitionsBetweenOtherThings(t *testing.T) {
	d, epoch := imbalanced(t, electionPart)
	for _, name := range []string{"a", "b", "c"} {
		d.addLed(name, electionPart, 1, 2)
	}
	slot := d.ask(everything())
	d.step()
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version, remove.TopicNames = 5, []string{"a"}
	d.ask(remove)
	d.stepUntil("the topic is gone", func() bool { return d.Image().TopicByName("a") == nil })
	d.log.Refuse = ErrTooManyPending
	d.settle()
	d.log.Refuse = nil
	d.advance(againAfter)
	resp, ok := (*slot).(*kmsg.ElectLeadersResponse)
	if !ok || len(resp.Topics) != 2 || len(resp.Topics[0].Partitions) != electionPart ||
		len(resp.Topics[1].Partitions) != electionPart {
		t.Fatalf("%+v", resp)
	}

	d.addLed("d", 2*electionPart, 1, 2)
	slot = d.ask(everything())
	d.step()
	d.LeaderChanged(3001, 2)
	d.settle()
	if resp, ok := (*slot).(*kmsg.ElectLeadersResponse); !ok ||
		resp.ErrorCode != kerr.NotController.Code {
		t.Errorf("%+v", *slot)
	}
	d.lead(3)
	d.answer(heartbeatRequest(1, epoch, 1<<40))
	if resp := d.answer(everything()).(*kmsg.ElectLeadersResponse); resp.ErrorCode != 0 ||
		len(resp.Topics[2].Partitions) != electionPart {
		t.Errorf("%+v", resp)
	}
}
