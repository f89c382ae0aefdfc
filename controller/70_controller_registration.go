package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// CONTROLLER_REGISTRATION (70), version 0: a controller's process registers its endpoints and
// features.
//
// Behaviour: any incarnation replaces the one before. Voters are registered from their handshakes
// (activate.go); this serves Apache's controllers that follow the log without being voters.
//
// Differs from Kafka: only a node that follows the log and is neither a voter nor a broker may
// register. Anybody can send this request, even without a cluster id, and could otherwise divert
// clients from a controller, or fill every image with controllers that do not exist. A registration
// that brokers would not accept is INVALID_REQUEST.
//
// KIP-919.
func (c *core) controllerRegistration(_ op, req *kmsg.ControllerRegistrationRequest) result {
	r, err := c.checkedController(req)
	if err != nil {
		return result{response: failControllerRegistration(req, err)}
	}
	resp := responseTo[*kmsg.ControllerRegistrationResponse](req)
	resp.ErrorMessage = noMessage()
	return result{records: []record.Record{r}, response: resp, atomic: true}
}

// checkedController is the record of a registration, or why it is refused.
func (c *core) checkedController(
	req *kmsg.ControllerRegistrationRequest,
) (*record.RegisterController, *protocol.Error) {
	if !c.working.Version().HasControllerRegistration() {
		return nil, &protocol.Error{Kafka: kerr.UnsupportedVersion,
			Message: kerr.UnsupportedVersion.Description}
	}
	r := &record.RegisterController{
		ControllerID: req.ControllerID, IncarnationID: req.IncarnationID,
	}
	for _, l := range req.Listeners {
		r.Endpoints = append(r.Endpoints, record.Endpoint{
			Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol,
		})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, record.FeatureRange{
			Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion,
		})
	}
	if err := invalidRecord(record.Check(r)); err != nil {
		return nil, err
	}
	return r, c.mayBeController(req.ControllerID)
}

// mayBeController refuses an id that cannot belong to a controller that registers itself.
func (c *core) mayBeController(id int32) *protocol.Error {
	quorum := c.cfg.Log.Quorum()
	has := func(list []ReplicaState) bool {
		return slices.ContainsFunc(list, func(s ReplicaState) bool { return s.ID == id })
	}
	switch {
	case id == c.cfg.NodeID || has(quorum.Voters):
		return protocol.Errorf(kerr.InvalidRequest,
			"Controller %d is a voter, which its peers register.", id)
	case c.working.Broker(id) != nil:
		return protocol.Errorf(kerr.InvalidRequest, "Node %d is registered as a broker.", id)
	case !has(quorum.Observers):
		return protocol.Errorf(kerr.InvalidRequest,
			"Node %d does not follow the metadata log of this controller.", id)
	}
	return nil
}

func failControllerRegistration(
	req *kmsg.ControllerRegistrationRequest, err *protocol.Error,
) *kmsg.ControllerRegistrationResponse {
	resp := req.ResponseKind().(*kmsg.ControllerRegistrationResponse)
	resp.ErrorCode, resp.ErrorMessage = err.Code(), err.Text()
	return resp
}
