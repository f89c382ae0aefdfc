package differential

import (
	"reflect"
	"slices"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// change is what both sides wrote for one partition; nil for nothing.
type change struct {
	topic       *metadata.Topic
	id          int32
	old, after  *metadata.Partition
	ours, kafka *record.PartitionChange
}

// eachChange calls f for every partition that either side changes, once, and takes over what it makes of Kafka's record. It reports whether f
// ever says that it applied.
func (d *divergence) eachChange(f func(c *change) bool) bool {
	type key struct {
		topic     record.UUID
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
		c := &change{t, k.partition, t.Partition(k.partition), d.after.Partition(k.topic, k.partition), ours[k], theirs}
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
	others := 0 // records of ours that are no changes of partitions: a new one goes behind as many
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

// behind is the place behind so many records that are no changes of partitions.
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

// keep is what of list is in other, in the order of list.
func keep(list, other []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(list), func(id int32) bool { return !slices.Contains(other, id) })
}

func changed(old, list []int32) []int32 {
	if slices.Equal(old, list) {
		return nil
	}
	return append([]int32{}, list...)
}

// minus is what a has and b has not, ascending.
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

// replicas are those that the partition has after Kafka's change.
func (c *change) replicas() []int32 {
	if c.kafka != nil && c.kafka.Replicas != nil {
		return c.kafka.Replicas
	}
	return c.old.Replicas
}
