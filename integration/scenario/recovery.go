package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	recoverySession = 12 * time.Second // long enough that only killed brokers are fenced
	strictTopic     = "strict"         // three replicas, of which two must have a record
	carefulTopic    = "careful"        // two replicas, of which one is enough; no unclean elections
	recklessTopic   = "reckless"       // the same with unclean elections
)

// RecoveryProperties are the controllers' properties for Recovery: short sessions, and frequent
// elections of preferred leaders.
func RecoveryProperties() map[string]string {
	return map[string]string{
		"broker.session.timeout.ms":               fmt.Sprint(recoverySession.Milliseconds()),
		"broker.heartbeat.interval.ms":            "500",
		"leader.imbalance.check.interval.seconds": "1",
	}
}

// Recovery is a cluster of three brokers with topics on all of them, whose replicas are all lost at
// times. It needs eligible leader replicas (ELR), which new clusters have from 4.1 on.
type Recovery struct {
	t       testing.TB
	q       kafka.Quorum
	view    string // the controller that describes topics when no broker runs
	brokers []*kafka.Broker
	strict  *kafka.Writers
	// Records acknowledged by the single in-sync replica of careful and reckless.
	careful, reckless *kafka.Ledger
}

// StartRecovery starts the brokers and the writes to the strict topic. view is a controller that
// answers DescribeTopicPartitions.
func StartRecovery(t testing.TB, q kafka.Quorum, view string) *Recovery {
	r := &Recovery{t: t, q: q, view: view, careful: kafka.NewLedger(carefulTopic),
		reckless: kafka.NewLedger(recklessTopic)}
	r.brokers = kafka.StartBrokers(t, q, 3, kafka.BrokerOptions{Properties: map[string]string{
		"broker.heartbeat.interval.ms": "500",
		// longer than sessions: the controllers decide who is in sync
		"replica.lag.time.max.ms": "30000",
	}})
	addrs := kafka.Addrs(r.brokers...)
	kafka.CreateTopicWith(t, addrs, strictTopic, map[string]string{"min.insync.replicas": "2"},
		[]int32{1, 2, 3}, []int32{1, 2, 3})
	kafka.CreateTopicWith(t, addrs, carefulTopic, nil, []int32{1, 2})
	kafka.CreateTopicWith(t, addrs, recklessTopic,
		map[string]string{"unclean.leader.election.enable": "true"}, []int32{1, 2})
	kafka.Produce(t, addrs, carefulTopic, 20, r.careful)
	kafka.Produce(t, addrs, recklessTopic, 20, r.reckless)
	r.strict = kafka.StartWriters(t, addrs, strictTopic, 2)
	r.whole()
	return r
}

// is waits until, to the controllers, every partition of a topic has this leader, ISR and ELR; -1
// is no leader.
func (r *Recovery) is(topic string, leader int32, isr, elr []int32) {
	r.t.Helper()
	what := fmt.Sprintf("%s is led by %d, ISR %v, ELR %v", topic, leader, isr, elr)
	took := kafka.Eventually(r.t, kafka.Patience, what, func() error {
		known, err := kafka.Partitions(r.t.Context(), r.view, topic)
		if err != nil || len(known) == 0 {
			return errors.Join(err, fmt.Errorf("%d partitions", len(known)))
		}
		for _, p := range known {
			if p.Leader != leader || !slices.Equal(p.ISR, isr) || !slices.Equal(p.ELR, elr) {
				err = errors.Join(err, fmt.Errorf("%+v", p))
			}
		}
		return err
	})
	kafka.Logf(r.t, "%s, after %v", what, took.Round(time.Millisecond))
}

// remains checks that a topic is unchanged after a later event.
func (r *Recovery) remains(topic string, leader int32, isr, elr []int32) {
	r.t.Helper()
	var known []kafka.Partition
	kafka.Eventually(r.t, kafka.Patience, "a controller describes "+topic, func() (err error) {
		known, err = kafka.Partitions(r.t.Context(), r.view, topic)
		return err
	})
	for _, p := range known {
		if p.Leader != leader || !slices.Equal(p.ISR, isr) || !slices.Equal(p.ELR, elr) {
			r.t.Errorf("%s: %+v, want leader %d, ISR %v, ELR %v", topic, p, leader, isr, elr)
		}
	}
}

// whole waits until the first state is restored, including the preferred leaders, which only the
// controllers' own election restores; all brokers must report it. Then every acknowledged record
// must be there.
func (r *Recovery) whole() {
	r.t.Helper()
	r.is(strictTopic, 1, []int32{1, 2, 3}, []int32{})
	r.is(carefulTopic, 1, []int32{1, 2}, []int32{})
	r.is(recklessTopic, 1, []int32{1, 2}, []int32{})
	kafka.Eventually(r.t, kafka.Patience, "all brokers know it", func() error {
		for _, topic := range []string{strictTopic, carefulTopic, recklessTopic} {
			want, err := kafka.Partitions(r.t.Context(), r.view, topic)
			if err != nil {
				return err
			}
			for _, addr := range kafka.Addrs(r.brokers...) {
				if got, err := kafka.Partitions(r.t.Context(), addr, topic); err != nil ||
					!reflect.DeepEqual(got, want) {
					return errors.Join(err, fmt.Errorf("%s: %+v, want %+v", addr, got, want))
				}
			}
		}
		return nil
	})
	r.strict.WaitEach(r.t, kafka.Patience)
}

func (r *Recovery) start(id int32) {
	r.t.Helper()
	r.brokers[id-1].Start(r.t)
	r.brokers[id-1].WaitStarted(r.t, kafka.Patience)
}

func (r *Recovery) kill(id int32) { r.brokers[id-1].Kill() }

// BrokersAtOnce kills all brokers together and restarts them together.
func (r *Recovery) BrokersAtOnce() {
	r.t.Helper()
	r.together((*kafka.Broker).Kill)
	r.startAll()
	kafka.Logf(r.t, "all brokers were killed at once and started again")
	r.whole()
}

// EverythingAtOnce does the same to brokers and controllers.
func (r *Recovery) EverythingAtOnce() {
	r.t.Helper()
	var controllers sync.WaitGroup
	for _, id := range r.q.Nodes() {
		controllers.Go(func() { r.q.Kill(id) })
	}
	r.together((*kafka.Broker).Kill)
	controllers.Wait()
	for _, id := range r.q.Nodes() {
		r.q.Start(r.t, id)
	}
	r.startAll()
	kafka.Logf(r.t, "all brokers and controllers were killed at once and started again")
	r.whole()
}

func (r *Recovery) together(f func(*kafka.Broker)) {
	var wg sync.WaitGroup
	for _, b := range r.brokers {
		wg.Go(func() { f(b) })
	}
	wg.Wait()
}

func (r *Recovery) startAll() {
	r.t.Helper()
	for _, b := range r.brokers {
		b.Start(r.t)
	}
	for _, b := range r.brokers {
		b.WaitStarted(r.t, kafka.Patience)
	}
}

// EligibleReplicaLeads stops all replicas one after the other. The one that was shut down cleanly
// is eligible to lead: it has every acknowledged record, since its leader alone acknowledged no
// more. In the topics that need only one replica, a replica that missed records leads only if
// unclean elections are allowed.
func (r *Recovery) EligibleReplicaLeads() {
	r.t.Helper()
	r.kill(3)
	r.is(strictTopic, 1, []int32{1, 2}, []int32{})
	r.strict.WaitEach(r.t, kafka.Patience)
	stopWhole(r.t, r.brokers[1])
	r.is(strictTopic, 1, []int32{1}, []int32{2})
	r.is(carefulTopic, 1, []int32{1}, []int32{})
	kafka.Produce(r.t, kafka.Addrs(r.brokers[0]), carefulTopic, 20, r.careful)
	kafka.Produce(r.t, kafka.Addrs(r.brokers[0]), recklessTopic, 20, kafka.NewLedger("lost"))
	r.kill(1)
	r.is(strictTopic, -1, []int32{}, []int32{1, 2})
	r.is(carefulTopic, -1, []int32{}, []int32{1})
	r.is(recklessTopic, -1, []int32{}, []int32{1})

	r.start(3) // it has missed acknowledged records
	r.remains(strictTopic, -1, []int32{}, []int32{1, 2})
	r.start(2)
	r.is(recklessTopic, 2, []int32{2}, []int32{})
	r.is(strictTopic, 2, []int32{2, 3}, []int32{})
	r.remains(carefulTopic, -1, []int32{}, []int32{1})
	r.strict.WaitEach(r.t, kafka.Patience)
	r.start(1)
	r.whole()
}

// LastLeaderLeads kills all replicas one after the other. None of them was shut down cleanly, so
// only the last leader may lead again.
func (r *Recovery) LastLeaderLeads() {
	r.t.Helper()
	r.kill(3)
	r.is(strictTopic, 1, []int32{1, 2}, []int32{})
	r.kill(2)
	r.is(strictTopic, 1, []int32{1}, []int32{2})
	r.kill(1)
	r.is(strictTopic, -1, []int32{}, []int32{1, 2})
	r.start(3)
	r.remains(strictTopic, -1, []int32{}, []int32{1, 2})
	r.start(2)
	r.remains(strictTopic, -1, []int32{}, []int32{1})
	r.start(1)
	r.whole()
}

// End verifies that no acknowledged record is missing. Reckless must have the records from before
// its unclean election.
func (r *Recovery) End() {
	r.t.Helper()
	r.strict.Stop()
	kafka.RequireAlive(r.t, r.brokers...)
	kafka.Logf(r.t, "%v", r.strict)
	for _, l := range []*kafka.Ledger{r.strict.Ledger, r.careful, r.reckless} {
		l.Verify(r.t, kafka.Addrs(r.brokers...))
	}
}
