package scenario

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	fleetTopic  = "fleet"
	fleetHeapMB = 192

	metadataVersion = "metadata.version"
	shareVersion    = "share.version"
)

// Levels of metadata.version. A downgrade may cross level 31, which changed no record; those after
// it changed some.
const (
	level40 = 25 // 4.0-IV3
	level43 = 30 // 4.3-IV0
	level31 = 31 // 4.4-IV0
	level44 = 33 // 4.4-IV2
)

// Fleet is one broker of each release, at first at the level of the oldest. A topic is written to
// with acks=all and read by a group all the time: while the brokers are rolled to the newest
// release and the levels of features change, no acknowledged record may be missing.
type Fleet struct {
	t       testing.TB
	q       kafka.Quorum
	brokers []*kafka.Broker
	writers *kafka.Writers
	reader  *kafka.Reader
}

// StartFleet starts a broker of every release under test, at once, on a quorum whose
// metadata.version the oldest knows. Every partition has three replicas, of three releases.
func StartFleet(t testing.TB, q kafka.Quorum) *Fleet {
	t.Helper()
	f := &Fleet{t: t, q: q}
	for i, release := range kafka.Releases {
		b := kafka.NewBroker(t, q, kafka.BrokerOptions{ID: int32(i + 1), Version: release,
			HeapMB: fleetHeapMB, InternalReplicas: replicated})
		b.Start(t)
		f.brokers = append(f.brokers, b)
	}
	for _, b := range f.brokers {
		b.WaitStarted(t, kafka.Patience)
	}
	replicas := make([][]int32, len(f.brokers))
	for i := range replicas {
		for j := range replicated {
			replicas[i] = append(replicas[i], int32((i+j)%len(f.brokers)+1))
		}
	}
	kafka.CreateTopicWith(t, f.addrs(), fleetTopic, map[string]string{"min.insync.replicas": "2"},
		replicas...)
	f.writers = kafka.StartWriters(t, f.addrs(), fleetTopic, len(replicas))
	f.reader = kafka.StartReader(t, f.addrs(), "fleet-group", fleetTopic)
	f.works()
	return f
}

func (f *Fleet) addrs() []string { return kafka.Addrs(f.brokers...) }

// works waits until every replica of the topic is in sync in the view of every broker, each
// partition takes writes, and the group has read what was written.
func (f *Fleet) works() {
	f.t.Helper()
	kafka.Eventually(f.t, kafka.Patience, "all replicas are in sync", func() error {
		for _, addr := range f.addrs() {
			known, err := kafka.Partitions(f.t.Context(), addr, fleetTopic)
			for _, p := range known {
				err = errors.Join(err, inSync(p))
			}
			if err != nil {
				return fmt.Errorf("%s: %w", addr, err)
			}
		}
		return nil
	})
	f.writers.WaitEach(f.t, kafka.Patience)
	f.reader.AwaitAll(f.t, kafka.Patience, f.writers.Ledger)
	kafka.RequireAlive(f.t, f.brokers...)
}

// Roll stops the brokers of older releases one after the other, and starts each again with the
// newest release.
func (f *Fleet) Roll() {
	f.t.Helper()
	for _, b := range f.brokers {
		if b.Version == kafka.Newest {
			continue
		}
		stopWhole(f.t, b)
		b.Install(f.t, kafka.Newest)
		b.Start(f.t)
		took := b.WaitStarted(f.t, kafka.Patience)
		f.works()
		kafka.Logf(f.t, "%s: started in %v", b.Name, took.Round(time.Millisecond))
	}
}

// UpgradeRefused asks for the newest level while a broker of an older release runs: the refusal
// names such a broker, and nothing changes.
func (f *Fleet) UpgradeRefused() {
	f.t.Helper()
	f.refused(metadataVersion, level44, kafka.FeatureUpgrade, kerr.InvalidUpdateVersion,
		`Broker [1-4] only supports versions 7-\d\d$`)
	f.finalized(metadataVersion, level40)
}

// UpgradeAndDowngrade takes the levels up and down as far as Kafka allows, with traffic in between,
// and ends at the newest level.
func (f *Fleet) UpgradeAndDowngrade() {
	f.t.Helper()
	f.update(metadataVersion, level31, kafka.FeatureUpgrade)
	f.update(metadataVersion, level43, kafka.FeatureSafeDowngrade)
	f.refused(metadataVersion, level43-1, kafka.FeatureSafeDowngrade, kerr.InvalidUpdateVersion,
		`Unsupported metadata\.version downgrade from 30 to 29`)
	f.update(metadataVersion, level44, kafka.FeatureUpgrade)
	f.refused(metadataVersion, level44-1, kafka.FeatureSafeDowngrade, kerr.InvalidUpdateVersion,
		`Unsupported metadata\.version downgrade from 33 to 32`)
	f.update(shareVersion, 2, kafka.FeatureUpgrade)
	f.update(shareVersion, 1, kafka.FeatureSafeDowngrade)
	kafka.RoundTripTransactions(f.t, f.addrs(), fleetTopic, "fleet-transactions", 10)
}

// update changes a level through the first broker, and waits until every broker knows it and the
// topic still works.
func (f *Fleet) update(feature string, level int16, how int8) {
	f.t.Helper()
	refused, message, err := kafka.UpdateFeature(f.t.Context(), f.brokers[0].Addr(), feature,
		level, how)
	if err != nil || refused != nil {
		f.t.Fatalf("%s to %d: %v %q, %v", feature, level, refused, message, err)
	}
	f.finalized(feature, level)
	f.works()
}

func (f *Fleet) refused(feature string, level int16, how int8, want *kerr.Error, says string) {
	f.t.Helper()
	refused, message, err := kafka.UpdateFeature(f.t.Context(), f.brokers[0].Addr(), feature,
		level, how)
	if err != nil || !errors.Is(refused, want) || match(message, says) != nil {
		f.t.Errorf("%s to %d: %v %q, %v; want %v %q", feature, level, refused, message, err, want,
			says)
	}
}

// finalized waits until every broker and every controller knows a feature at this level.
func (f *Fleet) finalized(feature string, level int16) {
	f.t.Helper()
	servers := f.addrs()
	for _, id := range f.q.Nodes() {
		servers = append(servers, f.q.Endpoint(id))
	}
	for _, addr := range servers {
		what := fmt.Sprintf("%s knows %s %d", addr, feature, level)
		kafka.Eventually(f.t, kafka.Patience, what, func() error {
			levels, epoch, err := kafka.FinalizedFeatures(f.t.Context(), addr)
			if err == nil && levels[feature] != level {
				err = fmt.Errorf("%v of epoch %d", levels, epoch)
			}
			return err
		})
	}
}

// End stops the traffic and verifies that no acknowledged record is missing.
func (f *Fleet) End() {
	f.t.Helper()
	f.works()
	f.writers.Stop()
	f.reader.AwaitAll(f.t, kafka.Patience, f.writers.Ledger)
	f.reader.Stop()
	kafka.Logf(f.t, "controllers %s: %v", f.q.Name(), f.writers)
	f.writers.Ledger.Verify(f.t, f.addrs())
	for _, b := range f.brokers {
		if errs := b.LogErrors(); len(errs) > 0 {
			kafka.Logf(f.t, "%s logged %d errors, the last: %s", b.Name, len(errs),
				errs[len(errs)-1])
		}
	}
}
