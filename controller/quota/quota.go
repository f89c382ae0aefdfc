// Package quota is the quota on partitions created and deleted (KIP-599): controller_mutation_rate,
// in partitions a second, which a user, a client id or a pair of both may have. Each holder of a
// quota has a token bucket. A strict request, of a client that knows THROTTLING_QUOTA_EXCEEDED, may
// overdraw the bucket and is refused while the bucket is overdrawn. Any other request is carried
// out, and its response says how long the client should wait.
package quota

import (
	"crypto/sha256"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// mutationRate is the quota's key in ClientQuota records.
const mutationRate = "controller_mutation_rate"

const (
	// bucketsMax bounds the buckets that are kept: a client may choose any number of client ids.
	bucketsMax = 10_000
	// WindowDefault is Kafka's default: 11 windows of one second.
	WindowDefault = 11 * time.Second
)

// owner is the holder of a bucket: a user, a client id, or a client id of a user.
type owner struct{ user, client string }

// ownerKey is a hash of an owner, whose names may be long.
type ownerKey [sha256.Size]byte

func (o owner) key() ownerKey {
	return sha256.Sum256([]byte(strconv.Itoa(len(o.user)) + ":" + o.user + o.client))
}

// bucket has tokens as of a time; below zero it is overdrawn.
type bucket struct {
	tokens float64
	at     time.Time
}

// refilled is the bucket at a later time.
func (b bucket) refilled(now time.Time, rate, burst float64) bucket {
	return bucket{min(burst, b.tokens+rate*max(0, now.Sub(b.at).Seconds())), now}
}

// Buckets is the soft state of the quota on the active controller; a new one begins with full
// buckets. It belongs to one goroutine.
//
// A bucket that is not in the map is full, so a full bucket may be dropped at any time.
type Buckets struct {
	window time.Duration
	byKey  map[ownerKey]bucket
}

// NewBuckets returns buckets that hold the tokens of one window.
func NewBuckets(window time.Duration) *Buckets {
	return &Buckets{window: window, byKey: make(map[ownerKey]bucket)}
}

// Reset fills all buckets.
func (b *Buckets) Reset() { clear(b.byKey) }

// Allowance is the share of one request in the bucket of its sender; nil is no limit. It changes
// nothing until Spend takes it.
type Allowance struct {
	owner       ownerKey
	rate, burst float64
	strict      bool
	bucket      bucket // as this request leaves it
	throttleMs  int32
}

// Allowance returns the quota that holds for a request of the caller.
func (b *Buckets) Allowance(
	img *metadata.Image, caller protocol.Caller, now time.Time, strict bool,
) *Allowance {
	owner, rate, limited := rateOf(img, caller)
	if !limited {
		return nil
	}
	burst := rate * b.window.Seconds()
	a := &Allowance{
		owner: owner.key(), rate: rate, burst: burst, strict: strict, bucket: bucket{burst, now},
	}
	if known, ok := b.byKey[a.owner]; ok {
		a.bucket = known.refilled(now, rate, burst)
	}
	return a
}

// Charge draws tokens for partitions. A strict request is refused, and draws nothing, while the
// bucket is overdrawn.
func (a *Allowance) Charge(partitions int) *protocol.Error {
	if a == nil {
		return nil
	}
	if a.strict && a.bucket.tokens < 0 {
		a.throttle()
		return protocol.Errorf(kerr.ThrottlingQuotaExceeded,
			"The throttling quota has been exceeded.")
	}
	a.bucket.tokens -= float64(partitions)
	if !a.strict && a.bucket.tokens < 0 {
		a.throttle()
	}
	return nil
}

// throttle computes how long it takes until the bucket is not overdrawn any more.
func (a *Allowance) throttle() {
	a.throttleMs = int32(min(math.Round(-a.bucket.tokens/a.rate*1000), math.MaxInt32))
}

// ThrottleMs is how long the sender should wait before its next request.
func (a *Allowance) ThrottleMs() int32 {
	if a == nil {
		return 0
	}
	return a.throttleMs
}

// Spend stores the bucket as the request has left it.
func (b *Buckets) Spend(a *Allowance) {
	if a == nil {
		return
	}
	if _, known := b.byKey[a.owner]; !known && len(b.byKey) >= bucketsMax {
		b.evict(a.bucket.at)
	}
	b.byKey[a.owner] = a.bucket
}

// evict drops the buckets that have refilled since they were last drawn from, or else the one that
// was drawn from longest ago.
func (b *Buckets) evict(now time.Time) {
	var oldest ownerKey
	var at time.Time
	before := len(b.byKey)
	for owner, bucket := range b.byKey {
		if bucket.tokens >= 0 && now.Sub(bucket.at) >= b.window {
			delete(b.byKey, owner)
			continue
		}
		if at.IsZero() || bucket.at.Before(at) {
			oldest, at = owner, bucket.at
		}
	}
	if len(b.byKey) == before {
		delete(b.byKey, oldest)
	}
}

// rateOf returns the rate that holds for a caller and the owner of its bucket. The most specific
// quota wins (ClientQuotaManager).
func rateOf(
	img *metadata.Image, caller protocol.Caller,
) (holder owner, rate float64, limited bool) {
	if !img.HasQuotas() {
		return holder, 0, false
	}
	_, user, _ := strings.Cut(caller.Principal, ":")
	client := caller.ClientID
	both, byUser, byClient := owner{user, client}, owner{user: user}, owner{client: client}
	for _, level := range [...]struct {
		owner        owner
		user, client *record.QuotaEntity
	}{
		{both, userEntity(&user), clientEntity(&client)},
		{both, userEntity(&user), clientEntity(nil)},
		{byUser, userEntity(&user), nil},
		{both, userEntity(nil), clientEntity(&client)},
		{both, userEntity(nil), clientEntity(nil)},
		{byUser, userEntity(nil), nil},
		{byClient, nil, clientEntity(&client)},
		{byClient, nil, clientEntity(nil)},
	} {
		var entity []record.QuotaEntity
		for _, e := range [...]*record.QuotaEntity{level.user, level.client} {
			if e != nil {
				entity = append(entity, *e)
			}
		}
		if q := img.Quota(entity...); q != nil {
			if rate, ok := q.Values[mutationRate]; ok {
				return level.owner, rate, true
			}
		}
	}
	return holder, 0, false
}

// userEntity is a user; nil stands for the default of all users without a quota of their own.
func userEntity(name *string) *record.QuotaEntity {
	return &record.QuotaEntity{Type: "user", Name: name}
}

// clientEntity is a client id; nil stands for the default of all client ids.
func clientEntity(name *string) *record.QuotaEntity {
	return &record.QuotaEntity{Type: "client-id", Name: name}
}
