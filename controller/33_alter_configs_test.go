package controller

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
)

// replaceConfigs takes one resource a line: topic:name key=value or broker:name key=value; [validate]. Null is the value "null".
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
			r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: c.Name, Value: c.Value})
		}
		req.Resources = append(req.Resources, r)
	}
	records, response := s.handle(req)
	var b strings.Builder
	for _, r := range response.(*kmsg.AlterConfigsResponse).Resources {
		b.WriteString(answerText(fmt.Sprintf("%d:%s", r.ResourceType, r.ResourceName), r.ErrorCode, r.ErrorMessage) + "\n")
	}
	return b.String() + s.recordsText(records)
}
