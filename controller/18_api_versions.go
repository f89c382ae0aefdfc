package controller

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// API_VERSIONS (18), versions 0 to 5: the APIs of the table, and features.
//
// Behaviour: the protocol layer answers a higher version, in version 0. Below version 4, supported
// features that may be at level 0 are left out, because old clients cannot read them (KAFKA-17492).
// kraft.version is listed among the finalized features although no feature record in the log sets
// it. The epoch is the offset of the last change of a feature. Until the log has a metadata.version
// no feature is finalized, and the epoch is -1. In version 5 a client names the cluster and the
// node that it expects, both or neither; a controller compares them with nothing, unlike a broker.
//
// Differs from Kafka: METADATA, FIND_COORDINATOR, INIT_PRODUCER_ID, DESCRIBE_CLIENT_QUOTAS and
// DESCRIBE_TOPIC_PARTITIONS are in the list, for ordinary clients that have a controller as their
// seed. Kafka's clients accept that: a broker reads only the forwardable APIs from this list
// (ApiVersionsResponse.intersectForwardableApis), NodeApiVersions ignores what it does not know,
// and an admin client with bootstrap.controllers uses DESCRIBE_CLUSTER. A forwardable API that is
// missing here disappears from the brokers' own lists. Clients other than Kafka's also get the APIs
// of the brokers, since some of them believe that all nodes serve the same: see brokerAPITable.
//
// KIP-511, KIP-584, KIP-1242.
func (c *Controller) apiVersions(
	_ context.Context, _ protocol.Caller, req *kmsg.ApiVersionsRequest,
) *kmsg.ApiVersionsResponse {
	resp := responseTo[*kmsg.ApiVersionsResponse](req)
	if req.Version >= 5 && (req.ClusterID != nil) != (req.NodeID != -1) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	if req.Version >= 3 && (!softwareName.MatchString(req.ClientSoftwareName) ||
		!softwareName.MatchString(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	img := c.Image()
	resp.ApiKeys = listAPIs(c.apisFor(img, req))
	for _, f := range c.cfg.supportedFeatures() {
		if f.Min == 0 && req.Version < 4 {
			continue
		}
		s := kmsg.NewApiVersionsResponseSupportedFeature()
		s.Name, s.MinVersion, s.MaxVersion = f.Name, f.Min, f.Max
		resp.SupportedFeatures = append(resp.SupportedFeatures, s)
	}
	resp.FinalizedFeaturesEpoch = -1
	if img.Version() != 0 {
		resp.FinalizedFeatures = finalizedFeatures(img)
		resp.FinalizedFeaturesEpoch = img.FeaturesOffset()
	}
	return resp
}

// kafkaSoftware is how Kafka's own brokers, tools and clients introduce themselves, from version 3
// of API_VERSIONS on, which all of them have sent since 2.4.
const kafkaSoftware = "apache-kafka-java"

// apisFor are the APIs that a client learns from this node.
func (c *Controller) apisFor(
	img *metadata.Image, req *kmsg.ApiVersionsRequest,
) map[int16]versionRange {
	ranges := controllerAPIs()
	if req.Version < 3 || req.ClientSoftwareName != kafkaSoftware {
		maps.Copy(ranges, brokersAPIs(img))
	}
	return ranges
}

// listAPIs lists ranges by key.
func listAPIs(ranges map[int16]versionRange) []kmsg.ApiVersionsResponseApiKey {
	listed := make([]kmsg.ApiVersionsResponseApiKey, 0, len(ranges))
	for _, k := range slices.Sorted(maps.Keys(ranges)) {
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MinVersion, key.MaxVersion = k, ranges[k].min, ranges[k].max
		listed = append(listed, key)
	}
	return listed
}

var softwareName = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$`)

// finalizedFeatures lists the features that are on, by name.
func finalizedFeatures(img *metadata.Image) []kmsg.ApiVersionsResponseFinalizedFeature {
	levels := maps.Collect(img.Features())
	if v := img.KRaftVersion(); v > 0 {
		levels[metadata.FeatureKRaft] = v
	}
	var finalized []kmsg.ApiVersionsResponseFinalizedFeature
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MinVersionLevel, f.MaxVersionLevel = name, levels[name], levels[name]
		finalized = append(finalized, f)
	}
	return finalized
}
