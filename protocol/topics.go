package protocol

// MetadataTopic is the name of the metadata log to its observers; its only partition is 0. No
// client may create a topic of that name.
const MetadataTopic = "__cluster_metadata"

// InternalTopic reports whether Kafka keeps state of its own in the topic.
func InternalTopic(name string) bool {
	return name == "__consumer_offsets" || name == "__transaction_state" ||
		name == "__share_group_state"
}
