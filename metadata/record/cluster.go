package record

import "encoding/hex"

// Config sets one config key of a resource, or deletes it.
type Config struct {
	ResourceType int8
	ResourceName string
	Name         string
	Value        *string // nil deletes
}

// Type implements Record.
func (*Config) Type() Type { return TypeConfig }

func (r *Config) code(c *coder) {
	c.int8(&r.ResourceType)
	c.string(&r.ResourceName)
	c.string(&r.Name)
	c.nullableString(&r.Value)
	c.noTags()
}

// FeatureLevel finalizes a feature's level; level 0 removes it. The record's schema is frozen at
// version 0.
type FeatureLevel struct {
	Name  string
	Level int16
}

// Type implements Record.
func (*FeatureLevel) Type() Type { return TypeFeatureLevel }

func (r *FeatureLevel) code(c *coder) {
	c.string(&r.Name)
	c.int16(&r.Level)
	c.noTags()
}

// ProducerIDs advances the next free producer id; the broker owns the block before it.
type ProducerIDs struct {
	BrokerID       int32
	BrokerEpoch    int64
	NextProducerID int64
}

// Type implements Record.
func (*ProducerIDs) Type() Type { return TypeProducerIDs }

func (r *ProducerIDs) code(c *coder) {
	c.int32(&r.BrokerID)
	c.int64(&r.BrokerEpoch)
	c.int64(&r.NextProducerID)
	c.noTags()
}

// NoOp changes nothing for Kafka's readers; it only shows that the log advances.
//
// Dropped is YAKt's own. It removes entities that no valid record can name, for instance a
// configuration key of 40,000 bytes, which the record of its removal would have to repeat. It is a
// tagged field, which Kafka's readers skip.
type NoOp struct {
	// Each element is the SHA-256 of the framed record that would remove the entity; see
	// metadata.Poison.
	Dropped []Digest
}

// Digest is a SHA-256.
type Digest [32]byte

// MarshalText writes it in hexadecimal.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// tagDropped is "YAK" in ASCII, far from the tags that Kafka assigns, which count from 0.
const tagDropped = 0x59414b

// Type implements Record.
func (*NoOp) Type() Type { return TypeNoOp }

func (r *NoOp) code(c *coder) {
	c.tags(tagged{tagDropped, 0, len(r.Dropped) > 0, func(c *coder) {
		array(c, &r.Dropped, len(Digest{}), func(c *coder, d *Digest) {
			if !c.decoding {
				c.buf = append(c.buf, d[:]...)
			} else if b := c.take(len(d)); b != nil {
				copy(d[:], b)
			}
		})
	}})
}

// ZkMigrationState is in logs that were migrated from ZooKeeper; nothing uses it any more.
type ZkMigrationState struct{ State int8 }

// Type implements Record.
func (*ZkMigrationState) Type() Type { return TypeZkMigrationState }

func (r *ZkMigrationState) code(c *coder) {
	c.int8(&r.State)
	c.noTags()
}

// BeginTransaction opens a metadata transaction: records after it are not visible until
// EndTransaction (KIP-868).
type BeginTransaction struct{ Name *string }

// Type implements Record.
func (*BeginTransaction) Type() Type { return TypeBeginTransaction }

func (r *BeginTransaction) code(c *coder) {
	c.tags(tagged{0, 0, r.Name != nil, func(c *coder) { c.nullableString(&r.Name) }})
}

// EndTransaction publishes the open metadata transaction.
type EndTransaction struct{}

// Type implements Record.
func (*EndTransaction) Type() Type    { return TypeEndTransaction }
func (*EndTransaction) code(c *coder) { c.noTags() }

// AbortTransaction discards the open metadata transaction.
type AbortTransaction struct{ Reason *string }

// Type implements Record.
func (*AbortTransaction) Type() Type { return TypeAbortTransaction }

func (r *AbortTransaction) code(c *coder) {
	c.tags(tagged{0, 0, r.Reason != nil, func(c *coder) { c.nullableString(&r.Reason) }})
}
