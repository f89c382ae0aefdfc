package clients

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// TestAPIVersionsOfBrokers: clients other than Kafka's learn from a controller what all registered
// brokers serve. One broker of each release joins, the newest first; after each, a controller's
// answer is that of the broker that joined, the oldest, but for versions that the controller itself
// cannot read.
func TestAPIVersionsOfBrokers(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, kafka.ControllerOptions{ReleaseVersion: "4.0"})
	controller := q.Endpoint(q.Nodes()[0])
	own := versionsOf(t, controller, "apache-kafka-java")
	releases := []string{kafka.V44, kafka.V43, kafka.V42, kafka.V41, kafka.V40}
	for i, release := range releases {
		broker := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: int32(i + 1), Version: release})
		brokers := versionsOf(t, broker.Addr(), "apache-kafka-java")
		shown := versionsOf(t, controller, "some-client")
		for key, want := range brokers {
			if c, ok := own[key]; ok {
				want = apiRange{max(want.min, c.min), min(want.max, c.max)}
			}
			if release == kafka.V40 && key == int16(kmsg.JoinGroup) {
				want.min = 3 // 4.0.0 has no versions 0 and 1, later patch releases have
			}
			if shown[key] != want {
				t.Errorf("%s: %s is shown as %v, want %v", release, kmsg.NameForKey(key),
					shown[key], want)
			}
		}
		for key := range shown {
			if brokers[key] == (apiRange{}) && own[key] == (apiRange{}) {
				t.Errorf("%s: %s is shown, and neither serves it", release, kmsg.NameForKey(key))
			}
		}
	}
}

// apiRange is a range of versions; both ends are one higher than Kafka's, so that none is zero.
type apiRange struct{ min, max int16 }

func (r apiRange) String() string { return fmt.Sprintf("%d-%d", r.min-1, r.max-1) }

func versionsOf(t *testing.T, addr, software string) map[int16]apiRange {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	req := kafka.WithVersion(kmsg.NewPtrApiVersionsRequest(), 4)
	req.ClientSoftwareName, req.ClientSoftwareVersion = software, "1"
	resp, err := kafka.Ask(ctx, addr, req)
	if err != nil {
		t.Fatal(err)
	}
	ranges := map[int16]apiRange{}
	for _, k := range resp.(*kmsg.ApiVersionsResponse).ApiKeys {
		ranges[k.ApiKey] = apiRange{k.MinVersion + 1, k.MaxVersion + 1}
	}
	return ranges
}
