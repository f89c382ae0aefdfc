package differential

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// side is the outcome of an operation on one controller.
type side struct {
	response kmsg.Response // nil for an operation without a request
	records  []written
	faults   []string
}

// divergence is one operation with both outcomes. The intended differences change Kafka's outcome
// into what it would be without them.
type divergence struct {
	setting
	request       kmsg.Request // nil for an operation without a request
	before, after *metadata.Image
	ours, kafka   side
}

// difference is an intended one. apply reports whether it applied; it changes d.kafka by no more
// than the difference explains.
type difference struct {
	name  string
	apply func(*divergence) bool
}

// compare compares the two sides.
func (p *pair) compare(what string, d *divergence) {
	normalise(d)
	for _, r := range p.rules {
		if same(d) {
			break
		}
		if r.apply(d) {
			p.counts.differences.add("", r.name)
		}
	}
	p.counts.written(d)
	if !same(d) {
		p.fail("%s\n%s", what, d)
	}
	if wrong := sick(d.after); wrong != "" && len(d.ours.records) > 0 {
		p.fail("%s\nleaves %s\n%s", what, wrong, d)
	}
}

// sick returns what is wrong with a partition of ours, independent of Kafka's.
func sick(img *metadata.Image) string {
	if img == nil {
		return ""
	}
	for t := range img.Topics() {
		for id, p := range t.Partitions() {
			outside := minus(slices.Concat(p.ISR, p.ELR(), p.Adding(), p.Removing(),
				p.LastKnownELR()), p.Replicas)
			switch {
			case len(outside) > 0:
				return fmt.Sprintf("%s-%d with %v, which are no replicas", t.Name, id, outside)
			case p.Leader >= 0 && !slices.Contains(p.ISR, p.Leader):
				return fmt.Sprintf("%s-%d with a leader that is not in the ISR", t.Name, id)
			case len(keep(p.ELR(), p.ISR)) > 0:
				return fmt.Sprintf("%s-%d with an ELR that overlaps the ISR", t.Name, id)
			case len(p.Directories) != len(p.Replicas):
				return fmt.Sprintf("%s-%d with other directories than replicas", t.Name, id)
			}
		}
	}
	return ""
}

func same(d *divergence) bool {
	return len(d.kafka.faults) == 0 && reflect.DeepEqual(d.ours.response, d.kafka.response) &&
		slices.EqualFunc(d.ours.records, d.kafka.records, func(a, b written) bool {
			return a.version == b.version && bytes.Equal(a.bytes, b.bytes)
		})
}

func (d *divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "before: %s", state(d.before, d.request))
	fmt.Fprintf(&b, "ours answers  %s\n%s", text(d.ours.response), describe(d.ours.records))
	fmt.Fprintf(&b, "Kafka answers %s\n%s", text(d.kafka.response), describe(d.kafka.records))
	for _, f := range d.kafka.faults {
		fmt.Fprintf(&b, "Kafka's fault: %s\n", f)
	}
	return b.String()
}

func text(v any) string {
	if v == nil || reflect.ValueOf(v).IsNil() {
		return "nothing"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func describe(records []written) string {
	var b strings.Builder
	for _, w := range records {
		fmt.Fprintf(&b, "    %T v%d%s\n", w.record, w.version,
			fields(reflect.ValueOf(w.record).Elem()))
	}
	return b.String()
}

// fields shows the fields that a record sets; "no change" is omitted, an empty list is not.
func fields(v reflect.Value) string {
	var b strings.Builder
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Slice && f.IsNil() {
			continue
		}
		if f.Kind() == reflect.Pointer && !f.IsNil() {
			f = f.Elem()
		}
		fmt.Fprintf(&b, " %s=%v", v.Type().Field(i).Name, f)
	}
	return b.String()
}

// state shows the brokers and topics of an image.
func state(img *metadata.Image, req kmsg.Request) string {
	if img == nil {
		return "nothing\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v, ELR %v, end %d\n", img.Version(), img.ElrEnabled(), img.EndOffset())
	for _, x := range img.Brokers() {
		fmt.Fprintf(&b, "    broker %d epoch %d fenced %v shutdown %v dirs %v cordoned %v\n", x.ID,
			x.Epoch, x.Fenced, x.InControlledShutdown, x.LogDirs, x.CordonedLogDirs)
	}
	for t := range img.TopicsByName("") {
		fmt.Fprintf(&b, "    topic %s %v %v\n", t.Name, t.ID,
			img.Config(metadata.ConfigTopic, t.Name))
		for id, x := range t.Partitions() {
			fmt.Fprintf(&b, "        %d replicas %v isr %v leader %d epochs %d %d recovery %d "+
				"adding %v removing %v elr %v known %v dirs %v\n",
				id, x.Replicas, x.ISR, x.Leader, x.LeaderEpoch, x.PartitionEpoch, x.RecoveryState,
				x.Adding(), x.Removing(), x.ELR(), x.LastKnownELR(), x.Directories)
		}
	}
	return b.String()
}

// normalise removes insignificant differences: the wording of messages, the ids of new topics, and
// orders that follow from hash tables.
func normalise(d *divergence) {
	for _, s := range []*side{&d.ours, &d.kafka} {
		s.records = slices.Clone(s.records)
		sortDirectories(s.records)
		if s.response != nil {
			clearMessages(reflect.ValueOf(s.response))
			sortAnswers(s.response)
		}
	}
	renameTopics(d)
	if d.request != nil {
		takePlacements(d)
	}
	sortRuns(d.ours.records)
	sortRuns(d.kafka.records)
}

// sortDirectories sorts the sets of directories in changes of registrations.
func sortDirectories(records []written) {
	for i, w := range records {
		if r, ok := w.record.(*record.BrokerRegistrationChange); ok &&
			len(r.LogDirs)+len(r.CordonedLogDirs) > 1 {
			sorted := *r
			sorted.LogDirs, sorted.CordonedLogDirs = slices.Clone(r.LogDirs),
				slices.Clone(r.CordonedLogDirs)
			for _, dirs := range [2][]protocol.UUID{sorted.LogDirs, sorted.CordonedLogDirs} {
				slices.SortFunc(dirs, func(a, b protocol.UUID) int {
					return bytes.Compare(a[:], b[:])
				})
			}
			records[i] = again(&sorted, w.version)
		}
	}
}

// clearMessages clears texts for people, at every level.
func clearMessages(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			clearMessages(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			clearMessages(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if v.Type().Field(i).Name == "ErrorMessage" {
				f.SetZero()
			} else if f.CanSet() {
				clearMessages(f)
			}
		}
	}
}

func sortAnswers(resp kmsg.Response) {
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		slices.SortFunc(r.Topics,
			func(a, b kmsg.CreateTopicsResponseTopic) int { return cmp.Compare(a.Topic, b.Topic) })
	case *kmsg.CreatePartitionsResponse:
		slices.SortFunc(r.Topics, func(a, b kmsg.CreatePartitionsResponseTopic) int {
			return cmp.Compare(a.Topic, b.Topic)
		})
	case *kmsg.DeleteTopicsResponse:
		slices.SortFunc(r.Topics, func(a, b kmsg.DeleteTopicsResponseTopic) int {
			return cmp.Compare(text(&a), text(&b))
		})
	case *kmsg.IncrementalAlterConfigsResponse:
		slices.SortFunc(r.Resources, func(a, b kmsg.IncrementalAlterConfigsResponseResource) int {
			return cmp.Or(cmp.Compare(a.ResourceType, b.ResourceType),
				cmp.Compare(a.ResourceName, b.ResourceName))
		})
	case *kmsg.AlterConfigsResponse:
		slices.SortFunc(r.Resources, func(a, b kmsg.AlterConfigsResponseResource) int {
			return cmp.Or(cmp.Compare(a.ResourceType, b.ResourceType),
				cmp.Compare(a.ResourceName, b.ResourceName))
		})
	case *kmsg.AlterClientQuotasResponse:
		for _, entry := range r.Entries {
			slices.SortFunc(entry.Entity, func(a, b kmsg.AlterClientQuotasResponseEntryEntity) int {
				return cmp.Compare(text(&a), text(&b))
			})
		}
		slices.SortFunc(r.Entries, func(a, b kmsg.AlterClientQuotasResponseEntry) int {
			return cmp.Compare(text(&a), text(&b))
		})
	case *kmsg.AlterUserSCRAMCredentialsResponse:
		slices.SortFunc(r.Results, func(a, b kmsg.AlterUserSCRAMCredentialsResponseResult) int {
			return cmp.Compare(text(&a), text(&b))
		})
	case *kmsg.ElectLeadersResponse:
		slices.SortFunc(r.Topics,
			func(a, b kmsg.ElectLeadersResponseTopic) int { return cmp.Compare(a.Topic, b.Topic) })
		for _, t := range r.Topics {
			slices.SortStableFunc(t.Partitions,
				func(a, b kmsg.ElectLeadersResponseTopicPartition) int {
					return cmp.Compare(a.Partition, b.Partition)
				})
		}
	case *kmsg.ListPartitionReassignmentsResponse:
		slices.SortFunc(r.Topics, func(a, b kmsg.ListPartitionReassignmentsResponseTopic) int {
			return cmp.Compare(a.Topic, b.Topic)
		})
		for _, t := range r.Topics {
			slices.SortFunc(t.Partitions,
				func(a, b kmsg.ListPartitionReassignmentsResponseTopicPartition) int {
					return cmp.Compare(a.Partition, b.Partition)
				})
		}
	}
}

// renameTopics gives topics that Kafka has just created the ids of ours. The id in the answer to a
// validating request belongs to no topic.
func renameTopics(d *divergence) {
	if r, ok := d.ours.response.(*kmsg.CreateTopicsResponse); ok {
		k, ok := d.kafka.response.(*kmsg.CreateTopicsResponse)
		if !ok {
			return
		}
		for _, topics := range [][]kmsg.CreateTopicsResponseTopic{r.Topics, k.Topics} {
			for i := range topics {
				topics[i].TopicID = [16]byte{min(topics[i].TopicID[6]>>4, 1)}
			}
		}
	}
	ids := make(map[string]protocol.UUID)
	for _, w := range d.ours.records {
		if t, ok := w.record.(*record.Topic); ok {
			ids[t.Name] = t.TopicID
		}
	}
	renamed := make(map[protocol.UUID]protocol.UUID)
	for i, w := range d.kafka.records {
		switch r := w.record.(type) {
		case *record.Topic:
			if id, ok := ids[r.Name]; ok {
				renamed[r.TopicID] = id
				r.TopicID = id
			}
		case *record.Partition:
			if id, ok := renamed[r.TopicID]; ok {
				r.TopicID = id
			}
		}
		d.kafka.records[i] = again(w.record, w.version)
	}
}

// again encodes a modified record.
func again(r record.Record, version int16) written {
	b, err := record.Append(nil, r, version)
	if err != nil {
		panic(err)
	}
	return written{r, version, b}
}

// sortRuns sorts runs of records whose order in Kafka is that of a hash table: changes of different
// partitions, and configs.
func sortRuns(records []written) {
	for from := 0; from < len(records); {
		to := from + 1
		for to < len(records) && records[to].record.Type() == records[from].record.Type() {
			to++
		}
		slices.SortStableFunc(records[from:to],
			func(a, b written) int { return cmp.Compare(runKey(a.record), runKey(b.record)) })
		from = to
	}
}

func runKey(r record.Record) string {
	switch r := r.(type) {
	case *record.PartitionChange:
		return fmt.Sprintf("%v %08d", r.TopicID, r.PartitionID)
	case *record.Partition:
		return fmt.Sprintf("%v %08d", r.TopicID, r.PartitionID)
	case *record.Config:
		return fmt.Sprintf("%d %s %s", r.ResourceType, r.ResourceName, r.Name)
	case *record.ClearElr:
		return r.TopicName
	case *record.ClientQuota:
		return text(r)
	case *record.UserScramCredential:
		return fmt.Sprintf("%s %d", r.Name, r.Mechanism)
	case *record.RemoveUserScramCredential:
		return fmt.Sprintf("%s %d", r.Name, r.Mechanism)
	case *record.RemoveTopic:
		return r.TopicID.String()
	}
	return ""
}
