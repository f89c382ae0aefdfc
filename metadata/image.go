// Package metadata is the state that the metadata log describes: an immutable Image, changed only
// by replaying records, and its encodings as record batches and snapshots.
package metadata

import (
	"iter"

	"github.com/yakt/yakt/metadata/aclindex"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Image is the metadata at one offset of the log. It never changes: any number of goroutines may
// read one without a lock. Edit makes a later image, which shares everything that did not change.
type Image struct {
	endOffset   int64 // log offset after the last batch contained
	changeEnd   int64 // see ChangeEnd
	epoch       int32 // leader epoch of that batch
	timestampMs int64 // append time of that batch
	gen         uint64

	features       map[string]int16
	featuresOffset int64 // offset of the last feature change; -1 when none
	kraftVersion   int16
	voters         *record.Voters
	nextProducerID int64 // -1: none allocated yet

	brokers     table[int32, *Broker]
	controllers table[int32, *record.RegisterController]

	// A topic's ordinal is a short name that only this process uses; indexes refer to partitions by
	// it. It is never written.
	topics      ascending[uint32, *Topic]
	topicIDs    trie // the id's 16 bytes: snapshot order
	topicNames  trie
	lastOrdinal uint32
	partitions  int

	hosts      table[int32, *host]
	leaderless table[partitionRef, struct{}]
	imbalanced table[partitionRef, struct{}] // led by another than the first replica
	reassigns  table[partitionRef, struct{}]

	configs  table[configKey, map[string]string]
	quotas   table[string, *Quota]
	acls     table[string, *record.AccessControlEntry]
	aclIndex aclindex.Index // the entries of acls
	scram    table[string, *record.UserScramCredential]
	tokens   table[string, *record.DelegationToken]

	poison    table[string, *poison] // by key of the entity
	cleanFrom int64                  // see CleanFrom

	// Set while a metadata transaction is open: the state to which an abort returns, and the image
	// before the batch that opened the transaction. They differ if that batch has records before
	// the one that opens it.
	beforeTransaction, stable *Image
}

// Empty is the image of an empty log.
func Empty() *Image {
	return &Image{featuresOffset: -1, nextProducerID: -1, timestampMs: -1}
}

// EndOffset is the log offset after the last batch that the image contains.
func (img *Image) EndOffset() int64 { return img.endOffset }

// ChangeEnd is the log offset after the last batch, among those replayed to make the image, that
// may have changed metadata: batches after it have only NoOpRecords or control records. An image
// that is read from a snapshot changes at its end.
func (img *Image) ChangeEnd() int64 { return img.changeEnd }

// Epoch is the leader epoch of the last batch that the image contains.
func (img *Image) Epoch() int32 { return img.epoch }

// TimestampMs is the append time (ms since 1970) of the last batch that the image contains, -1 for
// an empty log.
func (img *Image) TimestampMs() int64 { return img.timestampMs }

// Stable is the image that may be published: img itself or, while a metadata transaction is open,
// the image before the batch that opened it.
func (img *Image) Stable() *Image {
	if img.stable != nil {
		return img.stable
	}
	return img
}

// InTransaction reports whether a metadata transaction is open.
func (img *Image) InTransaction() bool { return img.beforeTransaction != nil }

// Broker returns a registration, or nil.
func (img *Image) Broker(id int32) *Broker {
	b, _ := img.brokers.get(id)
	return b
}

// BrokerCount is how many brokers are registered.
func (img *Image) BrokerCount() int { return img.brokers.len() }

// Brokers iterates over all registrations by id.
func (img *Image) Brokers() iter.Seq2[int32, *Broker] { return img.brokers.all() }

// Controller returns a controller's registration, or nil. It must not be changed.
func (img *Image) Controller(id int32) *record.RegisterController {
	c, _ := img.controllers.get(id)
	return c
}

// Controllers iterates over all controller registrations by id.
func (img *Image) Controllers() iter.Seq2[int32, *record.RegisterController] {
	return img.controllers.all()
}

// Voters is the voter set in the log, nil before there is one. It must not be changed.
func (img *Image) Voters() *record.Voters { return img.voters }

// KRaftVersion is the finalized kraft.version; 0 before a record sets it.
func (img *Image) KRaftVersion() int16 { return img.kraftVersion }

// NextProducerID is the first producer id that was not allocated in a block yet; -1 if none ever
// was.
func (img *Image) NextProducerID() int64 { return img.nextProducerID }

// Feature is the finalized level of a feature, 0 if it is not finalized. That of kraft.version
// comes from the control records.
func (img *Image) Feature(name string) int16 {
	if name == FeatureKRaft {
		return img.kraftVersion
	}
	return img.features[name]
}

// Features iterates over the finalized features of the log in no order, without kraft.version.
func (img *Image) Features() iter.Seq2[string, int16] {
	return func(yield func(string, int16) bool) {
		for name, level := range img.features {
			if !yield(name, level) {
				return
			}
		}
	}
}

// FeaturesOffset is the offset of the last feature change; -1 when there was none.
func (img *Image) FeaturesOffset() int64 { return img.featuresOffset }

// Version is the finalized metadata.version; 0 before the bootstrap records.
func (img *Image) Version() Version { return Version(img.features[FeatureMetadata]) }

// ElrEnabled reports whether eligible leader replicas are on. They are off where the log cannot
// hold them, although earlier releases could be formatted with both.
func (img *Image) ElrEnabled() bool {
	return img.features[FeatureElr] >= 1 && img.Version().HasElr()
}

// Topic returns the topic of an id, or nil.
func (img *Image) Topic(id protocol.UUID) *Topic {
	ordinal, ok := img.topicIDs.get(string(id[:]))
	if !ok {
		return nil
	}
	t, _ := img.topics.get(ordinal)
	return t
}

// TopicByName returns the topic of a name, or nil.
func (img *Image) TopicByName(name string) *Topic {
	ordinal, ok := img.topicNames.get(name)
	if !ok {
		return nil
	}
	t, _ := img.topics.get(ordinal)
	return t
}

// Topics iterates over all topics by id.
func (img *Image) Topics() iter.Seq[*Topic] { return img.byOrdinal(img.topicIDs.all()) }

// TopicsByName iterates over topics by name, beginning at the first name that is not less than
// from.
func (img *Image) TopicsByName(from string) iter.Seq[*Topic] {
	return img.byOrdinal(img.topicNames.from(from))
}

func (img *Image) byOrdinal(ordinals iter.Seq2[string, uint32]) iter.Seq[*Topic] {
	return func(yield func(*Topic) bool) {
		for _, ordinal := range ordinals {
			if t, ok := img.topics.get(ordinal); ok && !yield(t) {
				return
			}
		}
	}
}

// TopicCount is the number of topics.
func (img *Image) TopicCount() int { return img.topicNames.len() }

// PartitionCount is the number of partitions of all topics.
func (img *Image) PartitionCount() int { return img.partitions }

// Partition returns a partition, or nil when the topic or the partition is unknown.
func (img *Image) Partition(topic protocol.UUID, id int32) *Partition {
	t := img.Topic(topic)
	if t == nil {
		return nil
	}
	return t.Partition(id)
}

// ACLs iterates over all access control entries by id. They must not be changed.
func (img *Image) ACLs() iter.Seq2[string, *record.AccessControlEntry] { return img.acls.all() }

// ACL returns an entry, or nil.
func (img *Image) ACL(id protocol.UUID) *record.AccessControlEntry {
	e, _ := img.acls.get(string(id[:]))
	return e
}

// ACLCount is the number of access control entries.
func (img *Image) ACLCount() int { return img.acls.len() }

// ACLIndex finds entries by what they are about. It must not be changed.
func (img *Image) ACLIndex() *aclindex.Index { return &img.aclIndex }

// ScramCredentialCount is the number of SCRAM credentials of all users.
func (img *Image) ScramCredentialCount() int { return img.scram.len() }

// ScramCredentials iterates over all SCRAM credentials by mechanism and user. They must not be
// changed.
func (img *Image) ScramCredentials(yield func(*record.UserScramCredential) bool) {
	for _, c := range img.scram.all() {
		if !yield(c) {
			return
		}
	}
}

// ScramCredential returns a user's credential for a mechanism, or nil. It must not be changed.
func (img *Image) ScramCredential(mechanism int8, user string) *record.UserScramCredential {
	c, _ := img.scram.get(scramKey(mechanism, user))
	return c
}

// DelegationToken returns a token, or nil. It must not be changed.
func (img *Image) DelegationToken(id string) *record.DelegationToken {
	t, _ := img.tokens.get(id)
	return t
}

// DelegationTokenCount is the number of delegation tokens.
func (img *Image) DelegationTokenCount() int { return img.tokens.len() }

// DelegationTokens iterates over all tokens by id.
func (img *Image) DelegationTokens() iter.Seq2[string, *record.DelegationToken] {
	return img.tokens.all()
}

func scramKey(mechanism int8, user string) string { return string([]byte{byte(mechanism)}) + user }
