package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// ALTER_CONFIGS (33), versions 0-2 (KIP-133) (ConfigurationControlManager.legacyAlterConfigs): the keys of a resource are set to what the request
// gives, and those that it does not name are deleted. Else it is INCREMENTAL_ALTER_CONFIGS: the same checks, each resource by itself,
// one batch.
func (c *core) alterConfigs(o op, req *kmsg.AlterConfigsRequest) result {
	resp := responseTo[*kmsg.AlterConfigsResponse](req)
	a := c.configAlteration(o)
	for i := range req.Resources {
		r := &req.Resources[i]
		a.name(int8(r.ResourceType), r.ResourceName)
	}
	for i := range req.Resources {
		r := &req.Resources[i]
		if first, err := a.resource(int8(r.ResourceType), r.ResourceName, a.replacement(r)); first {
			resp.Resources = append(resp.Resources, legacyAlterConfigsResult(r, err))
		}
	}
	records, err := a.end()
	switch {
	case err != nil:
		return result{response: failAlterConfigs(req, err)}
	case req.ValidateOnly:
		return result{response: resp}
	}
	return result{records: records, response: resp, atomic: true}
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

func legacyAlterConfigsResult(r *kmsg.AlterConfigsRequestResource, err *apiError) kmsg.AlterConfigsResponseResource {
	answer := kmsg.NewAlterConfigsResponseResource()
	answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
	answer.ErrorCode, answer.ErrorMessage = err.code(), err.text()
	return answer
}

func failAlterConfigs(req *kmsg.AlterConfigsRequest, err *apiError) *kmsg.AlterConfigsResponse {
	resp := responseTo[*kmsg.AlterConfigsResponse](req)
	for i := range req.Resources {
		resp.Resources = append(resp.Resources, legacyAlterConfigsResult(&req.Resources[i], err))
	}
	return resp
}

// configAlteration collects what a request does to the configs of several resources.
type configAlteration struct {
	changes *configChanges
	times   map[configResource]int // how often the request names it; 0 when it is answered
	each    []int8                 // kinds that are answered each time that the request names one, as in Kafka
	records []record.Record
}

func (c *core) configAlteration(o op) *configAlteration {
	return &configAlteration{changes: c.configChanges(o), times: make(map[configResource]int)}
}

func (a *configAlteration) name(kind int8, name string) {
	a.times[configResource{kind, name}]++
	if !knownConfigs(kind) {
		a.each = append(a.each, kind)
	}
}

// resource makes the records of one resource, or says why not. It is to be answered the first time that the request names it.
func (a *configAlteration) resource(kind int8, name string, ops []configOp) (first bool, err *apiError) {
	res := configResource{kind, name}
	times := a.times[res]
	if times == 0 && !slices.Contains(a.each, kind) {
		return false, nil
	}
	a.times[res] = 0
	records, err := a.changes.alterResource(res, ops, times)
	a.records = append(a.records, records...)
	return true, err
}

// end returns the records of all resources, and what follows them.
func (a *configAlteration) end() ([]record.Record, *apiError) {
	records := append(a.records, clearElrs(a.changes.img, a.records)...)
	if len(records) > recordsPerUserOp {
		return nil, errTooLarge
	}
	return records, nil
}
