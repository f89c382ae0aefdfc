package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// UNREGISTER_CONTROLLER (94), version 0: removes the registration of a controller that is gone, so
// that DESCRIBE_CLUSTER no longer lists it and its features no longer limit UPDATE_FEATURES.
//
// Behaviour: it matters neither whether the controller lives nor whether it is a voter. A voter
// that is still connected is registered again by the next upkeep (activate.go), and an observer
// registers itself again. The active controller cannot be unregistered; that is checked before the
// metadata.version. The message of success is empty, not null.
//
// KAFKA-20395. Kafka: QuorumController.unregisterController.
func (c *core) unregisterController(_ op, req *kmsg.UnregisterControllerRequest) result {
	if err := c.mayUnregister(req.ControllerID); err != nil {
		return result{response: failUnregisterController(req, err)}
	}
	c.cfg.Logger.Info("unregistering a controller", "controller", req.ControllerID)
	resp := responseTo[*kmsg.UnregisterControllerResponse](req)
	resp.ErrorMessage = noMessage()
	return result{
		records:  []record.Record{&record.UnregisterController{ControllerID: req.ControllerID}},
		response: resp, atomic: true,
	}
}

func (c *core) mayUnregister(id int32) *protocol.Error {
	switch {
	case id == c.cfg.NodeID:
		return protocol.Errorf(kerr.InvalidRequest,
			"Controller cannot unregister itself while it is active.")
	case !c.working.Version().HasControllerUnregistration():
		return protocol.Errorf(kerr.UnsupportedVersion,
			"The current MetadataVersion is too old to support controller unregistration.")
	case c.working.Controller(id) == nil:
		return protocol.Errorf(kerr.ControllerIDNotRegistered,
			"Controller ID %d is not currently registered.", id)
	}
	return nil
}

func failUnregisterController(
	req *kmsg.UnregisterControllerRequest, err *protocol.Error,
) *kmsg.UnregisterControllerResponse {
	resp := responseTo[*kmsg.UnregisterControllerResponse](req)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
