package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How UPDATE_FEATURES may change a level.
const (
	FeatureUpgrade       = 1
	FeatureSafeDowngrade = 2
)

// FinalizedFeatures returns the levels of features that a broker or controller knows, and the epoch
// of these levels.
func FinalizedFeatures(
	ctx context.Context, addr string,
) (levels map[string]int16, epoch int64, err error) {
	req := WithVersion(kmsg.NewPtrApiVersionsRequest(), 4)
	req.ClientSoftwareName, req.ClientSoftwareVersion = "apache-kafka-java", Newest
	kresp, err := Ask(ctx, addr, req)
	if err != nil {
		return nil, 0, err
	}
	resp := kresp.(*kmsg.ApiVersionsResponse)
	levels = make(map[string]int16)
	for _, f := range resp.FinalizedFeatures {
		levels[f.Name] = f.MaxVersionLevel
	}
	return levels, resp.FinalizedFeaturesEpoch, kerr.ErrorForCode(resp.ErrorCode)
}

// UpdateFeature asks a broker or controller to change a feature's level, and returns the answer's
// error with its message. err is a request without an answer.
func UpdateFeature(
	ctx context.Context, addr, name string, level int16, how int8,
) (refused *kerr.Error, message string, err error) {
	req := WithVersion(kmsg.NewPtrUpdateFeaturesRequest(), 1)
	req.TimeoutMillis = int32(createTimeout.Milliseconds())
	update := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	update.Feature, update.MaxVersionLevel, update.UpgradeType = name, level, how
	req.FeatureUpdates = append(req.FeatureUpdates, update)
	kresp, err := Ask(ctx, addr, req)
	if err != nil {
		return nil, "", err
	}
	resp := kresp.(*kmsg.UpdateFeaturesResponse)
	code, text := resp.ErrorCode, resp.ErrorMessage
	for _, r := range resp.Results {
		if code == 0 {
			code, text = r.ErrorCode, r.ErrorMessage
		}
	}
	if text != nil {
		message = *text
	}
	return kerr.TypedErrorForCode(code), message, nil
}
