package metadata

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/yakt/yakt/metadata/record"
)

// Poison is an entity whose record Kafka's brokers do not accept (record.Check): a broker that
// reads it exits, and again at each start. Earlier releases wrote such records; this one replays
// them like all others, so that a log which holds some can be healed.
//
// An image knows the poison in its own state, which a snapshot of it would contain, and the offset
// from which on the log has none. The log itself has the records until it starts after them.
type Poison struct {
	// Offset of the record that brought it, or of the last record of the snapshot that it came
	// from.
	Offset  int64
	Type    record.Type
	Entity  string // for people, names cut short: the configuration "k" of group "g"
	Problem string // what is wrong, to be read after Entity
}

// String is a sentence for the log.
func (p Poison) String() string {
	return fmt.Sprintf("%v at offset %d: %s, whose %s", p.Type, p.Offset, p.Entity, p.Problem)
}

// poison is a Poison with the record that names its entity.
type poison struct {
	Poison
	id record.Record
}

// Poison iterates over the poison in the state, in a fixed order.
func (img *Image) Poison() iter.Seq[Poison] {
	return func(yield func(Poison) bool) {
		for _, p := range img.poison.all() {
			if !yield(p.Poison) {
				return
			}
		}
	}
}

// PoisonCount is the number of entities in the state that are poison.
func (img *Image) PoisonCount() int { return img.poison.len() }

// CleanFrom is the offset after the last record that was poison or removed some: a log that starts
// there or later has none. It is 0 if there never was any. ok is false while the state has poison,
// because a snapshot would contain it.
func (img *Image) CleanFrom() (offset int64, ok bool) {
	return img.cleanFrom, img.poison.len() == 0
}

// Read replays a record that was read from a log or a snapshot, as Replay does, except that the
// record may be poison.
func (e *Editor) Read(offset int64, r record.Record) error {
	if err := e.Replay(offset, r); err != nil {
		return err
	}
	switch r.(type) {
	case *record.Partition, *record.PartitionChange:
		return nil // nearly all records; Replay itself refuses those that brokers do not accept
	}
	b, err := record.Append(e.scratch[:0], r, r.Type().MaxVersion())
	e.scratch = b
	if err != nil {
		e.poisoned(offset, r)
	}
	return nil
}

// poisoned adds an entry for a replayed record that is poison, if its entity still has the state
// that the record gave it.
func (e *Editor) poisoned(offset int64, r record.Record) {
	e.img.cleanFrom = offset + 1
	id := identity(r)
	problem := e.img.problem(id)
	if problem == "" {
		return
	}
	found := Poison{Offset: offset, Type: r.Type(), Entity: describe(id), Problem: problem}
	e.img.poison.set(e.img.gen, key(id), &poison{found, id})
}

// cure removes the poison that a record has replaced or deleted.
func (e *Editor) cure(offset int64, r record.Record) {
	switch r.(type) {
	case *record.NoOp, *record.RemoveTopic: // these may be about several
		for k, p := range maps.Collect(e.img.poison.all()) {
			e.cureOne(offset, k, p.id)
		}
		return
	}
	if id := identity(r); id != nil {
		e.cureOne(offset, key(id), id)
	}
}

func (e *Editor) cureOne(offset int64, k string, id record.Record) {
	if _, known := e.img.poison.get(k); known && e.img.problem(id) == "" {
		e.img.poison.delete(e.img.gen, k)
		e.img.cleanFrom = offset + 1
	}
}

// problem returns why brokers do not accept an entity in its current state; "" if they accept it or
// if it is gone.
func (img *Image) problem(id record.Record) string {
	if id == nil {
		return ""
	}
	held := img.held(id)
	if held == nil {
		return ""
	}
	if invalid, ok := errors.AsType[*record.InvalidError](record.Check(held)); ok {
		return invalid.Field + " " + invalid.Problem
	}
	return ""
}

// identity returns a record that only names the entity of r: the record that removes it, if there
// is one. It is nil for records that leave nothing in the state.
func identity(r record.Record) record.Record {
	switch r := r.(type) {
	case *record.RegisterBroker:
		return &record.UnregisterBroker{BrokerID: r.BrokerID}
	case *record.BrokerRegistrationChange:
		return &record.UnregisterBroker{BrokerID: r.BrokerID}
	case *record.UnregisterBroker:
		return &record.UnregisterBroker{BrokerID: r.BrokerID}
	case *record.RegisterController:
		return &record.RegisterController{ControllerID: r.ControllerID}
	case *record.UnregisterController:
		return &record.RegisterController{ControllerID: r.ControllerID}
	case *record.Topic:
		return &record.RemoveTopic{TopicID: r.TopicID}
	case *record.Config:
		return &record.Config{ResourceType: r.ResourceType, ResourceName: r.ResourceName, Name: r.Name}
	case *record.FeatureLevel:
		return &record.FeatureLevel{Name: r.Name}
	case *record.ClientQuota:
		return &record.ClientQuota{Entity: sortedEntity(r.Entity), Key: r.Key, Remove: true}
	}
	return securityIdentity(r)
}

func securityIdentity(r record.Record) record.Record {
	switch r := r.(type) {
	case *record.UserScramCredential:
		return &record.RemoveUserScramCredential{Name: r.Name, Mechanism: r.Mechanism}
	case *record.RemoveUserScramCredential:
		return r
	case *record.DelegationToken:
		return &record.RemoveDelegationToken{TokenID: r.TokenID}
	case *record.RemoveDelegationToken:
		return r
	case *record.AccessControlEntry:
		return &record.RemoveAccessControlEntry{ID: r.ID}
	case *record.RemoveAccessControlEntry:
		return r
	}
	return nil
}

// sortedEntity returns the parts of a quota's subject in a fixed order, because their order has no
// meaning.
func sortedEntity(parts []record.QuotaEntity) []record.QuotaEntity {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b record.QuotaEntity) int { return cmp.Compare(a.Type, b.Type) })
	return parts
}

// key is an identity as a map's key.
func key(id record.Record) string {
	b, err := record.AppendHeld(nil, id, 0)
	if err != nil {
		panic(err) // identities have no field that version 0 lacks
	}
	return string(b)
}

// digest returns an identity's name in NoOp.Dropped.
func digest(id record.Record) record.Digest {
	return sha256.Sum256([]byte(key(id)))
}

// held returns the entity that an identity names, as a snapshot would contain it, or nil.
func (img *Image) held(id record.Record) record.Record {
	switch id := id.(type) {
	case *record.UnregisterBroker:
		if b := img.Broker(id.BrokerID); b != nil {
			return b.record()
		}
	case *record.RegisterController:
		if c := img.Controller(id.ControllerID); c != nil {
			return c
		}
	case *record.RemoveTopic:
		if t := img.Topic(id.TopicID); t != nil {
			return &record.Topic{Name: t.Name, TopicID: t.ID}
		}
	case *record.Config:
		if value, ok := img.Config(id.ResourceType, id.ResourceName)[id.Name]; ok {
			return &record.Config{
				ResourceType: id.ResourceType, ResourceName: id.ResourceName, Name: id.Name,
				Value: &value,
			}
		}
	case *record.FeatureLevel:
		if level, ok := img.features[id.Name]; ok {
			return &record.FeatureLevel{Name: id.Name, Level: level}
		}
	case *record.ClientQuota:
		if q := img.Quota(id.Entity...); q != nil {
			if value, ok := q.Values[id.Key]; ok {
				return &record.ClientQuota{Entity: q.Entity, Key: id.Key, Value: value}
			}
		}
	}
	return img.heldSecurity(id)
}

func (img *Image) heldSecurity(id record.Record) record.Record {
	switch id := id.(type) {
	case *record.RemoveUserScramCredential:
		if c := img.ScramCredential(id.Mechanism, id.Name); c != nil {
			return c
		}
	case *record.RemoveDelegationToken:
		if t := img.DelegationToken(id.TokenID); t != nil {
			return t
		}
	case *record.RemoveAccessControlEntry:
		if a := img.ACL(id.ID); a != nil {
			return a
		}
	}
	return nil
}

// shownBytes bounds names in messages.
const shownBytes = 40

// shown shortens a name for a message; a name can have 40,000 bytes.
func shown(name string) string {
	if len(name) <= shownBytes {
		return strconv.Quote(name)
	}
	return fmt.Sprintf("%q... (%d bytes)", name[:shownBytes], len(name))
}

// describe names an entity for people.
func describe(id record.Record) string {
	switch id := id.(type) {
	case *record.UnregisterBroker:
		return fmt.Sprintf("the registration of broker %d", id.BrokerID)
	case *record.RegisterController:
		return fmt.Sprintf("the registration of controller %d", id.ControllerID)
	case *record.RemoveTopic:
		return fmt.Sprintf("the topic with id %v", id.TopicID)
	case *record.Config:
		return fmt.Sprintf("the configuration %s of %s", shown(id.Name), resourceText(id))
	case *record.FeatureLevel:
		return "the level of feature " + shown(id.Name)
	case *record.ClientQuota:
		return "the quota " + shown(id.Key)
	case *record.RemoveUserScramCredential:
		return "a SCRAM credential of user " + shown(id.Name)
	case *record.RemoveDelegationToken:
		return "delegation token " + shown(id.TokenID)
	case *record.RemoveAccessControlEntry:
		return fmt.Sprintf("access control entry %v", id.ID)
	}
	return id.Type().String()
}

var resourceTexts = map[int8]string{
	ConfigTopic: "topic", ConfigBroker: "broker", ConfigBrokerLogger: "the logger of broker",
	ConfigClientMetrics: "client metrics", ConfigGroup: "group",
}

func resourceText(c *record.Config) string {
	if c.ResourceType == ConfigBroker && c.ResourceName == "" {
		return "all brokers"
	}
	kind, ok := resourceTexts[c.ResourceType]
	if !ok {
		kind = fmt.Sprintf("resource type %d", c.ResourceType)
	}
	return kind + " " + shown(c.ResourceName)
}
