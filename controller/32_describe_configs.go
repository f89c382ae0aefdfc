package controller

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_CONFIGS (32), versions 1 to 4.
//
// Behaviour: a read of the committed image and of this node's own configuration, on any node. Each
// resource is answered by itself: a topic has its effective configuration; broker "" the dynamic
// defaults of the cluster; the broker of this node's id its own configuration; client metrics
// subscriptions and groups the keys that are set. Values that may be secrets are withheld. Values
// of topics are shown as brokers read them: trimmed, and each word of a policy once.
//
// Differs from Kafka: of this node only configured keys are shown, because most of Kafka's defaults
// have no meaning here; there are no loggers and no documentation; a resource that a request names
// several times is answered once.
//
// KIP-133, KIP-226, KIP-569. Kafka: ConfigHelper.describeConfigs.
func (c *Controller) describeConfigs(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeConfigsRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeConfigsResponse](req)
	d := configs.NewDescriber(c.Image(), c.cfg.configSettings(), req.IncludeSynonyms)
	asked := firstOfEach(len(req.Resources), func(i int) configs.Resource {
		return resourceOf(&req.Resources[i])
	})
	keys := func(i int) int { return d.Count(resourceOf(&req.Resources[asked[i]])) }
	return weighted(resp, &resp.Resources, len(asked), keys,
		func(i int) kmsg.DescribeConfigsResponseResource {
			return describedResource(d, &req.Resources[asked[i]], int(asked[i]))
		})
}

func resourceOf(r *kmsg.DescribeConfigsRequestResource) configs.Resource {
	return configs.Resource{Kind: int8(r.ResourceType), Name: r.ResourceName}
}

func describedResource(
	d *configs.Describer, r *kmsg.DescribeConfigsRequestResource, index int,
) kmsg.DescribeConfigsResponseResource {
	answer := kmsg.NewDescribeConfigsResponseResource()
	answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
	described, err := d.Describe(resourceOf(r))
	answer.ErrorCode, answer.ErrorMessage = err.Code(), err.TextAt(index)
	if r.ConfigNames == nil {
		answer.Configs = slices.Clip(described)
		return answer
	}
	for _, config := range described {
		if slices.Contains(r.ConfigNames, config.Name) {
			answer.Configs = append(answer.Configs, config)
		}
	}
	return answer
}

func failDescribeConfigs(req *kmsg.DescribeConfigsRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.DescribeConfigsResponse](req)
	return list(resp, &resp.Resources, len(req.Resources),
		func(i int) kmsg.DescribeConfigsResponseResource {
			answer := kmsg.NewDescribeConfigsResponseResource()
			r := &req.Resources[i]
			answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
			answer.ErrorCode, answer.ErrorMessage = err.Code(), err.TextAt(i)
			return answer
		})
}
