package scenario

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	bootMax       = 10 * time.Second
	sigtermJVM    = 143 // what a JVM exits with after an orderly shutdown by SIGTERM
	lifeTopic     = "life"
	lifeRecords   = 100
	transactional = "life-transactions"
)

// BrokerLife takes one broker of a release through all a small cluster does: boot in less than 10 s, topics, produce and
// consume, a group, transactions, a restart, a clean shutdown without a single error in its log.
func BrokerLife(t testing.TB, q kafka.Quorum, version string) {
	b := kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 1, Version: version})
	b.Start(t)
	boot := b.WaitStarted(t, bootMax)
	t.Logf("%s, controllers %s: started in %v", b.Name, q.Name(), boot.Round(time.Millisecond))

	addrs := kafka.Addrs(b)
	ledger := kafka.NewLedger(lifeTopic)
	kafka.CreateTopic(t, addrs, lifeTopic, 3, 1)
	kafka.Produce(t, addrs, lifeTopic, lifeRecords, ledger)
	ledger.Verify(t, addrs)
	kafka.ConsumeByGroup(t, addrs, "life-group", lifeTopic, lifeRecords)
	kafka.CreateTopic(t, addrs, transactional, 3, 1)
	kafka.RoundTripTransactions(t, addrs, transactional, transactional, 10)

	t.Logf("%s: restarted in %v", b.Name, b.Restart(t).Round(time.Millisecond))
	ledger.Verify(t, addrs)
	kafka.Produce(t, addrs, lifeTopic, lifeRecords, ledger)
	ledger.Verify(t, addrs)
	kafka.ConsumeByGroup(t, addrs, "life-group", lifeTopic, lifeRecords)
	stopCleanly(t, b)
}

// stopCleanly shuts a broker down and checks that it was let go: it left its mark of a clean shutdown and logged no error.
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
