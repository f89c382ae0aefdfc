package controller

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// Approximate sizes in bytes of parts of answers.
const (
	elementBytes      = 200 // an element of an array of a response: a topic, a partition, a config
	resultBytes       = 64  // a result before it becomes an element
	namedBytes        = 64  // remembering one name of a request
	describedKeyBytes = 300 // a config with its synonyms
	isrAnswerBytes    = 16
	assignedBytes     = 32 // a replica in a directory: its code, its element, its bytes
	foundBytes        = 16 // an entity of an image in a list of those that are shown
	elementTextBytes  = 64 // a message of this size takes about as long as an element
	// copies of a message that repeats a name: itself, and encoded into a growing buffer
	messageCopies = 3
)

// Cost is about how many bytes answering a request takes beyond the request itself: results, lists
// of an image that are kept, and the part of a response in the making. It is a cheap function of
// the request's size and of the image, and may be called by any goroutine.
func (c *Controller) Cost(req kmsg.Request) int64 {
	size := sizeOf(req)
	if _, refused := c.limits.exceeded(size); refused {
		return partCost(partElements)
	}
	switch r := req.(type) {
	case *kmsg.MetadataRequest:
		return c.metadataCost(r)
	case *kmsg.DescribeTopicPartitionsRequest:
		most := min(max(int64(r.ResponsePartitionLimit), 1), describePartitionsMax,
			int64(c.Image().PartitionCount()+len(r.Topics)))
		return most*elementBytes + int64(len(r.Topics))*resultBytes
	case *kmsg.DescribeConfigsRequest:
		return c.describeConfigsCost(r)
	case *kmsg.ListConfigResourcesRequest:
		return int64(c.listedCount(r))*foundBytes*2 + partCost(c.listedCount(r))
	case *kmsg.FindCoordinatorRequest:
		return int64(c.Image().BrokerCount())*resultBytes + partCost(len(r.CoordinatorKeys))
	case *kmsg.ListPartitionReassignmentsRequest:
		return int64(len(r.Topics))*namedBytes + partCost(c.Image().PartitionCount())
	case *kmsg.DescribeQuorumRequest:
		return partCost(size[limitPartitions])
	case *kmsg.DescribeClientQuotasRequest:
		return foundCost(c.Image().QuotaEntityCount())
	case *kmsg.DescribeUserSCRAMCredentialsRequest:
		return int64(len(r.Users))*namedBytes + foundCost(c.Image().ScramCredentialCount())
	case *kmsg.DescribeDelegationTokenRequest:
		return int64(len(r.Owners))*namedBytes + foundCost(c.Image().DelegationTokenCount())
	case *kmsg.DescribeACLsRequest:
		return foundCost(c.Image().ACLCount())
	case *kmsg.DeleteACLsRequest:
		return min(int64(len(r.Filters))*int64(c.Image().ACLCount()), aclComparisonsMax)*
			foundBytes + partCost(pieceEntries)
	case *kmsg.EnvelopeRequest:
		return c.envelopeCost(r)
	case *kmsg.ElectLeadersRequest:
		return c.electionCost(r, size)
	case *kmsg.AlterPartitionRequest:
		return int64(size[limitPartitions])*isrAnswerBytes + partCost(size[limitPartitions])
	case *kmsg.AssignReplicasToDirsRequest:
		return int64(size[limitPartitions])*assignedBytes + int64(size[limitTopics])*namedBytes
	}
	// One change has one result and at most one message.
	changes := int64(size[limitChanges])
	return changes*(resultBytes+namedBytes) + min(changes*protocol.MessagePartMaxBytes,
		protocol.MessagesMaxBytes) +
		int64(size[limitConfigs])*namedBytes + partCost(size[limitChanges])
}

// Elements is about how many elements of lists are read to answer a request: those that it has and,
// if it asks for all, those that the image has. It is called like Cost.
func (c *Controller) Elements(req kmsg.Request) int {
	img, size := c.Image(), sizeOf(req)
	switch r := req.(type) {
	case *kmsg.MetadataRequest:
		if everyTopic(r) {
			return img.TopicCount() + img.PartitionCount()
		}
	case *kmsg.DescribeTopicPartitionsRequest:
		return len(r.Topics) + min(int(max(r.ResponsePartitionLimit, 1)), describePartitionsMax)
	case *kmsg.DescribeConfigsRequest:
		return len(r.Resources) * configs.TopicKeyCount()
	case *kmsg.ListConfigResourcesRequest:
		return c.listedCount(r)
	case *kmsg.ListPartitionReassignmentsRequest:
		if r.Topics == nil {
			return img.PartitionCount()
		}
	case *kmsg.ElectLeadersRequest:
		if r.Topics == nil {
			return img.TopicCount()
		}
		return size[limitPartitions] *
			(1 + min(longestName(r), protocol.MessagePartMaxBytes)/elementTextBytes)
	case *kmsg.EnvelopeRequest:
		return len(r.RequestData) / elementBytes
	case *kmsg.DescribeClientQuotasRequest:
		return img.QuotaEntityCount()
	case *kmsg.DescribeUserSCRAMCredentialsRequest:
		return max(len(r.Users), img.ScramCredentialCount())
	case *kmsg.DescribeDelegationTokenRequest:
		return img.DelegationTokenCount()
	case *kmsg.DescribeACLsRequest:
		return img.ACLCount()
	}
	elements := 0
	for _, n := range size {
		elements += n
	}
	return elements
}

// foundCost is the size of a list of the entities of an image that a request may select, and of a
// part of the response that shows them.
func foundCost(entities int) int64 { return int64(entities)*foundBytes + partCost(entities) }

// partCost is the size of a part of a response with so many entries.
func partCost(entries int) int64 { return int64(min(entries, pieceEntries)) * elementBytes / 2 }

func (c *Controller) metadataCost(req *kmsg.MetadataRequest) int64 {
	img := c.Image()
	brokers := int64(img.BrokerCount()) * elementBytes
	if everyTopic(req) {
		if img.TopicCount() <= partElements {
			return brokers + int64(img.TopicCount()+min(img.PartitionCount(),
				partEntries+c.largest.of(img)))*elementBytes
		}
		return brokers + int64(partElements+partEntries+c.largest.of(img))*elementBytes
	}
	partitions, largest := 0, 0
	for i := range req.Topics {
		if i == partElements { // more topics are never in memory together than the largest ones
			largest = c.largest.of(img)
			break
		}
		if t := findAsked(img, &req.Topics[i]); t != nil {
			partitions, largest = partitions+t.Len(), max(largest, t.Len())
		}
	}
	topics := int64(len(req.Topics))
	return brokers + min(topics, partElements)*elementBytes + topics*namedBytes +
		int64(min(partitions, partEntries+largest))*elementBytes
}

func (c *Controller) describeConfigsCost(req *kmsg.DescribeConfigsRequest) int64 {
	keys := int64(len(req.Resources)) * int64(configs.TopicKeyCount())
	cost := int64(len(req.Resources))*namedBytes + min(keys,
		partEntries+int64(configs.TopicKeyCount()))*describedKeyBytes
	img := c.Image()
	for i := range req.Resources {
		if r := &req.Resources[i]; int8(r.ResourceType) == metadata.ConfigBroker {
			return cost + int64(len(img.Config(metadata.ConfigBroker,
				""))+len(c.cfg.Static)+configs.NodeKeyCount())*describedKeyBytes
		}
	}
	return cost
}

// electionCost counts, when all partitions are asked for, only those that may need an election.
func (c *Controller) electionCost(req *kmsg.ElectLeadersRequest, size requestSize) int64 {
	if req.Topics != nil {
		inPart := int64(min(size[limitPartitions], pieceEntries))
		return int64(size[limitPartitions]) + partCost(size[limitPartitions]) +
			inPart*int64(min(longestName(req), protocol.MessagePartMaxBytes))*messageCopies
	}
	img := c.Image()
	candidates := img.ImbalancedCount()
	if req.ElectionType == 1 {
		candidates = img.LeaderlessCount()
	}
	return int64(candidates)*resultBytes/2 + partCost(min(img.TopicCount(),
		partElements)) + partCost(min(candidates, partEntries))
}

// longestName is how long the longest name of a topic is, which messages repeat.
func longestName(req *kmsg.ElectLeadersRequest) (bytes int) {
	for i := range req.Topics {
		bytes = max(bytes, len(req.Topics[i].Topic))
	}
	return bytes
}

const (
	// envelopeSmallBytes is the size up to which a request is decoded twice, for an exact cost.
	envelopeSmallBytes = 16 << 10
	// envelopeFactor bounds the cost of an answer as a multiple of the decoded request.
	envelopeFactor = 2
)

// envelopeCost is the cost of the nested request, which is decoded in addition.
func (c *Controller) envelopeCost(req *kmsg.EnvelopeRequest) int64 {
	decoded := c.cfg.Codec.Cost(req.RequestData)
	if len(req.RequestData) < 2 || byKey[int16(binary.BigEndian.Uint16(req.RequestData))] == nil {
		return 0
	}
	if len(req.RequestData) > envelopeSmallBytes {
		return decoded*(1+envelopeFactor) + partCost(pieceEntries)
	}
	nested, _, _, err := c.cfg.Codec.Decode(req.RequestData)
	if err != nil || nested.Key() == req.Key() {
		return decoded
	}
	return decoded + c.Cost(nested)
}

// largestTopic caches the partition count of the largest topic.
type largestTopic struct{ known atomic.Pointer[largestKnown] }

type largestKnown struct {
	endOffset  int64 // end offset of the image that the costs hold for
	partitions int
}

// of returns a bound for the partitions of a single topic of the image.
func (l *largestTopic) of(img *metadata.Image) int {
	// Every topic has a partition. With few others, looking at all topics would not pay.
	if most := img.PartitionCount() - img.TopicCount() + 1; most <= partEntries {
		return most
	}
	if k := l.known.Load(); k != nil && k.endOffset == img.EndOffset() {
		return k.partitions
	}
	k := &largestKnown{endOffset: img.EndOffset()}
	for t := range img.Topics() {
		k.partitions = max(k.partitions, t.Len())
	}
	l.known.Store(k)
	return k.partitions
}
