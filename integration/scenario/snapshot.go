package scenario

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	// chunkBytes is the size of the late broker's requests for a snapshot: small, so that a small
	// snapshot takes several.
	chunkBytes = 500
	chunksMin  = 4
)

// EarlySnapshots are controller properties with which a few dozen topics cause a snapshot.
func EarlySnapshots() map[string]string {
	return map[string]string{"metadata.log.max.record.bytes.between.snapshots": "4000"}
}

// LateBrokerProperties are the controllers' properties for LateBroker: EarlySnapshots, and short
// sessions, since a broker is killed and returns.
func LateBrokerProperties() map[string]string {
	p := EarlySnapshots()
	maps.Copy(p, kafka.UsualSessions())
	return p
}

// LateBrokerFromSnapshot starts a second broker once there is a snapshot. It needs
// LateBrokerProperties.
func LateBrokerFromSnapshot(t testing.TB, q kafka.Quorum) {
	first := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
	ledger := fillUntilSnapshot(t, q, first)
	LateBroker(t, q, first, ledger)
}

// LateBroker adds a broker to one that created topics, once the controllers have a snapshot
// (LargeSnapshots). It must load the snapshot in several chunks, know every topic, follow later
// records and carry replicas.
func LateBroker(t testing.TB, q kafka.Quorum, first *kafka.Broker, ledger *kafka.Ledger) {
	properties := map[string]string{
		"controller.quorum.fetch.snapshot.max.bytes": fmt.Sprint(chunkBytes),
	}
	late := kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 2, Properties: properties})
	late.Start(t)
	boot := late.WaitStarted(t, kafka.Patience)
	fetched := kafka.Checkpoints(late.MetadataDir())
	if len(fetched) == 0 {
		t.Fatalf("%s took no snapshot: none in %s", late.Name, late.MetadataDir())
	}
	fi, err := os.Stat(fetched[0])
	if err != nil || fi.Size() < chunksMin*chunkBytes {
		t.Fatalf("want: %s fetches a snapshot of at least %d chunks of %d bytes\n got: %+v, %v",
			late.Name, chunksMin, chunkBytes, fi, err)
	}
	kafka.Logf(t, "%s started in %v from %s, %d bytes in chunks of %d", late.Name,
		boot.Round(time.Millisecond), fi.Name(), fi.Size(), chunkBytes)
	ledger.Verify(t, kafka.Addrs(late))

	both := kafka.Addrs(first, late)
	kafka.CreateTopic(t, both, "after-late", 2, 2)
	kafka.Produce(t, both, "after-late", lifeRecords, ledger)
	late.Kill()
	late.Start(t)
	late.WaitStarted(t, kafka.Patience)
	ledger.Verify(t, both)
	kafka.RequireAlive(t, first, late)
}

// fillUntilSnapshot creates topics until every node has a snapshot of everything committed before,
// and returns the ledger of these topics.
func fillUntilSnapshot(t testing.TB, q kafka.Quorum, b *kafka.Broker) *kafka.Ledger {
	now := fmt.Sprintf("%020d", kafka.WaitLeader(t, q, kafka.Patience).HighWatermark)
	load := kafka.StartLoad(t, kafka.Addrs(b), "", 1)
	defer load.Stop()
	kafka.Eventually(t, kafka.Patience, "every controller has a snapshot", func() error {
		for _, id := range q.Nodes() {
			found := kafka.Checkpoints(q.Dir(id))
			if len(found) == 0 || filepath.Base(found[len(found)-1]) < now {
				return fmt.Errorf("none from offset %s on in %s: %q; %v", now, q.Dir(id), found,
					load)
			}
		}
		return LargeSnapshots(q)
	})
	return load.Ledger
}

// LargeSnapshots returns an error until every controller's newest snapshot has several chunks: on a
// slow machine, idle records fill the log up to the first snapshots, and these are small.
func LargeSnapshots(q kafka.Quorum) error {
	for _, id := range q.Nodes() {
		found := kafka.Checkpoints(q.Dir(id))
		if len(found) == 0 {
			return fmt.Errorf("no snapshot in %s", q.Dir(id))
		}
		newest := found[len(found)-1]
		if fi, err := os.Stat(newest); err != nil || fi.Size() < chunksMin*chunkBytes {
			return errors.Join(err,
				fmt.Errorf("%s has less than %d chunks of %d bytes", newest, chunksMin, chunkBytes))
		}
	}
	return nil
}
