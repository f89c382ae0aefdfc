package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/yakt/yakt/integration/kafka"
)

// TestControllerAsSeed gives ordinary clients and tools only a controller's address: they find the
// brokers, and every operation works.
func TestControllerAsSeed(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, kafka.ControllerOptions{})
	broker := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
	seed := q.Endpoint(q.Nodes()[0])
	adm := kadm.NewClient(kafka.NewClient(t, []string{seed}))
	t.Run("kadm", func(t *testing.T) {
		created, err := adm.CreateTopics(t.Context(), 3, 1, nil, "seeded")
		if err != nil || created.Error() != nil {
			t.Fatal(err, created.Error())
		}
		meta, err := adm.Metadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(meta.Brokers) != 1 || meta.Brokers[0].NodeID != 1 || meta.Controller != 1 ||
			!strings.HasSuffix(broker.Addr(), fmt.Sprint(":", meta.Brokers[0].Port)) {
			t.Errorf("%+v", meta)
		}
		// that broker may lag
		kafka.Eventually(t, kafka.Patience, "one topic is there, the other is not", func() error {
			meta, err := adm.Metadata(t.Context(), "seeded", "missing")
			if topic := meta.Topics["seeded"]; err != nil || len(topic.Partitions) != 3 ||
				topic.Err != nil || meta.Topics["missing"].Err == nil {
				return errors.Join(err, fmt.Errorf("%+v", meta.Topics))
			}
			return nil
		})
		if brokers, err := adm.ListBrokers(t.Context()); err != nil || len(brokers) != 1 {
			t.Error(brokers, err)
		}
	})
	t.Run("tools", func(t *testing.T) {
		out := kafka.RunTool(t, q.Version(), kafka.TopicCommand, "--bootstrap-server", seed,
			"--describe", "--topic", "seeded").MustSucceed(t)
		if n := strings.Count(out.Stdout, "Partition: "); n != 3 ||
			!strings.Contains(out.Stdout, "Leader: 1") {
			t.Errorf("%s", out.Stdout)
		}
		out = kafka.RunTool(t, q.Version(), kafka.BrokerAPIVersionsCommand, "--bootstrap-server",
			seed).MustSucceed(t)
		if !strings.Contains(out.Stdout, "id: 1 ") {
			t.Errorf("%s", out.Stdout)
		}
	})
}
