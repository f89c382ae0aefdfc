package scenario

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	sigtermJVM    = 143 // exit code of a JVM after an orderly shutdown by SIGTERM
	lifeTopic     = "life"
	lifeRecords   = 100
	transactional = "life-transactions"
)

// BrokerLife runs two brokers of a release, which find the controllers in the two possible ways,
// through everything that a small cluster does: boot, topics, produce and consume, a group,
// transactions, restarts, and clean shutdowns without a single error in their logs.
func BrokerLife(t testing.TB, q kafka.Quorum, version string) {
	dynamic := kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 1, Version: version})
	static := kafka.NewBroker(t, q,
		kafka.BrokerOptions{ID: 2, Version: version, StaticVoters: true})
	brokers := []*kafka.Broker{dynamic, static}
	for _, b := range brokers {
		b.Start(t)
		boot := b.WaitStarted(t, kafka.Patience)
		kafka.Logf(t, "%s, controllers %s: started in %v", b.Name, q.Name(),
			boot.Round(time.Millisecond))
	}
	addrs := kafka.Addrs(brokers...)
	ledger := kafka.NewLedger(lifeTopic)
	kafka.CreateTopic(t, addrs, lifeTopic, 4, 1)
	kafka.Produce(t, addrs, lifeTopic, lifeRecords, ledger)
	ledger.Verify(t, addrs)
	kafka.ConsumeByGroup(t, addrs, "life-group", lifeTopic, lifeRecords)
	kafka.CreateTopic(t, addrs, transactional, 4, 1)
	kafka.RoundTripTransactions(t, addrs, transactional, transactional, 10)

	for _, b := range brokers {
		kafka.Logf(t, "%s: restarted in %v", b.Name, b.Restart(t).Round(time.Millisecond))
	}
	ledger.Verify(t, addrs)
	kafka.Produce(t, addrs, lifeTopic, lifeRecords, ledger)
	ledger.Verify(t, addrs)
	kafka.ConsumeByGroup(t, addrs, "life-group", lifeTopic, lifeRecords)
	for _, b := range brokers {
		stopCleanly(t, b)
	}
}

// BothKindsServe starts one broker with controller.quorum.bootstrap.servers and one with
// controller.quorum.voters, of these releases, and has them carry replicas for each other, a group
// and a transaction.
func BothKindsServe(
	t testing.TB, q kafka.Quorum, dynamicVersion, staticVersion string,
) []*kafka.Broker {
	brokers := []*kafka.Broker{
		kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 1, InternalReplicas: 2,
			Version: dynamicVersion}),
		kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 2, InternalReplicas: 2,
			Version: staticVersion, StaticVoters: true}),
	}
	for _, b := range brokers {
		b.Start(t)
		kafka.Logf(t, "%s: started in %v", b.Name,
			b.WaitStarted(t, kafka.Patience).Round(time.Millisecond))
	}
	addrs := kafka.Addrs(brokers...)
	ledger := kafka.NewLedger(lifeTopic)
	kafka.CreateTopic(t, addrs, lifeTopic, 2, 2)
	kafka.Produce(t, addrs, lifeTopic, lifeRecords, ledger)
	kafka.ConsumeByGroup(t, addrs, "life-group", lifeTopic, lifeRecords)
	kafka.RoundTripTransactions(t, addrs, lifeTopic, transactional, 10)
	ledger.Verify(t, addrs)
	kafka.RequireAlive(t, brokers...)
	return brokers
}

// stopCleanly shuts a broker down and checks that its controlled shutdown was granted: it left the
// mark of a clean shutdown and logged no error.
func stopCleanly(t testing.TB, b *kafka.Broker) {
	if code := b.Stop(t); code != 0 && code != sigtermJVM {
		t.Errorf("%s exited with code %d", b.Name, code)
	}
	for _, dir := range b.Dirs {
		if _, err := os.Stat(filepath.Join(dir, ".kafka_cleanshutdown")); err != nil {
			t.Errorf("%s did not shut down cleanly: %v", b.Name, err)
		}
	}
	if errs := b.LogErrors(); len(errs) > 0 {
		t.Errorf("%s logged %d errors, the first: %s", b.Name, len(errs), errs[0])
	}
}
