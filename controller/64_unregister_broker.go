package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// UnregisterBroker: v0 (KIP-746)
//
// Behaviour: takes a broker out of all its partitions and drops its registration. Whether it lives is not asked.
//
// Differs from Kafka on purpose: the broker leaves the ELR too, as after an unclean shutdown (Kafka leaves it there, where it could
// win a clean election that it has no right to); and there is no limit of 10,000 records, since a long operation goes in parts.

func (c *core) unregisterBroker(_ op, req *kmsg.UnregisterBrokerRequest) result {
	return c.unregister(req, nil)
}

// unregister is one part of the operation; after is nil in the first. When there are several, the broker is fenced first. One that
// came back meanwhile, or registered anew, is taken out from the beginning.
func (c *core) unregister(req *kmsg.UnregisterBrokerRequest, after *walk) result {
	img := c.working
	b := img.Broker(req.BrokerID)
	if b == nil {
		return result{response: failUnregisterBroker(req, protocol.Errorf(kerr.BrokerIDNotRegistered, "Broker ID %d is not currently registered.", req.BrokerID))}
	}
	w := walk{session: sessionOf(b)}
	if after != nil && after.due(b) {
		w = *after
	}
	changes, last := c.updateReplicas(img, partition.Unclean(b.ID), img.HostedAfter(b.ID, w.after), c.partMax)
	if last == nil {
		c.cfg.Logger.Info("unregistering a broker", "broker", b.ID, "epoch", b.Epoch)
		return result{
			records:  append(changes, &record.UnregisterBroker{BrokerID: b.ID, BrokerEpoch: b.Epoch}),
			response: req.ResponseKind(),
			then:     func(int64) { c.brokers.drop(sessionOf(b)) },
		}
	}
	if b.Active() {
		changes = slices.Insert(changes, 0, fenceRecord(b))
	}
	w.after = *last
	return result{records: changes, more: func(op) result { return c.unregister(req, &w) }}
}

func failUnregisterBroker(req *kmsg.UnregisterBrokerRequest, err *protocol.Error) *kmsg.UnregisterBrokerResponse {
	resp := req.ResponseKind().(*kmsg.UnregisterBrokerResponse)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
