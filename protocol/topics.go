package protocol

// Names of Kafka's internal topics.
const (
	// MetadataTopic is the metadata log as its observers see it. Its only partition is 0, and nobody
	// may create it.
	MetadataTopic        = "__cluster_metadata"
	OffsetsTopic         = "__consumer_offsets"
	TransactionsTopic    = "__transaction_state"
	ShareGroupStateTopic = "__share_group_state"
)

// MetadataTopicID is the topic id of MetadataTopic.
var MetadataTopicID = UUID{15: 1}

// InternalTopic reports whether Kafka marks a topic as internal. MetadataTopic is not among them: no
// broker lists it.
func InternalTopic(name string) bool {
	return name == OffsetsTopic || name == TransactionsTopic || name == ShareGroupStateTopic
}
