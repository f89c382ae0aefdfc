package httpapi

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// producerArgs is the body of register_producer.
type producerArgs struct {
	// Broker that the block is allocated to.
	BrokerID int32 `json:"brokerId" minimum:"0" maximum:"2147483647" example:"1"`
	// Epoch of the broker's registration.
	BrokerEpoch int64 `json:"brokerEpoch" minimum:"0" maximum:"9007199254740991" example:"7"`
}

// producerAnswer is the record of an allocation, with the block that it allocated.
type producerAnswer struct {
	Record[ProducerIDsFields]
	// First id of the block.
	ProducerID int64 `json:"producerId" example:"0"`
	// Number of ids in the block.
	Length int32 `json:"length" example:"1000"`
}

func (a *API) producers() {
	handle(a, operation{
		kind: writeKind, name: "register_producer", tag: tagProducers,
		needs:   onCluster(acls.ClusterAction),
		summary: "Allocate a block of producer ids",
		text: "Every call allocates a new block, even if its answer is lost, unless it repeats an " +
			"Idempotency-Key.",
	}, a.registerProducer)
}

func (a *API) registerProducer(ctx context.Context, in *struct {
	WriteParams
	Body producerArgs
}) (*answer[producerAnswer], error) {
	outcome, err := a.do(ctx, controller.Operation{
		Name: "register_producer", DryRun: in.DryRun, Make: in.Body.request,
	})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.AllocateProducerIDsResponse)
	if err := codeProblem(resp.ErrorCode, nil); err != nil {
		return nil, err
	}
	fields := ProducerIDsFields{in.Body.BrokerID, in.Body.BrokerEpoch, resp.ProducerIDStart}
	allocated := recordAnswer(record.TypeProducerIDs, fields, writtenPosition(outcome.Written[0]))
	return &answer[producerAnswer]{
		allocated.PositionHeaders,
		producerAnswer{allocated.Body, resp.ProducerIDStart, resp.ProducerIDLen},
	}, nil
}

func (p *producerArgs) request(img *metadata.Image) (kmsg.Request, error) {
	if img.Broker(p.BrokerID) == nil {
		return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "%s", notRegistered(p.BrokerID))
	}
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = p.BrokerID, p.BrokerEpoch
	return req, nil
}
