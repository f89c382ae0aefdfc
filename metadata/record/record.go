// Package record has one struct for each KRaft metadata record of Apache Kafka 4.4, in every
// version, and for the control records of the metadata log. It encodes, decodes and checks them;
// metadata.Image replays them.
//
// A metadata record is the value of a record in a batch of format 2:
//
//	uvarint frame version (1) | uvarint type | uvarint version | body (flexible format, with
//	tagged fields at its end)
//
// Sources: the schemas common/metadata/*.json of the 4.4.0 jars; AbstractApiMessageSerde for the
// frame.
package record

import (
	"errors"
	"fmt"
	"sync"

	"github.com/yakt/yakt/protocol"
)

// Type is a record's apiKey. 6, 13 and 16 were never released.
type Type uint32

// The records of release 4.4 and earlier, named as in their schemas without "Record".
const (
	TypeRegisterBroker            Type = 0
	TypeUnregisterBroker          Type = 1
	TypeTopic                     Type = 2
	TypePartition                 Type = 3
	TypeConfig                    Type = 4
	TypePartitionChange           Type = 5
	TypeFenceBroker               Type = 7
	TypeUnfenceBroker             Type = 8
	TypeRemoveTopic               Type = 9
	TypeDelegationToken           Type = 10
	TypeUserScramCredential       Type = 11
	TypeFeatureLevel              Type = 12
	TypeClientQuota               Type = 14
	TypeProducerIDs               Type = 15
	TypeBrokerRegistrationChange  Type = 17
	TypeAccessControlEntry        Type = 18
	TypeRemoveAccessControlEntry  Type = 19
	TypeNoOp                      Type = 20
	TypeZkMigrationState          Type = 21
	TypeRemoveUserScramCredential Type = 22
	TypeBeginTransaction          Type = 23
	TypeEndTransaction            Type = 24
	TypeAbortTransaction          Type = 25
	TypeRemoveDelegationToken     Type = 26
	TypeRegisterController        Type = 27
	TypeClearElr                  Type = 28
	TypeUnregisterController      Type = 29
	frameVersion                       = 1
	maxRecordsTypes                    = int(TypeUnregisterController) + 1
)

// Record is one metadata change. Its methods have pointer receivers; a record that was passed on
// must not be changed any more.
type Record interface {
	// Type is the record's apiKey.
	Type() Type
	// code walks the fields in schema order.
	code(c *coder)
}

// kind describes a type: its name, its newest known version and how to make one.
type kind struct {
	name       string
	maxVersion int16
	make       func() Record
}

// kinds is the only registry of record types, by apiKey; make is nil for numbers without a record.
var kinds = [maxRecordsTypes]kind{
	TypeRegisterBroker: {
		"RegisterBrokerRecord", 4, func() Record { return new(RegisterBroker) },
	},
	TypeUnregisterBroker: {
		"UnregisterBrokerRecord", 0, func() Record { return new(UnregisterBroker) },
	},
	TypeTopic:     {"TopicRecord", 0, func() Record { return new(Topic) }},
	TypePartition: {"PartitionRecord", 2, func() Record { return new(Partition) }},
	TypeConfig:    {"ConfigRecord", 0, func() Record { return new(Config) }},
	TypePartitionChange: {
		"PartitionChangeRecord", 2,
		func() Record { return NewPartitionChange(protocol.UUID{}, -1) },
	},
	TypeFenceBroker: {
		"FenceBrokerRecord", 0, func() Record { return new(FenceBroker) },
	},
	TypeUnfenceBroker: {
		"UnfenceBrokerRecord", 0, func() Record { return new(UnfenceBroker) },
	},
	TypeRemoveTopic: {
		"RemoveTopicRecord", 0, func() Record { return new(RemoveTopic) },
	},
	TypeDelegationToken: {
		"DelegationTokenRecord", 0, func() Record { return new(DelegationToken) },
	},
	TypeUserScramCredential: {
		"UserScramCredentialRecord", 0, func() Record { return new(UserScramCredential) },
	},
	TypeFeatureLevel: {
		"FeatureLevelRecord", 0, func() Record { return new(FeatureLevel) },
	},
	TypeClientQuota: {
		"ClientQuotaRecord", 0, func() Record { return new(ClientQuota) },
	},
	TypeProducerIDs: {
		"ProducerIdsRecord", 0, func() Record { return new(ProducerIDs) },
	},
	TypeBrokerRegistrationChange: {
		"BrokerRegistrationChangeRecord", 3, func() Record { return new(BrokerRegistrationChange) },
	},
	TypeAccessControlEntry: {
		"AccessControlEntryRecord", 0, func() Record { return new(AccessControlEntry) },
	},
	TypeRemoveAccessControlEntry: {
		"RemoveAccessControlEntryRecord", 0, func() Record { return new(RemoveAccessControlEntry) },
	},
	TypeNoOp: {"NoOpRecord", 0, func() Record { return new(NoOp) }},
	TypeZkMigrationState: {
		"ZkMigrationStateRecord", 0, func() Record { return new(ZkMigrationState) },
	},
	TypeRemoveUserScramCredential: {
		"RemoveUserScramCredentialRecord", 0,
		func() Record { return new(RemoveUserScramCredential) },
	},
	TypeBeginTransaction: {
		"BeginTransactionRecord", 0, func() Record { return new(BeginTransaction) },
	},
	TypeEndTransaction: {
		"EndTransactionRecord", 0, func() Record { return new(EndTransaction) },
	},
	TypeAbortTransaction: {
		"AbortTransactionRecord", 0, func() Record { return new(AbortTransaction) },
	},
	TypeRemoveDelegationToken: {
		"RemoveDelegationTokenRecord", 0, func() Record { return new(RemoveDelegationToken) },
	},
	TypeRegisterController: {
		"RegisterControllerRecord", 0, func() Record { return new(RegisterController) },
	},
	TypeClearElr: {"ClearElrRecord", 0, func() Record { return new(ClearElr) }},
	TypeUnregisterController: {
		"UnregisterControllerRecord", 0, func() Record { return new(UnregisterController) },
	},
}

func (t Type) known() bool { return t < Type(len(kinds)) && kinds[t].make != nil }

// MaxVersion is the highest version that this package reads and writes; -1 for an unknown type.
func (t Type) MaxVersion() int16 {
	if !t.known() {
		return -1
	}
	return kinds[t].maxVersion
}

// String is the record's name in Kafka's schemas.
func (t Type) String() string {
	if !t.known() {
		return fmt.Sprintf("record type %d", uint32(t))
	}
	return kinds[t].name
}

// New returns an empty record of a known type, with its defaults.
func (t Type) New() Record { return kinds[t].make() }

// Types lists every known type in ascending order.
func Types() []Type {
	var all []Type
	for t := range Type(len(kinds)) {
		if t.known() {
			all = append(all, t)
		}
	}
	return all
}

// Append appends r, framed, in the given version. It fails if the version is unknown or lacks a
// field that r sets, and with an *InvalidError if brokers would not accept r.
func Append(dst []byte, r Record, version int16) ([]byte, error) {
	return appendRecord(dst, r, version, false)
}

// AppendHeld is Append without the check whether brokers accept r, for records that are in the log
// already: the state of a log that is not healed must still be written to snapshots, which this
// node reads.
func AppendHeld(dst []byte, r Record, version int16) ([]byte, error) {
	return appendRecord(dst, r, version, true)
}

func appendRecord(dst []byte, r Record, version int16, held bool) ([]byte, error) {
	t := r.Type()
	if version < 0 || version > t.MaxVersion() {
		return dst, fmt.Errorf("%v has no version %d (0 to %d)", t, version, t.MaxVersion())
	}
	c := coders.Get().(*coder)
	*c = coder{buf: append(dst, frameVersion, byte(t), byte(version)), version: version, held: held}
	r.code(c)
	c.check(r)
	buf, err := c.buf, c.err
	*c = coder{}
	coders.Put(c)
	if err != nil {
		return dst, explain(err, r, version)
	}
	return buf, nil
}

// explain names the record that could not be written. It is separate from appendRecord because
// errors.As would make that allocate for every record.
func explain(err error, r Record, version int16) error {
	if field, ok := errors.AsType[*fieldError](err); ok {
		return &InvalidError{Type: r.Type(), Field: field.name(r), Problem: field.problem}
	}
	return fmt.Errorf("%v v%d: %w", r.Type(), version, err)
}

// coders are pooled, because a coder that is passed to a record through an interface is allocated,
// which would be one for each record.
var coders = sync.Pool{New: func() any { return new(coder) }}

// Decode reads one framed record, which owns its memory. An unknown frame, type or version and
// remaining bytes are errors: a log must be read exactly or not at all.
func Decode(b []byte) (r Record, version int16, err error) {
	c := coder{buf: b, decoding: true}
	return c.record(Type.New)
}

func (c *coder) record(alloc func(Type) Record) (r Record, version int16, err error) {
	var frame, key, ver uint32
	c.uvarint(&frame)
	c.uvarint(&key)
	c.uvarint(&ver)
	t := Type(key)
	switch {
	case c.err != nil:
		return nil, 0, fmt.Errorf("metadata record: %w", c.err)
	case frame != frameVersion:
		return nil, 0, fmt.Errorf("metadata record: unknown frame version %d", frame)
	case !t.known():
		return nil, 0, fmt.Errorf("metadata record: unknown type %d", key)
	case ver > uint32(t.MaxVersion()):
		return nil, 0, fmt.Errorf(
			"%v: version %d is newer than this release reads (%d)", t, ver, t.MaxVersion(),
		)
	}
	r, c.version = alloc(t), int16(ver)
	r.code(c)
	if c.err == nil && len(c.buf) != 0 {
		c.fail(fmt.Errorf("%d bytes follow the record", len(c.buf)))
	}
	if c.err != nil {
		return nil, 0, fmt.Errorf("%v v%d: %w", t, ver, c.err)
	}
	return r, c.version, nil
}
