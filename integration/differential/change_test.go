package differential

import (
	"reflect"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// change is a pair of records that both sides wrote for one partition; nil for none.
type change struct {
	topic       *metadata.Topic
	id          int32
	old, after  *metadata.Partition
	ours, kafka *record.PartitionChange
}

// eachChange calls f once for every partition that either side changes, and replaces Kafka's record
// by the one that f leaves. It reports whether any call of f returned true.
func (d *divergence) eachChange(f func(c *change) bool) bool {
	type key struct {
		topic     protocol.UUID
		partition int32
	}
	ours := make(map[key]*record.PartitionChange)
	theirs := make(map[key]bool)
	for _, w := range d.ours.records {
		if r, ok := w.record.(*record.PartitionChange); ok {
			ours[key{r.TopicID, r.PartitionID}] = r
		}
	}
	applied := false
	look := func(k key, theirs *record.PartitionChange) *record.PartitionChange {
		t := d.before.Topic(k.topic)
		if t == nil {
			return theirs
		}
		c := &change{t, k.partition, t.Partition(k.partition),
			d.after.Partition(k.topic, k.partition), ours[k], theirs}
		if c.old != nil && !sameChange(c.ours, c.kafka) && f(c) {
			applied = true
		}
		return c.kafka
	}
	var records []written
	for _, w := range d.kafka.records {
		r, ok := w.record.(*record.PartitionChange)
		if !ok {
			records = append(records, w)
			continue
		}
		k := key{r.TopicID, r.PartitionID}
		theirs[k] = true
		copied := *r
		if changed := look(k, &copied); changed != nil {
			records = append(records, again(changed, w.version))
		}
	}
	// The number of our records that do not change partitions: a new change is inserted after as
	// many of Kafka's.
	others := 0
	for _, w := range d.ours.records {
		r, ok := w.record.(*record.PartitionChange)
		if !ok {
			others++
		} else if k := (key{r.TopicID, r.PartitionID}); !theirs[k] {
			if made := look(k, nil); made != nil {
				records = slices.Insert(records, behind(records, others), again(made, w.version))
			}
		}
	}
	d.kafka.records = records
	sortRuns(d.kafka.records)
	return applied
}

// behind is the index after that many records that do not change partitions.
func behind(records []written, others int) int {
	for i, w := range records {
		if others == 0 {
			return i
		}
		if _, ok := w.record.(*record.PartitionChange); !ok {
			others--
		}
	}
	return len(records)
}

func sameChange(a, b *record.PartitionChange) bool { return reflect.DeepEqual(a, b) }

// keep returns the elements of list that are in other, in the order of list.
func keep(list, other []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(list),
		func(id int32) bool { return !slices.Contains(other, id) })
}

func changed(old, list []int32) []int32 {
	if slices.Equal(old, list) {
		return nil
	}
	return append([]int32{}, list...)
}

// minus returns the elements of a that are not in b, ascending.
func minus(a, b []int32) []int32 {
	var d []int32
	for _, id := range a {
		if !slices.Contains(b, id) {
			d = append(d, id)
		}
	}
	slices.Sort(d)
	return d
}

// replicas are the partition's replicas after Kafka's change.
func (c *change) replicas() []int32 {
	if c.kafka != nil && c.kafka.Replicas != nil {
		return c.kafka.Replicas
	}
	return c.old.Replicas
}
