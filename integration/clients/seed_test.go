package clients

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

func TestMain(m *testing.M) { os.Exit(kafka.Main(m)) }

const seedTopic = "seeded"

// seedCases are the cases of each library's program, in the order in which they run: the first
// writes the records that others read.
var seedCases = map[string][]string{
	"java": {"produce", "idempotent", "read", "group", "consumer_protocol", "share",
		"transactions"},
	"confluent":    {"produce", "idempotent", "read", "group", "consumer_protocol", "transactions"},
	"kafka_python": {"produce", "idempotent", "read", "group", "transactions"},
	"aiokafka":     {"produce", "idempotent", "read", "group", "transactions"},
	"kafkajs":      {"produce", "idempotent", "group", "transactions"},
	"platformatic": {"produce", "idempotent", "group", "consumer_protocol", "transactions"},
	"sarama":       {"produce", "idempotent", "read", "group", "transactions"},
	"kafkago":      {"produce", "read", "group"},
}

// TestClientsThatKnowOneController gives each library the address of one controller, the leader or
// a standby, and nothing else: it finds the brokers, and everything that it can do works.
func TestClientsThatKnowOneController(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{})
	brokers := kafka.StartBrokers(t, q, 2, kafka.BrokerOptions{})
	libraries := slices.Concat(pythonLibraries(t, "seed"), nodeLibraries(t, "seed"), goLibraries(t),
		[]library{javaLibrary(t, "JavaClients")})
	kafka.CreateTopic(t, kafka.Addrs(brokers...), seedTopic, 1, 2)
	// Not by franz-go, which compresses: some libraries need further packages to read that.
	runCase(t, find(libraries, "confluent"), "produce", brokers[0].Addr(), "first")
	seed := func(i int) string { return q.Endpoint(q.Nodes()[i%len(q.Nodes())]) }
	// @platformatic/kafka asks no other node than its seed for coordinators, so it can only work if
	// the seed has their topics created.
	for _, kind := range []string{"group", "transactions"} {
		runCase(t, find(libraries, "platformatic"), kind, seed(0), "first")
	}
	t.Run("all", func(t *testing.T) {
		for i, l := range libraries {
			t.Run(l.name, func(t *testing.T) {
				t.Parallel()
				for j, name := range seedCases[l.name] {
					t.Run(name, func(t *testing.T) { runCase(t, l, name, seed(i+j), "seed") })
				}
			})
		}
		t.Run("franz-go", func(t *testing.T) {
			t.Parallel()
			franzGo(t, []string{seed(1)})
		})
	})
	kafka.RequireAlive(t, brokers...)
}

func find(libraries []library, name string) library {
	i := slices.IndexFunc(libraries, func(l library) bool { return l.name == name })
	return libraries[i]
}

func runCase(t *testing.T, l library, name, seed, prefix string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	id := fmt.Sprintf("%s-%s-%s", prefix, l.name, name)
	if _, err := l.run(ctx, name, seed, seedTopic, id); err != nil {
		t.Errorf("with the controller at %s as the seed: %v", seed, err)
	}
}

// franzGo uses this process's own client library in the same ways.
func franzGo(t *testing.T, seed []string) {
	const topic = "franz-go"
	kafka.CreateTopic(t, seed, topic, 2, 2)
	ledger := kafka.NewLedger("franz-go-plain")
	kafka.Produce(t, seed, topic, 20, ledger)
	ledger.Verify(t, seed)
	kafka.ConsumeByGroup(t, seed, "franz-go", topic, 20)
	kafka.RoundTripTransactions(t, seed, topic, "franz-go-transactions", 10)
}
