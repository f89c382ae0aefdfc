package metadata

import (
	"iter"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Action is what healing does about poison.
type Action string

// Actions.
const (
	// ActionRepair replaces the entity by itself without what brokers do not accept.
	ActionRepair Action = "repair"
	// ActionRemove removes the entity by a record that brokers read, too.
	ActionRemove Action = "remove"
	// ActionUnregister unregisters a broker of which nothing useful would be left.
	ActionUnregister Action = "unregister"
	// ActionDrop removes what no valid record can name; see record.NoOp.
	ActionDrop Action = "drop"
)

// Remedy is what healing does about one entity.
type Remedy struct {
	Poison
	Action Action
	// Record does it, for ActionRepair, ActionRemove and ActionDrop. Those of ActionDrop are NoOps of
	// one digest each, and may be joined.
	Record record.Record
	// BrokerID of ActionUnregister, which takes a broker out of its partitions first.
	BrokerID int32
}

// Remedies iterates over what heals the poison in the state, in a fixed order.
func (img *Image) Remedies() iter.Seq[Remedy] {
	return func(yield func(Remedy) bool) {
		for _, p := range img.poison.all() {
			if !yield(img.remedy(p)) {
				return
			}
		}
	}
}

func (img *Image) remedy(p *poison) Remedy {
	r := Remedy{Poison: p.Poison, Action: ActionRepair}
	if r.Record = repaired(img.held(p.id)); r.Record != nil {
		return r
	}
	switch id := p.id.(type) {
	case *record.UnregisterBroker:
		r.Action, r.BrokerID = ActionUnregister, id.BrokerID
		return r
	case *record.RegisterController: // it names a controller and removes none
	default:
		if record.Check(id) == nil {
			r.Action, r.Record = ActionRemove, id
			return r
		}
	}
	r.Action, r.Record = ActionDrop, &record.NoOp{Dropped: []record.Digest{digest(p.id)}}
	return r
}

// repaired is a registration without what brokers do not accept of it, or nil if it would be left
// without a listener or they accept it in no form. Nothing else is repaired.
func repaired(held record.Record) record.Record {
	switch held := held.(type) {
	case *record.RegisterBroker:
		if b := repairedBroker(*held); b != nil {
			return b
		}
	case *record.RegisterController:
		if c := repairedController(*held); c != nil {
			return c
		}
	}
	return nil
}

func repairedBroker(old record.RegisterBroker) *record.RegisterBroker {
	fixed := old
	fixed.Endpoints, fixed.Features = acceptEndpoints(old.Endpoints), acceptFeatures(old.Features)
	fixed.LogDirs = accept(old.LogDirs, protocol.UUID.String, func(d []protocol.UUID) record.Record {
		return &record.RegisterBroker{LogDirs: d}
	})
	if record.Check(&record.RegisterBroker{Rack: old.Rack}) != nil {
		fixed.Rack = nil
	}
	if len(fixed.Endpoints) == 0 || record.Check(&fixed) != nil {
		return nil
	}
	return &fixed
}

func repairedController(old record.RegisterController) *record.RegisterController {
	fixed := old
	fixed.Endpoints, fixed.Features = acceptEndpoints(old.Endpoints), acceptFeatures(old.Features)
	if len(fixed.Endpoints) == 0 || record.Check(&fixed) != nil {
		return nil
	}
	return &fixed
}

// acceptEndpoints and acceptFeatures serve brokers and controllers, which have the same rules.

func acceptEndpoints(list []record.Endpoint) []record.Endpoint {
	return accept(list, endpointName, func(e []record.Endpoint) record.Record {
		return &record.RegisterController{Endpoints: e}
	})
}

func acceptFeatures(list []record.FeatureRange) []record.FeatureRange {
	return accept(list, featureName, func(f []record.FeatureRange) record.Record {
		return &record.RegisterController{Features: f}
	})
}

func endpointName(e record.Endpoint) string    { return e.Name }
func featureName(f record.FeatureRange) string { return f.Name }

// accept returns the elements that brokers accept each by itself, in a record that holds nothing
// else; of each name the first one.
func accept[T any](list []T, name func(T) string, alone func([]T) record.Record) []T {
	var kept []T
	seen := make(map[string]bool, len(list))
	for i, elem := range list {
		if !seen[name(elem)] && record.Check(alone(list[i:i+1:i+1])) == nil {
			seen[name(elem)] = true
			kept = append(kept, elem)
		}
	}
	return kept
}

// drop removes the entities that the digests name. It goes by the state alone and not by what this
// release takes for poison: every node and every release must come to the same state.
func (e *Editor) drop(offset int64, digests []record.Digest) error {
	wanted := make(map[record.Digest]bool, len(digests))
	for _, d := range digests {
		wanted[d] = true
	}
	var found []record.Record
	collect := func(r record.Record) bool {
		if id := identity(r); id != nil && wanted[digest(id)] {
			found = append(found, id)
		}
		return true
	}
	e.img.featureRecords(collect)
	e.img.brokerRecords(collect)
	e.img.configRecords(collect)
	e.img.securityRecords(collect)
	for _, id := range found {
		if err := e.remove(offset, id); err != nil {
			return err
		}
	}
	return nil
}

func (e *Editor) remove(offset int64, id record.Record) error {
	if c, ok := id.(*record.RegisterController); ok {
		e.img.controllers.delete(e.img.gen, c.ControllerID)
		return nil
	}
	return e.replay(offset, id)
}
