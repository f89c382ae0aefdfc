package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ALTER_CONFIGS (33), versions 0-2 (KIP-133) (ConfigurationControlManager.legacyAlterConfigs): the keys of a resource are set to what the request
// gives, and those that it does not name are deleted. Else it is INCREMENTAL_ALTER_CONFIGS: the same checks, each resource by itself,
// one batch.
func (c *core) alterConfigs(o op, req *kmsg.AlterConfigsRequest) result {
	resp := responseTo[*kmsg.AlterConfigsResponse](req)
	a := c.configAlteration(o, len(req.Resources))
	for i := range req.Resources {
		r := &req.Resources[i]
		a.name(int8(r.ResourceType), r.ResourceName)
	}
	for i := range req.Resources {
		r := &req.Resources[i]
		a.resource(i, int8(r.ResourceType), r.ResourceName, a.replacement(r))
	}
	records, err := a.end()
	if err != nil {
		return result{response: failAlterConfigs(req, err)}
	}
	r := result{records: records, atomic: true}
	if req.ValidateOnly {
		r.records = nil
	}
	r.response = list(resp, &resp.Resources, len(a.answers), func(i int) kmsg.AlterConfigsResponseResource {
		answer := a.answers[i]
		return legacyAlterConfigsResult(&req.Resources[answer.index], answer.err, answer.err.Text())
	})
	return r
}

// replacement is a resource of the request as operations: what is set, and then what it deletes.
func (a *configAlteration) replacement(r *kmsg.AlterConfigsRequestResource) []configOp {
	given := make(map[string]bool, len(r.Configs))
	var ops []configOp
	for _, c := range r.Configs {
		ops = append(ops, configOp{c.Name, kmsg.IncrementalAlterConfigOpSet, c.Value})
		given[c.Name] = true
	}
	for _, key := range slices.Sorted(maps.Keys(a.changes.img.Config(int8(r.ResourceType), r.ResourceName))) {
		if !given[key] {
			ops = append(ops, configOp{key: key, op: kmsg.IncrementalAlterConfigOpDelete})
		}
	}
	return ops
}

func legacyAlterConfigsResult(
	r *kmsg.AlterConfigsRequestResource, err *protocol.Error, message *string,
) kmsg.AlterConfigsResponseResource {
	answer := kmsg.NewAlterConfigsResponseResource()
	answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
	answer.ErrorCode, answer.ErrorMessage = err.Code(), message
	return answer
}

func failAlterConfigs(req *kmsg.AlterConfigsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.AlterConfigsResponse](req)
	return list(resp, &resp.Resources, len(req.Resources), func(i int) kmsg.AlterConfigsResponseResource {
		return legacyAlterConfigsResult(&req.Resources[i], err, err.TextAt(i))
	})
}

// configAlteration collects what a request does to the configs of several resources.
type configAlteration struct {
	changes  *configChanges
	times    map[configResource]int // how often the request names it; 0 when it is answered
	each     []int8                 // kinds that are answered each time that the request names one, as in Kafka
	records  []record.Record
	read     int // bytes of values that the resources have now
	answers  []alteredResource
	messages protocol.Messages
}

// configReadMaxBytes bounds the values that one request has read again: all of a resource are, when
// one is changed.
const configReadMaxBytes = 4 << 20

// alteredResource is the answer for the resource of that index in the request.
type alteredResource struct {
	index int
	err   *protocol.Error
}

func (c *core) configAlteration(o op, resources int) *configAlteration {
	return &configAlteration{
		changes: c.configChanges(o), times: make(map[configResource]int, resources), answers: make([]alteredResource, 0, resources),
	}
}

func (a *configAlteration) name(kind int8, name string) {
	a.times[configResource{kind, name}]++
	if !knownConfigs(kind) && !slices.Contains(a.each, kind) {
		a.each = append(a.each, kind)
	}
}

// resource makes the records of one resource, or notes why not. It is answered the first time that
// the request names it.
func (a *configAlteration) resource(index int, kind int8, name string, ops []configOp) {
	res := configResource{kind, name}
	times := a.times[res]
	if times == 0 && !slices.Contains(a.each, kind) {
		return
	}
	a.times[res] = 0
	records, err := a.alter(res, ops, times)
	a.records = append(a.records, records...)
	a.answers = append(a.answers, alteredResource{index, a.messages.Bounded(err)})
}

// configsMax bounds the configs of one resource. A broker's may have any names.
const configsMax = 10_000

// alter makes the records of one resource, which the request names so many times.
func (a *configAlteration) alter(
	res configResource, ops []configOp, times int,
) ([]record.Record, *protocol.Error) {
	current := a.changes.img.Config(res.kind, res.name)
	for _, value := range current {
		a.read += len(value)
	}
	if a.read > configReadMaxBytes {
		return nil, protocol.Errorf(kerr.PolicyViolation, "The resources of the request have more than %d bytes of configs now: change fewer at once.", configReadMaxBytes)
	}
	records, err := a.changes.alterResource(res, ops, times)
	adds := func(r record.Record) bool {
		c, ok := r.(*record.Config)
		if !ok || c.Value == nil {
			return false
		}
		_, known := current[c.Name]
		return !known
	}
	if err == nil && len(current)+len(records) > configsMax && slices.ContainsFunc(records, adds) {
		return nil, protocol.Errorf(kerr.PolicyViolation, "A resource may have no more than %d configs.", configsMax)
	}
	return records, err
}

// end returns the records of all resources, and what follows them.
func (a *configAlteration) end() ([]record.Record, *protocol.Error) {
	records := append(a.records, clearElrs(a.changes.img, a.records)...)
	if len(records) > recordsPerUserOp {
		return nil, errTooLarge
	}
	return records, nil
}
