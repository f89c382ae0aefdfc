package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// WhatIf answers what would become of partitions if brokers failed one after the other. It applies
// the rules by which the controller fences a broker whose session has ended, to one partition at a
// time: what becomes of a partition depends on the registrations and on itself alone. It is for one
// goroutine.
type WhatIf struct {
	img   *metadata.Image
	steps []whatIfStep
	sizes ISRSizes
}

// whatIfStep is the failure of one broker, in the state after those before it.
type whatIfStep struct {
	broker int32
	rules  *partition.Rules
}

// Effect is what becomes of one partition.
type Effect struct {
	Topic         *metadata.Topic
	ID            int32
	Before, After *metadata.Partition
	MinISR        int // the least number of in-sync replicas for writes with acks=all
}

// LeaderChanges reports whether the partition has another leader after it, or none.
func (e *Effect) LeaderChanges() bool { return e.After.Leader != e.Before.Leader }

// Offline reports whether the partition loses its leader and has no other one.
func (e *Effect) Offline() bool { return e.After.Leader < 0 && e.Before.Leader >= 0 }

// UnderMinISR reports whether the partition no longer has enough in-sync replicas.
func (e *Effect) UnderMinISR() bool {
	return len(e.After.ISR) < e.MinISR && len(e.Before.ISR) >= e.MinISR
}

// Unclean reports whether the new leader may lack acknowledged records.
func (e *Effect) Unclean() bool {
	return e.LeaderChanges() && e.After.Leader >= 0 &&
		!slices.Contains(e.Before.ISR, e.After.Leader) && !slices.Contains(e.Before.ELR(), e.After.Leader)
}

// WhatIf begins the answer for brokers of an image that fail in this order. Brokers that are fenced
// already change nothing. The image is only read, so any goroutine may call it.
func (c *Controller) WhatIf(img *metadata.Image, brokers []int32) (*WhatIf, error) {
	w := &WhatIf{img: img, sizes: c.ISRSizes(img)}
	defaults := configs.NewTopicDefaults(img, c.cfg.configSettings())
	var gone []int32
	for _, id := range brokers {
		b := img.Broker(id)
		if b == nil {
			return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "Broker %d is not registered.", id)
		}
		if b.Fenced || slices.Contains(gone, id) {
			continue
		}
		rules := partition.NewRules(img, partition.Remove(id), defaults).Away(slices.Clone(gone)...)
		w.steps = append(w.steps, whatIfStep{id, rules})
		gone = append(gone, id)
	}
	return w, nil
}

// Effects calls yield for every partition that changes, in no particular order, until it returns
// false. It looks at the partitions of the brokers alone.
func (w *WhatIf) Effects(yield func(Effect) bool) {
	for i, step := range w.steps {
		for tp := range w.img.Hosted(step.broker) {
			if w.seen(tp.Partition, i) {
				continue
			}
			e, changes := w.effect(tp)
			if changes && !yield(e) {
				return
			}
		}
	}
}

// seen reports whether a partition is among those of an earlier step.
func (w *WhatIf) seen(p *metadata.Partition, step int) bool {
	return slices.ContainsFunc(w.steps[:step], func(s whatIfStep) bool { return s.concerns(p) })
}

// concerns reports whether the failure of the broker may change a partition.
func (s whatIfStep) concerns(p *metadata.Partition) bool {
	return slices.Contains(p.ISR, s.broker) || slices.Contains(p.ELR(), s.broker)
}

func (w *WhatIf) effect(tp metadata.TopicPartition) (e Effect, changes bool) {
	e = Effect{tp.Topic, tp.ID, tp.Partition, tp.Partition, w.sizes.Min(tp.Topic, tp.Partition)}
	for _, step := range w.steps {
		if !step.concerns(e.After) {
			continue
		}
		tp.Partition = e.After
		one := func(yield func(metadata.TopicPartition) bool) { yield(tp) }
		records, _, _ := step.rules.UpdateReplicas(one, 1)
		for _, r := range records {
			e.After, changes = e.After.Merge(r.(*record.PartitionChange)), true
		}
	}
	return e, changes
}

// Changed returns the effects of an operation's partition changes, given the states before and
// after it.
func (c *Controller) Changed(before, after *metadata.Image, written []Written) []Effect {
	var all []Effect
	sizes := c.ISRSizes(after)
	seen := map[metadata.TopicPartition]bool{}
	for _, w := range written {
		r, ok := w.Record.(*record.PartitionChange)
		if !ok {
			continue
		}
		t, old := before.Topic(r.TopicID), before.Partition(r.TopicID, r.PartitionID)
		now := after.Partition(r.TopicID, r.PartitionID)
		key := metadata.TopicPartition{Topic: t, ID: r.PartitionID}
		if old == nil || now == nil || seen[key] {
			continue
		}
		seen[key] = true
		all = append(all, Effect{t, r.PartitionID, old, now, sizes.Min(t, now)})
	}
	return all
}

// ISRSizes knows the least size of the ISR of each topic of an image. It is for one goroutine.
type ISRSizes struct {
	img      *metadata.Image
	defaults configs.TopicDefaults
	topic    *metadata.Topic // of the last call
	min      int             // its min.insync.replicas
}

// ISRSizes returns the sizes for an image.
func (c *Controller) ISRSizes(img *metadata.Image) ISRSizes {
	return ISRSizes{img: img, defaults: configs.NewTopicDefaults(img, c.cfg.configSettings())}
}

// Min is the least size of a partition's ISR for writes with acks=all: the topic's
// min.insync.replicas, or the number of replicas if that is less, as brokers have it.
func (s *ISRSizes) Min(t *metadata.Topic, p *metadata.Partition) int {
	if s.topic != t {
		s.topic, s.min = t, s.defaults.MinISR(s.img.Config(metadata.ConfigTopic, t.Name))
	}
	return min(s.min, len(p.Replicas))
}
