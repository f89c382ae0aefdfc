package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Load writes to a cluster in the background, one record and one topic at a time, so that every
// acknowledgement shows that writes work at that moment. Acknowledged writes go into its ledger.
type Load struct {
	Ledger *Ledger
	stop   context.CancelFunc
	wg     sync.WaitGroup

	records, topics progress
}

// progress counts acknowledgements and keeps the longest time between two.
type progress struct {
	mu      sync.Mutex
	acked   int
	failed  map[string]int // count by error
	first   time.Time      // time of the first acknowledgement
	last    time.Time
	longest time.Duration // between two acknowledgements
	at      time.Duration // start of the longest, counted from first
}

const (
	recordInterval = 5 * time.Millisecond
	topicInterval  = 100 * time.Millisecond
	createTimeout  = 20 * time.Second
)

// StartLoad writes records with acks=all to a topic (none if it is "") and creates topics of one
// partition with this replication factor, until Stop or the end of the test. opts are for its
// clients, such as a login.
func StartLoad(
	t testing.TB, addrs []string, topic string, replicas int16, opts ...kgo.Opt,
) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &Load{Ledger: NewLedger("load"), stop: cancel}
	l.records.begin()
	l.topics.begin()
	creator := kadm.NewClient(NewClient(t, addrs,
		append(opts, kgo.RetryTimeout(createTimeout))...))
	if topic != "" {
		producer := NewClient(t, addrs, opts...)
		l.every(ctx, recordInterval, &l.records, func() error { return l.produce(producer, topic) })
	}
	l.every(ctx, topicInterval, &l.topics, func() error { return l.createTopic(creator, replicas) })
	t.Cleanup(l.Stop)
	return l
}

// every runs one writer until ctx ends; it finishes a write in progress, so that its outcome is
// known.
func (l *Load) every(ctx context.Context, interval time.Duration, p *progress, write func() error) {
	l.wg.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				p.record(write())
			}
		}
	})
}

func (l *Load) produce(cl *kgo.Client, topic string) error {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	r, err := cl.ProduceSync(ctx, l.Ledger.newRecord(topic)).First()
	if err == nil {
		l.Ledger.acknowledged(r)
	}
	return err
}

func (l *Load) createTopic(cl *kadm.Client, replicas int16) error {
	ctx, cancel := context.WithTimeout(context.Background(), createTimeout)
	defer cancel()
	_, topics := l.Ledger.Counts()
	name := fmt.Sprintf("%s-topic-%d-%d", l.Ledger.name, topics, time.Now().UnixNano())
	resp, err := cl.CreateTopic(ctx, 1, replicas, nil, name)
	if err = errors.Join(err, resp.Err); err == nil {
		l.Ledger.topicCreated(name, resp.ID)
	}
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil // created by a retry after a lost answer; its id is unknown
	}
	return err
}

// Stop ends the load and waits for writes in progress. Idempotent.
func (l *Load) Stop() {
	l.stop()
	l.wg.Wait()
}

// WaitProgress waits until a record and a topic have been acknowledged that were written after the
// call; it returns how long each took.
func (l *Load) WaitProgress(t testing.TB, within time.Duration) (record, topic time.Duration) {
	t.Helper()
	begin := time.Now()
	// The next acknowledgement may be of a write that began before the call; the second is not.
	records, topics := l.records.count()+2, l.topics.count()+2
	wait := func(what string, p *progress, count int) time.Duration {
		Eventually(t, within, what, func() error {
			if got := p.count(); got < count {
				return fmt.Errorf("%d of %d, %v", got, count, p)
			}
			return nil
		})
		return time.Since(begin)
	}
	record = wait("a record is acknowledged", &l.records, records)
	topic = wait("a topic is created", &l.topics, topics)
	return record, topic
}

// LongestGaps returns the longest times between two acknowledgements of records, and of topics.
func (l *Load) LongestGaps() (record, topic time.Duration) {
	return l.records.longestGap(), l.topics.longestGap()
}

// String summarises the load: counts, longest gaps, errors.
func (l *Load) String() string {
	return fmt.Sprintf("records: %v; topics: %v", &l.records, &l.topics)
}

func (p *progress) begin() { p.failed = map[string]int{} }

func (p *progress) longestGap() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longest
}

func (p *progress) record(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed[err.Error()]++
		return
	}
	now := time.Now()
	p.acked++
	if p.acked == 1 {
		// The time before the first is the client's start: each broker that it asks for a producer
		// id has none at first.
		p.first, p.last = now, now
	}
	if gap := now.Sub(p.last); gap > p.longest {
		p.longest, p.at = gap, p.last.Sub(p.first)
	}
	p.last = now
}

func (p *progress) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acked
}

func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%d acknowledged, longest gap %v from %v on, errors %v",
		p.acked, p.longest.Round(time.Millisecond), p.at.Round(time.Millisecond), p.failed)
}
