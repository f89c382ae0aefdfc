package clients

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// againstApache is set by make test-clients: the same steps with Apache's controllers show that the
// expected outcomes are Kafka's.
var againstApache = flag.Bool("clients.apache", false,
	"run the admin clients with Apache's controllers too")

// TestAdminClients runs each library's admin client through real brokers, and once more with the
// active controller as its only seed. testdata/admin.tsv has the outcome of each step and the
// libraries that have such an operation.
func TestAdminClients(t *testing.T) {
	t.Parallel()
	libraries := slices.Concat(pythonLibraries(t, "admin"), kafkajs(nodeLibraries(t, "admin")),
		adminOf(goLibraries(t)), []library{javaLibrary(t, "JavaAdmin")})
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{})
	brokers := kafka.StartBrokers(t, q, 1, kafka.BrokerOptions{})
	t.Run("through a broker", func(t *testing.T) {
		administer(t, libraries, brokers[0].Addr(), "broker")
	})
	// Not a standby: kadm sends each request that any broker may get now and then to its seed, and
	// does not send it elsewhere after NOT_CONTROLLER.
	active := kafka.WaitLeader(t, q, kafka.Patience).ID
	t.Run("through the active controller", func(t *testing.T) {
		administer(t, libraries, q.Endpoint(active), "controller")
	})
	kafka.RequireAlive(t, brokers...)
	if *againstApache {
		t.Run("Apache's controllers", func(t *testing.T) {
			q := kafka.StartControllers(t, 1, kafka.ControllerOptions{})
			broker := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
			administer(t, libraries, broker.Addr(), "apache")
		})
	}
}

// kafkajs is the only library of its language whose admin client is tested.
func kafkajs(libraries []library) []library { return []library{find(libraries, "kafkajs")} }

// adminOf are the same programs' administering cases, with kadm, which is franz-go's admin client.
func adminOf(libraries []library) []library {
	binary := libraries[0].argv[0]
	var admins []library
	for _, name := range []string{"sarama", "kafkago", "kadm"} {
		admins = append(admins, library{name: name, argv: []string{binary, name, "admin"}})
	}
	return admins
}

func administer(t *testing.T, libraries []library, seed, prefix string) {
	want := adminOutcomes(t)
	for _, l := range libraries {
		t.Run(l.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*kafka.Patience)
			defer cancel()
			out, err := l.run(ctx, seed, prefix+"-"+l.name)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, outcomes(t, out), want[l.name])
		})
	}
}

// outcomes reads what a program printed: a step and its outcome in each line.
func outcomes(t *testing.T, out string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for line := range strings.Lines(out) {
		name, outcome, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if !ok || got[name] != "" {
			t.Fatalf("not a step, or again: %q", line)
		}
		got[name] = outcome
	}
	return got
}

// adminOutcomes are the expected outcomes, by library and step.
func adminOutcomes(t *testing.T) map[string]map[string]string {
	t.Helper()
	want := map[string]map[string]string{}
	for line := range strings.Lines(string(read(t, "testdata/admin.tsv"))) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if len(cells) != 3 {
			t.Fatalf("admin.tsv: %q", line)
		}
		for name := range strings.SplitSeq(cells[2], ",") {
			if want[name] == nil {
				want[name] = map[string]string{}
			}
			want[name][cells[0]] = cells[1]
		}
	}
	return want
}

func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	steps := maps.Clone(got)
	maps.Copy(steps, want)
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		if got[step] != want[step] {
			t.Errorf("%s: %s, want %s", step, orNone(got[step]), orNone(want[step]))
		}
	}
}

func orNone(outcome string) string {
	if outcome == "" {
		return "no such step"
	}
	return fmt.Sprintf("%q", outcome)
}
