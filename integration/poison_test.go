package integration

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// longest has the greatest length of a string in a record, tooLong one byte more.
var (
	tooLong = strings.Repeat("n", record.StringMax+1)
	longest = tooLong[1:]
)

// TestNothingThatIsWrittenKillsBrokers: no request makes the controllers write a record on which
// brokers of the oldest or the newest release exit, whether they follow the log or load a snapshot.
// Values that they could not read are refused; strings of the greatest length are accepted.
func TestNothingThatIsWrittenKillsBrokers(t *testing.T) {
	t.Parallel()
	o := kafka.ControllerOptions{ReleaseVersion: "4.0", Properties: scenario.EarlySnapshots()}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, o)
	addr := q.Endpoint(q.Nodes()[0])
	var brokers []*kafka.Broker
	for i, version := range loaders {
		brokers = append(
			brokers,
			kafka.StartBroker(t, q, kafka.BrokerOptions{ID: int32(i + 1), Version: version}),
		)
	}
	for name, req := range poison(q.ClusterID()) {
		t.Run(name, func(t *testing.T) { requireRefused(t, addr, req) })
	}
	writeLongest(t, q)
	for i, version := range loaders {
		late := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: int32(i + 11), Version: version})
		if len(kafka.Checkpoints(late.MetadataDir())) == 0 {
			t.Errorf("%s took no snapshot", late.Name)
		}
		brokers = append(brokers, late)
	}
	all := kafka.Addrs(brokers...)
	kafka.CreateTopic(t, all, "afterwards", 1, int16(len(brokers)))
	for _, b := range brokers {
		kafka.Eventually(t, kafka.Patience, b.Name+" knows the topic", func() error {
			topics, err := kafka.BrokerTopics(t.Context(), b.Addr())
			if _, ok := topics["afterwards"]; err == nil && !ok {
				return fmt.Errorf("topics: %d", len(topics))
			}
			return err
		})
		if errs := b.LogErrors(); len(errs) > 0 {
			t.Errorf("%s (%s) logs %.500q", b.Name, b.Version, errs)
		}
	}
	kafka.RequireAlive(t, brokers...)
}

// poison are the requests whose records killed brokers, or made them log a fault at each start.
func poison(clusterID string) map[string]kmsg.Request {
	broker := func(change func(*kmsg.BrokerRegistrationRequest)) kmsg.Request {
		req := kafka.FakeRegistration(7, clusterID)
		change(req)
		return req
	}
	euros := strings.Repeat("€", 20_000)
	return map[string]kmsg.Request{
		"rack": broker(func(r *kmsg.BrokerRegistrationRequest) { r.Rack = &tooLong }),
		"host": broker(
			func(r *kmsg.BrokerRegistrationRequest) { r.Listeners[0].Host = tooLong },
		),
		"listener": broker(
			func(r *kmsg.BrokerRegistrationRequest) { r.Listeners[0].Name = tooLong },
		),
		"unnamed": broker(
			func(r *kmsg.BrokerRegistrationRequest) { r.Listeners[0].Name = "" },
		),
		"no host": broker(
			func(r *kmsg.BrokerRegistrationRequest) { r.Listeners[0].Host = "" },
		),
		"no port": broker(
			func(r *kmsg.BrokerRegistrationRequest) { r.Listeners[0].Port = 0 },
		),
		"two listeners": broker(
			func(r *kmsg.BrokerRegistrationRequest) {
				r.Listeners = append(r.Listeners, r.Listeners[0])
			},
		),
		"feature": broker(func(r *kmsg.BrokerRegistrationRequest) {
			r.Features = append(
				r.Features,
				kmsg.BrokerRegistrationRequestFeature{Name: tooLong, MaxSupportedVersion: 1},
			)
		}),
		"controller's listener": controllerRegistration(7, tooLong),
		"stranger":              controllerRegistration(7, "CONTROLLER"),
		"controller -1":         controllerRegistration(-1, "CONTROLLER"),
		"a broker's id":         controllerRegistration(1, "CONTROLLER"),
		"broker's key":          setConfig(metadata.ConfigBroker, "", tooLong, "v"),
		"group": setConfig(
			metadata.ConfigGroup,
			tooLong,
			"consumer.session.timeout.ms",
			"50000",
		),
		"client metrics": setConfig(
			metadata.ConfigClientMetrics,
			tooLong,
			"interval.ms",
			"1000",
		),
		"euros": setConfig(metadata.ConfigClientMetrics, "m", "metrics", euros),
	}
}

func controllerRegistration(id int32, listener string) kmsg.Request {
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID = id
	req.Listeners = []kmsg.ControllerRegistrationRequestListener{
		{Name: listener, Host: "h", Port: 1},
	}
	return req
}

func setConfig(kind int8, name, key, value string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kmsg.ConfigResourceType(kind), ResourceName: name,
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: key, Value: &value}},
	}}
	return req
}

// requireRefused requires an error in the answer, or a closed connection, which is Kafka's reaction
// to strings that its readers reject.
func requireRefused(t *testing.T, addr string, req kmsg.Request) {
	t.Helper()
	resp, err := kafka.Ask(t.Context(), addr, req)
	if err == nil && errorCode(resp) == 0 {
		t.Errorf("%T is taken: %+v", req, resp)
	}
}

// writeLongest writes strings of the greatest length until the log starts with a snapshot that has
// them.
func writeLongest(t *testing.T, q *kafka.Controllers) {
	t.Helper()
	addr := q.Endpoint(q.Nodes()[0])
	registration := kafka.FakeRegistration(3, q.ClusterID())
	registration.Rack = &longest
	registration.Listeners[0].Name, registration.Listeners[0].Host = longest, longest
	registration.Features = append(
		registration.Features,
		kmsg.BrokerRegistrationRequestFeature{Name: longest, MaxSupportedVersion: 1},
	)
	for i, req := range []kmsg.Request{
		registration,
		setConfig(metadata.ConfigGroup, longest, "consumer.session.timeout.ms", "50000"),
		setConfig(metadata.ConfigClientMetrics, longest, "interval.ms", "1000"),
		setConfig(metadata.ConfigClientMetrics, "longest", "metrics", longest),
	} {
		resp, err := kafka.Ask(t.Context(), addr, req)
		if err != nil || errorCode(resp) != 0 {
			t.Fatalf("longest %d: %v, code %d", i, err, errorCode(resp))
		}
	}
	written := fmt.Sprintf("%020d", kafka.WaitLeader(t, q, kafka.Patience).HighWatermark)
	round := 0
	kafka.Eventually(t, kafka.Patience, "the log begins with a snapshot of all that", func() error {
		round++
		value := fmt.Sprint(round) + longest[10:]
		if _, err := kafka.Ask(
			t.Context(),
			addr,
			setConfig(metadata.ConfigClientMetrics, "round", "metrics", value),
		); err != nil {
			return err
		}
		found := kafka.Checkpoints(q.Dir(q.Nodes()[0]))
		if len(found) < 2 || filepath.Base(found[0]) < written {
			return fmt.Errorf("after round %d: %q, want from %s on", round, found, written)
		}
		return nil
	})
}
