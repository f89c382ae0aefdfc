package httpapi

import (
	"context"
	"slices"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
)

// PartitionListInput is the input of partitions.
type PartitionListInput struct {
	StateParams
	PageParams
	NameFilter
	// Only the partitions of the topic with this name.
	Topic string `query:"topic" maxLength:"249" example:"orders"`
	// Only partitions with a replica on this broker.
	Broker brokerFilter `query:"broker" example:"1"`
	// Only partitions that this broker leads.
	Leader brokerFilter `query:"leader" example:"1"`
	// Only partitions in this state. notPreferred: another replica than the first one leads.
	With string `query:"with" enum:"underReplicated,underMinISR,offline,reassigning,notPreferred"`
}

// PartitionState is one partition in a list.
type PartitionState struct {
	// Name of the topic.
	Topic string `json:"topic" example:"orders"`
	PartitionFields
	// Number of changes of the partition's leader.
	LeaderEpoch int32 `json:"leaderEpoch" example:"0"`
	// Eligible leader replicas: not in sync, but known to hold every acknowledged message.
	ELR []int32 `json:"ELR" example:"[]"`
	// Number of in-sync replicas that writes with acks=all need.
	MinISR int `json:"minISR" example:"2"`
}

func newPartitionState(
	t *metadata.Topic, id int32, p *metadata.Partition, sizes *controller.ISRSizes,
) PartitionState {
	return PartitionState{
		Topic: t.Name, PartitionFields: partitionFields(t.ID, id, p), LeaderEpoch: p.LeaderEpoch,
		ELR: ids(p.ELR()), MinISR: sizes.Min(t, p),
	}
}

// PartitionPage is the answer of partitions.
type PartitionPage struct {
	// The partitions, by topic and id.
	Partitions []PartitionState `json:"partitions"`
	Page
}

func (a *API) partitionLists() {
	handle(a, operation{
		kind: readKind, name: "partitions", tag: tagTopics,
		needs:   filtered(grant{acls.Describe, acls.Topic}),
		summary: "List partitions",
		text: "A page of partitions by topic and id. The filters exclude all partitions that do not " +
			"match each of them; with=reassigning lists the reassignments under way.",
	}, a.partitionPage)
}

func (in *PartitionListInput) matches(
	t *metadata.Topic, p *metadata.Partition, sizes *controller.ISRSizes,
) bool {
	switch {
	case in.Broker.Set && !slices.Contains(p.Replicas, in.Broker.Value):
		return false
	case in.Leader.Set && p.Leader != in.Leader.Value:
		return false
	}
	switch in.With {
	case "underReplicated":
		return len(p.ISR) < len(p.Replicas)
	case "underMinISR":
		return len(p.ISR) < sizes.Min(t, p)
	case "offline":
		return p.Leader < 0
	case "reassigning":
		return p.Reassigning()
	case "notPreferred":
		return !p.Preferred()
	}
	return true
}

func (a *API) partitionPage(
	ctx context.Context, in *PartitionListInput,
) (*stateAnswer[PartitionPage], error) {
	after, more, err := in.Cursor.parse()
	if err != nil {
		return nil, err
	}
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	limit := min(int(in.Limit), img.PartitionCount())
	if err := afford(ctx, int64(limit)*partitionBytes); err != nil {
		return nil, err
	}
	w := partitionWalk{
		in: in, sees: a.sees(ctx),
		sizes: a.cfg.Controller.ISRSizes(img), scan: scanner{turn: turnOf(ctx)},
		page: PartitionPage{Partitions: []PartitionState{}},
	}
	if more {
		w.after, w.last = &after, after
	}
	from := after.Name
	if in.Topic != "" {
		in.Prefix, from = in.Topic, in.Topic
	}
	in.topics(img, from, w.topic)
	return &stateAnswer[PartitionPage]{stateOf(img), w.page}, nil
}

// partitionWalk collects a page of partitions.
type partitionWalk struct {
	in    *PartitionListInput
	sees  func(topic string) bool
	after *cursor // the last partition of the page before; nil for the first page
	last  cursor  // the last partition looked at
	sizes controller.ISRSizes
	scan  scanner
	page  PartitionPage
}

// topic adds the partitions of a topic that matches. It returns false if the page is complete.
func (w *partitionWalk) topic(t *metadata.Topic, matches bool) bool {
	switch {
	case w.in.Topic != "" && t.Name != w.in.Topic:
		return false
	case matches && w.sees(t.Name):
		return w.partitions(t)
	case w.scan.full():
		w.page.NextCursor = w.last.text()
		return false
	}
	w.scan.looked(1)
	w.last = cursor{t.Name, int32(t.Len() - 1)}
	return true
}

func (w *partitionWalk) partitions(t *metadata.Topic) bool {
	first := int32(0)
	if w.after != nil && w.after.Name == t.Name {
		// a client may have made the cursor up
		first = min(max(w.after.ID, -1), int32(t.Len()-1)) + 1
	}
	for id := first; id < int32(t.Len()); id++ {
		if len(w.page.Partitions) == int(w.in.Limit) || w.scan.full() {
			w.page.NextCursor = w.last.text()
			return false
		}
		w.scan.looked(1)
		w.last = cursor{t.Name, id}
		if p := t.Partition(id); p != nil && w.in.matches(t, p, &w.sizes) {
			w.page.Partitions = append(w.page.Partitions, newPartitionState(t, id, p, &w.sizes))
		}
	}
	return true
}
