package httpapi

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/features"
	"github.com/yakt/yakt/metadata"
)

// Feature is a feature of the cluster.
type Feature struct {
	// Name of the feature.
	Name string `json:"name" example:"metadata.version"`
	// Level of the cluster; 0 if the feature is off.
	Level int16 `json:"level" minimum:"0" example:"30"`
	// Name of that level, for metadata.version.
	LevelName string `json:"levelName,omitempty" example:"4.3-IV0"`
	// Lowest level that this node supports.
	Min int16 `json:"minLevel" minimum:"0" example:"7"`
	// Highest level that this node supports.
	Max int16 `json:"maxLevel" minimum:"0" example:"33"`
	// Highest level that every node of the cluster supports; -1 if there is none.
	Possible int16 `json:"possibleLevel" minimum:"-1" example:"30"`
	// Which nodes do not support maxLevel. An upgrade to it has to wait for them.
	Blockers []string `json:"blockers" example:"[\"Broker 2 only supports versions 7-30\"]"`
}

// updateFeaturesArgs is the body of update_features.
type updateFeaturesArgs struct {
	// Release whose levels the features get: those of its new clusters. Features that would change
	// in the other direction stay.
	ReleaseVersion string `json:"releaseVersion,omitempty" maxLength:"20" example:"4.4"`
	// Levels of single features, by name; 0 turns a feature off.
	Features map[string]int16 `json:"features,omitempty" maxProperties:"100"`
	// Direction of the change. Kafka has no unsafe downgrade of metadata.version, which would lose
	// metadata, and neither has this release.
	UpgradeType string `json:"upgradeType,omitempty" enum:"UPGRADE,SAFE_DOWNGRADE,UNSAFE_DOWNGRADE" default:"UPGRADE" example:"UPGRADE"`
}

// FeatureUpdates is the answer of update_features.
type FeatureUpdates struct {
	// Whether nothing was changed.
	DryRun bool `json:"dryRun" example:"false"`
	// The changes. Features that have the level already may be among them.
	Changes []FeatureChange `json:"changes"`
	// Everything that stands against the changes, in a dry run: each node, and each level that
	// cannot be left. Without one, the first of them is the error.
	Problems []string `json:"problems" example:"[]"`
}

// FeatureChange is the change of one feature.
type FeatureChange struct {
	// Name of the feature.
	Name string `json:"name" example:"metadata.version"`
	// Level before.
	From int16 `json:"from" minimum:"0" example:"30"`
	// Level afterwards.
	To int16 `json:"to" example:"33"`
}

func (a *API) features() {
	handle(a, operation{
		kind: readKind, name: "features", tag: tagQuorum,
		needs:   onCluster(acls.Describe),
		summary: "Show the levels of features",
		text: "The level of each feature, the levels that are possible, and the nodes that are in the " +
			"way of the highest one.",
	}, a.listFeatures)
	handle(a, operation{
		kind: writeKind, name: "update_features", tag: tagQuorum,
		needs:   onCluster(acls.Alter),
		summary: "Change the levels of features",
		text: "Upgrades or downgrades features, all of them or none. Every broker and controller must " +
			"support the levels. metadata.version can be lowered only as long as no metadata would be " +
			"lost. With dryRun=true the answer contains everything that is in the way.",
	}, a.updateFeatures)
}

func (a *API) listFeatures(ctx context.Context, in *ReadParams) (*answer[[]Feature], error) {
	if _, err := a.image(ctx, *in); err != nil {
		return nil, err
	}
	cluster := a.cfg.Controller.FeatureCluster()
	list := []Feature{}
	for _, r := range cluster.Local {
		f := Feature{
			Name: r.Name, Level: cluster.Image.Feature(r.Name), Min: r.Min, Max: r.Max, Possible: r.Max,
			Blockers: fewReasons(cluster.Blockers(r.Name, r.Max)),
		}
		for f.Possible >= 0 && !cluster.Allows(r.Name, f.Possible) {
			f.Possible--
		}
		if r.Name == metadata.FeatureMetadata && f.Level != 0 {
			f.LevelName = metadata.Version(f.Level).String()
		}
		list = append(list, f)
	}
	return &answer[[]Feature]{headersOf(cluster.Image), list}, nil
}

// reasonsMax bounds a list of reasons in an answer; there may be as many as nodes.
const reasonsMax = 100

// fewReasons shortens a list of reasons; it is never nil, which JSON would write as null.
func fewReasons(all []string) []string {
	few := append([]string{}, all[:min(len(all), reasonsMax)]...)
	if more := len(all) - len(few); more > 0 {
		few = append(few, fmt.Sprintf("and %d more", more))
	}
	return few
}

var upgradeTypes = map[string]features.UpgradeType{
	"UPGRADE": features.Upgrade, "SAFE_DOWNGRADE": features.SafeDowngrade,
	"UNSAFE_DOWNGRADE": features.UnsafeDowngrade,
}

// plan returns the updates that the arguments stand for.
func (args *updateFeaturesArgs) plan(cluster *features.Cluster) ([]features.Update, error) {
	var release metadata.Version
	if args.ReleaseVersion != "" {
		v, err := metadata.ParseVersion(args.ReleaseVersion)
		if err != nil {
			return nil, badField("body.releaseVersion", err.Error())
		}
		release = v
	} else if len(args.Features) == 0 {
		return nil, badField("body", "name a releaseVersion, or features with their levels")
	}
	return cluster.Plan(release, args.Features, upgradeTypes[args.UpgradeType]), nil
}

func changesOf(cluster *features.Cluster, updates []features.Update) []FeatureChange {
	changes := []FeatureChange{}
	for _, u := range updates {
		changes = append(changes, FeatureChange{u.Name, cluster.Image.Feature(u.Name), u.Level})
	}
	return changes
}

func (a *API) updateFeatures(ctx context.Context, in *struct {
	WriteParams
	Body updateFeaturesArgs
}) (*answer[FeatureUpdates], error) {
	done := FeatureUpdates{DryRun: in.DryRun, Problems: []string{}}
	outcome, err := a.do(ctx, controller.Operation{
		Name: "update_features", DryRun: in.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			cluster := a.cfg.Controller.FeatureCluster()
			cluster.Image = img
			updates, err := in.Body.plan(cluster)
			if err != nil {
				return nil, err
			}
			done.Changes = changesOf(cluster, updates)
			if in.DryRun {
				done.Problems = fewReasons(cluster.Problems(updates))
			}
			return featuresRequest(updates), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	if len(done.Problems) > 0 {
		return &answer[FeatureUpdates]{headersOf(outcome.Image), done}, nil
	}
	resp := outcome.Response.(*kmsg.UpdateFeaturesResponse)
	if err := codeProblem(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	return &answer[FeatureUpdates]{headersOf(outcome.Image), done}, nil
}

func featuresRequest(updates []features.Update) *kmsg.UpdateFeaturesRequest {
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = 2
	for _, u := range updates {
		f := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		f.Feature, f.MaxVersionLevel, f.UpgradeType = u.Name, u.Level, int8(u.Type)
		req.FeatureUpdates = append(req.FeatureUpdates, f)
	}
	return req
}
