package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// INCREMENTAL_ALTER_CONFIGS (44), versions 0-1 (KIP-339) (ConfigurationControlManager.incrementalAlterConfigs). Each resource
// succeeds or fails as a whole and by itself; those that succeed are one batch, followed by a ClearElrRecord for each
// min.insync.replicas in it when eligible leader replicas are on.
//
// A SET, APPEND or SUBTRACT without a value is INVALID_REQUEST, as brokers answer; Kafka's controllers take such a SET for a deletion
// and resign on the others. Loggers of this process have no levels that could be set: a BROKER_LOGGER resource is refused.
func (c *core) incrementalAlterConfigs(o op, req *kmsg.IncrementalAlterConfigsRequest) result {
	resp := responseTo[*kmsg.IncrementalAlterConfigsResponse](req)
	a := c.configAlteration(o, len(req.Resources))
	a.each = []int8{metadata.ConfigBrokerLogger}
	for i := range req.Resources {
		r := &req.Resources[i]
		a.name(int8(r.ResourceType), r.ResourceName)
	}
	for i := range req.Resources {
		r := &req.Resources[i]
		ops := make([]configOp, len(r.Configs))
		for j, c := range r.Configs {
			ops[j] = configOp{c.Name, c.Op, c.Value}
		}
		a.resource(i, int8(r.ResourceType), r.ResourceName, ops)
	}
	records, err := a.end()
	if err != nil {
		return result{response: failIncrementalAlterConfigs(req, err)}
	}
	r := result{records: records, atomic: true}
	if req.ValidateOnly {
		r.records = nil
	}
	r.response = list(resp, &resp.Resources, len(a.answers), func(i int) kmsg.IncrementalAlterConfigsResponseResource {
		answer := a.answers[i]
		return alterConfigsResult(&req.Resources[answer.index], answer.err, answer.err.Text())
	})
	return r
}

// alterResource makes the records of one resource, which the request names so many times.
func (cc *configChanges) alterResource(res configResource, ops []configOp, times int) ([]record.Record, *protocol.Error) {
	switch {
	case res.kind == metadata.ConfigBrokerLogger:
		return nil, protocol.Errorf(kerr.InvalidRequest, "This controller has no loggers whose level can be changed.")
	case !knownConfigs(res.kind):
		return nil, protocol.Errorf(kerr.UnsupportedVersion, "Unknown resource type %d.", res.kind)
	case times > 1:
		return nil, protocol.Errorf(kerr.InvalidRequest, "Duplicate resource.")
	}
	return cc.incremental(res, ops, false)
}

// knownConfigs reports whether there are resources of this kind.
func knownConfigs(kind int8) bool {
	switch kind {
	case metadata.ConfigTopic, metadata.ConfigBroker, metadata.ConfigBrokerLogger, metadata.ConfigClientMetrics, metadata.ConfigGroup:
		return true
	}
	return false
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
	return list(resp, &resp.Resources, len(req.Resources), func(i int) kmsg.IncrementalAlterConfigsResponseResource {
		return alterConfigsResult(&req.Resources[i], err, err.TextAt(i))
	})
}
