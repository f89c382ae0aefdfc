package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/yakt/yakt/integration/kafka"
)

// A client that knows only controllers finds the brokers through them, and any node answers admin
// clients.
func TestYAKtAsSeed(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{})
	brokers := kafka.StartBrokers(t, q, 2, kafka.BrokerOptions{Rack: "r"})
	kafka.CreateTopic(t, kafka.Addrs(brokers...), "seeded", 4, 2)
	for _, id := range q.Nodes() {
		seed := []string{q.Endpoint(id)}
		t.Run(fmt.Sprintf("admin at %d", id),
			func(t *testing.T) { adminAtController(t, seed, brokers) })
		t.Run(fmt.Sprintf("records by %d", id), func(t *testing.T) {
			ledger := kafka.NewLedger(fmt.Sprintf("seed-%d", id))
			kafka.Produce(t, seed, "seeded", 20, ledger)
			ledger.Verify(t, seed)
			kafka.ConsumeByGroup(t, seed, fmt.Sprintf("group-%d", id), "seeded", 20)
		})
	}
	t.Run("when the brokers are gone", func(t *testing.T) {
		for _, b := range brokers {
			b.Stop(t)
		}
		ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
		defer cancel()
		topics, err := kadm.NewClient(kafka.NewClient(t,
			[]string{q.Endpoint(q.Nodes()[0])})).ListTopics(ctx, "seeded")
		if err != nil || len(topics["seeded"].Partitions) != 4 {
			t.Errorf("topics %+v, %v", topics, err)
		}
	})
}

// adminAtController makes all of kadm's metadata requests.
func adminAtController(t *testing.T, seed []string, brokers []*kafka.Broker) {
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	adm := kadm.NewClient(kafka.NewClient(t, seed))
	topics, err := adm.ListTopics(ctx)
	if err != nil || topics["seeded"].Err != nil || len(topics["seeded"].Partitions) != 4 {
		t.Fatalf("topics %v, %v", topics, err)
	}
	for _, p := range topics["seeded"].Partitions {
		slices.Sort(p.ISR)
		if p.Err != nil || p.Leader < 1 || p.LeaderEpoch < 0 || len(p.Replicas) != 2 ||
			!slices.Equal(p.ISR, []int32{1, 2}) {
			t.Errorf("partition %+v", p)
		}
	}
	if _, err := adm.ListTopics(ctx, "no-such"); err != nil {
		t.Errorf("a topic that is not there: %v", err)
	}
	want := map[int32]string{}
	for _, b := range brokers {
		want[b.ID] = b.Addr()
	}
	listed, err := adm.ListBrokers(ctx)
	if got := addresses(listed); err != nil || !maps.Equal(got, want) {
		t.Errorf("brokers %v, %v; want %v", got, err, want)
	}
	all, err := adm.Metadata(ctx)
	if got := addresses(all.Brokers); err != nil || !maps.Equal(got, want) ||
		all.Topics["seeded"].ID != topics["seeded"].ID {
		t.Errorf("metadata %+v, %v", all, err)
	}
	kafka.Eventually(t, kafka.Patience, "end offsets from the brokers that the controller named",
		func() error {
			offsets, err := adm.ListEndOffsets(ctx, "seeded")
			if err = errors.Join(err, offsets.Error()); err == nil && len(offsets["seeded"]) != 4 {
				err = fmt.Errorf("end offsets %+v", offsets)
			}
			return err
		})
}

func addresses(brokers kadm.BrokerDetails) map[int32]string {
	found := map[int32]string{}
	for _, b := range brokers {
		found[b.NodeID] = fmt.Sprintf("%s:%d", b.Host, b.Port)
	}
	return found
}
