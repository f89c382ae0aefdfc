package record

import (
	"encoding/binary"

	"github.com/yakt/yakt/protocol"
)

// Decoder decodes a long run of records, such as a snapshot, with little memory: equal lists of replicas and of directories become one, of
// which a cluster has few, however many partitions it has. One goroutine at a time; the zero Decoder is ready.
type Decoder struct {
	c         coder
	shared    shared
	partition Partition
}

// Decode is the function Decode, but a *Partition is only good until the next call, while its lists are for ever, shared
// with others and not to be changed.
func (d *Decoder) Decode(b []byte) (r Record, version int16, err error) {
	d.c = coder{buf: b, decoding: true, shared: &d.shared}
	return d.c.record(d.alloc)
}

func (d *Decoder) alloc(t Type) Record {
	if t != TypePartition {
		return t.New()
	}
	d.partition = Partition{}
	return &d.partition
}

// sharedMax bounds what a Decoder remembers. Lists beyond it are not shared.
const sharedMax = 1 << 16

// shared holds lists by their bytes.
type shared struct {
	int32s map[string][]int32
	uuids  map[string][]protocol.UUID
}

func (s *shared) int32List(b []byte) []int32 {
	if s == nil {
		return decodeInt32s(b)
	}
	return share(&s.int32s, b, decodeInt32s)
}

func (s *shared) uuidList(b []byte) []protocol.UUID {
	if s == nil {
		return decodeUUIDs(b)
	}
	return share(&s.uuids, b, decodeUUIDs)
}

func share[T any](known *map[string][]T, b []byte, decode func([]byte) []T) []T {
	if list, ok := (*known)[string(b)]; ok {
		return list
	}
	list := decode(b)
	if *known == nil {
		*known = make(map[string][]T)
	}
	if len(*known) < sharedMax {
		(*known)[string(b)] = list
	}
	return list
}

func decodeInt32s(b []byte) []int32 {
	list := make([]int32, len(b)/4)
	for i := range list {
		list[i] = int32(binary.BigEndian.Uint32(b[4*i:]))
	}
	return list
}

func decodeUUIDs(b []byte) []protocol.UUID {
	list := make([]protocol.UUID, len(b)/len(protocol.UUID{}))
	for i := range list {
		copy(list[i][:], b[len(protocol.UUID{})*i:])
	}
	return list
}
