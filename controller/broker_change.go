package controller

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// BrokerChange changes a broker's registration without the broker: for operators, and for brokers
// that have no process to send heartbeats or to register again. Nil fields stay as they are.
type BrokerChange struct {
	BrokerID    int32
	BrokerEpoch int64
	// State is the new state. Fenced and unfenced take effect at once, whatever the broker's
	// heartbeats ask for; later heartbeats may change the state again. Shutdown begins a controlled
	// shutdown, which heartbeats complete and only a registration reverts.
	State *BrokerTarget
	// Host, Port and SecurityProtocol are those of the broker's first endpoint.
	Host             *string
	Port             *uint16
	SecurityProtocol *int16
	Rack             *string // empty: none
	// Check, if not nil, gets the newest state; its error ends the operation, see Operation.Make.
	Check func(*metadata.Image) error
	// DryRun writes nothing; see Operation.
	DryRun bool
}

// BrokerTarget is the state that a BrokerChange asks for.
type BrokerTarget uint8

const (
	TargetFenced   BrokerTarget = iota // leads nothing, leaves every ISR that has another member
	TargetUnfenced                     // may lead and join ISRs
	TargetShutdown                     // in controlled shutdown: its leaderships move away
)

// ChangeBroker carries out a BrokerChange as Do carries out a request. Outcome.Response is nil,
// Outcome.Broker the changed registration.
//
// Its sender needs ALTER on the cluster, as for UNREGISTER_BROKER.
//
// Endpoint and rack are written as a RegisterBrokerRecord of the same incarnation and epoch, as
// when a broker amends its registration; the state as a BrokerRegistrationChangeRecord with the
// partition changes that follow. All of it is one batch unless the broker has more than
// partitionsPerPart partitions.
func (c *Controller) ChangeBroker(
	ctx context.Context, caller protocol.Caller, change BrokerChange,
) (Outcome, error) {
	if err := c.refuseChange("BrokerChange", caller); err != nil {
		return Outcome{}, err
	}
	var changed *metadata.Broker
	p := &pendingOp{c: c, name: "BrokerChange", op: op{caller: caller}, admin: true,
		what: func() string { return fmt.Sprintf("broker %d", change.BrokerID) }}
	run := func(core *core, o op) result {
		if change.Check != nil {
			if err := change.Check(core.working); err != nil {
				return result{refusal: err}
			}
		}
		r := core.changeBroker(o, &change)
		then := r.then
		r.then = func(end int64) {
			if then != nil {
				then(end)
			}
			changed = core.working.Broker(change.BrokerID)
		}
		return r
	}
	outcome, err := c.do(ctx, p, administrator, run, change.DryRun)
	switch {
	case err != nil:
	case change.DryRun:
		outcome.Broker = outcome.Image.Broker(change.BrokerID)
	default:
		outcome.Broker = changed
	}
	return outcome, err
}

func (c *core) changeBroker(o op, change *BrokerChange) result {
	b, err := c.changedBroker(change)
	if err != nil {
		return result{refusal: err}
	}
	var r result
	img := c.working
	if amended := amend(b, change); amended != nil {
		if err := invalidRecord(record.Check(amended)); err != nil {
			return result{refusal: err}
		}
		r.records = append(r.records, amended)
		img = preview(img, r.records)
		b = img.Broker(b.ID)
	}
	if change.State == nil {
		return r
	}
	records, rest, err := c.target(img, b, *change.State)
	if err != nil {
		return result{refusal: err}
	}
	r.records = append(r.records, records...)
	r.then = func(end int64) { c.changeSession(o, b, *change.State, end) }
	if rest != nil {
		r.more = c.continueWalk(*rest, finished)
	}
	return r
}

// changeSession applies the new state to the broker's session. A broker that becomes active begins
// a session now, which ends without heartbeats.
func (c *core) changeSession(o op, b *metadata.Broker, to BrokerTarget, end int64) {
	key := sessionOf(b)
	if to == TargetUnfenced || to == TargetShutdown && !b.Fenced {
		c.brokers.touch(o.now, key, c.brokers.contact(key).metadataOffset)
	}
	if to == TargetShutdown {
		c.updateSession(key, brokerControlledShutdown, end)
	}
}

// changedBroker returns the registration to change.
func (c *core) changedBroker(change *BrokerChange) (*metadata.Broker, *protocol.Error) {
	if c.working.Broker(change.BrokerID) == nil { // an operator's mistake, and no stale broker
		return nil, protocol.Errorf(kerr.BrokerIDNotRegistered,
			"Broker %d is not registered.", change.BrokerID)
	}
	b, err := registered(c.working, change.BrokerID, change.BrokerEpoch)
	switch {
	case err != nil:
		return nil, err
	case change.Host == nil && change.Port == nil && change.SecurityProtocol == nil:
	case len(b.Endpoints) == 0:
		return nil, protocol.Errorf(kerr.InvalidRegistration,
			"Broker %d registered no endpoint that could be changed.", b.ID)
	}
	return b, nil
}

// amend is the registration with its new first endpoint and rack; nil when both stay the same.
func amend(b *metadata.Broker, change *BrokerChange) *record.RegisterBroker {
	r := &record.RegisterBroker{
		BrokerID: b.ID, BrokerEpoch: b.Epoch, IncarnationID: b.IncarnationID,
		Endpoints: slices.Clone(b.Endpoints), Features: b.Features,
		Rack: b.Rack, Fenced: b.Fenced, InControlledShutdown: b.InControlledShutdown,
		LogDirs: b.LogDirs, CordonedLogDirs: b.CordonedLogDirs,
	}
	if change.Host != nil {
		r.Endpoints[0].Host = *change.Host
	}
	if change.Port != nil {
		r.Endpoints[0].Port = *change.Port
	}
	if change.SecurityProtocol != nil {
		r.Endpoints[0].SecurityProtocol = *change.SecurityProtocol
	}
	if change.Rack != nil {
		r.Rack = change.Rack
		if *change.Rack == "" {
			r.Rack = nil
		}
	}
	if slices.Equal(r.Endpoints, b.Endpoints) && record.RackName(r.Rack) == record.RackName(b.Rack) {
		return nil
	}
	return r
}

// target returns the records that bring a broker into a state, and the rest when that is long. A
// broker that is in that state already needs none.
func (c *core) target(
	img *metadata.Image, b *metadata.Broker, to BrokerTarget,
) ([]record.Record, *walk, *protocol.Error) {
	switch {
	case to == TargetFenced:
		records, rest := c.fence(img, b)
		return records, rest, nil
	case b.InControlledShutdown && to == TargetUnfenced:
		return nil, nil, protocol.Errorf(kerr.InvalidRequest,
			"Broker %d is in controlled shutdown, which only a new registration ends.", b.ID)
	case to == TargetUnfenced && !b.Fenced, to == TargetShutdown && b.InControlledShutdown:
		return nil, nil, nil
	case to == TargetUnfenced:
		records, rest := c.unfence(img, b)
		return records, rest, nil
	}
	records, rest := c.shutDown(img, b)
	return records, rest, nil
}
