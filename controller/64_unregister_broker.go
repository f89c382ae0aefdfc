package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// UNREGISTER_BROKER (64), version 0: removes a broker from all its partitions and its registration.
//
// Behaviour: it does not matter whether the broker lives. A long operation runs in parts.
//
// Differs from Kafka: the broker leaves the ELR too, as after an unclean shutdown; Kafka leaves it
// there, where it could win a clean election although its records may be gone. There is no limit of
// 10,000 records.
//
// KIP-746.
func (c *core) unregisterBroker(_ op, req *kmsg.UnregisterBrokerRequest) result {
	return c.unregister(req, nil)
}

// unregister is one part of the operation; after is nil in the first. When there are several, the
// broker is fenced first. A broker that became active or registered again meanwhile is walked from
// the start.
func (c *core) unregister(req *kmsg.UnregisterBrokerRequest, after *walk) result {
	img := c.working
	b := img.Broker(req.BrokerID)
	if b == nil {
		return result{response: failUnregisterBroker(req,
			protocol.Errorf(kerr.BrokerIDNotRegistered,
				"Broker ID %d is not currently registered", req.BrokerID))}
	}
	w := walk{session: sessionOf(b)}
	if after != nil && after.due(b) {
		w = *after
	}
	changes, last := c.updateReplicas(
		img, partition.Unclean(b.ID), img.HostedAfter(b.ID, w.after), c.partMax)
	if last == nil {
		c.cfg.Logger.Info("unregistering a broker", "broker", b.ID, "epoch", b.Epoch)
		resp := responseTo[*kmsg.UnregisterBrokerResponse](req)
		resp.ErrorMessage = noMessage()
		return result{
			records: append(changes, &record.UnregisterBroker{BrokerID: b.ID,
				BrokerEpoch: b.Epoch}),
			response: resp,
			then:     func(int64) { c.brokers.drop(sessionOf(b)) },
		}
	}
	if b.Active() {
		changes = slices.Insert(changes, 0, fenceRecord(b))
	}
	w.after = *last
	return result{records: changes, more: func(op) result { return c.unregister(req, &w) }}
}

func failUnregisterBroker(
	req *kmsg.UnregisterBrokerRequest, err *protocol.Error,
) *kmsg.UnregisterBrokerResponse {
	resp := req.ResponseKind().(*kmsg.UnregisterBrokerResponse)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
