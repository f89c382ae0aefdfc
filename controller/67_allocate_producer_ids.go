package controller

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ALLOCATE_PRODUCER_IDS (67), version 0: gives a broker the next block of 1000 producer ids.
//
// Behaviour: every call uses up a block, also when its answer is lost.
//
// KIP-730.

// producerIDBlock is how many ids a broker gets at once (ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE).
const producerIDBlock = 1000

func (c *core) allocateProducerIDs(_ op, req *kmsg.AllocateProducerIDsRequest) result {
	if _, err := registered(c.working, req.BrokerID, req.BrokerEpoch); err != nil {
		return result{response: failAllocateProducerIDs(req, err)}
	}
	start := max(c.working.NextProducerID(), 0)
	if start > math.MaxInt64-producerIDBlock {
		return result{response: failAllocateProducerIDs(req,
			protocol.Errorf(kerr.UnknownServerError, "All producer ids are used up."))}
	}
	resp := req.ResponseKind().(*kmsg.AllocateProducerIDsResponse)
	resp.ProducerIDStart, resp.ProducerIDLen = start, producerIDBlock
	block := &record.ProducerIDs{BrokerID: req.BrokerID, BrokerEpoch: req.BrokerEpoch,
		NextProducerID: start + producerIDBlock}
	return result{records: []record.Record{block}, response: resp}
}

func failAllocateProducerIDs(
	req *kmsg.AllocateProducerIDsRequest, err *protocol.Error,
) *kmsg.AllocateProducerIDsResponse {
	resp := req.ResponseKind().(*kmsg.AllocateProducerIDsResponse)
	resp.ErrorCode = err.Code()
	return resp
}
