package controller

import (
	"crypto/sha256"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// This file is the quota on partitions created and deleted (KIP-599), controller_mutation_rate in partitions a second, which a user, a client id or
// both may have. It is a token bucket. A strict request is refused as long as the bucket is overdrawn, and may overdraw it; others, of clients
// that do not know the error, are carried out, and only told how long to wait.
//
// Buckets are soft state of the active controller; a new one begins with full buckets.

// mutationRate is the quota's key in ClientQuota records.
const mutationRate = "controller_mutation_rate"

// Versions from which clients know THROTTLING_QUOTA_EXCEEDED.
const (
	strictCreateTopics     = 6
	strictDeleteTopics     = 5
	strictCreatePartitions = 3
)

const (
	// mutationBucketsMax bounds the buckets that are kept; a client may choose any number of client ids.
	mutationBucketsMax = 10_000
	// mutationWindowDefault is Config.QuotaWindow when that is zero.
	mutationWindowDefault = 11 * time.Second
)

// mutationOwner is whose bucket it is: a user's, a client id's, or that of a client id of a user.
type mutationOwner struct{ user, client string }

// bucketKey stands for an owner, whose names may be long.
type bucketKey [sha256.Size]byte

func (o mutationOwner) key() bucketKey {
	return sha256.Sum256([]byte(strconv.Itoa(len(o.user)) + ":" + o.user + o.client))
}

// tokenBucket has tokens as of a time; below zero it is overdrawn.
type tokenBucket struct {
	tokens float64
	at     time.Time
}

// refilled is the bucket at a later time. A new bucket is full, and so a full one need not be kept.
func (b tokenBucket) refilled(now time.Time, rate, burst float64) tokenBucket {
	return tokenBucket{min(burst, b.tokens+rate*max(0, now.Sub(b.at).Seconds())), now}
}

// mutationQuota is what one request may draw on; nil is no limit.
type mutationQuota struct {
	owner       bucketKey
	rate, burst float64
	strict      bool
	bucket      tokenBucket // as this request leaves it
	throttleMs  int32
}

// mutationQuota finds the quota of a request's sender.
func (c *core) mutationQuota(o op, version, strictFrom int16) *mutationQuota {
	owner, rate, limited := mutationRateOf(c.working, o.caller)
	if !limited {
		return nil
	}
	burst := rate * c.cfg.QuotaWindow.Seconds()
	q := &mutationQuota{owner: owner.key(), rate: rate, burst: burst, strict: version >= strictFrom, bucket: tokenBucket{burst, o.now}}
	if known, ok := c.buckets[q.owner]; ok {
		q.bucket = known.refilled(o.now, rate, burst)
	}
	return q
}

// charge draws partitions.
func (q *mutationQuota) charge(partitions int) *apiError {
	if q == nil {
		return nil
	}
	if q.strict && q.bucket.tokens < 0 {
		q.throttle()
		return errorf(kerr.ThrottlingQuotaExceeded, "The throttling quota has been exceeded.")
	}
	q.bucket.tokens -= float64(partitions)
	if !q.strict && q.bucket.tokens < 0 {
		q.throttle()
	}
	return nil
}

// throttle notes how long it takes until the bucket is not overdrawn any more.
func (q *mutationQuota) throttle() {
	q.throttleMs = int32(min(math.Round(-q.bucket.tokens/q.rate*1000), math.MaxInt32))
}

// throttleMillis is how long the sender is to wait.
func (q *mutationQuota) throttleMillis() int32 {
	if q == nil {
		return 0
	}
	return q.throttleMs
}

// spend keeps the bucket as the request has left it.
func (c *core) spend(q *mutationQuota) {
	if q == nil {
		return
	}
	if c.buckets == nil {
		c.buckets = make(map[bucketKey]tokenBucket)
	}
	if _, known := c.buckets[q.owner]; !known && len(c.buckets) >= mutationBucketsMax {
		c.dropBucket(q.bucket.at)
	}
	c.buckets[q.owner] = q.bucket
}

// dropBucket makes room: it drops those that have not been drawn from for as long as it takes to fill an empty one, or else the oldest.
func (c *core) dropBucket(now time.Time) {
	var oldest bucketKey
	var at time.Time
	before := len(c.buckets)
	for owner, b := range c.buckets {
		if b.tokens >= 0 && now.Sub(b.at) >= c.cfg.QuotaWindow {
			delete(c.buckets, owner)
			continue
		}
		if at.IsZero() || b.at.Before(at) {
			oldest, at = owner, b.at
		}
	}
	if len(c.buckets) == before {
		delete(c.buckets, oldest)
	}
}

// mutationRateOf is the rate that holds for a caller, and who shares it: the most particular quota counts (ClientQuotaManager).
func mutationRateOf(img *metadata.Image, caller Caller) (owner mutationOwner, rate float64, limited bool) {
	if !img.HasQuotas() {
		return owner, 0, false
	}
	_, user, _ := strings.Cut(caller.Principal, ":")
	client := caller.ClientID
	both, byUser, byClient := mutationOwner{user, client}, mutationOwner{user: user}, mutationOwner{client: client}
	for _, level := range [...]struct {
		owner        mutationOwner
		user, client *record.QuotaEntity
	}{
		{both, quotaUser(&user), quotaClient(&client)},
		{both, quotaUser(&user), quotaClient(nil)},
		{byUser, quotaUser(&user), nil},
		{both, quotaUser(nil), quotaClient(&client)},
		{both, quotaUser(nil), quotaClient(nil)},
		{byUser, quotaUser(nil), nil},
		{byClient, nil, quotaClient(&client)},
		{byClient, nil, quotaClient(nil)},
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
	return owner, 0, false
}

// A nil name is the default: every user, or every client id, without a quota of its own.
func quotaUser(name *string) *record.QuotaEntity {
	return &record.QuotaEntity{Type: "user", Name: name}
}
func quotaClient(name *string) *record.QuotaEntity {
	return &record.QuotaEntity{Type: "client-id", Name: name}
}
