package kafkaproto

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// envelopeInParts is the answer to an ENVELOPE whose content is made as it is written.
type envelopeInParts struct {
	*kmsg.EnvelopeResponse
	inner *metadataInParts
}

func (e *envelopeInParts) Nested() (*[]byte, int32, kmsg.Response) {
	return &e.ResponseData, 99, e.inner
}

// An envelope around a response in parts has the same bytes as one around that response in memory.
func TestNestedIsTheSameResponse(t *testing.T) {
	t.Parallel()
	type answer struct {
		topics  []kmsg.MetadataResponseTopic
		version int16
	}
	var next atomic.Pointer[answer]
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		a := next.Load()
		inner := &metadataInParts{MetadataResponse: metadataResponse(a.version, nil),
			topics: a.topics}
		reply(&envelopeInParts{req.ResponseKind().(*kmsg.EnvelopeResponse), inner})
	})
	cfg.Versions = func(key int16) (int16, int16, bool) { return 0, 0, key == 58 }
	_, addr := start(t, cfg)
	c := dial(t, addr)
	for _, n := range []int{0, 1, 300, 20_000} {
		topics := manyTopics(n)
		for version := range int16(14) {
			next.Store(&answer{topics, version})
			c.send(request(kmsg.NewPtrEnvelopeRequest(), 0, int32(n)))
			want := kmsg.NewPtrEnvelopeResponse()
			want.ResponseData = AppendResponse(nil, 99, metadataResponse(version, topics))
			if got := c.receive(); !bytes.Equal(got, AppendResponse(nil, int32(n), want)) {
				t.Fatalf("%d topics, version %d: %d bytes, want %d", n, version, len(got),
					len(want.ResponseData))
			}
		}
	}
}

func TestDecodeCostIsThatOfTheRequest(t *testing.T) {
	t.Parallel()
	versions := func(key int16) (int16, int16, bool) { return 0, 12, key == 3 }
	cost := func(topics int) int64 {
		req := kmsg.NewPtrMetadataRequest()
		for range topics {
			req.Topics = append(req.Topics,
				kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr("topic")})
		}
		return DecodeCost(versions, request(req, 12, 1)[4:])
	}
	if one, many := cost(1), cost(1000); one <= 0 || many < 500*one {
		t.Errorf("%d for a topic, %d for a thousand", one, many)
	}
	if got := DecodeCost(versions, []byte{0, 3, 0, 12}); got != 0 {
		t.Errorf("half a header costs %d", got)
	}
}
