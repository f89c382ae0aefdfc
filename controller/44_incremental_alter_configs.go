package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// INCREMENTAL_ALTER_CONFIGS (44), versions 0 and 1.
//
// Behaviour: each resource succeeds or fails as a whole and by itself. All that succeed are one
// batch, followed by a ClearElrRecord for each min.insync.replicas in it when eligible leader
// replicas are on.
//
// Differs from Kafka: a SET, APPEND or SUBTRACT without a value is INVALID_REQUEST, as on brokers;
// Kafka's controllers treat such a SET as a deletion and resign on the others. This process has no
// loggers with levels, so a BROKER_LOGGER resource is refused.
//
// KIP-339. Kafka: ConfigurationControlManager.incrementalAlterConfigs.
func (c *core) incrementalAlterConfigs(o op, req *kmsg.IncrementalAlterConfigsRequest) result {
	resp := responseTo[*kmsg.IncrementalAlterConfigsResponse](req)
	a := c.configAlteration(o, len(req.Resources))
	a.AnswerEach(metadata.ConfigBrokerLogger)
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
	records := a.Records()
	if len(records) > recordsPerUserOp {
		return result{response: failIncrementalAlterConfigs(req, errTooLarge)}
	}
	r := result{records: records, atomic: true}
	if req.ValidateOnly {
		r.records = nil
	}
	r.response = list(resp, &resp.Resources, len(a.Answers),
		func(i int) kmsg.IncrementalAlterConfigsResponseResource {
			answer := a.Answers[i]
			return alterConfigsResult(&req.Resources[answer.Index], answer.Err, answer.Err.Text())
		})
	return r
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
