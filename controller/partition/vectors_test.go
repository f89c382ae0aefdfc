package partition

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

//go:embed testdata/kafka_partition_changes.txt
var kafkaPartitionChanges string

// TestPartitionRulesAgainstKafka holds the rules, and the plain model of them, against what Kafka's
// own implementation made of the same partitions. Cases in which we differ on purpose are not among
// them.
func TestPartitionRulesAgainstKafka(t *testing.T) {
	for n, line := range strings.Split(strings.TrimSpace(kafkaPartitionChanges), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, " | ")
		m := parseVector(t, parts)
		img, topic := m.image(t)
		if got := vectorOutcome(m, topic.Partition(0), m.fast(img, topic)); got != parts[3] {
			t.Errorf("line %d: %s\n got %s\nwant %s", n+1, line, got, parts[3])
		}
		if want := m.run(); want.change != (parts[3] != "none") {
			t.Errorf("line %d: the model says %v", n+1, want.change)
		}
	}
}

func parseVector(t *testing.T, parts []string) *modelCase {
	before, circumstances := strings.Fields(parts[0]), strings.Fields(parts[1])
	wanted := strings.Fields(parts[2])
	number := func(s string) int32 {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return int32(n)
	}
	list := func(s string) []int32 {
		var ids []int32
		for _, id := range strings.FieldsFunc(strings.Trim(s, "[]"),
			func(r rune) bool { return r == ',' }) {
			ids = append(ids, number(id))
		}
		return ids
	}
	m := &modelCase{
		live: make(map[int32]bool), brokers: make(map[int32]bool), remove: NoBroker,
		mv: metadata.Version(number(circumstances[0])), elr: circumstances[1] == "1",
		minISR:  int(number(circumstances[2])),
		unclean: number(circumstances[3]), election: Election(number(circumstances[4])),
		isr: list(wanted[0]), replicas: list(wanted[1]), removing: list(wanted[2]),
		adding: list(wanted[3]), recovery: int8(number(wanted[4])),
		before: record.Partition{
			Replicas: list(before[0]), ISR: list(before[1]), RemovingReplicas: list(before[2]),
			AddingReplicas: list(before[3]),
			Leader:         number(before[4]), LeaderRecoveryState: int8(number(before[5])),
			LeaderEpoch: number(before[6]), PartitionEpoch: number(before[7]),
			EligibleLeaderReplicas: list(before[8]), LastKnownELR: list(before[9]),
		},
	}
	for _, d := range before[10] {
		m.before.Directories = append(m.before.Directories,
			map[rune]protocol.UUID{'m': protocol.DirMigrating, 'u': protocol.DirUnassigned}[d])
	}
	for _, id := range list(circumstances[5]) {
		m.live[id] = true
	}
	for _, id := range list(circumstances[6]) {
		m.brokers[id] = true
	}
	return m
}

// vectorOutcome is the last part of a line.
func vectorOutcome(
	m *modelCase, before *metadata.Partition, change *record.PartitionChange,
) string {
	if change == nil {
		return "none"
	}
	p := before.Merge(change)
	list := func(ids []int32) string {
		var texts []string
		for _, id := range ids {
			texts = append(texts, strconv.Itoa(int(id)))
		}
		return "[" + strings.Join(texts, ",") + "]"
	}
	dirs := ""
	for _, d := range p.Directories {
		dirs += map[protocol.UUID]string{protocol.DirMigrating: "m", protocol.DirUnassigned: "u"}[d]
	}
	return strings.Join([]string{
		list(p.Replicas), list(p.ISR), list(p.Removing()), list(p.Adding()), strconv.Itoa(int(p.Leader)),
		strconv.Itoa(int(p.RecoveryState)),
		strconv.Itoa(int(p.LeaderEpoch)), strconv.Itoa(int(p.PartitionEpoch)),
		list(slices.Sorted(slices.Values(p.ELR()))), list(p.LastKnownELR()), dirs,
	}, " ")
}
