package metadata

import (
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

var topicA = protocol.UUID{0: 0xa}

func smallCluster(t testing.TB) *Image {
	dirs := []protocol.UUID{{1}, {2}, {3}}
	return replay(
		t,
		Empty(),
		0,
		&record.FeatureLevel{Name: FeatureMetadata, Level: int16(LatestVersion)},
		&record.RegisterBroker{
			BrokerID: 1, BrokerEpoch: 5, Fenced: true,
			LogDirs: []protocol.UUID{{9}, {4}},
		},
		&record.Topic{Name: "a", TopicID: topicA},
		&record.Partition{
			TopicID: topicA, Replicas: []int32{1, 2, 3},
			ISR: []int32{1, 2, 3}, Leader: 1, LeaderEpoch: 3,
			PartitionEpoch: 4, Directories: dirs,
		},
	)
}

// A record that contradicts the image is an error that names the conflict.
func TestReplayRefusals(t *testing.T) {
	img := smallCluster(t)
	unknown := protocol.UUID{0: 0xb}
	change := func(f func(*record.PartitionChange)) record.Record {
		c := record.NewPartitionChange(topicA, 0)
		f(c)
		return c
	}
	for _, test := range []struct {
		r    record.Record
		want string
	}{
		{&record.FenceBroker{ID: 2}, "broker 2 is not registered"},
		{&record.UnfenceBroker{ID: 1, Epoch: 4}, "broker 1 has epoch 5, not 4"},
		{&record.BrokerRegistrationChange{BrokerID: 1, BrokerEpoch: 6}, "broker 1 has epoch 5, not 6"},
		{
			&record.BrokerRegistrationChange{BrokerID: 1, BrokerEpoch: 5, Fenced: 2},
			"unknown fencing change 2",
		},
		{
			&record.BrokerRegistrationChange{BrokerID: 1, BrokerEpoch: 5, InControlledShutdown: -1},
			"unknown controlled shutdown change -1",
		},
		{&record.Topic{Name: "a", TopicID: unknown}, `already a topic named "a"`},
		{&record.Topic{Name: "b", TopicID: topicA}, "already a topic with id"},
		{&record.RemoveTopic{TopicID: unknown}, "no topic with id"},
		{&record.Partition{TopicID: unknown}, "no topic with id"},
		{
			&record.Partition{TopicID: topicA, Replicas: []int32{1, 2}, Directories: []protocol.UUID{{1}}},
			"1 directories for 2 replicas",
		},
		{&record.Partition{TopicID: topicA, LeaderRecoveryState: 2}, "unknown leader recovery state 2"},
		{record.NewPartitionChange(unknown, 0), "no topic with id"},
		{record.NewPartitionChange(topicA, 1), "topic a has no partition 1"},
		{
			change(func(c *record.PartitionChange) { c.Directories = []protocol.UUID{{1}} }),
			"1 directories for 3 replicas",
		},
		{
			change(func(c *record.PartitionChange) { c.Replicas = []int32{1, 2} }),
			"3 directories for 2 replicas",
		},
		{
			change(func(c *record.PartitionChange) { c.LeaderRecoveryState = 2 }),
			"unknown leader recovery state 2",
		},
		{&record.ClearElr{TopicName: "b"}, `no topic named "b"`},
		{&record.ProducerIDs{NextProducerID: -1}, "does not follow"},
		{&record.FeatureLevel{Name: FeatureMetadata, Level: 6}, "metadata.version 6 is not one"},
		{&record.FeatureLevel{Name: FeatureMetadata, Level: 35}, "metadata.version 35 is not one"},
		{&record.RemoveAccessControlEntry{ID: unknown}, "no access control entry"},
	} {
		err := img.Edit().Replay(77, test.r)
		if err == nil || !strings.Contains(err.Error(), test.want) ||
			!strings.Contains(err.Error(), "at offset 77") ||
			!strings.Contains(err.Error(), test.r.Type().String()) {
			t.Errorf("%+v: %v, want %q", test.r, err, test.want)
		}
	}
}

// TestReplayIsLenientWhereKafkaIs: records that Kafka replays without an error replay here too.
func TestReplayIsLenientWhereKafkaIs(t *testing.T) {
	replay(t, smallCluster(t), 10,
		&record.UnregisterBroker{BrokerID: 9},
		&record.UnregisterController{ControllerID: 9},
		&record.FenceBroker{ID: 1, Epoch: 5}, // fenced already
		&record.RemoveUserScramCredential{Name: "nobody"},
		&record.RemoveDelegationToken{TokenID: "none"},
		&record.Config{ResourceType: ConfigTopic, ResourceName: "none", Name: "k"},
		&record.ClientQuota{Remove: true},
		&record.FeatureLevel{Name: "unknown", Level: 0},
		&record.FeatureLevel{Name: FeatureKRaft, Level: 1}, // KAFKA-18979
		&record.Partition{TopicID: topicA, Replicas: []int32{4}, ISR: []int32{4}, Leader: 4},
		&record.ZkMigrationState{State: 3},
		new(record.NoOp),
	)
}

func TestMerge(t *testing.T) {
	p := smallCluster(t).Partition(topicA, 0)
	change := func(f func(*record.PartitionChange)) *Partition {
		c := record.NewPartitionChange(topicA, 0)
		f(c)
		return p.Merge(c)
	}
	nothing := change(func(*record.PartitionChange) {})
	if nothing.PartitionEpoch != 5 || nothing.LeaderEpoch != 3 || nothing.Leader != 1 ||
		!slices.Equal(nothing.ISR, p.ISR) ||
		!slices.Equal(nothing.Directories, p.Directories) {
		t.Errorf("nothing: %+v", nothing)
	}
	if same := change(func(c *record.PartitionChange) { c.Leader = 1 }); same.Leader != 1 ||
		same.LeaderEpoch != 4 ||
		same.PartitionEpoch != 5 {
		t.Errorf("the same leader: %+v", same)
	}
	if none := change(
		func(c *record.PartitionChange) { c.Leader, c.ISR = record.NoLeader, []int32{} },
	); none.Leader != -1 ||
		none.LeaderEpoch != 4 ||
		len(none.ISR) != 0 {
		t.Errorf("no leader: %+v", none)
	}
	if moved := change(func(c *record.PartitionChange) {
		c.Replicas, c.Directories = []int32{4}, make([]protocol.UUID, 7)
	}); !slices.Equal(
		moved.Directories, []protocol.UUID{protocol.DirMigrating},
	) {
		t.Errorf("directories of nobody: %+v", moved)
	}
	elr := change(func(c *record.PartitionChange) {
		c.EligibleLeaderReplicas, c.LastKnownELR, c.AddingReplicas = []int32{
			3,
		}, []int32{
			2,
		}, []int32{
			9,
		}
	})
	if !slices.Equal(elr.ELR(), []int32{3}) || !slices.Equal(elr.LastKnownELR(), []int32{2}) ||
		!elr.Reassigning() ||
		p.more != nil {
		t.Errorf("elr: %+v", elr)
	}
	c := record.NewPartitionChange(topicA, 0)
	c.EligibleLeaderReplicas, c.LastKnownELR, c.AddingReplicas = []int32{}, []int32{}, []int32{}
	if cleared := elr.Merge(c); cleared.more != nil || !slices.Equal(elr.ELR(), []int32{3}) {
		t.Errorf("cleared: %+v, before it %+v", cleared, elr)
	}
}

func TestClearElrBumpsOnlyWhatItChanges(t *testing.T) {
	img := replay(t, smallCluster(t), 10, &record.Partition{
		TopicID: topicA, PartitionID: 1, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1,
		LeaderEpoch: 7, PartitionEpoch: 8, LastKnownELR: []int32{1},
	}, &record.ClearElr{})
	one, two := img.Partition(topicA, 0), img.Partition(topicA, 1)
	if one.PartitionEpoch != 4 || two.PartitionEpoch != 9 || two.LeaderEpoch != 7 ||
		len(two.LastKnownELR()) != 0 {
		t.Errorf("%+v %+v", one, two)
	}
}

func TestRegistrationChanges(t *testing.T) {
	img := smallCluster(t)
	b := replay(
		t, img, 10,
		&record.BrokerRegistrationChange{BrokerID: 1, BrokerEpoch: 5, Fenced: record.FencedUnfence},
	).Broker(1)
	if b.Fenced || b.InControlledShutdown || !slices.Equal(b.LogDirs, []protocol.UUID{{4}, {9}}) ||
		b.CordonedLogDirs != nil ||
		b.RegisteredAt != 1 ||
		!img.Broker(1).Fenced {
		t.Errorf("%+v", b)
	}
	b = replay(
		t,
		img,
		10,
		&record.BrokerRegistrationChange{
			BrokerID: 1, BrokerEpoch: 5, InControlledShutdown: 1,
			LogDirs:         []protocol.UUID{{7}, {6}},
			CordonedLogDirs: []protocol.UUID{},
		},
	).Broker(1)
	if !b.Fenced || !b.InControlledShutdown ||
		!slices.Equal(b.LogDirs, []protocol.UUID{{6}, {7}}) ||
		b.CordonedLogDirs == nil {
		t.Errorf("%+v", b)
	}
}

func TestRemoveTopicTakesItsConfigs(t *testing.T) {
	value := "1"
	img := replay(t, smallCluster(t), 10,
		&record.Config{ResourceType: ConfigTopic, ResourceName: "a", Name: "k", Value: &value},
		&record.Config{ResourceType: ConfigGroup, ResourceName: "a", Name: "k", Value: &value},
		&record.RemoveTopic{TopicID: topicA},
		&record.Topic{Name: "a", TopicID: protocol.UUID{0: 0xc}},
	)
	if img.Config(ConfigTopic, "a") != nil || img.Config(ConfigGroup, "a") == nil ||
		img.PartitionCount() != 0 ||
		img.Topic(topicA) != nil ||
		img.TopicByName("a").Len() != 0 {
		t.Error("the topic's configs have outlived it, or more has gone")
	}
}

func TestFeatureEpoch(t *testing.T) {
	img := Empty()
	if img.FeaturesOffset() != -1 {
		t.Error(img.FeaturesOffset())
	}
	img = replay(
		t, img, 3, &record.FeatureLevel{Name: FeatureMetadata, Level: 30},
		&record.FeatureLevel{Name: FeatureGroup, Level: 1}, new(record.NoOp),
	)
	if img.FeaturesOffset() != 4 || img.Feature(FeatureGroup) != 1 {
		t.Error(img.FeaturesOffset())
	}
	img = replay(
		t, img, 6, &record.FeatureLevel{Name: FeatureGroup, Level: 0},
		&record.FeatureLevel{Name: FeatureKRaft, Level: 1},
	)
	if img.FeaturesOffset() != 6 || img.Feature(FeatureGroup) != 0 ||
		img.Feature(FeatureKRaft) != 0 {
		t.Error(img.FeaturesOffset(), img.Feature(FeatureKRaft))
	}
}

// Resources of any type keep their name and type.
func TestConfigKeys(t *testing.T) {
	value := "v"
	for _, kind := range []int8{-128, -1, 0, 2, 127} {
		img := replay(
			t, Empty(), 0,
			&record.Config{ResourceType: kind, ResourceName: "näme", Name: "k", Value: &value},
		)
		for c := range img.Configs {
			if c.Type != kind || c.Name != "näme" || img.Config(kind, "näme")["k"] != "v" {
				t.Errorf("type %d: %+v", kind, c)
			}
		}
	}
}
