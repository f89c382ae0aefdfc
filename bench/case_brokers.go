package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fleetSizes are the numbers of brokers in cases (d) and (e).
func (r *run) fleetSizes() []int {
	if r.full {
		return []int{50, 500}
	}
	return []int{50}
}

// registerBrokers is case (d): many brokers start at once.
func registerBrokers(r *run) {
	warm := r.newFleet(20)
	warm.join()
	next := len(warm.brokers)
	for _, n := range r.fleetSizes() {
		f := &fleet{run: r, tail: warm.tail, brokers: nil}
		for range n {
			b := newBroker(int32(firstBrokerID+next), r.quorum.ClusterID())
			f.brokers = append(f.brokers, b)
			next++
		}
		r.progress.show("%d brokers register", n)
		begin, cpu := time.Now(), r.controllersCPU()
		took := f.join()
		l := load{latencies: took, elapsed: time.Since(begin), cpu: r.controllersCPU() - cpu}
		what := fmt.Sprintf("%d brokers at once", n)
		r.reportMs(what+": all unfenced", l.elapsed)
		r.reportMs(what+": a broker, p50", percentile(took, 0.5))
		for _, b := range f.brokers {
			b.conn.close()
		}
	}
}

// heartbeatsFlatOut is case (e): every broker sends its next heartbeat as soon as it has the last
// answer.
func heartbeatsFlatOut(r *run) {
	sizes := r.fleetSizes()
	f := r.newFleet(slices.Max(sizes))
	f.join()
	beat := func(_ context.Context, w int) error {
		_, err := f.brokers[w].heartbeat(f.tail.applied.Load(), false)
		return err
	}
	for _, n := range sizes {
		r.check(r.drive("warming up", len(f.brokers), limit{time: r.seconds(1, 4)}, beat).err)
		l := r.drive(fmt.Sprintf("heartbeats of %d brokers", n), n, limit{time: r.seconds(2, 5)},
			beat)
		r.reportRate(fmt.Sprintf("%d brokers: heartbeat", n), l)
	}
}

func (r *run) seconds(small, full int) time.Duration {
	return time.Duration(r.n(small, full)) * time.Second
}

const partitionsPerLeader = 20

// alterFlatOut is case (f): fifty leaders shrink and grow the in-sync replicas of their partitions,
// one partition per request.
func alterFlatOut(r *run) {
	const leaders = 50
	f := r.startFleet(leaders)
	addr := r.leaderAddr()
	admin := r.dial(addr, "creator")
	topic, err := admin.createAssigned("altered", leaders*partitionsPerLeader, spreadOver(leaders))
	r.check(err)
	var all []*leader
	for _, b := range f.brokers {
		all = append(all, newLeader(b, f, topic, r.dial(addr, b.clientID())))
	}
	alter := func(_ context.Context, w int) error { return all[w].alter() }
	r.check(r.drive("warming up", leaders, limit{time: r.seconds(1, 4)}, alter).err)
	l := r.drive("AlterPartition of 50 leaders", leaders, limit{time: r.seconds(2, 5)}, alter)
	r.reportRate("50 leaders: AlterPartition", l)
}

// leader is a broker that leads the partitions id-1, id-1+50, … of one topic.
type leader struct {
	*broker
	conn       *conn // a second one: a real broker sends heartbeats on a connection of their own
	topic      [16]byte
	partitions []ledPartition
	next       int
}

type ledPartition struct {
	index    int32
	epoch    int32 // the partition's
	shrunk   bool
	replicas []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR
}

func newLeader(b *broker, f *fleet, topic [16]byte, c *conn) *leader {
	l := &leader{broker: b, conn: c, topic: topic}
	place := spreadOver(len(f.brokers))
	for i := range partitionsPerLeader {
		index := int(b.id-firstBrokerID) + i*len(f.brokers)
		p := ledPartition{index: int32(index)}
		for _, id := range place(index) {
			replica := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			replica.BrokerID, replica.BrokerEpoch = id, f.brokers[id-firstBrokerID].epoch
			p.replicas = append(p.replicas, replica)
		}
		l.partitions = append(l.partitions, p)
	}
	return l
}

// alter removes the last replica of the next partition from the in-sync replicas, or adds it again.
func (l *leader) alter() error {
	p := &l.partitions[l.next%len(l.partitions)]
	l.next++
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version, req.BrokerID, req.BrokerEpoch = 3, l.id, l.epoch
	t, rp := kmsg.NewAlterPartitionRequestTopic(), kmsg.NewAlterPartitionRequestTopicPartition()
	rp.Partition, rp.PartitionEpoch, rp.NewEpochISR = p.index, p.epoch, p.replicas
	if !p.shrunk {
		rp.NewEpochISR = p.replicas[:len(p.replicas)-1]
	}
	t.TopicID, t.Partitions = l.topic, append(t.Partitions, rp)
	req.Topics = append(req.Topics, t)
	resp, err := ask[*kmsg.AlterPartitionResponse](l.conn, req)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err == nil && (len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1) {
		err = fmt.Errorf("response without its partition")
	}
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		return fmt.Errorf("alter partition %d of broker %d: %w", p.index, l.id, err)
	}
	p.epoch, p.shrunk = resp.Topics[0].Partitions[0].PartitionEpoch, !p.shrunk
	return nil
}
