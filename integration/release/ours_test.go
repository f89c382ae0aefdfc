package release

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// TestOurTablesAreThoseOfKafka compares what YAKt defines with testdata/kafka.tsv. Intended
// differences are in the table exceptions; one that no longer exists is a failure, too.
func TestOurTablesAreThoseOfKafka(t *testing.T) {
	t.Parallel()
	kafkas := parseFacts(recorded).only(map[string]int{"api": 1, "error": 1, "level": 5,
		"feature": 1, "default": 1})
	for key := range kafkas { // kraft.version is no record of the metadata log
		if strings.HasPrefix(key, "default\t") && strings.HasSuffix(key, " kraft.version") {
			delete(kafkas, key)
		}
	}
	ours := make(facts)
	ours.addAPIs()
	ours.addErrors()
	ours.addLevels()
	compare(t, kafkas, ours)
}

// TestOurRecordsAreThoseOfKafka compares the types of records and their newest versions; package
// integration compares their fields.
func TestOurRecordsAreThoseOfKafka(t *testing.T) {
	t.Parallel()
	kafkas, ours := make(facts), make(facts)
	for key, holds := range parseFacts(recorded) {
		kind, name, _ := strings.Cut(key, "\t")
		if columns := strings.Split(holds, "\t"); kind == "metadata" {
			kafkas.add("record", columns[2], name, "up to", newest(columns[0]))
		}
	}
	for _, kind := range record.Types() {
		ours.add("record", fmt.Sprint(uint32(kind)), kind, "up to", kind.MaxVersion())
	}
	compare(t, kafkas, ours)
}

// TestTheCodecHasEveryVersion compares the versions of requests with those that the library knows
// by which YAKt reads them.
func TestTheCodecHasEveryVersion(t *testing.T) {
	t.Parallel()
	kafkas, ours := make(facts), make(facts)
	for key, holds := range parseFacts(recorded).only(map[string]int{"api": 1}) {
		_, name, _ := strings.Cut(key, "\t")
		want := newest(holds)
		kafkas.add("codec", name, "up to", want)
		if req := kmsg.RequestForKey(int16(must(strconv.Atoi(name)))); req != nil {
			ours.add("codec", name, "up to", min(int(req.MaxVersion()), want))
		}
	}
	compare(t, kafkas, ours)
}

// TestOurConfigsAreThoseOfKafka compares the configs that a node describes, with their types and
// defaults. Internal configs are described only where they are set.
func TestOurConfigsAreThoseOfKafka(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{"topic config": 2, "group config": 2, "client metrics config": 2}
	kafkas := parseFacts(recorded).only(kinds)
	for key, holds := range parseFacts(recorded) {
		if slices.Contains(strings.Split(holds, "\t"), "internal") {
			delete(kafkas, key)
		}
	}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1,
		kafka.ControllerOptions{Properties: kafka.LongSessions()})
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	if err := creator.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	ours := make(facts)
	ours.addConfigs(t, q, "topic config", kmsg.ConfigResourceTypeTopic, "created-1")
	ours.addConfigs(t, q, "group config", kmsg.ConfigResourceTypeGroupConfig, "g")
	ours.addConfigs(t, q, "client metrics config", kmsg.ConfigResourceTypeClientMetrics, "m")
	compare(t, kafkas, ours)
}

func compare(t *testing.T, kafkas, ours facts) {
	t.Helper()
	kinds := make(map[string]bool)
	for key := range kafkas {
		kind, _, _ := strings.Cut(key, "\t")
		kinds[kind] = true
	}
	unseen := make(map[string]bool)
	for text := range exceptions {
		kind, _, _ := strings.Cut(text, " ")
		unseen[text] = kinds[kind]
	}
	for _, d := range kafkas.differences(ours) {
		if _, ok := exceptions[d]; !ok {
			t.Errorf("Kafka %s and YAKt: %s", kafka.Newest, d)
		}
		delete(unseen, d)
	}
	for text, expected := range unseen {
		if expected {
			t.Errorf("no longer a difference, remove it from exceptions: %s", text)
		}
	}
}

// newest is the end of a range of versions, such as 0-7.
func newest(versions string) int {
	_, top, ok := strings.Cut(versions, "-")
	if !ok {
		top = versions
	}
	return must(strconv.Atoi(top))
}

func (f facts) addAPIs() {
	for key := range int16(kmsg.MaxKey + 1) {
		if low, high, ok := controller.Versions(key); ok {
			f.add("api", fmt.Sprint(key), fmt.Sprintf("%d-%d", low, high))
		}
	}
}

func (f facts) addErrors() {
	f.add("error", "0", "NONE")
	for code := int16(-1); code < 1000; code++ {
		if e := kerr.TypedErrorForCode(code); e != nil && (e.Code == code) {
			f.add("error", fmt.Sprint(code), e.Message)
		}
	}
}

func (f facts) addLevels() {
	for v := metadata.MinVersion; v <= metadata.UnstableVersion; v++ {
		state := "stable"
		if v > metadata.LatestVersion {
			state = "unstable"
		}
		f.add("level", fmt.Sprint(int16(v)), v, state,
			fmt.Sprintf("RegisterBroker %d", v.RecordVersion(new(record.RegisterBroker))),
			fmt.Sprintf("Partition %d", v.RecordVersion(new(record.Partition))),
			fmt.Sprintf("PartitionChange %d", v.RecordVersion(new(record.PartitionChange))))
		defaults := make(map[string]int16)
		for _, r := range metadata.BootstrapFeatures(v) {
			level := r.(*record.FeatureLevel)
			defaults[level.Name] = level.Level
		}
		for _, feature := range metadata.SupportedFeatures(false) {
			if feature.Name != metadata.FeatureMetadata && feature.Name != metadata.FeatureKRaft {
				f.add("default", fmt.Sprintf("%d %s", v, feature.Name), defaults[feature.Name])
			}
		}
	}
	for _, feature := range metadata.SupportedFeatures(false) {
		f.add("feature", feature.Name, fmt.Sprintf("%d-%d", feature.Min, feature.Max))
	}
}

func (f facts) addConfigs(
	t *testing.T, q kafka.Quorum, kind string, of kmsg.ConfigResourceType, name string,
) {
	t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = of, name
	req.Resources, req.IncludeSynonyms = append(req.Resources, resource), true
	resp, err := kafka.Ask(t.Context(), q.Endpoint(q.Nodes()[0]), req)
	if err != nil {
		t.Fatal(err)
	}
	got := resp.(*kmsg.DescribeConfigsResponse).Resources[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Configs {
		value := "<null>"
		if c.Value != nil {
			value = strconv.Quote(*c.Value)
		}
		f.add(kind, c.Name, strings.ToUpper(c.ConfigType.String()), value)
	}
	if len(got.Configs) == 0 {
		t.Errorf("%s %s has no configs", kind, cmp.Or(name, "of everything"))
	}
}
