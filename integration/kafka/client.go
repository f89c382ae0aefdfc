package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Clients wait for a slow broker rather than fail.
const (
	groupSession   = Patience / 2 // how long a group keeps a vanished member
	requestRetries = 1000         // more than fit into Patience
)

// NewClient makes a franz-go client of these brokers and closes it at the end of the test.
func NewClient(t testing.TB, addrs []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl := openClient(t, addrs, opts...)
	t.Cleanup(cl.Close)
	return cl
}

// openClient is NewClient without the close, which is the caller's.
func openClient(t testing.TB, addrs []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	base := []kgo.Opt{
		kgo.SeedBrokers(addrs...),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.DialTimeout(askTimeout),
		kgo.RequestRetries(requestRetries),
		kgo.RetryTimeout(Patience),
		kgo.UnknownTopicRetries(requestRetries),
		kgo.SessionTimeout(groupSession),
		kgo.RebalanceTimeout(groupSession),
		kgo.TransactionTimeout(Patience),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
	}
	cl, err := kgo.NewClient(append(base, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

// BrokerTopics returns the topics that one broker (or controller, if it answers Metadata) knows.
func BrokerTopics(ctx context.Context, addr string) (map[string]kmsg.MetadataResponseTopic, error) {
	kresp, err := Ask(ctx, addr, kmsg.NewPtrMetadataRequest())
	if err != nil {
		return nil, err
	}
	topics := map[string]kmsg.MetadataResponseTopic{}
	for _, topic := range kresp.(*kmsg.MetadataResponse).Topics {
		topics[*topic.Topic] = topic
	}
	return topics, nil
}

// Produce writes n records to a topic with acks=all, requires all to be acknowledged, and enters
// them into the ledger.
func Produce(t testing.TB, addrs []string, topic string, n int, ledger *Ledger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cl := openClient(t, addrs, kgo.DefaultProduceTopic(topic))
	defer cl.Close()
	var records []*kgo.Record
	for range n {
		records = append(records, ledger.newRecord(topic))
	}
	for _, res := range cl.ProduceSync(ctx, records...) {
		if res.Err != nil {
			t.Fatalf("produce to %s: %v", topic, res.Err)
		}
		ledger.acknowledged(res.Record)
	}
}

// ConsumeByGroup joins a group, reads at least n records of a topic, commits and leaves. It checks
// that the group's committed offsets have grown by exactly the records read.
func ConsumeByGroup(t testing.TB, addrs []string, group, topic string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	before := committed(t, ctx, addrs, group, topic)
	cl := openClient(t, addrs, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit())
	defer cl.Close()
	read := 0
	for read < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("group %s read %d of %d records: %v", group, read, n, err)
		}
		read += fetches.NumRecords()
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatalf("group %s: commit: %v", group, err)
	}
	cl.LeaveGroup()
	if got := committed(t, ctx, addrs, group, topic) - before; got != int64(read) {
		t.Fatalf("group %s committed %d records after reading %d", group, got, read)
	}
}

// committed is the sum of a group's committed offsets in a topic. The first caller waits until the
// coordinator's own topic exists.
func committed(t testing.TB, ctx context.Context, addrs []string, group, topic string) (sum int64) {
	t.Helper()
	cl := openClient(t, addrs)
	defer cl.Close()
	var offsets kadm.OffsetResponses
	Eventually(t, Patience, "committed offsets of group "+group, func() (err error) {
		offsets, err = kadm.NewClient(cl).FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) {
			return nil
		}
		return errors.Join(err, offsets.Error())
	})
	for _, o := range offsets[topic] {
		sum += max(0, o.At)
	}
	return sum
}

// RoundTripTransactions commits one transaction, aborts another and commits a third, of n records
// each, and checks that readers of committed data see only the first and the third.
func RoundTripTransactions(t testing.TB, addrs []string, topic, transactionalID string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cl := openClient(t, addrs, kgo.TransactionalID(transactionalID), kgo.DefaultProduceTopic(topic))
	defer cl.Close()
	ledger := NewLedger(transactionalID)
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		transact(t, ctx, cl, topic, n, commit, ledger)
	}
	seen := 0
	for _, r := range consumeAll(t, addrs, topic, kgo.FetchIsolationLevel(kgo.ReadCommitted())) {
		if ledger.wrote(r) {
			seen++
		}
	}
	if seen != 2*n {
		t.Fatalf("readers see %d records of committed transactions, want %d", seen, 2*n)
	}
	ledger.Verify(t, addrs)
}

// transact writes n records in one transaction and enters them into the ledger if it commits.
func transact(t testing.TB, ctx context.Context, cl *kgo.Client, topic string, n int,
	end kgo.TransactionEndTry, ledger *Ledger) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatalf("begin transaction: %v", err)
	}
	var records []*kgo.Record
	for range n {
		records = append(records, ledger.newRecord(topic))
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("produce in a transaction: %v", err)
	}
	if err := cl.EndTransaction(ctx, end); err != nil {
		t.Fatalf("end transaction: %v", err)
	}
	for _, r := range records {
		if end == kgo.TryCommit {
			ledger.acknowledged(r)
		}
	}
}

// consumeAll reads a topic from its start to its present ends: the high watermarks, or the last
// stable offsets for readers of committed data.
func consumeAll(t testing.TB, addrs []string, topic string, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	opts = append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords())
	cl := openClient(t, addrs, opts...)
	defer cl.Close()
	var ends kadm.ListedOffsets
	// partitions may be without leaders for a moment
	Eventually(t, Patience, "end offsets of "+topic, func() (err error) {
		ends, err = kadm.NewClient(cl).ListEndOffsets(ctx, topic)
		return errors.Join(err, ends.Error())
	})
	open := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open[o.Partition] = o.Offset
		}
	})
	var records []*kgo.Record
	for len(open) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s, %d partitions unfinished %v: %v", topic, len(open), open, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= open[r.Partition] {
				delete(open, r.Partition)
			}
		})
	}
	return records
}
