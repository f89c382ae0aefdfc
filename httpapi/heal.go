package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/yakt/yakt/metadata"
)

// healArgs is the body of heal.
type healArgs struct {
	DryRun bool `json:"dryRun,omitempty" doc:"Only tell what would be done." example:"false"`
}

// Healing is what heal did, or would do.
type Healing struct {
	DryRun    bool       `json:"dryRun" doc:"Whether nothing was done." example:"false"`
	Total     int        `json:"total" minimum:"0" doc:"How much was found." example:"1"`
	Poison    []Poisoned `json:"poison" doc:"The first 1,000 of it."`
	CutBefore int64      `json:"cutBefore" minimum:"0" doc:"Every node's log starts here or later from now on; 0 when nothing was done." example:"57"`
}

// Poisoned is something in the cluster's state that Kafka's brokers do not accept.
type Poisoned struct {
	Offset  int64  `json:"offset" minimum:"0" doc:"Of the record that brought it, or the last one of the snapshot that did." example:"41"`
	Type    string `json:"type" doc:"Kafka's name of the record." example:"ConfigRecord"`
	Entity  string `json:"entity" doc:"What it is; long names are cut short." example:"the configuration \"k\" of group \"g\""`
	Problem string `json:"problem" doc:"What is wrong with it." example:"ResourceName is empty"`
	Action  string `json:"action" enum:"repair,remove,unregister,drop" doc:"What heals it; docs/healing.md explains each." example:"remove"`
}

// poisonMax is how much of the poison one answer tells.
const poisonMax = 1000

func (a *API) heal() {
	op := describe(http.MethodPost, "heal", tagQuorum, "Take out of the log what brokers do not accept",
		"Earlier releases wrote records that end every Kafka broker which reads them. These are replaced or "+
			"removed; every node then makes a snapshot and starts its log behind them. Nothing else changes. "+
			"Brokers that have such a record on their own disks need a hand: see docs/healing.md.",
		writeStatuses...)
	huma.Register(a.huma, op, a.healed)
}

func (a *API) healed(ctx context.Context, in *struct {
	WriteParams
	Body healArgs
}) (*answer[Healing], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	img := a.cfg.Controller.Image()
	h := Healing{DryRun: in.Body.DryRun, Total: img.PoisonCount(), Poison: poisonOf(img)}
	if h.DryRun || h.Total == 0 {
		return &answer[Healing]{headersOf(img), h}, nil
	}
	outcome, err := a.cfg.Controller.Heal(ctx, caller(ctx))
	if err != nil {
		return nil, problemOf(err)
	}
	if outcome.Image != nil { // nil: somebody else was quicker
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

// unreadable says what stands in the log or the newest snapshot of this node that brokers do not
// accept; "" if nothing does.
func unreadable(img *metadata.Image, logStart int64) string {
	from, clean := img.CleanFrom()
	if clean && logStart < from {
		return fmt.Sprintf("the log holds records before offset %d that Kafka's brokers do not accept; "+
			"a snapshot that takes their place is being made", from)
	}
	for p := range img.Poison() {
		return fmt.Sprintf("the log holds records that Kafka's brokers do not accept, and every broker "+
			"that reads them exits. `yakt heal --dry-run` lists all %d, `yakt heal` takes them out. "+
			"One is a %v", img.PoisonCount(), p)
	}
	return ""
}
