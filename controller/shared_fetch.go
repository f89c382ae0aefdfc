package controller

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// sharedFetchMaxBytes bounds the records of a response that is encoded once and copied for every
// observer. Much larger records are written from where they are, without a copy (kafkaproto); sizes
// between are rare.
const sharedFetchMaxBytes = 4 << 10

// sharedFetch is a response to FETCH that all observers with the same answer share. It is encoded
// once and never changes.
type sharedFetch struct {
	*kmsg.FetchResponse
	key     fetchKey
	encode  sync.Once
	encoded []byte
}

// fetchKey is everything in which responses with records can differ. The address of the records
// identifies them, because committed records stay where they are.
type fetchKey struct {
	version                 int16
	leader, epoch           int32
	endpoint                leaderEndpoint
	highWatermark, logStart int64
	records                 *byte
	bytes                   int
}

// shareable reports whether a fetchKey describes r completely.
func shareable(r FetchResult) bool {
	return r.ErrorCode == 0 && len(r.Records) > 0 && len(r.Records) <= sharedFetchMaxBytes &&
		r.DivergingEpoch < 0 && r.SnapshotEnd < 0
}

// sharedFetch returns the last shared response if it has the same content, else a new one. When two
// are made at the same time, either stays.
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
