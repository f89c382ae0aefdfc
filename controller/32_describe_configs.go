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
// defaults of the cluster; the broker of this node's id all keys of Kafka's servers; a broker
// logger of that id the levels of this process's loggers; client metrics subscriptions and groups
// all their keys, also under names that nothing has. Values of passwords and of unknown keys are
// withheld. Values are shown as servers read them: trimmed, and each word of a policy once.
// Synonyms and sources are Kafka's, which leave out what another unit has set: retention.ms that
// comes from log.retention.hours has the source DEFAULT. An empty list of keys asks for all.
// The sender needs DESCRIBE_CONFIGS on a topic or group, on the cluster for all other resources.
//
// Differs from Kafka: the documentation is our own; the defaults of keys that have another one here
// are shown with it, and the keys of YAKt itself are no secrets; a resource that a request names
// several times is answered once; a resource of an unknown type costs only its own answer.
//
// KIP-133, KIP-226, KIP-569, KIP-412. Kafka: ConfigHelper.describeConfigs.
func (c *Controller) describeConfigs(
	_ context.Context, caller protocol.Caller, req *kmsg.DescribeConfigsRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeConfigsResponse](req)
	d := configs.NewDescriber(c.Image(), c.cfg.configSettings(), req.IncludeSynonyms,
		req.IncludeDocumentation)
	asked := firstOfEach(len(req.Resources), func(i int) configs.Resource {
		return resourceOf(&req.Resources[i])
	})
	granted := c.rightsOf(caller)
	keys := func(i int) int { return d.Count(resourceOf(&req.Resources[asked[i]])) }
	return weighted(resp, &resp.Resources, len(asked), keys,
		func(i int) kmsg.DescribeConfigsResponseResource {
			return describedResource(d, granted, &req.Resources[asked[i]], int(asked[i]))
		})
}

func resourceOf(r *kmsg.DescribeConfigsRequestResource) configs.Resource {
	return configs.Resource{Kind: int8(r.ResourceType), Name: r.ResourceName}
}

func describedResource(
	d *configs.Describer, granted *rights, r *kmsg.DescribeConfigsRequestResource, index int,
) kmsg.DescribeConfigsResponseResource {
	answer := kmsg.NewDescribeConfigsResponseResource()
	answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
	var described []kmsg.DescribeConfigsResponseResourceConfig
	err := granted.refuseDescription(resourceOf(r))
	if err == nil {
		described, err = d.Describe(resourceOf(r), r.ConfigNames)
	}
	answer.ErrorCode, answer.ErrorMessage = err.Code(), err.TextAt(index)
	if err == nil {
		answer.ErrorMessage = kmsg.StringPtr("") // Kafka's schema gives it no default
	}
	answer.Configs = slices.Clip(described)
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
