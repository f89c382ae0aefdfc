package controller

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// LIST_CONFIG_RESOURCES (74), versions 0 and 1.
//
// Behaviour: a read of the committed image, on any node. Groups and client metrics subscriptions
// are those that have configs; brokers, also as holders of loggers, are those that are unfenced;
// topics are all. No types asks for all types. A type that has no resources is UNSUPPORTED_VERSION.
//
// Versions: 0 lists client metrics subscriptions only (KIP-714), 1 the types asked for (KIP-1142).
//
// Differs from Kafka: its controllers do not serve this API; METADATA says why ours do. The
// resources of a type are in the order of their names.
//
// Kafka: KafkaApis.handleListConfigResources.
func (c *Controller) listConfigResources(
	_ context.Context, _ protocol.Caller, req *kmsg.ListConfigResourcesRequest,
) kmsg.Response {
	types := req.ResourceTypes
	if req.Version == 0 {
		types = []int8{metadata.ConfigClientMetrics}
	} else if len(types) == 0 {
		types = listedKinds
	}
	for _, kind := range types {
		if !slices.Contains(listedKinds, kind) {
			return failListConfigResources(req, &protocol.Error{Kafka: kerr.UnsupportedVersion})
		}
	}
	resp := responseTo[*kmsg.ListConfigResourcesResponse](req)
	img := c.Image()
	var resources []listedResource
	for _, kind := range listedKinds {
		if slices.Contains(types, kind) {
			for name := range configHolders(img, kind) {
				resources = append(resources, listedResource{kind, name})
			}
		}
	}
	return list(resp, &resp.ConfigResources, len(resources),
		func(i int) kmsg.ListConfigResourcesResponseConfigResource {
			r := kmsg.NewListConfigResourcesResponseConfigResource()
			r.Name, r.Type = resources[i].name, resources[i].kind
			return r
		})
}

// listedCount is about how many resources an answer may have.
func (c *Controller) listedCount(req *kmsg.ListConfigResourcesRequest) int {
	img := c.Image()
	n := img.ConfigResourceCount() + 2*img.BrokerCount()
	if req.Version > 0 {
		n += img.TopicCount()
	}
	return n
}

type listedResource struct {
	kind int8
	name string
}

// listedKinds are the types of resources in the order in which they are listed.
var listedKinds = []int8{
	metadata.ConfigGroup, metadata.ConfigClientMetrics, metadata.ConfigBrokerLogger,
	metadata.ConfigBroker, metadata.ConfigTopic,
}

// configHolders are the names of the resources of a type, in order.
func configHolders(img *metadata.Image, kind int8) iter.Seq[string] {
	return func(yield func(string) bool) {
		switch kind {
		case metadata.ConfigTopic:
			for t := range img.TopicsByName("") {
				if !yield(t.Name) {
					return
				}
			}
		case metadata.ConfigBroker, metadata.ConfigBrokerLogger:
			for id, b := range img.Brokers() {
				if !b.Fenced && !yield(strconv.Itoa(int(id))) {
					return
				}
			}
		default:
			for r := range img.Configs {
				if r.Type == kind && !yield(r.Name) {
					return
				}
			}
		}
	}
}

func failListConfigResources(
	req *kmsg.ListConfigResourcesRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.ListConfigResourcesResponse](req)
	resp.ErrorCode = err.Code()
	return resp
}
