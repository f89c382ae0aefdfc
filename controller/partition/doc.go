// Package partition holds the rules by which partitions change: the leader, ISR and ELR when
// brokers leave and return, when a leader reports a new ISR and when replicas move; and where the
// replicas of new partitions are placed. All of it are functions of an image.
//
// The rules follow Kafka's PartitionChangeBuilder (KIP-704 recovery, KIP-841 fencing, KIP-858
// directories, KIP-966 ELR). They differ on purpose where Kafka is known to be wrong: an ELR keeps
// to the replicas, the last known leader is never -1 or a broker that is no replica any more, and
// an unclean leader is always marked as recovering.
package partition
