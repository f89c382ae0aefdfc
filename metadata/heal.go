package metadata

import (
	"iter"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Action is the way in which healing treats a poisoned entity.
type Action string

// Actions.
const (
	// ActionRepair replaces the entity by one without the parts that brokers do not accept.
	ActionRepair Action = "repair"
	// ActionRemove removes the entity by a record that brokers understand too.
	ActionRemove Action = "remove"
	// ActionUnregister unregisters a broker whose repaired registration would be of no use.
	ActionUnregister Action = "unregister"
	// ActionDrop removes an entity that no valid record can name; see record.NoOp.
	ActionDrop Action = "drop"
)

// Remedy is the treatment of one poisoned entity.
type Remedy struct {
	Poison
	Action Action
	// Record carries the remedy out, except for ActionUnregister. Those of ActionDrop are NoOps of
	// one digest each, and may be joined.
	Record record.Record
	// BrokerID is for ActionUnregister, which first removes the broker from its partitions.
	BrokerID int32
}

// Remedies iterates over the remedies for all poison in the state, in a fixed order.
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

// repaired returns a registration without the parts that brokers do not accept, or nil if no
// listener would be left or if brokers accept it in no form. Only registrations are repaired.
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
	fixed.LogDirs = accept(
		old.LogDirs,
		protocol.UUID.String,
		func(d []protocol.UUID) record.Record {
			return &record.RegisterBroker{LogDirs: d}
		},
	)
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

// acceptEndpoints and acceptFeatures are for brokers and controllers, which have the same rules.

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

// accept returns the elements that brokers accept when each is alone in a record, and of equal
// names only the first.
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

// drop removes the entities that the digests name. It depends on the state alone and not on what
// this release regards as poison, because every node and every release must reach the same state.
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
