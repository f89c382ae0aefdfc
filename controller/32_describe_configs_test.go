package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

func configRecord(kind int8, name, key, value string) *record.Config {
	return &record.Config{ResourceType: kind, ResourceName: name, Name: key, Value: &value}
}

// describeText shows what is not a default.
func describeText(r *kmsg.DescribeConfigsResponseResource) string {
	var b strings.Builder
	for _, c := range r.Configs {
		if c.Source == kmsg.ConfigSourceDefaultConfig {
			continue
		}
		value := "null"
		if c.Value != nil {
			value = *c.Value
		}
		fmt.Fprintf(&b, "%s=%s %d", c.Name, value, c.Source)
		if c.ReadOnly {
			b.WriteString(" fixed")
		}
		if c.IsSensitive {
			b.WriteString(" secret")
		}
		for _, s := range c.ConfigSynonyms {
			fmt.Fprintf(&b, " %s:%d", s.Name, s.Source)
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestDescribeConfigs(t *testing.T) {
	c, _ := newReadController(t,
		&record.Topic{Name: "foo", TopicID: testUUID(1)},
		configRecord(metadata.ConfigTopic, "foo", "retention.ms", "5"),
		&record.Topic{Name: "twice", TopicID: testUUID(2)},
		configRecord(metadata.ConfigTopic, "twice", "cleanup.policy", " delete , compact,delete"),
		configRecord(metadata.ConfigTopic, "twice", "compression.type", " gzip"),
		configRecord(metadata.ConfigTopic, "twice", "max.message.bytes", " +7 "),
		configRecord(metadata.ConfigTopic, "twice", "min.cleanable.dirty.ratio", ".0005"),
		configRecord(metadata.ConfigTopic, "twice", "preallocate", "TRUE"),
		configRecord(metadata.ConfigBroker, "", "min.insync.replicas", "2"),
		configRecord(metadata.ConfigBroker, "3000", "ssl.keystore.password", "hush"),
		configRecord(metadata.ConfigBroker, "3000", "log.roll.hours", "3"),
		configRecord(metadata.ConfigGroup, "g", "consumer.session.timeout.ms", "50000"),
	)
	c.cfg.Static = map[string]string{"min.insync.replicas": "1", "log.dirs": "/d"}
	for _, test := range []struct {
		kind     int8
		resource string
		keys     []string
		synonyms bool
		want     string
		code     int16
	}{
		{kind: metadata.ConfigTopic, resource: "foo",
			want: "min.insync.replicas=2 3; retention.ms=5 1"},
		{kind: metadata.ConfigTopic, resource: "foo", keys: []string{"min.insync.replicas"},
			synonyms: true,
			want: "min.insync.replicas=2 3 min.insync.replicas:3 min.insync.replicas:4 " +
				"min.insync.replicas:5"},
		{kind: metadata.ConfigTopic, resource: "foo", keys: []string{"retention.ms"},
			synonyms: true, want: "retention.ms=5 1 retention.ms:1"},
		{
			kind: metadata.ConfigTopic, resource: "twice",
			want: "cleanup.policy=delete,compact 1; compression.type=gzip 1; " +
				"max.message.bytes=7 1; min.cleanable.dirty.ratio=5.0E-4 1; " +
				"min.insync.replicas=2 3; preallocate=true 1",
		},
		{kind: metadata.ConfigTopic, resource: "bar", code: 3},
		{kind: metadata.ConfigTopic, resource: "b/r", code: 17},
		{kind: metadata.ConfigBroker, want: "min.insync.replicas=2 3"},
		{kind: metadata.ConfigBroker, resource: "3000", synonyms: true,
			want: "broker.id=3000 4 fixed broker.id:4 broker.id:5; log.dirs=/d 4 fixed " +
				"log.dirs:4; min.insync.replicas=2 3 min.insync.replicas:3 " +
				"min.insync.replicas:4 min.insync.replicas:5; node.id=3000 4 fixed node.id:4"},
		{kind: metadata.ConfigBroker, resource: "1", code: 42},
		{kind: metadata.ConfigBroker, resource: "x", code: 42},
		{kind: metadata.ConfigBrokerLogger, resource: "3000",
			want: "audit=INFO 6; authorizer=INFO 6; controller=INFO 6; http=INFO 6; " +
				"network=INFO 6; node=INFO 6; raft=INFO 6; " +
				"root=INFO 6; security=INFO 6"},
		{kind: metadata.ConfigGroup, resource: "g", want: "consumer.session.timeout.ms=50000 8"},
		{kind: metadata.ConfigGroup, code: 42},
		{kind: metadata.ConfigClientMetrics, resource: "m"},
		{kind: 99, resource: "m", code: 42},
	} {
		for version := int16(1); version <= 4; version++ {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.IncludeSynonyms = test.synonyms
			req.Resources = []kmsg.DescribeConfigsRequestResource{{
				ResourceType: kmsg.ConfigResourceType(test.kind), ResourceName: test.resource,
				ConfigNames: test.keys,
			}}
			resp := ask[*kmsg.DescribeConfigsResponse](t, c, controllerCaller, req, version)
			r := &resp.Resources[0]
			if got := describeText(r); got != test.want || r.ErrorCode != test.code ||
				r.ErrorMessage == nil || (*r.ErrorMessage == "") != (test.code == 0) {
				t.Errorf("v%d %d %q: %d %s\nwant %d %s", version, test.kind, test.resource,
					r.ErrorCode, got, test.code, test.want)
			}
		}
	}
}
