package attack

import (
	"context"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// attackBroker is the broker that attacks: its registration is valid, and its requests are not.
const attackBroker = 900

// Attacks by requests of which a single one costs the node more than its size.
func TestYAKtAttackByRequests(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 1, attackTopics)
	epoch, err := kafka.RegisterFake(t.Context(), v.addr(), attackBroker)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range requestAttacks(v.q.ClusterID(), epoch) {
		t.Run(a.name, func(t *testing.T) { v.endure(t, a) })
	}
}

// Elements of a list in a request: far more than allowed, and as many as fit a frame.
const (
	tooMany = 500_000
	many    = 100_000
)

func requestAttacks(clusterID string, epoch int64) (all []attack) {
	longName := strings.Repeat("n", 32_000)
	add := func(name string, req kmsg.Request) { all = append(all, asking(name, req)) }
	add("ELECT_LEADERS of 100,000 partitions of a topic with a long name",
		electLeaders(longName, 100_000))
	add("ELECT_LEADERS of 26,000,000 partitions", electLeaders("t", 26_000_000))
	add("ELECT_LEADERS of 1,500,000 partitions", electLeaders("t", 1_500_000))
	add("ALTER_PARTITION_REASSIGNMENTS of 100,000 partitions of a topic with a long name",
		reassign(longName, 100_000))
	add("heartbeat with 50,000 offline directories", offlineDirectories(epoch, 50_000))
	for _, n := range []int{tooMany, many} {
		add(fmt.Sprintf("DELETE_TOPICS of %d unknown names", n), deleteTopics(n))
		add(fmt.Sprintf("INCREMENTAL_ALTER_CONFIGS of %d resources", n), alterConfigs(n))
		add(fmt.Sprintf("CREATE_TOPICS of %d topics", n), createTopics(n))
	}
	add("DESCRIBE_CONFIGS of one topic many times", describeConfigs(many))
	add("DESCRIBE_TOPIC_PARTITIONS of many unknown names", describeTopics(many))
	add("METADATA of many unknown names", metadataOf(many))
	add("BROKER_REGISTRATION with many features", manyFeatures(clusterID, many))
	add("BROKER_REGISTRATION with many listeners", manyListeners(clusterID, many))
	add("CONTROLLER_REGISTRATION with many listeners", manyControllerListeners(many))
	add("ALTER_PARTITION of many topics", alterPartitions(epoch, many))
	add("ASSIGN_REPLICAS_TO_DIRS of many directories", assignReplicas(epoch, many))
	return append(all, crowdedAttacks(longName)...)
}

func crowdedAttacks(longName string) []attack {
	return []attack{
		pouring("METADATA of all topics, 200 that do not read", 200, allTopics()),
		reading("METADATA of all topics, 20 that read", 20, allTopics()),
		pouring("ELECT_LEADERS of all partitions, 200 that do not read", 200, electAll()),
		pouring("DESCRIBE_CONFIGS of one topic 10,000 times, 200 that do not read", 200,
			describeConfigs(10_000)),
		pouring("ELECT_LEADERS with a long name, 200 that do not read", 200,
			electLeaders(longName, 1000)),
		pouring("LIST_PARTITION_REASSIGNMENTS, 200 that do not read", 200,
			kafka.WithVersion(kmsg.NewPtrListPartitionReassignmentsRequest(), 0)),
	}
}

// asking is one client that repeats a request and reads the answers.
func asking(name string, req kmsg.Request) attack {
	return attack{name: name, do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
		frame := kafka.Frame(req)
		kafka.Logf(v.t, "%s: a request of %d bytes has had %v", name, len(frame), a.Ask(ctx, frame))
	}}
}

// reading is a crowd that repeats a request and reads the answers.
func reading(name string, n int, req kmsg.Request) attack {
	return attack{name: name, do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
		frame := kafka.Frame(req)
		a.Crowd(ctx, n, func(nc net.Conn) {
			for ctx.Err() == nil {
				if _, err := nc.Write(frame); err != nil {
					return
				}
				if _, err := kafka.SkipFrame(nc); err != nil {
					return
				}
			}
		})
		<-ctx.Done()
	}}
}

// pouring is a crowd that sends requests without reading any answer.
func pouring(name string, n int, req kmsg.Request) attack {
	return attack{name: name, do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
		v.pour(ctx, a, n, kafka.Frame(req))
	}}
}

func (v *victim) pour(ctx context.Context, a *kafka.Attacker, n int, frame []byte) {
	const frames = 1000 // on each connection, while the server reads
	size, err := a.AskOnce(ctx, frame)
	kafka.Logf(v.t, "the answer to each of the following has %d bytes (%v)", size, err)
	a.Crowd(ctx, n, func(nc net.Conn) {
		for range frames {
			if _, err := nc.Write(frame); err != nil {
				return
			}
		}
	})
	<-ctx.Done()
}

func electLeaders(topic string, partitions int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrElectLeadersRequest(), 2)
	of := kmsg.NewElectLeadersRequestTopic()
	of.Topic, of.Partitions = topic, make([]int32, partitions)
	for i := range of.Partitions {
		of.Partitions[i] = int32(i)
	}
	req.Topics = append(req.Topics, of)
	return req
}

func electAll() kmsg.Request { return kafka.WithVersion(kmsg.NewPtrElectLeadersRequest(), 2) }

func allTopics() kmsg.Request { return kafka.WithVersion(kmsg.NewPtrMetadataRequest(), 12) }

func reassign(topic string, partitions int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrAlterPartitionAssignmentsRequest(), 0)
	of := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	of.Topic, of.Partitions = topic,
		make([]kmsg.AlterPartitionAssignmentsRequestTopicPartition, partitions)
	for i := range of.Partitions {
		of.Partitions[i].Partition = int32(i)
	}
	req.Topics = append(req.Topics, of)
	return req
}

func describeConfigs(times int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrDescribeConfigsRequest(), 4)
	of := kmsg.NewDescribeConfigsRequestResource()
	of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic, "filled-000001"
	for range times {
		req.Resources = append(req.Resources, of)
	}
	return req
}

func deleteTopics(n int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrDeleteTopicsRequest(), 6)
	for i := range n {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = kmsg.StringPtr(fmt.Sprintf("unknown-%d", i))
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func alterConfigs(n int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrIncrementalAlterConfigsRequest(), 1)
	for i := range n {
		of := kmsg.NewIncrementalAlterConfigsRequestResource()
		of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic,
			fmt.Sprintf("unknown-%d", i)
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value = "retention.ms", kmsg.StringPtr("1")
		of.Configs = append(of.Configs, config)
		req.Resources = append(req.Resources, of)
	}
	return req
}

func createTopics(n int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrCreateTopicsRequest(), 7)
	for i := range n {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = fmt.Sprintf("new-%d", i), 1, 1
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func describeTopics(n int) kmsg.Request {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = math.MaxInt32
	for i := range n {
		req.Topics = append(req.Topics,
			kmsg.DescribeTopicPartitionsRequestTopic{Topic: fmt.Sprintf("unknown-%d", i)})
	}
	return req
}

func metadataOf(n int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrMetadataRequest(), 12)
	for i := range n {
		req.Topics = append(req.Topics,
			kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr(fmt.Sprintf("unknown-%d", i))})
	}
	return req
}

func offlineDirectories(epoch int64, n int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrBrokerHeartbeatRequest(), 1)
	req.BrokerID, req.BrokerEpoch = attackBroker, epoch
	for i := range n {
		req.OfflineLogDirs = append(req.OfflineLogDirs,
			[16]byte{1, 2, 3, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	return req
}

func manyListeners(clusterID string, n int) kmsg.Request {
	req := kafka.WithVersion(kafka.FakeRegistration(2, clusterID), 4)
	for i := range n {
		listener := req.Listeners[0]
		listener.Name = fmt.Sprintf("L%d", i)
		req.Listeners = append(req.Listeners, listener)
	}
	return req
}

func manyControllerListeners(n int) kmsg.Request {
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID, req.IncarnationID = 3000, [16]byte{1}
	for i := range n {
		req.Listeners = append(req.Listeners, kmsg.ControllerRegistrationRequestListener{
			Name: fmt.Sprintf("L%d", i), Host: "h", Port: 1,
		})
	}
	return req
}

func manyFeatures(clusterID string, n int) kmsg.Request {
	req := kafka.WithVersion(kafka.FakeRegistration(2, clusterID), 4)
	for i := range n {
		req.Features = append(req.Features,
			kmsg.BrokerRegistrationRequestFeature{Name: fmt.Sprintf("f%d", i)})
	}
	return req
}

func alterPartitions(epoch int64, n int) kmsg.Request {
	req := kafka.WithVersion(kmsg.NewPtrAlterPartitionRequest(), 3)
	req.BrokerID, req.BrokerEpoch = attackBroker, epoch
	partition := kmsg.NewAlterPartitionRequestTopicPartition()
	for i := range n {
		req.Topics = append(req.Topics, kmsg.AlterPartitionRequestTopic{
			TopicID:    [16]byte{9, byte(i >> 16), byte(i >> 8), byte(i)},
			Partitions: []kmsg.AlterPartitionRequestTopicPartition{partition},
		})
	}
	return req
}

func assignReplicas(epoch int64, n int) kmsg.Request {
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID, req.BrokerEpoch = attackBroker, epoch
	for i := range n {
		directory := kmsg.NewAssignReplicasToDirsRequestDirectory()
		directory.ID = [16]byte{8, byte(i >> 16), byte(i >> 8), byte(i)}
		topic := kmsg.NewAssignReplicasToDirsRequestDirectoryTopic()
		topic.TopicID = [16]byte{7, byte(i >> 16), byte(i >> 8), byte(i)}
		topic.Partitions = append(topic.Partitions,
			kmsg.NewAssignReplicasToDirsRequestDirectoryTopicPartition())
		directory.Topics = append(directory.Topics, topic)
		req.Directories = append(req.Directories, directory)
	}
	return req
}
