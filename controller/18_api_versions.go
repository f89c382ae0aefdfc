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

// API_VERSIONS (18), versions 0 to 4 (KIP-511, KIP-584). A higher version is answered by the protocol layer, in version 0.
//
// The list is the API table as it is. Beyond Kafka's controllers it holds METADATA and DESCRIBE_TOPIC_PARTITIONS, for ordinary clients
// that have a controller as their seed. Kafka 4.3 does not mind: a broker asks its controllers' list for the forwardable APIs only
// (ApiVersionsResponse.intersectForwardableApis), of which neither is one; NodeApiVersions keeps any key it knows and ignores the
// others; and an admin client knows that it talks to controllers by its own setting (bootstrap.controllers), then uses DESCRIBE_CLUSTER,
// and takes no notice of METADATA. With bootstrap.servers it could not use a controller at all, now it finds the brokers. A
// forwardable API that is not in the list disappears from what brokers offer to their clients.
//
// Supported features that may be at level 0 are left out below version 4, where old clients cannot read them (KAFKA-17492).
// kraft.version is among the finalized ones, though no record in the log says so. The epoch is the offset of the last
// feature change.
func (c *Controller) apiVersions(_ context.Context, _ protocol.Caller, req *kmsg.ApiVersionsRequest) *kmsg.ApiVersionsResponse {
	resp := responseTo[*kmsg.ApiVersionsResponse](req)
	if req.Version >= 3 && (!softwareName.MatchString(req.ClientSoftwareName) || !softwareName.MatchString(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp
	}
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		a := byKey[k]
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MinVersion, key.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, key)
	}
	for _, f := range c.cfg.supportedFeatures() {
		if f.Min == 0 && req.Version < 4 {
			continue
		}
		s := kmsg.NewApiVersionsResponseSupportedFeature()
		s.Name, s.MinVersion, s.MaxVersion = f.Name, f.Min, f.Max
		resp.SupportedFeatures = append(resp.SupportedFeatures, s)
	}
	img := c.Image()
	resp.FinalizedFeatures, resp.FinalizedFeaturesEpoch = finalizedFeatures(img), img.FeaturesOffset()
	return resp
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
