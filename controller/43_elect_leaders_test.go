package controller

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// electLeaders: elect-leaders preferred|unclean|type=7 all; or one topic a line: name partition…
func (s *partitionScript) electLeaders() string {
	req := kmsg.NewPtrElectLeadersRequest()
	req.Version, req.ElectionType = 2, int8(s.oneOr("type", 0))
	if s.d.HasArg("unclean") {
		req.ElectionType = 1
	}
	if !s.d.HasArg("all") {
		req.Topics = []kmsg.ElectLeadersRequestTopic{}
	}
	for line := range strings.Lines(s.d.Input) {
		words := strings.Fields(line)
		t := kmsg.ElectLeadersRequestTopic{Topic: words[0]}
		for _, word := range words[1:] {
			id, err := strconv.Atoi(word)
			s.check(err)
			t.Partitions = append(t.Partitions, int32(id))
		}
		req.Topics = append(req.Topics, t)
	}
	records, response := s.handle(req)
	resp := response.(*kmsg.ElectLeadersResponse)
	out := s.describe(records) + "answer: " + errorName(resp.ErrorCode) + "\n"
	for _, t := range resp.Topics {
		out += t.Topic + ":"
		for _, p := range t.Partitions {
			out += fmt.Sprintf(" %d=%s", p.Partition, errorName(p.ErrorCode))
		}
		out += "\n"
	}
	return out
}
