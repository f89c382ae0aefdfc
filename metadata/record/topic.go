package record

import "github.com/yakt/yakt/protocol"

// Topic starts an empty topic.
type Topic struct {
	Name    string
	TopicID protocol.UUID
}

// Type implements Record.
func (*Topic) Type() Type { return TypeTopic }

func (r *Topic) code(c *coder) {
	c.string(&r.Name)
	c.uuid(&r.TopicID)
	c.noTags()
}

// RemoveTopic removes a topic with its partitions and configs.
type RemoveTopic struct{ TopicID protocol.UUID }

// Type implements Record.
func (*RemoveTopic) Type() Type { return TypeRemoveTopic }

func (r *RemoveTopic) code(c *coder) {
	c.uuid(&r.TopicID)
	c.noTags()
}

// Leader recovery states of a partition (KIP-704).
const (
	Recovered  int8 = 0
	Recovering int8 = 1
)

// Partition is a partition's whole state.
type Partition struct {
	PartitionID            int32
	TopicID                protocol.UUID
	Replicas               []int32
	ISR                    []int32
	RemovingReplicas       []int32
	AddingReplicas         []int32
	Leader                 int32 // -1: no leader
	LeaderRecoveryState    int8
	LeaderEpoch            int32
	PartitionEpoch         int32
	Directories            []protocol.UUID // v1+, one for each replica
	EligibleLeaderReplicas []int32         // v2+, may be nil
	LastKnownELR           []int32         // v2+, may be nil
}

// Type implements Record.
func (*Partition) Type() Type { return TypePartition }

func (r *Partition) code(c *coder) {
	c.int32(&r.PartitionID)
	c.uuid(&r.TopicID)
	c.int32s(&r.Replicas)
	c.int32s(&r.ISR)
	c.int32s(&r.RemovingReplicas)
	c.int32s(&r.AddingReplicas)
	c.int32(&r.Leader)
	c.int32(&r.LeaderEpoch)
	c.int32(&r.PartitionEpoch)
	if c.since(1, len(r.Directories) > 0) {
		c.uuids(&r.Directories)
	}
	c.tags(
		tagged{0, 0, r.LeaderRecoveryState != 0, func(c *coder) { c.int8(&r.LeaderRecoveryState) }},
		tagged{
			1, 2, r.EligibleLeaderReplicas != nil,
			func(c *coder) { c.nullableInt32s(&r.EligibleLeaderReplicas) },
		},
		tagged{2, 2, r.LastKnownELR != nil, func(c *coder) { c.nullableInt32s(&r.LastKnownELR) }},
	)
}

// Values of PartitionChange that leave a field as it is.
const (
	NoLeaderChange   int32 = -2
	NoRecoveryChange int8  = -1
	NoLeader         int32 = -1
)

// PartitionChange changes a partition's state; nil lists and the No…Change values leave a field as
// it is. Use NewPartitionChange to make one: the zero value would set broker 0 as the leader.
type PartitionChange struct {
	PartitionID            int32
	TopicID                protocol.UUID
	ISR                    []int32
	Leader                 int32
	Replicas               []int32
	RemovingReplicas       []int32
	AddingReplicas         []int32
	LeaderRecoveryState    int8
	EligibleLeaderReplicas []int32         // v2+
	LastKnownELR           []int32         // v2+
	Directories            []protocol.UUID // v1+
}

// NewPartitionChange returns a change that leaves all fields as they are.
func NewPartitionChange(topic protocol.UUID, partition int32) *PartitionChange {
	return &PartitionChange{
		TopicID: topic, PartitionID: partition,
		Leader: NoLeaderChange, LeaderRecoveryState: NoRecoveryChange,
	}
}

// Type implements Record.
func (*PartitionChange) Type() Type { return TypePartitionChange }

func (r *PartitionChange) code(c *coder) {
	c.int32(&r.PartitionID)
	c.uuid(&r.TopicID)
	c.tags(
		tagged{0, 0, r.ISR != nil, func(c *coder) { c.nullableInt32s(&r.ISR) }},
		tagged{1, 0, r.Leader != NoLeaderChange, func(c *coder) { c.int32(&r.Leader) }},
		tagged{2, 0, r.Replicas != nil, func(c *coder) { c.nullableInt32s(&r.Replicas) }},
		tagged{
			3, 0, r.RemovingReplicas != nil,
			func(c *coder) { c.nullableInt32s(&r.RemovingReplicas) },
		},
		tagged{
			4, 0, r.AddingReplicas != nil, func(c *coder) { c.nullableInt32s(&r.AddingReplicas) },
		},
		tagged{
			5, 0, r.LeaderRecoveryState != NoRecoveryChange,
			func(c *coder) { c.int8(&r.LeaderRecoveryState) },
		},
		tagged{
			6, 2, r.EligibleLeaderReplicas != nil,
			func(c *coder) { c.nullableInt32s(&r.EligibleLeaderReplicas) },
		},
		tagged{7, 2, r.LastKnownELR != nil, func(c *coder) { c.nullableInt32s(&r.LastKnownELR) }},
		tagged{8, 1, r.Directories != nil, func(c *coder) { c.nullableUUIDs(&r.Directories) }},
	)
}

// ClearElr empties the eligible leader replicas of a topic, or of all topics when the name is empty
// (KIP-966).
type ClearElr struct{ TopicName string }

// Type implements Record.
func (*ClearElr) Type() Type { return TypeClearElr }

func (r *ClearElr) code(c *coder) {
	c.string(&r.TopicName)
	c.noTags()
}
