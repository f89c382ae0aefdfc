package node

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/loglevel"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// instantLog commits whatever is proposed at once.
type instantLog struct {
	controller.Log
	controller *controller.Controller
	end        int64
}

func (l *instantLog) Propose(epoch int32, batches ...[]byte) (int64, error) {
	base := l.end
	for _, b := range batches {
		batch.Batch(b).SetPosition(l.end, epoch)
		l.end = batch.Batch(b).EndOffset()
	}
	l.controller.Committed(batches)
	return base, nil
}

func (l *instantLog) Peers() []controller.Peer { return nil }

// leading starts an active controller with a configuration file's own values; there is a topic t.
func leading(t *testing.T, static map[string]string) *controller.Controller {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	n := &Node{storage: &storage{}, loggers: loglevel.Of(logger), cfg: &config.Config{
		Static:     static,
		Controller: config.Controller{NumPartitions: 1, DefaultReplicationFactor: 1},
	}}
	cfg := n.controllerConfig()
	cfg.Logger, cfg.Stop = logger, func(err error) { t.Error(err) }
	c := controller.New(cfg)
	log := &instantLog{controller: c, end: 10}
	c.SetLog(log)
	edit := metadata.Empty().Edit()
	for _, r := range append(metadata.BootstrapFeatures(metadata.LatestVersion),
		&record.Topic{Name: "t", TopicID: protocol.UUID{1}}) {
		if err := edit.Replay(0, r); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := metadata.WriteSnapshot(&file, edit.Done(log.end, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := c.LoadSnapshot(log.end, 1,
		func() (io.ReadCloser, error) { return io.NopCloser(&file), nil }); err != nil {
		t.Fatal(err)
	}
	c.LeaderChanged(cfg.NodeID, 2)
	c.Start()
	t.Cleanup(c.Stop)
	<-c.Ping()
	return c
}

// defaultsOf is what the topic has and what may be altered, as answered by a controller with this
// file.
func defaultsOf(t *testing.T, static map[string]string) (answers []kmsg.Response) {
	c := leading(t, static)
	describe := kmsg.NewPtrDescribeConfigsRequest()
	describe.Version = 4
	describe.Resources = []kmsg.DescribeConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t"},
	}
	describe.Resources = append(describe.Resources, kmsg.DescribeConfigsRequestResource{
		ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "none",
	})
	yes := "true"
	group := kmsg.NewPtrIncrementalAlterConfigsRequest()
	topic := kmsg.NewPtrIncrementalAlterConfigsRequest()
	for name, value := range groupConfigs {
		group.Resources = append(group.Resources, kmsg.IncrementalAlterConfigsRequestResource{
			ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: name,
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
				{Name: name, Value: kmsg.StringPtr(value)},
			},
		})
	}
	slices.SortFunc(group.Resources, func(a, b kmsg.IncrementalAlterConfigsRequestResource) int {
		return strings.Compare(a.ResourceName, b.ResourceName)
	})
	topic.Resources = []kmsg.IncrementalAlterConfigsRequestResource{
		{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "t",
			Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
				{Name: "remote.storage.enable", Value: &yes},
			}},
	}
	for _, req := range []kmsg.Request{describe, group, topic} {
		reply := make(chan kmsg.Response, 1)
		c.Handle(context.Background(), protocol.Caller{}, req,
			func(resp kmsg.Response) { reply <- resp })
		answers = append(answers, <-reply)
	}
	return answers
}

// groupConfigs are the configs of groups that this node's file bounds, with their defaults.
var groupConfigs = map[string]string{
	"consumer.session.timeout.ms": "45000", "consumer.heartbeat.interval.ms": "5000",
	"consumer.assignment.interval.ms": "1000", "share.session.timeout.ms": "45000",
	"share.heartbeat.interval.ms": "5000", "share.assignment.interval.ms": "1000",
	"share.record.lock.duration.ms": "30000", "share.delivery.count.limit": "5",
	"share.partition.max.record.locks": "2000", "streams.session.timeout.ms": "45000",
	"streams.heartbeat.interval.ms": "5000", "streams.assignment.interval.ms": "1000",
	"streams.num.standby.replicas": "1", "streams.task.offset.interval.ms": "60000",
	"streams.num.warmup.replicas": "2", "streams.acceptable.recovery.lag": "10000",
	"consumer.assignor.offload.enable": "true", "share.assignor.offload.enable": "true",
	"streams.assignor.offload.enable": "true", "streams.assignor.name": "sticky",
}

// defaultSamples are values that show, for keys whose type does not say enough.
var defaultSamples = map[string]string{
	"unclean.leader.election.enable": "true", "log.cleanup.policy": "compact",
	"compression.type": "gzip", "compression.gzip.level": "7",
	"log.message.timestamp.type": "LogAppendTime", "log.cleaner.min.cleanable.ratio": "0.25",
	"group.streams.max.standby.replicas": "0",
}

// TestDefaultsOfTopicsAndGroups sets one of the file's defaults of topics and groups after the
// other, and looks what the controller answers.
func TestDefaultsOfTopicsAndGroups(t *testing.T) {
	before := defaultsOf(t, nil)
	for _, k := range config.Keys() {
		if !strings.HasPrefix(k.Section, "Defaults") {
			continue
		}
		value, known := defaultSamples[k.Name]
		switch {
		case known:
		case strings.HasPrefix(k.Name, "group.") && strings.Contains(k.Name, ".max.") &&
			!strings.Contains(k.Name, ".min."):
			value = "1"
		case strings.HasPrefix(k.Name, "group."):
			value = "99999999"
		default:
			value = another(t, k)
		}
		changed := !reflect.DeepEqual(before, defaultsOf(t, map[string]string{k.Name: value}))
		if changed == (k.Void != "") {
			t.Errorf("%s=%s: an effect: %v; the reference says: %q", k.Name, value, changed, k.Void)
		}
	}
	for _, r := range before[1].(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if r.ErrorCode != 0 {
			t.Errorf("without any of them a group's config is refused: %+v", r)
		}
	}
}
