package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// INCREMENTAL_ALTER_CONFIGS (44), versions 0 and 1.
//
// Behaviour: each resource succeeds or fails as a whole and by itself. All that succeed are one
// batch, followed by a ClearElrRecord for each min.insync.replicas in it when eligible leader
// replicas are on. A BROKER_LOGGER resource changes the levels of this process's loggers at once,
// without a record; a request of such resources alone is carried out by any node. The sender needs
// ALTER_CONFIGS on a topic or group, on the cluster for brokers and client metrics, and
// CLUSTER_ACTION for loggers.
//
// Differs from Kafka: a SET, APPEND or SUBTRACT without a value is INVALID_REQUEST, as on brokers,
// and INVALID_CONFIG for a logger; Kafka's controllers treat such a SET as a deletion and resign on
// the others. They also resign on an unknown operation, which is INVALID_REQUEST here.
//
// KIP-339, KIP-412. Kafka: ConfigurationControlManager.incrementalAlterConfigs.
func (c *core) incrementalAlterConfigs(o op, req *kmsg.IncrementalAlterConfigsRequest) result {
	resp := responseTo[*kmsg.IncrementalAlterConfigsResponse](req)
	a := c.configAlteration(o, len(req.Resources))
	alterEach(a, req)
	records := a.Records()
	if len(records) > recordsPerUserOp {
		return result{response: failIncrementalAlterConfigs(req, errTooLarge)}
	}
	r := result{records: records, atomic: true}
	if req.ValidateOnly {
		r.records = nil
	}
	r.response = alterationAnswers(req, resp, a)
	return r
}

func decideIncrementalAlterConfigs(
	r *rights, req *kmsg.IncrementalAlterConfigsRequest,
) (some bool) {
	for i := range req.Resources {
		res := &req.Resources[i]
		some = r.takeAlteration(int8(res.ResourceType), res.ResourceName) || some
	}
	return some || len(req.Resources) == 0
}

// alterEach carries out the request, resource by resource.
func alterEach(a *configs.Alteration, req *kmsg.IncrementalAlterConfigsRequest) {
	a.AnswerEach(metadata.ConfigBrokerLogger)
	a.Validate = req.ValidateOnly
	for i := range req.Resources {
		r := &req.Resources[i]
		a.Name(int8(r.ResourceType), r.ResourceName)
	}
	for i := range req.Resources {
		r := &req.Resources[i]
		ops := make([]configs.Op, len(r.Configs))
		for j, c := range r.Configs {
			ops[j] = configs.Op{Key: c.Name, Op: c.Op, Value: c.Value}
		}
		a.Resource(i, int8(r.ResourceType), r.ResourceName, ops)
	}
}

func alterationAnswers(
	req *kmsg.IncrementalAlterConfigsRequest, resp *kmsg.IncrementalAlterConfigsResponse,
	a *configs.Alteration,
) kmsg.Response {
	return list(resp, &resp.Resources, len(a.Answers),
		func(i int) kmsg.IncrementalAlterConfigsResponseResource {
			answer := a.Answers[i]
			return alterConfigsResult(&req.Resources[answer.Index], answer.Err, answer.Err.Text())
		})
}

// alterLoggers answers a request about loggers only, which needs no leader.
func (c *Controller) alterLoggers(o op, kreq kmsg.Request) kmsg.Response {
	req := kreq.(*kmsg.IncrementalAlterConfigsRequest)
	if len(req.Resources) == 0 || slices.ContainsFunc(req.Resources,
		func(r kmsg.IncrementalAlterConfigsRequestResource) bool {
			return r.ResourceType != kmsg.ConfigResourceTypeBrokerLogger
		}) {
		return nil
	}
	a := configs.NewAlteration(configs.NewChanges(c.Image(), c.cfg.configSettings(), false),
		len(req.Resources))
	a.Authorize = o.rights.refuseAlteration
	alterEach(a, req)
	return alterationAnswers(req, responseTo[*kmsg.IncrementalAlterConfigsResponse](req), a)
}

func alterConfigsResult(
	r *kmsg.IncrementalAlterConfigsRequestResource, err *protocol.Error, message *string,
) kmsg.IncrementalAlterConfigsResponseResource {
	answer := kmsg.NewIncrementalAlterConfigsResponseResource()
	answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
	answer.ErrorCode, answer.ErrorMessage = err.Code(), message
	return answer
}

func failIncrementalAlterConfigs(
	req *kmsg.IncrementalAlterConfigsRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.IncrementalAlterConfigsResponse](req)
	return list(resp, &resp.Resources, len(req.Resources),
		func(i int) kmsg.IncrementalAlterConfigsResponseResource {
			return alterConfigsResult(&req.Resources[i], err, err.TextAt(i))
		})
}
