package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/features"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// UPDATE_FEATURES (57), versions 0 to 2: changes the levels of features, all or none.
//
// Behaviour: the level must be in the range of this controller, of every registered broker and of
// every other controller. A lower level needs a downgrade type; metadata.version may be lowered
// only where that loses no metadata, with any type. Other features depend on metadata.version as it
// will be. The response to a version below 2 lists every feature when all succeed, and an error is
// always that of the whole request. Version 0's AllowDowngrade is ignored. A level that stays is
// written again. Where eligible leader replicas are turned on, the cluster gets one
// min.insync.replicas before. kraft.version is 1 from the first batch of every log, so that
// setting it to 1 writes a NoOpRecord, and any other level is refused.
//
// Differs from Kafka: features are checked and written in the order of the request, where Kafka has
// the order of a hash table; before metadata.version 3.7-IV0, where
// controllers do not register, those that are connected count; a voter that is not registered is in
// the way if no leader has ever been connected to it, whether the quorum is static or not.
//
// KIP-584, KIP-778, KIP-1022. Kafka: FeatureControlManager.updateFeatures.
func (c *core) updateFeatures(_ op, req *kmsg.UpdateFeaturesRequest) result {
	updates := featureUpdatesOf(req)
	cluster := c.featureCluster()
	if err := cluster.Check(updates); err != nil {
		return result{response: failUpdateFeatures(req, protocol.Errorf(err.Kafka,
			"The update failed for all features since the following feature had an error: %s",
			err.Message))}
	}
	resp := responseTo[*kmsg.UpdateFeaturesResponse](req)
	if req.Version <= 1 {
		none := "NONE" // Errors.NONE in Kafka
		return c.updated(req, updates, list(resp, &resp.Results, len(req.FeatureUpdates),
			func(i int) kmsg.UpdateFeaturesResponseResult {
				r := kmsg.NewUpdateFeaturesResponseResult()
				r.Feature, r.ErrorMessage = req.FeatureUpdates[i].Feature, &none
				return r
			}))
	}
	return c.updated(req, updates, resp)
}

// featureUpdatesOf are the updates of a request. Of equal names the last counts, in the place of
// the first.
func featureUpdatesOf(req *kmsg.UpdateFeaturesRequest) []features.Update {
	updates := make([]features.Update, 0, len(req.FeatureUpdates))
	at := make(map[string]int, len(req.FeatureUpdates))
	for _, f := range req.FeatureUpdates {
		u := features.Update{
			Name: f.Feature, Level: f.MaxVersionLevel, Type: features.UpgradeType(f.UpgradeType),
		}
		if req.Version == 0 {
			u.Type = features.Upgrade
		}
		if i, again := at[f.Feature]; again {
			updates[i] = u
			continue
		}
		at[f.Feature] = len(updates)
		updates = append(updates, u)
	}
	return updates
}

// updated is the result of updates that are allowed.
func (c *core) updated(
	req *kmsg.UpdateFeaturesRequest, updates []features.Update, resp kmsg.Response,
) result {
	r := result{response: resp, atomic: true}
	if req.ValidateOnly {
		return r
	}
	r.records = c.featureCluster().Records(updates)
	for _, changed := range r.records {
		if f, ok := changed.(*record.FeatureLevel); ok {
			c.cfg.Logger.Info("updating a feature", "feature", f.Name,
				"from", c.working.Feature(f.Name), "to", f.Level)
		}
	}
	return r
}

func (c *core) featureCluster() *features.Cluster {
	return c.cfg.featureCluster(c.working, c.knownControllers())
}

// FeatureCluster is what determines the levels that features may have, in the newest published
// state. On a node that does not lead it may not know every controller that is connected to the
// leader.
func (c *Controller) FeatureCluster() *features.Cluster {
	return c.cfg.featureCluster(c.Image(), c.core.knownControllers())
}

func (cfg *Config) featureCluster(
	img *metadata.Image, known []knownController,
) *features.Cluster {
	cluster := &features.Cluster{
		NodeID: cfg.NodeID, Local: cfg.supportedFeatures(), Image: img, MinISR: cfg.MinISR,
	}
	for _, k := range known {
		cluster.Peers = append(cluster.Peers, k.RegisterController)
	}
	return cluster
}

func failUpdateFeatures(
	req *kmsg.UpdateFeaturesRequest, err *protocol.Error,
) *kmsg.UpdateFeaturesResponse {
	resp := responseTo[*kmsg.UpdateFeaturesResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
