package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// producerArgs is the body of register_producer.
type producerArgs struct {
	BrokerID    int32 `json:"brokerId" minimum:"0" maximum:"2147483647" doc:"The broker that wants ids." example:"1"`
	BrokerEpoch int64 `json:"brokerEpoch" minimum:"0" maximum:"9007199254740991" doc:"Epoch of its registration." example:"7"`
}

// producerAnswer is the record with the block it gives away.
type producerAnswer struct {
	Record[ProducerIDsFields]
	ProducerID int64 `json:"producerId" doc:"First id of the block." example:"0"`
	Length     int32 `json:"length" doc:"How many ids the block has." example:"1000"`
}

func (a *API) producers() {
	huma.Register(a.huma, describe(http.MethodPost, "register_producer", tagProducers, "Get a block of producer ids",
		"Every call gives away a block, also one whose answer is lost.", writeStatuses...), a.registerProducer)
}

func (a *API) registerProducer(ctx context.Context, in *struct {
	WriteParams
	Body producerArgs
}) (*answer[producerAnswer], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	outcome, err := a.do(ctx, controller.Operation{Name: "register_producer", Make: func(img *metadata.Image) (kmsg.Request, error) {
		if img.Broker(in.Body.BrokerID) == nil {
			return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "%s", notRegistered(in.Body.BrokerID))
		}
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = in.Body.BrokerID, in.Body.BrokerEpoch
		return req, nil
	}})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.AllocateProducerIDsResponse)
	if err := codeProblem(resp.ErrorCode, nil); err != nil {
		return nil, err
	}
	at := placeOf(outcome.Written[0])
	fields := ProducerIDsFields{in.Body.BrokerID, in.Body.BrokerEpoch, resp.ProducerIDStart}
	told := newRecord(record.TypeProducerIDs.String(), fields, at)
	return &answer[producerAnswer]{PositionHeaders{at.offset, at.epoch}, producerAnswer{told, resp.ProducerIDStart, resp.ProducerIDLen}}, nil
}
