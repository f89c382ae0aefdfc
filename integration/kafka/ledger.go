package kafka

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Entry is one acknowledged record.
type Entry struct {
	Topic     string
	Partition int32
	Offset    int64
	Value     string
}

// Ledger keeps what the cluster acknowledged, for a later comparison: records with their offsets,
// and topics with their ids. Safe for concurrent use.
type Ledger struct {
	name string

	mu      sync.Mutex
	made    int
	entries []Entry
	topics  map[string][16]byte
}

// NewLedger makes an empty ledger; its name distinguishes its records and topics from those of
// other ledgers.
func NewLedger(name string) *Ledger {
	return &Ledger{name: name, topics: map[string][16]byte{}}
}

// newRecord makes a record with a value that no other record of this ledger has.
func (l *Ledger) newRecord(topic string) *kgo.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	return &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%s-%d", l.name, l.made)}
}

func (l *Ledger) wrote(r *kgo.Record) bool { return strings.HasPrefix(string(r.Value), l.name+"-") }

func (l *Ledger) acknowledged(r *kgo.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, Entry{r.Topic, r.Partition, r.Offset, string(r.Value)})
}

func (l *Ledger) topicCreated(name string, id [16]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.topics[name] = id
}

// Counts returns the numbers of acknowledged records and topics.
func (l *Ledger) Counts() (records, topics int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries), len(l.topics)
}

// Verify fails the test unless every acknowledged record is at its offset and every one of these
// brokers knows every acknowledged topic by its id. Nothing may write to the ledger's topics
// meanwhile.
func (l *Ledger) Verify(t testing.TB, addrs []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	want := map[string][]Entry{}
	for _, e := range l.entries {
		want[e.Topic] = append(want[e.Topic], e)
	}
	for topic, entries := range want {
		l.verifyTopic(t, addrs, topic, entries)
	}
	if len(l.topics) == 0 {
		return
	}
	for _, addr := range addrs {
		Eventually(t, Patience, addr+" knows all acknowledged topics",
			func() error { return l.missingTopic(t, addr) })
	}
}

func (l *Ledger) verifyTopic(t testing.TB, addrs []string, topic string, entries []Entry) {
	t.Helper()
	type position struct {
		partition int32
		offset    int64
	}
	got := map[position]string{}
	for _, r := range consumeAll(t, addrs, topic) {
		got[position{r.Partition, r.Offset}] = string(r.Value)
	}
	lost := 0
	for _, e := range entries {
		if v, ok := got[position{e.Partition, e.Offset}]; !ok || v != e.Value {
			t.Errorf("acknowledged record lost: %+v, there is %q (%t)", e, v, ok)
			lost++
		}
		if lost == 10 {
			break
		}
	}
	if lost > 0 {
		t.Fatalf("%s lost acknowledged records, of %d", topic, len(entries))
	}
}

// missingTopic compares the acknowledged topics with those of one broker.
func (l *Ledger) missingTopic(t testing.TB, addr string) error {
	have, err := BrokerTopics(t.Context(), addr)
	if err != nil {
		return err
	}
	for name, id := range l.topics {
		if topic, ok := have[name]; !ok || topic.TopicID != id {
			return fmt.Errorf("acknowledged topic %s (%x): known as %x (%t)", name, id,
				topic.TopicID, ok)
		}
	}
	return nil
}
