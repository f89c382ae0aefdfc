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
	livesTopic = "lives"
	// livesSession is broker.session.timeout.ms. The checks are exact, so only killed brokers may
	// be fenced.
	livesSession = 20 * time.Second
)

// Lives is a cluster of brokers with a topic of three replicas that is written to with acks=all all
// the time. The tests never need two replicas to be lost: min.insync.replicas is 2.
type Lives struct {
	t       testing.TB
	q       kafka.Quorum
	all     []*kafka.Broker
	writers *kafka.Writers
	n       int // number of partitions
}

// LivesProperties are the controllers' properties for these scenarios: short sessions, and
// elections on request only.
func LivesProperties() map[string]string {
	return map[string]string{
		"broker.session.timeout.ms":    fmt.Sprint(livesSession.Milliseconds()),
		"broker.heartbeat.interval.ms": "1000",
		"auto.leader.rebalance.enable": "false",
	}
}

// StartLives starts four brokers with two log directories each; every two brokers share a
// partition.
func StartLives(t testing.TB, q kafka.Quorum) *Lives {
	l := &Lives{t: t, q: q}
	l.all = kafka.StartBrokers(t, q, 4,
		kafka.BrokerOptions{LogDirs: 2, Properties: map[string]string{
			"broker.heartbeat.interval.ms": "1000",
			// Longer than sessions: removing a dead broker from the ISR is the controllers' task.
			"replica.lag.time.max.ms": "30000",
			// writes to every directory, so that the broker detects a broken one
			"replica.high.watermark.checkpoint.interval.ms": "500",
		}})
	replicas := [][]int32{{1, 2, 3}, {2, 3, 4}, {3, 4, 1}, {4, 1, 2}, {1, 3, 4}, {2, 4, 1},
		{3, 1, 2}, {4, 2, 3}}
	l.n = len(replicas)
	kafka.CreateTopicWith(t, l.addrs(), livesTopic, map[string]string{"min.insync.replicas": "2"},
		replicas...)
	l.writers = kafka.StartWriters(t, l.addrs(), livesTopic, l.n)
	l.writers.WaitEach(t, kafka.Patience)
	l.awaitInSync()
	return l
}

// alive returns the running brokers.
func (l *Lives) alive() []*kafka.Broker {
	return slices.DeleteFunc(slices.Clone(l.all), func(b *kafka.Broker) bool { return !b.Alive() })
}

func (l *Lives) addrs() []string { return kafka.Addrs(l.alive()...) }

func (l *Lives) broker(id int32) *kafka.Broker { return l.all[id-1] }

// known returns the topic as the running brokers know it; an error unless they agree.
func (l *Lives) known() (first []kafka.Partition, err error) {
	for _, addr := range l.addrs() {
		list, err := kafka.Partitions(l.t.Context(), addr, livesTopic)
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].Offline = nil // that broker's own view
		}
		if first != nil && !reflect.DeepEqual(first, list) {
			return nil, fmt.Errorf("brokers differ: %+v, %+v", first, list)
		}
		first = list
	}
	if len(first) != l.n {
		return nil, fmt.Errorf("%d of %d partitions", len(first), l.n)
	}
	return first, nil
}

// await waits until check accepts the topic as all running brokers know it.
func (l *Lives) await(
	within time.Duration, what string, check func(kafka.Partition) error,
) (known []kafka.Partition) {
	l.t.Helper()
	took := kafka.Eventually(l.t, within, what, func() (err error) {
		if known, err = l.known(); err != nil {
			return err
		}
		for _, p := range known {
			err = errors.Join(err, check(p))
		}
		return err
	})
	kafka.Logf(l.t, "%s after %v", what, took.Round(time.Millisecond))
	return known
}

// awaitInSync waits until every replica is in sync, and returns the topic.
func (l *Lives) awaitInSync() []kafka.Partition {
	l.t.Helper()
	return l.await(kafka.Patience, "all replicas are in sync", inSync)
}

func inSync(p kafka.Partition) error {
	if len(p.ISR) != len(p.Replicas) || p.Leader < 0 || len(p.ELR) > 0 {
		return fmt.Errorf("%+v is not in sync", p)
	}
	return nil
}

// without returns the expected partitions after a broker has left some of them: it leaves the ISR,
// and if it led, the first other replica in the ISR leads, in the order of the replicas. Nothing
// else changes.
func without(
	before []kafka.Partition, broker int32, gone func(kafka.Partition) bool,
) func(kafka.Partition) error {
	return func(p kafka.Partition) error {
		want := before[p.ID]
		if gone(want) {
			want.ISR = slices.DeleteFunc(slices.Clone(want.ISR),
				func(id int32) bool { return id == broker })
		}
		if i := slices.IndexFunc(want.Replicas, func(id int32) bool {
			return slices.Contains(want.ISR, id)
		}); want.Leader == broker && gone(want) && i >= 0 {
			want.Leader, want.LeaderEpoch = want.Replicas[i], want.LeaderEpoch+1
		}
		if !reflect.DeepEqual(p, want) {
			return fmt.Errorf("%+v, want %+v", p, want)
		}
		return nil
	}
}

func everywhere(kafka.Partition) bool { return true }

func anything(kafka.Partition) error { return nil }

// returned returns the expected partitions when a broker is back: it joins the ISR. Leaders stay.
func returned(before []kafka.Partition) func(kafka.Partition) error {
	return func(p kafka.Partition) error {
		if want := before[p.ID]; p.Leader != want.Leader || p.LeaderEpoch != want.LeaderEpoch {
			return fmt.Errorf("%+v, led otherwise before: %+v", p, want)
		}
		return inSync(p)
	}
}

// Crash kills a broker and restarts it: its partitions get other leaders, and it returns to their
// ISRs. meanwhile runs while it is dead.
func (l *Lives) Crash(id int32, meanwhile func()) {
	l.t.Helper()
	b := l.broker(id)
	before := l.awaitInSync()
	b.Kill()
	after := l.await(kafka.Patience, b.Name+" killed: others lead", without(before, id, everywhere))
	l.writers.WaitEach(l.t, kafka.Patience)
	if meanwhile != nil {
		meanwhile()
		after = l.await(kafka.Patience, "all brokers know what happened meanwhile", anything)
	}
	b.Start(l.t)
	kafka.Logf(l.t, "%s: started in %v", b.Name,
		b.WaitStarted(l.t, kafka.Patience).Round(time.Millisecond))
	l.await(kafka.Patience, b.Name+" is back", returned(after))
}

// StopAndStart shuts a broker down. When it exits, it leads nothing any more, and every other
// broker knows the new leaders. It restarts at once, and may register at once if the controllers
// support that.
func (l *Lives) StopAndStart(id int32, atOnce bool) {
	l.t.Helper()
	b := l.broker(id)
	before := l.awaitInSync()
	stopWhole(l.t, b)
	after, err := l.known()
	if err != nil {
		l.t.Fatalf("%s has exited: %v", b.Name, err)
	}
	for _, p := range after {
		if err := without(before, id, everywhere)(p); err != nil {
			l.t.Errorf("%s has exited: %v", b.Name, err)
		}
	}
	b.Start(l.t)
	took := b.WaitStarted(l.t, kafka.Patience)
	refused := containsLine(b.Log(), "DUPLICATE_BROKER_REGISTRATION")
	kafka.Logf(l.t, "%s: stopped, started in %v (refused at first: %t)", b.Name,
		took.Round(time.Millisecond), refused)
	if atOnce && refused {
		l.t.Errorf("%s was refused after a clean stop", b.Name)
	}
	l.await(kafka.Patience, b.Name+" is back", returned(after))
}

// PreferredLeaders elects the preferred leaders by Kafka's tool.
func (l *Lives) PreferredLeaders() {
	l.t.Helper()
	before := l.awaitInSync()
	moved := 0
	for _, p := range before {
		if p.Leader != p.Replicas[0] {
			moved++
		}
	}
	if moved == 0 {
		l.t.Error("all partitions are led by their first replicas before the election")
	}
	kafka.RunTool(l.t, l.q.Version(), kafka.LeaderElectionCommand, "--bootstrap-server",
		l.addrs()[0], "--election-type", "preferred", "--all-topic-partitions").MustSucceed(l.t)
	l.await(kafka.Patience, fmt.Sprintf("%d preferred leaders are back",
		moved), func(p kafka.Partition) error {
		if p.Leader != p.Replicas[0] {
			return fmt.Errorf("%+v", p)
		}
		return inSync(p)
	})
	l.writers.WaitEach(l.t, kafka.Patience)
}

// killingLeader kills the leading controller while f runs.
func (l *Lives) killingLeader(f func()) {
	l.t.Helper()
	leader := kafka.WaitLeader(l.t, l.q, kafka.Patience).ID
	var wg sync.WaitGroup
	wg.Go(func() { l.q.Kill(leader) })
	f()
	wg.Wait()
	kafka.Logf(l.t, "controller %d led and was killed", leader)
}

// restoreControllers restarts the killed controllers.
func (l *Lives) restoreControllers() {
	l.t.Helper()
	for _, id := range l.q.Nodes() {
		if !l.q.Alive(id) {
			l.q.Start(l.t, id)
			kafka.WaitCaughtUp(l.t, l.q, id, kafka.Patience)
		}
	}
}

// CrashWithController kills a broker and the leading controller at once.
func (l *Lives) CrashWithController(id int32) {
	l.t.Helper()
	b := l.broker(id)
	before := l.awaitInSync()
	l.killingLeader(b.Kill)
	after := l.await(kafka.Patience, b.Name+" and a controller killed: others lead",
		without(before, id, everywhere))
	l.writers.WaitEach(l.t, kafka.Patience)
	l.restoreControllers()
	b.Start(l.t)
	b.WaitStarted(l.t, kafka.Patience)
	l.await(kafka.Patience, b.Name+" is back", returned(after))
}

// StopWithController kills the leading controller while a broker waits for its controlled shutdown.
func (l *Lives) StopWithController(id int32) {
	l.t.Helper()
	b := l.broker(id)
	before := l.awaitInSync()
	l.killingLeader(func() { stopWhole(l.t, b) })
	after := l.await(kafka.Patience, b.Name+" stopped, a controller killed: others lead",
		without(before, id, everywhere))
	l.restoreControllers()
	b.Start(l.t)
	b.WaitStarted(l.t, kafka.Patience)
	l.await(kafka.Patience, b.Name+" is back", returned(after))
}

// End stops the writers and verifies that no acknowledged write is missing.
func (l *Lives) End() {
	l.t.Helper()
	l.awaitInSync()
	l.writers.WaitEach(l.t, kafka.Patience)
	l.writers.Stop()
	kafka.RequireAlive(l.t, l.all...)
	kafka.Logf(l.t, "controllers %s: %v", l.q.Name(), l.writers)
	l.writers.Ledger.Verify(l.t, l.addrs())
}

func containsLine(log, text string) bool { return match(log, text) == nil }
