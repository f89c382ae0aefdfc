package scenario

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	replicated     = 3 // brokers, and replicas of every partition
	survivingTopic = "surviving"
)

// ThreeBrokersSurviveControllerKills kills (SIGKILL) one controller after the other, the leader
// first, while records and topics are written: writes continue after each kill, no broker exits,
// and in the end no acknowledged write is missing. Then it kills all controllers at once, restarts
// times. In a quorum of one or two, writes stop until the node is back, so it is restarted first.
// It returns the longest times without an acknowledgement during the kills of single controllers.
func ThreeBrokersSurviveControllerKills(
	t testing.TB, q kafka.Quorum, kills, restarts int,
) (record, topic time.Duration) {
	brokers := kafka.StartBrokers(t, q, replicated,
		kafka.BrokerOptions{InternalReplicas: replicated})
	addrs := kafka.Addrs(brokers...)
	kafka.CreateTopic(t, addrs, survivingTopic, 6, replicated)
	load := kafka.StartLoad(t, addrs, survivingTopic, replicated)
	load.WaitProgress(t, kafka.Patience)

	var done []int32
	for range kills {
		victim := nextVictim(t, q, done)
		done = append(done, victim)
		killAndRestart(t, q, victim, load)
		kafka.RequireAlive(t, brokers...)
	}
	record, topic = load.LongestGaps()
	kafka.Logf(t, "controllers %s, %d kills: %v", q.Name(), kills, load)
	for range restarts {
		killAll(t, q, load)
		kafka.RequireAlive(t, brokers...)
	}
	load.Stop()
	kafka.Logf(t, "controllers %s, %d kills, all killed at once %d times: %v", q.Name(), kills,
		restarts, load)
	load.Ledger.Verify(t, addrs)
	for _, b := range brokers {
		stopWhole(t, b)
	}
	return record, topic
}

// killAll kills all controllers and restarts them.
func killAll(t testing.TB, q kafka.Quorum, load *kafka.Load) {
	var wg sync.WaitGroup
	for _, id := range q.Nodes() {
		wg.Go(func() { q.Kill(id) })
	}
	wg.Wait()
	for _, id := range q.Nodes() {
		q.Start(t, id)
	}
	record, topic := load.WaitProgress(t, kafka.Patience)
	kafka.Logf(t, "killed and started all controllers: a record acknowledged after %v, a topic "+
		"after %v",
		record.Round(time.Millisecond), topic.Round(time.Millisecond))
	for _, id := range q.Nodes() {
		kafka.WaitCaughtUp(t, q, id, kafka.Patience)
	}
}

// nextVictim is the leader, unless it was killed more recently than another node: every node gets
// its turn.
func nextVictim(t testing.TB, q kafka.Quorum, done []int32) int32 {
	nodes := q.Nodes()
	round := done[len(done)-len(done)%len(nodes):]
	waiting := slices.DeleteFunc(nodes, func(id int32) bool { return slices.Contains(round, id) })
	if leader := kafka.WaitLeader(t, q, kafka.Patience).ID; slices.Contains(waiting, leader) {
		return leader
	}
	return waiting[0]
}

func killAndRestart(t testing.TB, q kafka.Quorum, victim int32, load *kafka.Load) {
	leads := kafka.WaitLeader(t, q, kafka.Patience).ID == victim
	begin := time.Now()
	q.Kill(victim)
	if len(q.Nodes()) < 3 {
		q.Start(t, victim)
	}
	record, topic := load.WaitProgress(t, kafka.Patience)
	kafka.Logf(t, "killed controller %d (leader: %t): a record acknowledged after %v, a topic "+
		"after %v",
		victim, leads, record.Round(time.Millisecond), topic.Round(time.Millisecond))
	if !q.Alive(victim) {
		q.Start(t, victim)
	}
	kafka.WaitCaughtUp(t, q, victim, kafka.Patience)
	kafka.Logf(t, "controller %d caught up %v after it was killed", victim,
		time.Since(begin).Round(time.Millisecond))
}

// stopWhole stops a broker that must still be running; it may have logged errors, which are
// printed.
func stopWhole(t testing.TB, b *kafka.Broker) {
	kafka.RequireAlive(t, b)
	if errs := b.LogErrors(); len(errs) > 0 {
		kafka.Logf(t, "%s logged %d errors, the last: %s", b.Name, len(errs), errs[len(errs)-1])
	}
	if code := b.Stop(t); code != 0 && code != sigtermJVM {
		t.Errorf("%s exited with code %d", b.Name, code)
	}
}
