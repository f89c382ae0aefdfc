package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// INIT_PRODUCER_ID (22), versions 0 to 5: gets a producer id from a broker, for ordinary clients.
//
// Behaviour: on any node, without state. Producer ids come from brokers, which get blocks of them
// by ALLOCATE_PRODUCER_IDS; this node asks one on behalf of an idempotent producer. If none gives
// an id the answer is that of a broker that has no block yet, COORDINATOR_LOAD_IN_PROGRESS: clients
// repeat the request, most of them to a broker, as soon as METADATA has named one. A transactional
// producer gets NOT_COORDINATOR, since a controller is none, and looks for its coordinator. An
// empty transactional id, and a producer id without an epoch or the reverse, are INVALID_REQUEST as
// at a broker. Before that, a client needs WRITE on its transactional id; without one, it needs
// IDEMPOTENT_WRITE on the cluster, or WRITE on some topic. The broker is asked with the rights of
// this node, and would not refuse it.
//
// Differs from Kafka: its controllers do not serve INIT_PRODUCER_ID. Java's producer ends with a
// fatal error if the first node that it knows does not.
//
// KIP-98, KIP-360, KIP-890.
func (c *Controller) initProducerID(
	ctx context.Context, caller protocol.Caller, req *kmsg.InitProducerIDRequest,
) kmsg.Response {
	if err := c.rightsOf(caller).refuseProducer(req.TransactionalID); err != nil {
		return failInitProducerID(req, err)
	}
	transactional := req.TransactionalID != nil
	switch {
	case transactional && *req.TransactionalID == "",
		req.Version >= 3 && (req.ProducerID == -1) != (req.ProducerEpoch == -1):
		return failInitProducerID(req, &protocol.Error{Kafka: kerr.InvalidRequest})
	case transactional:
		return failInitProducerID(req, &protocol.Error{Kafka: kerr.NotCoordinator})
	}
	return c.producerIDOfBroker(ctx, req)
}

// producerIDOfBroker passes on a broker's success only: a refusal is about this node's rights at
// the broker, not the client's.
func (c *Controller) producerIDOfBroker(
	ctx context.Context, req *kmsg.InitProducerIDRequest,
) kmsg.Response {
	answer, err := c.brokers.ask(ctx, c.Image(), req)
	resp, ok := answer.(*kmsg.InitProducerIDResponse)
	if err == nil && ok && resp.ErrorCode == 0 {
		return resp
	}
	c.cfg.Logger.Debug("no producer id from a broker", "error", err, "answer", answer)
	return failInitProducerID(req, &protocol.Error{Kafka: kerr.CoordinatorLoadInProgress})
}

// refuseProducer returns why a producer may not have an id.
func (r *rights) refuseProducer(transactionalID *string) *protocol.Error {
	switch {
	case r == nil:
	case transactionalID == nil:
		if !r.onCluster(acls.IdempotentWrite) && !r.someTopic(acls.Write) {
			return errClusterDenied
		}
	case !r.allow(acls.Action{Operation: acls.Write, ResourceType: acls.TransactionalID,
		ResourceName: *transactionalID}):
		return &protocol.Error{Kafka: kerr.TransactionalIDAuthorizationFailed}
	}
	return nil
}

func failInitProducerID(req *kmsg.InitProducerIDRequest, err *protocol.Error) kmsg.Response {
	resp := responseTo[*kmsg.InitProducerIDResponse](req)
	resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = err.Code(), -1, -1
	return resp
}
