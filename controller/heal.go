package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Healing removes records that brokers do not accept, which earlier releases wrote, in two steps.
// On request, the active controller writes records that replace them (metadata.Remedy). Every node
// cuts its log as soon as its own state has none of them left, so that no observer reads one again.
// A node that stops between the two steps finds at its next start that its log begins too early,
// and cuts it then.

// Limits of one part of healing.
const (
	healEntities = 100
	healBytes    = 1 << 20
)

// Heal replaces or removes everything in the state that brokers do not accept, on the active
// controller. It may run in parts, each of which is a whole change. check, if not nil, gets the
// newest state in the turn of the first part; its error ends the operation before anything is done.
// Outcome has no response. Its sender needs ALTER on the cluster.
func (c *Controller) Heal(
	ctx context.Context, caller protocol.Caller, check func(*metadata.Image) error,
) (Outcome, error) {
	if err := c.refuseChange("heal", caller); err != nil {
		return Outcome{}, err
	}
	p := &pendingOp{c: c, name: "heal", op: op{caller: caller}, admin: true}
	run := func(core *core, o op) result {
		if check != nil {
			if err := check(core.working); err != nil {
				return result{refusal: err}
			}
		}
		return core.heal(o)
	}
	return c.do(ctx, p, administrator, run, false)
}

// heal is one part of the operation.
func (c *core) heal(op) result {
	left := c.working.PoisonCount()
	if left == 0 {
		return result{}
	}
	return before(c.healPart(), func(o op) result {
		if c.working.PoisonCount() >= left {
			return result{refusal: protocol.Errorf(kerr.UnknownServerError,
				"Healing changed nothing; %d entities are left.", left)}
		}
		return c.heal(o)
	})
}

// before runs an operation, whose next part is r, and then next. Only next answers the caller.
func before(r result, next func(op) result) result {
	r.response, r.refusal = nil, nil
	more := r.more
	r.more = next
	if more != nil {
		r.more = func(o op) result { return before(more(o), next) }
	}
	return r
}

// healPart heals the first entities. Unregistering a broker is a part of its own, because the
// broker leaves its partitions.
func (c *core) healPart() (r result) {
	dropped := new(record.NoOp)
	entities, bytes := 0, 0
	for remedy := range c.working.Remedies() {
		if entities == healEntities || bytes >= healBytes {
			break
		}
		if remedy.Action == metadata.ActionUnregister {
			if entities > 0 {
				break
			}
			req := kmsg.NewPtrUnregisterBrokerRequest()
			req.BrokerID = remedy.BrokerID
			return c.unregister(req, nil)
		}
		if remedy.Action == metadata.ActionDrop {
			dropped.Dropped = append(dropped.Dropped, remedy.Record.(*record.NoOp).Dropped...)
		} else {
			b, _ := record.AppendHeld(nil, remedy.Record, remedy.Record.Type().MaxVersion())
			bytes += len(b)
			r.records = append(r.records, remedy.Record)
		}
		entities++
	}
	if len(dropped.Dropped) > 0 {
		r.records = append(r.records, dropped)
	}
	return r
}

// poisonWatch is the last known state of the poison in the log: of records that brokers do not
// accept. It belongs to the core's goroutine.
type poisonWatch struct {
	from     int64 // see metadata.Image.CleanFrom
	poisoned bool
}

// watchPoison logs when the log turns out to hold poison, and has the log cut when the state has
// none left.
func (c *Controller) watchPoison(img *metadata.Image) {
	from, clean := img.CleanFrom()
	was := c.poison
	c.poison = poisonWatch{from, !clean}
	switch {
	case was == c.poison:
	case clean:
		c.cfg.Logger.Warn("the log has held records that Kafka's brokers do not accept; "+
			"a snapshot takes the place of all before this offset", "offset", from)
		c.feed.Add(nil, img) // records that drop an entity do not name it: readers start again
		if c.cfg.CutLog != nil {
			c.cfg.CutLog(from)
		}
	case !was.poisoned:
		for p := range img.Poison() {
			c.cfg.Logger.Error("the log holds records that Kafka's brokers do not accept: "+
				"a broker that reads them exits, at each start. `yakt heal --dry-run` lists them, and "+
				"`yakt heal` removes them", "entities", img.PoisonCount(), "one", p.String())
			break
		}
	}
}
