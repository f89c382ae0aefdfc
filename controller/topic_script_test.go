package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// TestTopics runs scripts of requests about topics and configs. Each command prints the answers and
// the records.
func TestTopics(t *testing.T) {
	datadriven.Walk(t, "testdata/topics", func(t *testing.T, path string) {
		s := &topicScript{partitionScript: partitionScript{t: t}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			if command, ok := topicCommands[d.Cmd]; ok {
				return command(s)
			}
			command, ok := partitionCommands[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown command")
			}
			return command(&s.partitionScript)
		})
	})
}

type topicScript struct{ partitionScript }

var topicCommands = map[string]func(*topicScript) string{
	"settings": (*topicScript).settings,
	"create":   (*topicScript).create,
	"grow":     (*topicScript).grow,
	"delete":   (*topicScript).remove,
	"alter":    (*topicScript).alterConfigs,
	"replace":  (*topicScript).replaceConfigs,
	"show":     (*topicScript).show,
}

// settings changes this node's configuration, one key=value a line.
func (s *topicScript) settings() string {
	s.cfg.Static = make(map[string]string)
	for _, line := range s.lines() {
		key, value, _ := strings.Cut(line, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "num.partitions":
			s.cfg.DefaultPartitions = int32(n)
		case "default.replication.factor":
			s.cfg.DefaultReplicationFactor = int16(n)
		case "delete.topic.enable":
			s.cfg.DeleteTopics = value == "true"
		default:
			s.cfg.Static[key] = value
		}
	}
	return ""
}

func (s *topicScript) lines() []string {
	return slices.DeleteFunc(strings.Split(s.d.Input, "\n"), func(l string) bool { return l == "" })
}

// request options of all commands: [v=7] [validate] [configs]
func (s *topicScript) version(newest int16) int16 { return int16(s.oneOr("v", int32(newest))) }

// create takes one topic a line: name [partitions=3] [rf=2] [assign=1,2;2,3] [ids=0;5] [key=value
// …]; "key=!" is a null value.
func (s *topicScript) create() string {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.ValidateOnly = s.version(7), s.d.HasArg("validate")
	for _, line := range s.lines() {
		words := strings.Fields(line)
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = strings.Trim(words[0], `"`), -1, -1
		var ids []string
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			n, _ := strconv.Atoi(value)
			switch key {
			case "partitions":
				t.NumPartitions = int32(n)
			case "rf":
				t.ReplicationFactor = int16(n)
			case "ids":
				ids = strings.Split(value, ";")
			case "assign":
				for i, replicas := range assignments(value) {
					t.ReplicaAssignment = append(t.ReplicaAssignment,
						kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i),
							Replicas: replicas})
				}
			default:
				c := kmsg.CreateTopicsRequestTopicConfig{Name: key}
				if value != "!" {
					c.Value = &value
				}
				t.Configs = append(t.Configs, c)
			}
		}
		for i, id := range ids {
			n, _ := strconv.Atoi(id)
			t.ReplicaAssignment[i].Partition = int32(n)
		}
		req.Topics = append(req.Topics, t)
	}
	records, response := s.handle(req)
	var b strings.Builder
	for _, t := range response.(*kmsg.CreateTopicsResponse).Topics {
		b.WriteString(answerText(t.Topic, t.ErrorCode, t.ErrorMessage))
		if t.ErrorCode == 0 {
			fmt.Fprintf(&b, " partitions=%d rf=%d", t.NumPartitions, t.ReplicationFactor)
		}
		b.WriteString("\n")
		for _, c := range t.Configs {
			if s.d.HasArg("configs") || c.Source != int8(kmsg.ConfigSourceDefaultConfig) {
				fmt.Fprintf(&b, "  %s=%s (%d)\n", c.Name, *c.Value, c.Source)
			}
		}
	}
	return b.String() + s.recordsText(records)
}

func assignments(text string) [][]int32 {
	var all [][]int32
	for _, list := range strings.Split(text, ";") {
		var replicas []int32
		for _, id := range strings.Split(list, ",") {
			if n, err := strconv.Atoi(id); err == nil {
				replicas = append(replicas, int32(n))
			}
		}
		all = append(all, replicas)
	}
	return all
}

func answerText(name string, code int16, message *string) string {
	text := name + ": " + errorName(code)
	if message != nil {
		text += ": " + *message
	}
	return text
}

func (s *topicScript) recordsText(records []record.Record) string {
	var b strings.Builder
	for _, r := range records {
		switch r := r.(type) {
		case *record.Topic:
			fmt.Fprintf(&b, "Topic %s\n", r.Name)
		case *record.RemoveTopic:
			b.WriteString("RemoveTopic\n")
		case *record.Partition:
			fmt.Fprintf(&b, "Partition %d replicas=%v isr=%v leader=%d dirs=%s\n", r.PartitionID,
				r.Replicas, r.ISR, r.Leader, dirsText(r.Directories))
		case *record.Config:
			value := "null"
			if r.Value != nil {
				value = *r.Value
			}
			fmt.Fprintf(&b, "Config %d %q %s=%s\n", r.ResourceType, r.ResourceName, r.Name, value)
		case *record.ClearElr:
			fmt.Fprintf(&b, "ClearElr %q\n", r.TopicName)
		default:
			fmt.Fprintf(&b, "%v\n", r.Type())
		}
	}
	for t := range s.working.TopicsByName("") {
		for id, p := range t.Partitions() {
			checkPartition(s.t, s.working, t.Name, id, p)
		}
	}
	return b.String()
}

// grow takes one topic a line: name count=5 [assign=1,2;2,3]
func (s *topicScript) grow() string {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.Version, req.ValidateOnly = s.version(3), s.d.HasArg("validate")
	for _, line := range s.lines() {
		words := strings.Fields(line)
		t := kmsg.NewCreatePartitionsRequestTopic()
		t.Topic = words[0]
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "count":
				n, _ := strconv.Atoi(value)
				t.Count = int32(n)
			case "assign":
				for _, replicas := range assignments(value) {
					t.Assignment = append(t.Assignment,
						kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
				}
			}
		}
		req.Topics = append(req.Topics, t)
	}
	records, response := s.handle(req)
	var b strings.Builder
	for _, t := range response.(*kmsg.CreatePartitionsResponse).Topics {
		b.WriteString(answerText(t.Topic, t.ErrorCode, t.ErrorMessage) + "\n")
	}
	return b.String() + s.recordsText(records)
}

// remove takes one entry a line: name, or id=name for the id of that topic, id=none for an unknown
// one, or both, or "-" for neither.
func (s *topicScript) remove() string {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version = s.version(6)
	for _, line := range s.lines() {
		t := kmsg.NewDeleteTopicsRequestTopic()
		for _, word := range strings.Fields(line) {
			if name, ok := strings.CutPrefix(word, "id="); ok {
				t.TopicID = testUUID(77)
				if topic := s.working.TopicByName(name); topic != nil {
					t.TopicID = topic.ID
				}
			} else if word != "-" {
				t.Topic = &word
			}
		}
		if req.Version < 6 {
			req.TopicNames = append(req.TopicNames, *t.Topic)
			continue
		}
		req.Topics = append(req.Topics, t)
	}
	before := s.working
	records, response := s.handle(req)
	var answers []string
	for _, t := range response.(*kmsg.DeleteTopicsResponse).Topics {
		name := "(no name)"
		if t.Topic != nil {
			name = *t.Topic
		}
		if topic := before.Topic(t.TopicID); topic != nil {
			name += " id=" + topic.Name
		}
		answers = append(answers, answerText(name, t.ErrorCode, t.ErrorMessage)+"\n")
	}
	slices.Sort(answers) // they come in random order
	return strings.Join(answers, "") + s.recordsText(records)
}

// alterConfigs takes one resource a line: type:name key=value key+=value key-=value key=! (delete);
// [forwarded] [validate]
func (s *topicScript) alterConfigs() string {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version, req.ValidateOnly = s.version(1), s.d.HasArg("validate")
	for _, line := range s.lines() {
		words := strings.Fields(line)
		kind, name, _ := strings.Cut(words[0], ":")
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceName = name
		switch kind {
		case "topic":
			r.ResourceType = kmsg.ConfigResourceType(metadata.ConfigTopic)
		case "broker":
			r.ResourceType = kmsg.ConfigResourceType(metadata.ConfigBroker)
		case "logger":
			r.ResourceType = kmsg.ConfigResourceType(metadata.ConfigBrokerLogger)
		case "metrics":
			r.ResourceType = kmsg.ConfigResourceType(metadata.ConfigClientMetrics)
		case "group":
			r.ResourceType = kmsg.ConfigResourceType(metadata.ConfigGroup)
		}
		for _, word := range words[1:] {
			r.Configs = append(r.Configs, configWord(word))
		}
		req.Resources = append(req.Resources, r)
	}
	records, response := s.do(func(o op) result {
		o.caller.Forwarded = s.d.HasArg("forwarded")
		return apiOf(req.Key()).write(s.core, o, req)
	})
	var b strings.Builder
	for _, r := range response.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		b.WriteString(answerText(fmt.Sprintf("%d:%s", r.ResourceType, r.ResourceName), r.ErrorCode,
			r.ErrorMessage) + "\n")
	}
	return b.String() + s.recordsText(records)
}

func configWord(word string) kmsg.IncrementalAlterConfigsRequestResourceConfig {
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	key, value, _ := strings.Cut(word, "=")
	if k, ok := strings.CutSuffix(key, "+"); ok {
		key, c.Op = k, kmsg.IncrementalAlterConfigOpAppend
	} else if k, ok := strings.CutSuffix(key, "-"); ok {
		key, c.Op = k, kmsg.IncrementalAlterConfigOpSubtract
	}
	switch value {
	case "!":
		c.Op = kmsg.IncrementalAlterConfigOpDelete
	case "null":
	case "long":
		value = strings.Repeat("x", configs.ValueMaxBytes+1)
		fallthrough
	default:
		c.Value = &value
	}
	c.Name = key
	return c
}

// show prints the configs that are set and the topics.
func (s *topicScript) show() string {
	var b strings.Builder
	for t := range s.working.TopicsByName("") {
		for id, p := range t.Partitions() {
			fmt.Fprintf(&b, "%s-%d %s\n", t.Name, id, partitionText(p))
		}
	}
	for c := range s.working.Configs {
		fmt.Fprintf(&b, "%d %q %v\n", c.Type, c.Name, c.Values)
	}
	return b.String()
}
