package controller

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sharedFetchMaxBytes bounds the records of a response that is encoded once and copied for
// everyone. Much larger ones are written from where they are and must not be copied (kafkaproto);
// those between are rare.
const sharedFetchMaxBytes = 4 << 10

// sharedFetch is a response to FETCH that all observers who are told the same get. It is encoded
// once and never changed.
type sharedFetch struct {
	*kmsg.FetchResponse
	key     fetchKey
	encode  sync.Once
	encoded []byte
}

// fetchKey is all that responses with records can differ in. Records are known by where they are,
// since what is committed stays.
type fetchKey struct {
	version                 int16
	leader, epoch           int32
	endpoint                leaderEndpoint
	highWatermark, logStart int64
	records                 *byte
	bytes                   int
}

// shareable tells whether r says nothing but what its fetchKey holds.
func shareable(r FetchResult) bool {
	return r.ErrorCode == 0 && len(r.Records) > 0 && len(r.Records) <= sharedFetchMaxBytes &&
		r.DivergingEpoch < 0 && r.SnapshotEnd < 0
}

// sharedFetch returns the response of whoever was told the same last, or makes one. Of two that
// make one at once either stays.
func (c *Controller) sharedFetch(
	req *kmsg.FetchRequest, r FetchResult, leader leaderEndpoint,
) *sharedFetch {
	key := fetchKey{req.Version, r.LeaderID, r.LeaderEpoch, leader, r.HighWatermark, r.LogStart,
		&r.Records[0], len(r.Records)}
	if last := c.lastFetch.Load(); last != nil && last.key == key {
		return last
	}
	made := &sharedFetch{FetchResponse: fetchResponse(req, r, leader), key: key}
	c.lastFetch.Store(made)
	return made
}

// AppendTo appends the encoded response to dst.
func (s *sharedFetch) AppendTo(dst []byte) []byte {
	s.encode.Do(func() { s.encoded = s.FetchResponse.AppendTo(nil) })
	return append(dst, s.encoded...)
}
