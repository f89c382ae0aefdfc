package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// SASL_HANDSHAKE (17), versions 0 and 1: chooses the mechanism of an authentication.
//
// Behaviour: the protocol layer takes the requests that belong to an authentication. Those that
// arrive here come where none is possible, on a listener without SASL or from a client that is
// authenticated already, and are an ILLEGAL_SASL_STATE.
//
// KIP-43, KIP-368. Kafka: ControllerApis.handleSaslHandshakeRequest.
func (c *Controller) saslHandshake(
	_ context.Context, _ protocol.Caller, req *kmsg.SASLHandshakeRequest,
) *kmsg.SASLHandshakeResponse {
	resp := responseTo[*kmsg.SASLHandshakeResponse](req)
	resp.ErrorCode = kerr.IllegalSaslState.Code
	return resp
}
