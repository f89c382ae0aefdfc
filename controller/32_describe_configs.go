package controller

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_CONFIGS (32), versions 1-4 (KIP-133, KIP-226, KIP-569) (ConfigHelper.describeConfigs): a read of the committed image and of this node's
// own configuration, on any node. Each resource is answered by itself: a topic's effective configuration; of a broker "" the cluster's dynamic
// defaults, of this node's id its own configuration; of client metrics subscriptions and groups what is set. Values that may be secrets
// are withheld.
//
// Differs from Kafka: of this node only what is configured is shown, since most of Kafka's defaults mean nothing here; there are no loggers
// and no documentation.
//
// A resource that a request names several times is answered once, where Kafka answers each time.
func (c *Controller) describeConfigs(
	_ context.Context, _ protocol.Caller, req *kmsg.DescribeConfigsRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeConfigsResponse](req)
	d := configs.NewDescriber(c.Image(), c.cfg.configSettings(), req.IncludeSynonyms)
	asked := firstOfEach(len(req.Resources), func(i int) configs.Resource {
		return resourceOf(&req.Resources[i])
	})
	keys := func(i int) int { return d.Count(resourceOf(&req.Resources[asked[i]])) }
	return weighted(resp, &resp.Resources, len(asked), keys, func(i int) kmsg.DescribeConfigsResponseResource {
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
	return list(resp, &resp.Resources, len(req.Resources), func(i int) kmsg.DescribeConfigsResponseResource {
		answer := kmsg.NewDescribeConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = req.Resources[i].ResourceType, req.Resources[i].ResourceName
		answer.ErrorCode, answer.ErrorMessage = err.Code(), err.TextAt(i)
		return answer
	})
}
