package scenario

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// ToolsWork runs Kafka's command line tools against the controllers, against a broker, and on files
// written by the controllers and the broker. It needs EarlySnapshots and a metadata.version that
// kafka-metadata-shell reads.
func ToolsWork(t testing.TB, q kafka.Quorum) {
	b := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
	toolsOnControllers(t, q)
	defer toolsOnFiles(t, q, b) // even if an earlier one fails
	toolsThroughBroker(t, q, b)
}

func toolsOnControllers(t testing.TB, q kafka.Quorum) {
	run := func(mainClass string, args ...string) string {
		args = append([]string{"--bootstrap-controller", q.BootstrapServers()}, args...)
		if mainClass == kafka.ClusterTool { // the only tool whose command comes first
			args = append(args[2:], args[:2]...)
		}
		return kafka.RunTool(t, q.Version(), mainClass, args...).MustSucceed(t).Stdout
	}
	leader := kafka.WaitLeader(t, q, kafka.Patience).ID
	status := run(kafka.MetadataQuorumCommand, "describe", "--status")
	mustMatch(t, status, `(?m)^ClusterId: +`+regexp.QuoteMeta(q.ClusterID())+`$`,
		fmt.Sprintf(`(?m)^LeaderId: +%d$`, leader))
	replication := run(kafka.MetadataQuorumCommand, "describe", "--replication")
	mustMatch(t, replication, fmt.Sprintf(`(?m)^%d\s.*\sLeader\s*$`, leader),
		`(?m)^1\s.*\sObserver\s*$`)
	endpoints := run(kafka.ClusterTool, "list-endpoints")
	for _, id := range q.Nodes() {
		mustMatch(t, status, fmt.Sprintf(`(?m)^CurrentVoters: .*"id": %d,`, id))
		mustMatch(t, replication, fmt.Sprintf(`(?m)^%d\s.*\s(Leader|Follower)\s*$`, id))
		mustMatch(t, endpoints, fmt.Sprintf(`(?m)^%d\s+127\.0\.0\.1\s.*\scontroller\s*$`, id))
	}
	mustMatch(t, run(kafka.ClusterTool, "cluster-id"),
		`Cluster ID: `+regexp.QuoteMeta(q.ClusterID()))
	mustMatch(t, run(kafka.FeatureCommand, "describe"),
		`(?m)^Feature: metadata\.version\s.*FinalizedVersionLevel: \d\.\d-IV\d`)
}

func toolsThroughBroker(t testing.TB, q kafka.Quorum, b *kafka.Broker) {
	run := func(mainClass string, args ...string) string {
		t.Helper()
		args = append([]string{"--bootstrap-server", b.Addr()}, args...)
		return kafka.RunTool(t, q.Version(), mainClass, args...).MustSucceed(t).Stdout
	}
	describe := func(patterns ...string) {
		t.Helper()
		kafka.Eventually(t, kafka.Patience, "kafka-topics shows the altered topic", func() error {
			return match(run(kafka.TopicCommand, "--describe", "--topic", "tooled"), patterns...)
		})
	}
	for _, topic := range []string{"tooled", "doomed"} {
		mustMatch(t, run(kafka.TopicCommand, "--create", "--topic", topic, "--partitions", "2",
			"--replication-factor", "1"),
			`Created topic `+topic)
	}
	mustMatch(t, run(kafka.ConfigCommand(q.Version()), "--alter", "--entity-type", "topics", "--entity-name",
		"tooled", "--add-config", "retention.ms=5000"),
		`Completed updating config for topic tooled\.`)
	describe(`PartitionCount: 2\s`, `retention\.ms=5000`, `(?s)Leader: 1.*Leader: 1`)
	run(kafka.TopicCommand, "--alter", "--topic", "tooled", "--partitions", "3")
	describe(`PartitionCount: 3\s`, `(?s)Leader: 1.*Leader: 1.*Leader: 1`)
	run(kafka.TopicCommand, "--delete", "--topic", "doomed")
	kafka.Eventually(t, kafka.Patience, "kafka-topics lists what is left", func() error {
		if list := strings.Fields(run(kafka.TopicCommand, "--list")); !slices.Equal(list,
			[]string{"tooled"}) {
			return fmt.Errorf("it lists %q", list)
		}
		return nil
	})
	mustMatch(t, run(kafka.LeaderElectionCommand, "--election-type", "preferred", "--topic",
		"tooled", "--partition", "0"),
		`Valid replica already elected for partitions tooled-0`)
}

// toolsOnFiles reads the newest snapshot of each controller and the broker's copy of the log.
func toolsOnFiles(t testing.TB, q kafka.Quorum, b *kafka.Broker) {
	fillUntilSnapshot(t, q, b)
	for _, id := range q.Nodes() {
		checkpoints := kafka.Checkpoints(q.Dir(id))
		newest := checkpoints[len(checkpoints)-1]
		mustMatch(t, kafka.DumpMetadata(t, q.Version(), newest), `SnapshotHeader`,
			`"type":"TOPIC_RECORD".*"name":"tooled"`,
			`"type":"PARTITION_RECORD"`, `"type":"CONFIG_RECORD".*"retention\.ms"`,
			`SnapshotFooter`)
		image := strings.Fields(kafka.ShellMetadata(t, newest, "ls", "/image"))
		if !slices.Contains(image, "topics") || !slices.Contains(image, "cluster") {
			t.Errorf("metadata shell sees %q in %s", image, newest)
		}
		mustMatch(t, kafka.ShellMetadata(t, newest, "ls", "/image/topics/byName"),
			`(?m)\btooled\b`)
	}
	mustMatch(t, kafka.DumpMetadata(t, q.Version(),
		filepath.Join(b.MetadataDir(), "00000000000000000000.log")),
		`LeaderChange`, `"type":"FEATURE_LEVEL_RECORD"`, `"type":"REGISTER_BROKER_RECORD"`)
}

func mustMatch(t testing.TB, text string, patterns ...string) {
	t.Helper()
	if err := match(text, patterns...); err != nil {
		t.Error(err)
	}
}

func match(text string, patterns ...string) error {
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			return fmt.Errorf("no match of %s in:\n%.4000s", p, text)
		}
	}
	return nil
}
