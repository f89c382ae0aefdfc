package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// SASL_AUTHENTICATE (36), versions 0 to 2: carries one message of a SASL mechanism.
//
// Behaviour: as for SASL_HANDSHAKE, a request that arrives here does not belong to an
// authentication, and is an ILLEGAL_SASL_STATE.
//
// KIP-152, KIP-368. Kafka: ControllerApis.handleSaslAuthenticateRequest.
func (c *Controller) saslAuthenticate(
	_ context.Context, _ protocol.Caller, req *kmsg.SASLAuthenticateRequest,
) *kmsg.SASLAuthenticateResponse {
	resp := responseTo[*kmsg.SASLAuthenticateResponse](req)
	resp.ErrorCode = kerr.IllegalSaslState.Code
	resp.ErrorMessage = kmsg.StringPtr(
		"SaslAuthenticate request received after successful authentication")
	return resp
}
