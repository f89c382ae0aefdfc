package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

func apiVersionsRequest() *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "apache-kafka-java", "4.4.0"
	return req
}

func TestAPIVersions(t *testing.T) {
	c, _ := newReadController(t, &record.FeatureLevel{Name: "kraft.version", Level: 1})
	eachVersion(t, 18, func(t *testing.T, v int16) {
		resp := ask[*kmsg.ApiVersionsResponse](t, c, controllerCaller, apiVersionsRequest(), v)
		if resp.ErrorCode != 0 || v >= 3 && len(resp.ApiKeys) != len(apis) {
			t.Fatalf("v%d: %+v", v, resp)
		}
		if v < 3 {
			resp.ApiKeys = nil // without a name: see TestAPIVersionsForEachClient
		}
		for _, k := range resp.ApiKeys {
			if low, high, ok := Versions(k.ApiKey); !ok || low != k.MinVersion ||
				high != k.MaxVersion {
				t.Errorf("v%d: %+v", v, k)
			}
		}
		var supported, finalized []string
		for _, f := range resp.SupportedFeatures {
			supported = append(supported, fmt.Sprintf("%s %d-%d", f.Name, f.MinVersion,
				f.MaxVersion))
		}
		for _, f := range resp.FinalizedFeatures {
			finalized = append(finalized, fmt.Sprintf("%s %d-%d", f.Name, f.MinVersionLevel,
				f.MaxVersionLevel))
		}
		wantSupported, wantFinalized, epoch := "", "", int64(-1)
		if v >= 3 {
			wantSupported = "metadata.version 7-33"
			wantFinalized = "eligible.leader.replicas.version 1-1, group.version 1-1, " +
				"kraft.version 1-1, metadata.version 33-33, share.version 2-2, streams.version " +
				"1-1, transaction.version 2-2"
			epoch = 5
		}
		if v >= 4 {
			wantSupported += ", eligible.leader.replicas.version 0-1, group.version 0-1, " +
				"kraft.version 0-1, share.version 0-2, streams.version 0-1, transaction.version 0-2"
		}
		if got := strings.Join(supported, ", "); got != wantSupported {
			t.Errorf("v%d: supported %s", v, got)
		}
		if got := strings.Join(finalized, ", "); got != wantFinalized {
			t.Errorf("v%d: finalized %s", v, got)
		}
		if resp.FinalizedFeaturesEpoch != epoch || resp.ZkMigrationReady {
			t.Errorf("v%d: epoch %d", v, resp.FinalizedFeaturesEpoch)
		}
	})
}

// TestAPIVersionsAreKafkas: a range that is missing or narrower than in Kafka 4.4 takes functions
// away from brokers and their clients.
func TestAPIVersionsAreKafkas(t *testing.T) {
	const kafka = "1:4-18 17:0-1 18:0-5 19:2-7 20:1-6 29:1-3 30:1-3 31:1-3 32:1-4 33:0-2 36:0-2 " +
		"37:0-3 38:1-3 39:1-2 40:1-2 41:1-3 43:0-2 44:0-1 45:0-1 46:0-0 " +
		"49:0-1 50:0-0 51:0-0 52:0-2 53:0-1 54:0-1 55:0-2 56:2-3 57:0-2 58:0-0 59:0-1 60:0-2 " +
		"62:0-4 63:0-2 64:0-0 67:0-0 70:0-0 73:0-0 80:0-1 81:0-0 82:0-0 94:0-0"
	ranges := make(map[int16][2]int16)
	for _, entry := range strings.Fields(kafka) {
		var key, low, high int16
		if _, err := fmt.Sscanf(entry, "%d:%d-%d", &key, &low, &high); err != nil {
			t.Fatal(err)
		}
		ranges[key] = [2]int16{low, high}
	}
	for _, a := range apis {
		switch a.key {
		case 3, 10, 22, 48, 74, 75: // for ordinary clients
			continue
		}
		if r, ok := ranges[a.key]; !ok || r != [2]int16{a.min, a.max} {
			t.Errorf("%s is served in versions %d-%d, by Kafka in %v", a.name, a.min, a.max, r)
		}
	}
}

func TestAPIVersionsRefusesSoftwareNames(t *testing.T) {
	c, _ := newReadController(t)
	for name, ok := range map[string]bool{"a": true, "franz-go": true, "a.b-c9": true, "": false,
		"-a": false, "a-": false, "a b": false, "a\n": false, "ä": false} {
		req := apiVersionsRequest()
		req.ClientSoftwareName = name
		for v := int16(0); v <= 5; v++ {
			resp := ask[*kmsg.ApiVersionsResponse](t, c, controllerCaller, req, v)
			if refused := resp.ErrorCode == 42; refused != (v >= 3 && !ok) || refused &&
				len(resp.ApiKeys) != 0 {
				t.Errorf("v%d %q: %d", v, name, resp.ErrorCode)
			}
		}
	}
}

// TestAPIVersionsNameClusterAndNodeTogether: a client says both or neither; what it says is not
// compared.
func TestAPIVersionsNameClusterAndNodeTogether(t *testing.T) {
	t.Parallel()
	c, _ := newReadController(t)
	none, other := "", "another-cluster"
	for _, test := range []struct {
		cluster *string
		node    int32
		code    int16
	}{
		{nil, -1, 0}, {&other, 77, 0}, {&none, 3000, 0},
		{&other, -1, 42}, {&none, -1, 42}, {nil, 3000, 42}, {nil, -2, 42},
	} {
		req := apiVersionsRequest()
		req.ClusterID, req.NodeID = test.cluster, test.node
		resp := ask[*kmsg.ApiVersionsResponse](t, c, controllerCaller, req, 5)
		if resp.ErrorCode != test.code || (len(resp.ApiKeys) > 0) != (test.code == 0) {
			t.Errorf("%v, %d: %d", test.cluster, test.node, resp.ErrorCode)
		}
		if resp := ask[*kmsg.ApiVersionsResponse](
			t, c, controllerCaller, req, 4); resp.ErrorCode != 0 {
			t.Errorf("version 4, %v, %d: %d", test.cluster, test.node, resp.ErrorCode)
		}
	}
}

// TestBeforeALevelIsKnown: without a metadata.version nothing is finalized, although the log may
// have a kraft.version.
func TestBeforeALevelIsKnown(t *testing.T) {
	t.Parallel()
	c, _ := newReadController(t)
	e := metadata.Empty().Edit()
	e.Control(&record.KRaftVersion{Version: 1})
	c.published.Store(e.Done(3, 1, 1000))
	resp := ask[*kmsg.ApiVersionsResponse](t, c, controllerCaller, apiVersionsRequest(), 4)
	if resp.ErrorCode != 0 || len(resp.FinalizedFeatures) != 0 ||
		resp.FinalizedFeaturesEpoch != -1 || len(resp.SupportedFeatures) != 7 {
		t.Errorf("%+v", resp)
	}
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType = endpointControllers
	cluster := ask[*kmsg.DescribeClusterResponse](t, c, controllerCaller, req, 2)
	if cluster.ErrorCode != 35 || *cluster.ErrorMessage != "There is no finalized "+
		"MetadataVersion, so direct-to-controller communication is not supported." {
		t.Errorf("%+v", cluster)
	}
}
