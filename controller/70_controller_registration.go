package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// ControllerRegistration: v0 (KIP-919)
//
// Behaviour: a controller's process announces its endpoints and features; any incarnation replaces the one before.
// Our own controllers are registered from what their handshakes say (activate.go); this serves Apache's.
//
// Differs from Kafka on purpose: an unknown security protocol is INVALID_REQUEST and not a controller failover.

func (c *core) controllerRegistration(_ op, req *kmsg.ControllerRegistrationRequest) result {
	if !c.working.Version().HasControllerRegistration() {
		return result{response: failControllerRegistration(req, errorf(kerr.UnsupportedVersion, "The current MetadataVersion is too old to support controller registrations."))}
	}
	r := &record.RegisterController{ControllerID: req.ControllerID, IncarnationID: req.IncarnationID}
	for _, l := range req.Listeners {
		if l.SecurityProtocol < 0 || l.SecurityProtocol >= securityProtocols {
			return result{response: failControllerRegistration(req, errorf(kerr.InvalidRequest, "Listener %s has the unknown security protocol %d.", l.Name, l.SecurityProtocol))}
		}
		r.Endpoints = withEndpoint(r.Endpoints, record.Endpoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, record.FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	return result{records: []record.Record{r}, response: req.ResponseKind(), atomic: true}
}

func failControllerRegistration(req *kmsg.ControllerRegistrationRequest, err *apiError) *kmsg.ControllerRegistrationResponse {
	resp := req.ResponseKind().(*kmsg.ControllerRegistrationResponse)
	resp.ErrorCode, resp.ErrorMessage = err.code(), err.text()
	return resp
}
