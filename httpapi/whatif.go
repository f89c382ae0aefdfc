package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
)

// Impact counts what becomes of partitions by a change, or by the failure of brokers.
type Impact struct {
	// Number of partitions that change.
	Changed int `json:"changed" example:"12"`
	// Number of partitions whose leader changes, to another one or to none.
	LeaderChanges int `json:"leaderChanges" example:"4"`
	// Number of partitions that have a leader now and would have none.
	Offline int `json:"offline" example:"1"`
	// Number of partitions that would have fewer in-sync replicas than min.insync.replicas, and have
	// enough now: producers with acks=all could not write to them.
	UnderMinISR int `json:"underMinISR" example:"2"`
	// Number of partitions that would be led by a replica that is not in sync: records that were
	// acknowledged may be lost.
	Unclean int `json:"unclean" example:"0"`
}

func (i *Impact) add(e *controller.Effect) {
	i.Changed++
	for counter, counts := range map[*int]bool{
		&i.LeaderChanges: e.LeaderChanges(), &i.Offline: e.Offline(),
		&i.UnderMinISR: e.UnderMinISR(), &i.Unclean: e.Unclean(),
	} {
		if counts {
			*counter++
		}
	}
}

// impactOf is the impact of a dry run; nil if the change is made.
func (a *API) impactOf(outcome controller.Outcome) *Impact {
	if outcome.Before == nil {
		return nil
	}
	impact := new(Impact)
	for _, e := range a.cfg.Controller.Changed(outcome.Before, outcome.Image, outcome.Written) {
		impact.add(&e)
	}
	return impact
}

// PartitionEffect is what would become of one partition.
type PartitionEffect struct {
	// Name of the topic.
	Topic string `json:"topic" example:"orders"`
	// Id of the topic.
	TopicUUID string `json:"topicUUID" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Id of the partition.
	PartitionID int32 `json:"partitionId" example:"0"`
	// Brokers that hold a replica.
	Replicas []int32 `json:"replicas" example:"[1001,1002,1003]"`
	// The present leader; -1 if there is none.
	Leader int32 `json:"leader" minimum:"-1" example:"1001"`
	// The leader that would be elected; -1 if none could be.
	NewLeader int32 `json:"newLeader" minimum:"-1" example:"1003"`
	// Replicas that are in sync.
	ISR []int32 `json:"ISR" example:"[1001,1002,1003]"`
	// Replicas that would be in sync.
	NewISR []int32 `json:"newISR" example:"[1003]"`
	// Number of in-sync replicas that writes with acks=all need.
	MinISR int `json:"minISR" example:"2"`
	// Whether the partition would be without a leader.
	Offline bool `json:"offline" example:"false"`
	// Whether the partition would no longer have enough in-sync replicas.
	UnderMinISR bool `json:"underMinISR" example:"true"`
	// Whether the new leader may lack acknowledged records.
	Unclean bool `json:"unclean" example:"false"`
}

func newPartitionEffect(e controller.Effect) PartitionEffect {
	return PartitionEffect{
		Topic: e.Topic.Name, TopicUUID: e.Topic.ID.String(), PartitionID: e.ID,
		Replicas: ids(e.Before.Replicas), Leader: e.Before.Leader, NewLeader: e.After.Leader,
		ISR: ids(e.Before.ISR), NewISR: ids(e.After.ISR), MinISR: e.MinISR,
		Offline: e.Offline(), UnderMinISR: e.UnderMinISR(), Unclean: e.Unclean(),
	}
}

// WhatIfInput is the input of what_if.
type WhatIfInput struct {
	StateParams
	PageParams
	// Ids of the brokers that fail, separated by commas, in the order in which they do.
	Kill []int32 `query:"kill" required:"true" minItems:"1" maxItems:"1000" example:"[1001,1002]"`
	// Which partitions to list. affected: those whose leader changes, that would be offline, or
	// under min.insync.replicas. changed: also those that only lose in-sync replicas.
	Show string `query:"show" enum:"affected,changed,leader,offline,underMinISR" default:"affected"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (in *WhatIfInput) Resolve(huma.Context) []error {
	var errs []error
	for _, id := range in.Kill {
		if id < 0 {
			errs = append(errs, fieldError("query.kill", "expected ids of brokers, which are >= 0"))
		}
	}
	return errs
}

// WhatIf is the answer of what_if.
type WhatIf struct {
	// The brokers that fail.
	Kill []int32 `json:"kill" example:"[1001,1002]"`
	// The impact on all partitions, whatever the page shows.
	Impact Impact `json:"impact"`
	// A page of partitions, by topic and id.
	Partitions []PartitionEffect `json:"partitions"`
	Page
}

func (a *API) whatIfs() {
	handle(a, operation{
		kind: readKind, name: "what_if", tag: tagBrokers,
		needs: onCluster(acls.Describe).and(acls.Describe, acls.Topic).
			also("The list has only topics for which the caller has it."),
		summary: "Show what would happen if brokers failed",
		text: "Computes from the present state, by the controller's own rules, what becomes of the " +
			"partitions of some brokers if these fail one after the other: who would be elected, " +
			"which partitions would be offline or under min.insync.replicas. It changes nothing. For " +
			"a change that an operator makes, see dryRun of that operation.",
		statuses: []int{http.StatusNotFound},
	}, a.whatIf)
}

func (a *API) whatIf(ctx context.Context, in *WhatIfInput) (*stateAnswer[WhatIf], error) {
	after, _, err := in.Cursor.parse()
	if err != nil {
		return nil, err
	}
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	if err := afford(ctx, int64(in.Limit)*pageFactor*effectBytes); err != nil {
		return nil, err
	}
	w, err := a.cfg.Controller.WhatIf(img, in.Kill)
	if err != nil {
		return nil, problemOf(err)
	}
	page := smallest{limit: int(in.Limit), after: after}
	body := WhatIf{Kill: in.Kill, Partitions: []PartitionEffect{}}
	turn, looked, sees := turnOf(ctx), 0, a.sees(ctx)
	w.Effects(func(e controller.Effect) bool {
		if looked++; looked%effectsPerYield == 0 {
			turn.yield()
		}
		body.Impact.add(&e)
		if shownIn(in.Show, &e) && sees(e.Topic.Name) {
			page.add(e)
		}
		return true
	})
	effects, more := page.take()
	for _, e := range effects {
		body.Partitions = append(body.Partitions, newPartitionEffect(e))
	}
	if more {
		body.NextCursor = keyOf(&effects[len(effects)-1]).text()
	}
	return &stateAnswer[WhatIf]{stateOf(img), body}, nil
}

const (
	effectBytes     = 600 // of an effect with its JSON
	effectsPerYield = 500
	// pageFactor is how many times its limit a page may hold while it is searched for.
	pageFactor = 2
)

func shownIn(show string, e *controller.Effect) bool {
	switch show {
	case "changed":
		return true
	case "leader":
		return e.LeaderChanges()
	case "offline":
		return e.Offline()
	case "underMinISR":
		return e.UnderMinISR()
	}
	return e.LeaderChanges() || e.Offline() || e.UnderMinISR()
}

// smallest keeps the effects of one page: the first by topic and id after a key, however many there
// are and in whatever order they arrive.
type smallest struct {
	limit int
	after cursor
	kept  []controller.Effect // at most pageFactor times limit, and one more
	more  bool
}

func keyOf(e *controller.Effect) cursor { return cursor{e.Topic.Name, e.ID} }

func (c cursor) compare(other cursor) int {
	return cmp.Or(strings.Compare(c.Name, other.Name), cmp.Compare(c.ID, other.ID))
}

func (s *smallest) add(e controller.Effect) {
	if s.after != (cursor{}) && keyOf(&e).compare(s.after) <= 0 {
		return
	}
	if s.kept = append(s.kept, e); len(s.kept) > pageFactor*s.limit {
		s.cut()
	}
}

func (s *smallest) cut() {
	slices.SortFunc(s.kept, func(a, b controller.Effect) int {
		return keyOf(&a).compare(keyOf(&b))
	})
	if len(s.kept) > s.limit {
		s.kept, s.more = s.kept[:s.limit], true
	}
}

// take returns the page, and whether others follow.
func (s *smallest) take() (page []controller.Effect, more bool) {
	s.cut()
	return s.kept, s.more
}
