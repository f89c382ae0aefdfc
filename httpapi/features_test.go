package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/metadata"
)

// feature returns what the API shows about a feature.
func (s *server) feature(name string) httpapi.Feature {
	s.t.Helper()
	status, list := s.request(http.MethodGet, "/v1/features", nil)
	all := decode[[]httpapi.Feature](s.t, list)
	i := slices.IndexFunc(all, func(f httpapi.Feature) bool { return f.Name == name })
	if status != http.StatusOK || i < 0 {
		s.t.Fatalf("%s: %d %s", name, status, list)
	}
	return all[i]
}

// registerOld registers a broker of Kafka 4.3.
func (s *server) registerOld(id int32) {
	s.t.Helper()
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID = 4, id, s.clusterID()
	req.IncarnationID, req.LogDirs = [16]byte{1}, [][16]byte{{2}}
	for _, f := range metadata.SupportedFeatures(false) {
		r := kmsg.NewBrokerRegistrationRequestFeature()
		r.Name, r.MinSupportedVersion, r.MaxSupportedVersion = f.Name, f.Min, f.Max
		if f.Name == metadata.FeatureMetadata {
			r.MaxSupportedVersion = int16(metadata.V4_3_IV0)
		}
		req.Features = append(req.Features, r)
	}
	resp := s.kafka(req).(*kmsg.BrokerRegistrationResponse)
	if resp.ErrorCode != 0 {
		s.t.Fatalf("registration: %d", resp.ErrorCode)
	}
}

func (s *server) clusterID() string { return s.get("/v1/status")["clusterId"].(string) }

func TestFeatures(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	for s.node.Controller().Image().Version() == 0 { // until the bootstrap records are committed
		<-s.node.Controller().Ping()
	}
	const newest = int16(metadata.LatestVersion)
	if f := s.feature(metadata.FeatureMetadata); f.Level != newest || f.LevelName != "4.4-IV2" ||
		f.Min != 7 || f.Max != newest || f.Possible != newest || len(f.Blockers) != 0 {
		t.Errorf("%+v", f)
	}
	// a dry run lists what is in the way of each feature
	lower := object{"releaseVersion": "4.2", "upgradeType": "SAFE_DOWNGRADE"}
	dry := s.post("/v1/update_features?dryRun=true", lower)
	problems := dry["problems"].([]any)
	if dry["dryRun"] != true || len(dry["changes"].([]any)) != 2 || len(problems) != 1 ||
		!strings.Contains(problems[0].(string), "downgrade from 33 to 29") {
		t.Errorf("%v", dry)
	}
	s.refused(http.StatusConflict, "INVALID_UPDATE_VERSION", http.MethodPost,
		"/v1/update_features", lower)

	shared := object{"features": object{"share.version": 1}, "upgradeType": "SAFE_DOWNGRADE"}
	if dry := s.post("/v1/update_features?dryRun=true", shared); len(dry["problems"].([]any)) != 0 ||
		s.feature("share.version").Level != 2 {
		t.Errorf("%v", dry)
	}
	done := s.post("/v1/update_features", shared)
	change := done["changes"].([]any)[0].(object)
	if f := s.feature("share.version"); f.Level != 1 || change["from"] != 2.0 || change["to"] != 1.0 {
		t.Errorf("%+v after %v", f, done)
	}
	raised := s.post("/v1/update_features", object{"releaseVersion": "4.4"})
	if len(raised["changes"].([]any)) != 1 || s.feature("share.version").Level != 2 {
		t.Errorf("%v", raised)
	}
	if again := s.post("/v1/update_features", object{"releaseVersion": "4.4"}); len(
		again["changes"].([]any)) != 0 {
		t.Errorf("%v", again)
	}
	s.badRequest("/v1/update_features", object{})
	s.badRequest("/v1/update_features", object{"releaseVersion": "9.9"})
	s.badRequest("/v1/update_features", object{"releaseVersion": "4.4", "upgradeType": "x"})
}

// TestBrokersThatBlockFeatures: an old broker is named.
func TestBrokersThatBlockFeatures(t *testing.T) {
	t.Parallel()
	s := startOne(t, releaseSetting+"=4.3")
	s.registerOld(2)
	const reason = "Broker 2 only supports versions 7-30"
	f := s.feature(metadata.FeatureMetadata)
	if f.Level != 30 || f.Possible != 30 || len(f.Blockers) != 1 || f.Blockers[0] != reason {
		t.Errorf("%+v", f)
	}
	dry := s.post("/v1/update_features?dryRun=true", object{"releaseVersion": "4.4"})
	problems := dry["problems"].([]any)
	if len(problems) != 1 || !strings.HasSuffix(problems[0].(string), reason) {
		t.Errorf("%v", dry)
	}
	s.post("/v1/unregister_broker", object{"brokerId": 2})
	s.post("/v1/update_features", object{"releaseVersion": "4.4"})
	if f := s.feature(metadata.FeatureMetadata); f.LevelName != "4.4-IV2" {
		t.Errorf("%+v", f)
	}
}
