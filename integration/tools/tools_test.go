package tools

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

var (
	sides = flag.String("sides", "yakt", "whose controllers to run: yakt, apache, or both with "+
		"a comma between them")
	record = flag.Bool("record", false, "with -sides apache: write what the tools print into the "+
		"transcripts")
	report = flag.String("report", "", "with -sides yakt: append all differences, intended or "+
		"not, to this file")
)

// controllersOwn is a tool that each kind of controller has its own of.
const controllersOwn = "the controllers' own storage tool"

// tools are the commands of transcripts with their main classes.
var tools = map[string]string{
	"storage":                   controllersOwn,
	"kafka-acls":                kafka.AclCommand,
	"kafka-broker-api-versions": kafka.BrokerAPIVersionsCommand,
	"kafka-client-metrics":      kafka.ClientMetricsCommand,
	"kafka-cluster":             kafka.ClusterTool,
	"kafka-configs":             "org.apache.kafka.tools.ConfigCommand",
	"kafka-console-consumer":    "org.apache.kafka.tools.consumer.ConsoleConsumer",
	"kafka-console-producer":    "org.apache.kafka.tools.ConsoleProducer",
	"kafka-console-share-consumer": "org.apache.kafka.tools.consumer." +
		"ConsoleShareConsumer",
	"kafka-consumer-groups":           "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
	"kafka-consumer-perf-test":        "org.apache.kafka.tools.ConsumerPerformance",
	"kafka-delegation-tokens":         kafka.DelegationTokenCommand,
	"kafka-delete-records":            "org.apache.kafka.tools.DeleteRecordsCommand",
	"kafka-dump-log":                  "org.apache.kafka.tools.DumpLogSegments",
	"kafka-e2e-latency":               "org.apache.kafka.tools.EndToEndLatency",
	"kafka-features":                  kafka.FeatureCommand,
	"kafka-get-offsets":               "org.apache.kafka.tools.GetOffsetShell",
	"kafka-groups":                    "org.apache.kafka.tools.GroupsCommand",
	"kafka-leader-election":           kafka.LeaderElectionCommand,
	"kafka-log-dirs":                  "org.apache.kafka.tools.LogDirsCommand",
	"kafka-metadata-quorum":           kafka.MetadataQuorumCommand,
	"kafka-producer-perf-test":        "org.apache.kafka.tools.ProducerPerformance",
	"kafka-reassign-partitions":       kafka.ReassignPartitionsCommand,
	"kafka-share-consumer-perf-test":  "org.apache.kafka.tools.ShareConsumerPerformance",
	"kafka-share-groups":              "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
	"kafka-storage":                   kafka.StorageTool,
	"kafka-streams-application-reset": "org.apache.kafka.tools.StreamsResetter",
	"kafka-streams-groups":            "org.apache.kafka.tools.streams.StreamsGroupCommand",
	"kafka-topics":                    kafka.TopicCommand,
	"kafka-transactions":              "org.apache.kafka.tools.TransactionsCommand",
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(kafka.Main(m))
}

// TestEveryToolPrintsWhatItPrintsOnApache runs all transcripts, in the order of their names, on one
// cluster of each side.
func TestEveryToolPrintsWhatItPrintsOnApache(t *testing.T) { compare(t, "testdata", newWorld) }

// TestToolsOfASecuredCluster runs the transcripts of a cluster with TLS, SASL and an authorizer, by
// privileged and by unprivileged users.
func TestToolsOfASecuredCluster(t *testing.T) { compare(t, securedDir, newSecuredWorld) }

// compare runs all transcripts of a folder.
func compare(t *testing.T, dir string, start func(t *testing.T, side string) *world) {
	t.Helper()
	for _, side := range strings.Split(*sides, ",") {
		t.Run(side, func(t *testing.T) {
			if *record && side != "apache" {
				t.Fatal("-record needs -sides apache: the recording is Apache's output")
			}
			excused, err := readDifferences(side, dir)
			if err != nil {
				t.Fatal(err)
			}
			w := start(t, side)
			for _, path := range transcripts(t, dir) {
				w.play(t, path, excused)
			}
			excused.requireAllSeen(t)
		})
	}
}

func transcripts(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	slices.Sort(paths)
	return paths
}

// play runs one transcript.
func (w *world) play(t *testing.T, path string, excused *differences) {
	t.Helper()
	script, err := readTranscript(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range script.steps {
		if !s.isCommand() {
			w.directive(t, s)
			continue
		}
		w.converge(t)
		o := w.next
		w.next = options{}
		if *record {
			s.want = w.settled(t, s, o)
			continue
		}
		want := excused.want(s)
		got := w.outcome(t, s, o, func(got string) bool { return got == want })
		excused.judge(t, path, s, got)
	}
	if *record {
		if err := script.write(); err != nil {
			t.Fatal(err)
		}
	}
}

// stable is how long the output of a command that only reads must stay the same to be recorded.
const stable = 700 * time.Millisecond

// settled runs a command; one that only reads, until its output does not change any more.
func (w *world) settled(t *testing.T, s *step, o options) string {
	t.Helper()
	before, since := "", time.Now()
	return w.outcome(t, s, o, func(got string) bool {
		if got != before {
			before, since = got, time.Now()
		}
		return time.Since(since) > stable
	})
}

// differences are the intended ones of a side, by command.
type differences struct {
	of   map[string]*step
	seen map[string]bool
}

// readDifferences reads those of YAKt; Apache has none.
func readDifferences(side, dir string) (*differences, error) {
	d := &differences{map[string]*step{}, map[string]bool{}}
	if side == "apache" {
		return d, nil
	}
	paths, err := filepath.Glob(filepath.Join(dir, "differences", "*.txt"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		file, err := readTranscript(path)
		if err != nil {
			return nil, err
		}
		for _, s := range file.steps {
			if d.of[s.line] != nil {
				return nil, fmt.Errorf("%s: %q occurs twice", path, s.line)
			}
			if !s.hasReason() {
				return nil, fmt.Errorf("%s: %q has no reason above it", path, s.line)
			}
			d.of[s.line] = s
		}
	}
	return d, nil
}

func (s *step) hasReason() bool {
	return slices.ContainsFunc(s.lead, func(l string) bool { return strings.HasPrefix(l, "#") })
}

// want is what the command should print.
func (d *differences) want(s *step) string {
	if other := d.of[s.line]; other != nil {
		return other.want
	}
	return s.want
}

// judge fails the test if the output is not the wanted one.
func (d *differences) judge(t *testing.T, path string, s *step, got string) {
	t.Helper()
	d.seen[s.line] = true
	other := d.of[s.line]
	if got != s.want {
		if err := appendReport(path, s, got); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case got == d.want(s):
	case other == nil:
		t.Errorf("%s:\n%s\nwant, as on Apache:\n%sgot:\n%s", path, s.line, s.want, got)
	case got == s.want:
		t.Errorf("%s:\n%s\nprints what it prints on Apache: remove the intended difference",
			path, s.line)
	default:
		t.Errorf("%s:\n%s\nwant, by an intended difference:\n%sgot:\n%s\non Apache:\n%s", path,
			s.line, other.want, got, s.want)
	}
}

// appendReport writes a difference into the file of -report, if it is set.
func appendReport(path string, s *step, got string) error {
	if *report == "" {
		return nil
	}
	f, err := os.OpenFile(*report, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "# %s; on Apache:\n%s%s\n%s\n", path,
		strings.ReplaceAll("# "+s.want, "\n", "\n# "), "", s.line+"\n"+got)
	return err
}

// requireAllSeen fails the test if a difference is of a command that no transcript has.
func (d *differences) requireAllSeen(t *testing.T) {
	t.Helper()
	for line := range d.of {
		if !d.seen[line] {
			t.Errorf("an intended difference is of a command that no transcript has: %s", line)
		}
	}
}
