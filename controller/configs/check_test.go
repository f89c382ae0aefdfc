package configs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// imageOf is the image of a new cluster with some records.
func imageOf(t *testing.T, records ...record.Record) *metadata.Image {
	t.Helper()
	first := metadata.BootstrapFeatures(metadata.LatestVersion)
	return controllertest.Image(t, append(first, records...)...)
}

// TestTopicConfigValues has what Kafka 4.3's LogConfig.validate says of single values; "" is
// acceptance.
func TestTopicConfigValues(t *testing.T) {
	t.Parallel()
	const notReplicas = "leader.replication.throttled.replicas must be the literal '*' or a list " +
		"of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."
	for _, c := range []struct{ key, value, answer string }{
		{"segment.bytes", "10", "Invalid value 10 for configuration segment.bytes: Value must be " +
			"at least 1048576"},
		{"segment.bytes", "x", "Invalid value x for configuration segment.bytes: Not a number of " +
			"type INT"},
		{"segment.bytes", " 2097152 ", ""},
		{"segment.bytes", "1e6", "Invalid value 1e6 for configuration segment.bytes: Not a number " +
			"of type INT"},
		{"segment.bytes", "", "Invalid value  for configuration segment.bytes: Not a number of " +
			"type INT"},
		{"preallocate", "x", "Invalid value x for configuration preallocate: Expected value to be " +
			"either true or false"},
		{"preallocate", "TRUE", ""},
		{"cleanup.policy", "delete,foo",
			"Invalid value foo for configuration cleanup.policy: String must be one of: compact, " +
				"delete"},
		{"cleanup.policy", "", ""},
		{"cleanup.policy", "delete,delete", ""},
		{"cleanup.policy", "delete,,compact",
			"Configuration 'cleanup.policy' values must not be empty."},
		{"cleanup.policy", " delete , compact ", ""},
		{"compression.type", "foo", "Invalid value foo for configuration compression.type: String " +
			"must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"},
		{"compression.type", " gzip ", ""},
		{"compression.gzip.level", "0", "Invalid value 0 for configuration " +
			"compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
		{"compression.gzip.level", "10",
			"Invalid value 10 for configuration compression.gzip.level: Value must be between 1 " +
				"and 9 or equal to -1"},
		{"compression.gzip.level", "-1", ""},
		{"compression.gzip.level", "a", "Invalid value a for configuration " +
			"compression.gzip.level: Not a number of type INT"},
		{"compression.lz4.level", "0", "Invalid value 0 for configuration compression.lz4.level: " +
			"Value must be at least 1"},
		{"compression.lz4.level", "18", "Invalid value 18 for configuration " +
			"compression.lz4.level: Value must be no more than 17"},
		{"compression.zstd.level", "23",
			"Invalid value 23 for configuration compression.zstd.level: Value must be no more " +
				"than 22"},
		{"compression.zstd.level", "-131073",
			"Invalid value -131073 for configuration compression.zstd.level: Value must be at " +
				"least -131072"},
		{"min.cleanable.dirty.ratio", "2",
			"Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more " +
				"than 1"},
		{"min.cleanable.dirty.ratio", "-0.5",
			"Invalid value -0.5 for configuration min.cleanable.dirty.ratio: Value must be at " +
				"least 0"},
		{"min.cleanable.dirty.ratio", "x",
			"Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type " +
				"DOUBLE"},
		{"min.cleanable.dirty.ratio", "1", ""},
		{"min.insync.replicas", "0", "Invalid value 0 for configuration min.insync.replicas: " +
			"Value must be at least 1"},
		{"min.insync.replicas", "+3", ""},
		{"min.insync.replicas", "99999999999",
			"Invalid value 99999999999 for configuration min.insync.replicas: Not a number of " +
				"type INT"},
		{"retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at " +
			"least -1"},
		{"retention.ms", "9223372036854775808",
			"Invalid value 9223372036854775808 for configuration retention.ms: Not a number of " +
				"type LONG"},
		{"retention.bytes", "-5", ""},
		{"flush.messages", "0", "Invalid value 0 for configuration flush.messages: Value must be " +
			"at least 1"},
		{"segment.ms", "0", "Invalid value 0 for configuration segment.ms: Value must be at " +
			"least 1"},
		{"segment.index.bytes", "3", "Invalid value 3 for configuration segment.index.bytes: " +
			"Value must be at least 4"},
		{"local.retention.ms", "-3", "Invalid value -3 for configuration local.retention.ms: " +
			"Value must be at least -2"},
		{"max.compaction.lag.ms", "0", "Invalid value 0 for configuration max.compaction.lag.ms: " +
			"Value must be at least 1"},
		{"message.timestamp.after.max.ms", "-1",
			"Invalid value -1 for configuration message.timestamp.after.max.ms: Value must be at " +
				"least 0"},
		{"message.timestamp.type", "foo",
			"Invalid value foo for configuration message.timestamp.type: String must be one of: " +
				"CreateTime, LogAppendTime"},
		{"internal.segment.bytes", "0", ""},
		{"leader.replication.throttled.replicas", "*", ""},
		{"leader.replication.throttled.replicas", "", ""},
		{"leader.replication.throttled.replicas", "1:2,3:4,1:2", ""},
		{"leader.replication.throttled.replicas", "1:2,,3:4, ", ""},
		{"leader.replication.throttled.replicas", " *,", ""},
		{"leader.replication.throttled.replicas", "*,*",
			"Invalid value [*, *] for configuration " +
				"leader.replication.throttled.replicas: " + notReplicas},
		{"leader.replication.throttled.replicas", "1:2:3",
			"Invalid value [1:2:3] for configuration " +
				"leader.replication.throttled.replicas: " + notReplicas},
		{"leader.replication.throttled.replicas", "1",
			"Invalid value [1] for configuration " +
				"leader.replication.throttled.replicas: " + notReplicas},
		{"leader.replication.throttled.replicas", "1:2,*",
			"Invalid value [1:2, *] for configuration " +
				"leader.replication.throttled.replicas: " + notReplicas},
		{"bogus", "1", "Unknown topic config name: bogus"},
	} {
		cc := NewChanges(imageOf(t), Settings{MinISR: 1}, false)
		change := &record.Config{Name: c.key, Value: &c.value}
		answer := ""
		if err := cc.validateTopic([]*record.Config{change}, map[string]string{c.key: c.value},
			nil); err != nil {
			answer = err.Message
		}
		if answer != c.answer {
			t.Errorf("%s=%q: %q, want %q", c.key, c.value, answer, c.answer)
		}
	}
}

// TestUnknownOldConfig: a key that an older release wrote does not keep a topic from being altered.
func TestUnknownOldConfig(t *testing.T) {
	t.Parallel()
	old := "3.0"
	img := imageOf(t, &record.Topic{Name: "foo", TopicID: protocol.UUID{1}}, &record.Config{
		ResourceType: metadata.ConfigTopic, ResourceName: "foo",
		Name: "message.format.version", Value: &old,
	})
	value := "5"
	records, err := NewChanges(img, Settings{}, false).Incremental(Resource{2, "foo"},
		[]Op{{"retention.ms", 0, &value}}, false)
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
}

// TestConvertedSynonyms: hours and minutes of a broker's file count in milliseconds, the shortest
// unit first.
func TestConvertedSynonyms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		static map[string]string
		key    string
		value  string
		source int8
	}{
		{map[string]string{"log.retention.hours": "2"}, "retention.ms", "7200000", sourceStatic},
		{map[string]string{"log.retention.hours": "2", "log.retention.minutes": "3"},
			"retention.ms", "180000", sourceStatic},
		{map[string]string{"log.retention.hours": "2", "log.retention.ms": "-1"}, "retention.ms",
			"-1", sourceStatic},
		{map[string]string{"log.roll.hours": "x"}, "segment.ms", "0", sourceStatic},
		{map[string]string{"log.flush.scheduler.interval.ms": "7"}, "flush.ms", "7", sourceStatic},
		{nil, "flush.ms", maxInt64, sourceDefault},
	} {
		defaults := NewTopicDefaults(imageOf(t), Settings{Static: c.static})
		if value, source := defaults.effective(topicKeyByName[c.key], nil); value != c.value ||
			source != c.source {
			t.Errorf("%v: %s=%s from %d, want %s from %d", c.static, c.key, value, source, c.value,
				c.source)
		}
	}
}

func TestWordsOfLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ list, words, appended, subtracted string }{
		{"a,b", "b,c,c", "a,b,c", "a"},
		{"a,b,a,b,a", "a,a,x", "a,b,a,b,a,x", "b,b,a"},
		{"", "a", ",a", ""},
	} {
		split := func(s string) []string { return strings.Split(s, ",") }
		if got := strings.Join(appended(split(c.list), split(c.words)), ","); got != c.appended {
			t.Errorf("%q and %q: %q", c.list, c.words, got)
		}
		if got := strings.Join(subtracted(split(c.list), split(c.words)),
			","); got != c.subtracted {
			t.Errorf("%q without %q: %q", c.list, c.words, got)
		}
	}
}

func TestTopicKeyTypes(t *testing.T) {
	t.Parallel()
	counts := make(map[kmsg.ConfigType]int)
	for i := range topicKeys {
		counts[topicKeys[i].configType()]++
	}
	want := map[kmsg.ConfigType]int{kmsg.ConfigTypeBoolean: 6, kmsg.ConfigTypeString: 2,
		kmsg.ConfigTypeInt: 10, kmsg.ConfigTypeLong: 16, kmsg.ConfigTypeDouble: 1,
		kmsg.ConfigTypeList: 3}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", counts, want)
	}
}
