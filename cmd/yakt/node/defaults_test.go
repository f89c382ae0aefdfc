package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
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
	n := &Node{storage: &storage{}, cfg: &config.Config{
		Static:     static,
		Controller: config.Controller{NumPartitions: 1, DefaultReplicationFactor: 1},
	}}
	cfg := n.controllerConfig()
	cfg.Logger, cfg.Stop = slog.New(slog.DiscardHandler), func(err error) { t.Error(err) }
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
	one, yes, level := "1", "true", "read_committed"
	group := kmsg.NewPtrIncrementalAlterConfigsRequest()
	topic := kmsg.NewPtrIncrementalAlterConfigsRequest()
	group.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "g",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
			{Name: "streams.num.standby.replicas", Value: &one},
		},
	}, {ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "h",
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
			{Name: "share.isolation.level", Value: &level},
		}}}
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
	if one := fmt.Sprint(
		before[1].(*kmsg.IncrementalAlterConfigsResponse).Resources[0].ErrorCode,
	); one != "0" {
		t.Errorf("without any of them the group's config is refused: %s", one)
	}
}
