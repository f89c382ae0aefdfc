package controller

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
)

// replaceConfigs takes one resource a line: topic:name key=value or broker:name key=value;
// [validate]. Null is the value "null".
func (s *topicScript) replaceConfigs() string {
	req := kmsg.NewPtrAlterConfigsRequest()
	req.Version, req.ValidateOnly = s.version(2), s.d.HasArg("validate")
	for _, line := range s.lines() {
		words := strings.Fields(line)
		kind, name, _ := strings.Cut(words[0], ":")
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceType(metadata.ConfigTopic), name
		if kind == "broker" {
			r.ResourceType = kmsg.ConfigResourceType(metadata.ConfigBroker)
		}
		for _, word := range words[1:] {
			c := configWord(word)
			r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: c.Name,
				Value: c.Value})
		}
		req.Resources = append(req.Resources, r)
	}
	records, response := s.handle(req)
	var b strings.Builder
	for _, r := range response.(*kmsg.AlterConfigsResponse).Resources {
		b.WriteString(answerText(fmt.Sprintf("%d:%s", r.ResourceType, r.ResourceName), r.ErrorCode,
			r.ErrorMessage) + "\n")
	}
	return b.String() + s.recordsText(records)
}

func TestABrokerHasABoundedNumberOfConfigs(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.addBroker(1)
	for _, step := range []struct {
		from, to int
		op       kmsg.IncrementalAlterConfigOp
		want     int16
	}{
		{0, configs.PerResourceMax, kmsg.IncrementalAlterConfigOpSet, 0},
		{configs.PerResourceMax, configs.PerResourceMax + 1, kmsg.IncrementalAlterConfigOpSet,
			kerr.PolicyViolation.Code},
		{0, 10, kmsg.IncrementalAlterConfigOpSet, 0}, // which it has
		{0, 1, kmsg.IncrementalAlterConfigOpDelete, 0},
		{configs.PerResourceMax, configs.PerResourceMax + 1, kmsg.IncrementalAlterConfigOpSet, 0},
	} {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = 1
		r := kmsg.IncrementalAlterConfigsRequestResource{
			ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1",
		}
		for i := step.from; i < step.to; i++ {
			r.Configs = append(r.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{
				Name: strconv.Itoa(i), Op: step.op, Value: kmsg.StringPtr("x"),
			})
		}
		req.Resources = append(req.Resources, r)
		resp := d.answer(req).(*kmsg.IncrementalAlterConfigsResponse)
		if got := resp.Resources[0].ErrorCode; got != step.want {
			t.Errorf("%+v: code %d", step, got)
		}
	}
}

// TestARequestReadsABoundedAmountOfConfigs: values that are long make a short request long.
func TestARequestReadsABoundedAmountOfConfigs(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.addBroker(1)
	n := configs.ReadMaxBytes/configs.ValueMaxBytes + 2
	long := strings.Repeat("1:1,", configs.ValueMaxBytes/4) + "1:1"
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	for i := range n {
		name := fmt.Sprint("topic-", i)
		d.addPartitions(name, 1, func(int) []int32 { return []int32{1} })
		d.apply(topicConfigRecord(name, "leader.replication.throttled.replicas",
			long[:configs.ValueMaxBytes]))
		req.Resources = append(req.Resources, kmsg.IncrementalAlterConfigsRequestResource{
			ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: name,
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{
				Name: "retention.ms", Value: kmsg.StringPtr("1000"),
			}},
		})
	}
	resp := d.answer(req).(*kmsg.IncrementalAlterConfigsResponse)
	if first, last := resp.Resources[0].ErrorCode, resp.Resources[n-1].ErrorCode; first != 0 ||
		last != kerr.PolicyViolation.Code {
		t.Errorf("codes %d and %d", first, last)
	}
}
