package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

func brokerOfLevel(id int32, level int16) *record.RegisterBroker {
	return &record.RegisterBroker{BrokerID: id,
		Features: []record.FeatureRange{{Name: "metadata.version", Min: 7, Max: level}}}
}

// TestAPIVersionsForEachClient: Kafka's own clients get the APIs of a controller, others those that
// every registered broker serves as well.
func TestAPIVersionsForEachClient(t *testing.T) {
	const produce, fetch, shareFetch, register = 0, 1, 78, 62
	absent := versionRange{-1, -1}
	for _, test := range []struct {
		what     string
		software string
		version  int16
		brokers  []record.Record
		want     map[int16]versionRange
	}{
		{"Kafka's", "apache-kafka-java", 3, []record.Record{brokerOfLevel(1, 33)},
			map[int16]versionRange{produce: absent, fetch: {4, 18}, shareFetch: absent,
				register: {0, 4}}},
		{"no brokers", "x", 3, nil,
			map[int16]versionRange{produce: {0, 13}, fetch: {4, 18}, shareFetch: {1, 2},
				register: {0, 4}}},
		{"4.4", "x", 4, []record.Record{brokerOfLevel(1, 33)},
			map[int16]versionRange{produce: {0, 13}, fetch: {4, 18}, shareFetch: {1, 2}}},
		{"4.3 with an unstable level, and 4.1", "x", 4,
			[]record.Record{brokerOfLevel(1, 31), brokerOfLevel(2, 27)},
			map[int16]versionRange{produce: {0, 13}, fetch: {4, 18}, shareFetch: {1, 1}}},
		{"4.4 and 4.0", "x", 3, []record.Record{brokerOfLevel(1, 33), brokerOfLevel(2, 25)},
			map[int16]versionRange{produce: {0, 12}, fetch: {4, 17}, shareFetch: absent}},
		{"later and earlier than known", "x", 3,
			[]record.Record{brokerOfLevel(1, 99), brokerOfLevel(2, 20)},
			map[int16]versionRange{produce: {0, 12}, fetch: {4, 17}}},
		{"without a name", "", 2, []record.Record{brokerOfLevel(1, 25)},
			map[int16]versionRange{produce: {0, 12}, fetch: {4, 17}, register: {0, 4}}},
	} {
		c, _ := newReadController(t, test.brokers...)
		req := apiVersionsRequest()
		req.ClientSoftwareName = test.software
		got := map[int16]versionRange{}
		for _, k := range ask[*kmsg.ApiVersionsResponse](t, c, controllerCaller, req,
			test.version).ApiKeys {
			got[k.ApiKey] = versionRange{k.MinVersion, k.MaxVersion}
		}
		for key, want := range test.want {
			if r, ok := got[key]; ok != (want != absent) || ok && r != want {
				t.Errorf("%s: key %d is %v, %v, want %v", test.what, key, r, ok, want)
			}
		}
	}
}

// TestAPIsAreServedWhereListed: what every client may send to a node of this release as well as to
// a broker, it can send in a version that both serve.
func TestAPIsAreServedWhereListed(t *testing.T) {
	t.Parallel()
	for _, level := range []int16{25, 27, 29, 30, 33} {
		c, _ := newReadController(t, brokerOfLevel(1, level))
		for key, r := range brokersAPIs(c.Image()) {
			if low, high, ok := Versions(key); ok && (r.min < low || r.max > high) {
				t.Errorf("level %d, key %d: %v, served %d-%d", level, key, r, low, high)
			}
			if r.min > r.max {
				t.Errorf("level %d, key %d: %v is empty", level, key, r)
			}
		}
	}
}
