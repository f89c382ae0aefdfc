package httpapi

import (
	"context"
	"fmt"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
)

// healArgs is the body of heal.
type healArgs struct {
	// The same as the parameter dryRun.
	DryRun bool `json:"dryRun,omitempty" example:"false"`
}

// Healing is the answer of heal: what it repaired, or would repair.
type Healing struct {
	// Whether nothing was changed.
	DryRun bool `json:"dryRun" example:"false"`
	// Number of entries found.
	Total int `json:"total" minimum:"0" example:"1"`
	// The first 1,000 entries.
	Poison []Poisoned `json:"poison"`
	// From now on every node's log starts at this offset or later; 0 if nothing was changed.
	CutBefore int64 `json:"cutBefore" minimum:"0" example:"57"`
}

// Poisoned is an entry of the cluster's state that Kafka's brokers do not accept.
type Poisoned struct {
	// Offset of the record that created the entry, or the last offset of the snapshot that contains
	// it.
	Offset int64 `json:"offset" minimum:"0" example:"41"`
	// Name of the record in Kafka's schemas.
	Type string `json:"type" example:"ConfigRecord"`
	// What the entry is. Long names are shortened.
	Entity string `json:"entity" example:"the configuration \"k\" of group \"g\""`
	// Why brokers do not accept it.
	Problem string `json:"problem" example:"ResourceName is empty"`
	// How it is healed; docs/healing.md explains each action.
	Action string `json:"action" enum:"repair,remove,unregister,drop" example:"remove"`
}

// poisonMax bounds the entries in one answer.
const poisonMax = 1000

func (a *API) heal() {
	handle(a, operation{
		kind: writeKind, name: "heal", tag: tagQuorum,
		needs:   onCluster(acls.Alter),
		summary: "Remove what brokers do not accept from the log",
		text: "Earlier releases wrote records that make every Kafka broker exit that reads them. heal " +
			"replaces or removes them; every node then makes a snapshot and starts its log after " +
			"them. Nothing else changes. A broker that has such a record on its own disk has to be " +
			"repaired by hand: see docs/healing.md.",
	}, a.healed)
}

func (a *API) healed(ctx context.Context, in *struct {
	WriteParams
	Body healArgs
}) (*answer[Healing], error) {
	check, err := a.precondition(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	img := a.cfg.Controller.Image()
	h := Healing{DryRun: in.DryRun || in.Body.DryRun, Total: img.PoisonCount(), Poison: poisonOf(img)}
	if h.DryRun || h.Total == 0 {
		return &answer[Healing]{headersOf(img), h}, nil
	}
	outcome, err := a.cfg.Controller.Heal(ctx, caller(ctx), check)
	if err != nil {
		return nil, problemOf(err)
	}
	if outcome.Image != nil { // nil if another request has healed it meanwhile
		img = outcome.Image
	}
	h.CutBefore, _ = img.CleanFrom()
	return &answer[Healing]{headersOf(img), h}, nil
}

func poisonOf(img *metadata.Image) []Poisoned {
	all := []Poisoned{}
	for r := range img.Remedies() {
		if len(all) == poisonMax {
			break
		}
		all = append(all, Poisoned{r.Offset, r.Type.String(), r.Entity, r.Problem, string(r.Action)})
	}
	return all
}

// unreadable says what the log or the newest snapshot of this node contains that brokers do not
// accept; "" if there is nothing.
func unreadable(img *metadata.Image, logStart int64) string {
	from, clean := img.CleanFrom()
	if clean && logStart < from {
		return fmt.Sprintf("the log holds records before offset %d that Kafka's brokers do not accept; "+
			"this node is making a snapshot that replaces them", from)
	}
	for p := range img.Poison() {
		return fmt.Sprintf("the log holds %d records that Kafka's brokers do not accept, such as a %v, "+
			"and every broker that reads them exits. `yakt heal --dry-run` lists them, `yakt heal` "+
			"removes them", img.PoisonCount(), p)
	}
	return ""
}
