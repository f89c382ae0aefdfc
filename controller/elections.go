package controller

import (
	"iter"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

const noBroker int32 = -1

// replicaUpdate says what happens to a broker whose partitions are looked at; noBroker where nothing does.
type replicaUpdate struct {
	remove  int32 // leaves the ISR and may not lead: fenced, shutting down, unregistered, or its directory is offline
	add     int32 // counts as active although its registration is still fenced: it is being unfenced in the same batch
	unclean int32 // came back after an unclean shutdown: leaves the ISR and the ELR
}

// updateReplicas returns the changes that the update makes to the partitions, at most max of them. cursor names where to go on
// when there are more partitions; nil when all were looked at.
func (c *core) updateReplicas(img *metadata.Image, u replicaUpdate, partitions iter.Seq[metadata.TopicPartition], max int) []record.Record {
	panic("being written")
}
