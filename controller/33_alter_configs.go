package controller

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// ALTER_CONFIGS (33), versions 0 to 2.
//
// Behaviour: sets the keys of a resource to the given values and deletes all others. Otherwise it
// is INCREMENTAL_ALTER_CONFIGS: the same checks and permissions, each resource by itself, one
// batch.
//
// KIP-133. Kafka: ConfigurationControlManager.legacyAlterConfigs.
func (c *core) alterConfigs(o op, req *kmsg.AlterConfigsRequest) result {
	resp := responseTo[*kmsg.AlterConfigsResponse](req)
	a := c.configAlteration(o, len(req.Resources))
	for i := range req.Resources {
		r := &req.Resources[i]
		a.Name(int8(r.ResourceType), r.ResourceName)
	}
	for i := range req.Resources {
		r := &req.Resources[i]
		a.Resource(i, int8(r.ResourceType), r.ResourceName, replacement(c.working, r))
	}
	records := a.Records()
	if len(records) > recordsPerUserOp {
		return result{response: failAlterConfigs(req, errTooLarge)}
	}
	r := result{records: records, atomic: true}
	if req.ValidateOnly {
		r.records = nil
	}
	r.response = list(resp, &resp.Resources, len(a.Answers),
		func(i int) kmsg.AlterConfigsResponseResource {
			answer := a.Answers[i]
			return legacyAlterConfigsResult(&req.Resources[answer.Index], answer.Err,
				answer.Err.Text())
		})
	return r
}

// replacement translates a resource of the request into operations: first those that set its keys,
// then those that delete all other keys of the resource.
func replacement(img *metadata.Image, r *kmsg.AlterConfigsRequestResource) []configs.Op {
	given := make(map[string]bool, len(r.Configs))
	var ops []configs.Op
	for _, c := range r.Configs {
		ops = append(ops, configs.Op{Key: c.Name, Op: kmsg.IncrementalAlterConfigOpSet,
			Value: c.Value})
		given[c.Name] = true
	}
	for _, key := range slices.Sorted(maps.Keys(img.Config(int8(r.ResourceType), r.ResourceName))) {
		if !given[key] {
			ops = append(ops, configs.Op{Key: key, Op: kmsg.IncrementalAlterConfigOpDelete})
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
	return list(resp, &resp.Resources, len(req.Resources),
		func(i int) kmsg.AlterConfigsResponseResource {
			return legacyAlterConfigsResult(&req.Resources[i], err, err.TextAt(i))
		})
}

// configAlteration begins the changes that a request makes to the configs of resources.
func (c *core) configAlteration(o op, resources int) *configs.Alteration {
	a := configs.NewAlteration(c.configChanges(o), resources)
	a.Authorize = o.rights.refuseAlteration
	return a
}

func decideAlterConfigs(r *rights, req *kmsg.AlterConfigsRequest) (some bool) {
	for i := range req.Resources {
		res := &req.Resources[i]
		some = r.takeAlteration(int8(res.ResourceType), res.ResourceName) || some
	}
	return some || len(req.Resources) == 0
}

// configChanges validates changes to configs against the newest state.
func (c *core) configChanges(o op) *configs.Changes {
	return configs.NewChanges(c.working, c.cfg.configSettings(), o.caller.Forwarded)
}
