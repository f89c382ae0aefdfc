package metadata

import (
	"cmp"
	"iter"
	"slices"

	"github.com/yakt/yakt/protocol"
)

// Topic is a topic with its partitions. It is immutable once its image is published.
type Topic struct {
	Name string
	ID   protocol.UUID

	ordinal    uint32
	partitions table[int32, *Partition]
}

// Partition returns a partition, or nil.
func (t *Topic) Partition(id int32) *Partition {
	p, _ := t.partitions.get(id)
	return p
}

// Partitions iterates over the partitions by id.
func (t *Topic) Partitions() iter.Seq2[int32, *Partition] { return t.partitions.all() }

// Len is the number of partitions.
func (t *Topic) Len() int { return t.partitions.len() }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
