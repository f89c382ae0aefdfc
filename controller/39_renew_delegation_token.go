package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// RENEW_DELEGATION_TOKEN (39), versions 1 and 2.
//
// Behaviour: moves the expiry of the token with this HMAC, at most to the end of its life. Checked
// in this order: the connection (on every node), whether tokens are enabled, the metadata.version,
// the HMAC, the expiry, and whether the sender is the owner or a renewer.
//
// Differs from Kafka: a token is found as soon as it is created, and not only once the node's image
// has been published.
//
// KIP-48, KIP-900. Kafka: DelegationTokenControlManager.renewDelegationToken.
func (c *core) renewDelegationToken(o op, req *kmsg.RenewDelegationTokenRequest) result {
	resp := responseTo[*kmsg.RenewDelegationTokenResponse](req)
	t, err := c.tokenWith(req.HMAC)
	nowMs := o.now.UnixMilli()
	switch {
	case err != nil:
	case expired(t, nowMs):
		err = errTokenExpired
	case !mayRenew(t, o.caller.Principal):
		err = errNotTheirToken
	}
	if err != nil {
		resp.ErrorCode = err.Code()
		return result{response: resp, message: err.Text()}
	}
	periodMs := c.cfg.Tokens.ExpiryTime.Milliseconds()
	if req.RenewTimeMillis > 0 {
		periodMs = min(periodMs, req.RenewTimeMillis)
	}
	resp.ExpiryTimestamp = min(t.MaxTimestamp, addMs(nowMs, periodMs))
	return result{records: []record.Record{withExpiry(t, resp.ExpiryTimestamp)}, atomic: true,
		response: resp}
}

func (c *Controller) refuseTokenRenewal(
	caller protocol.Caller, req *kmsg.RenewDelegationTokenRequest,
) kmsg.Response {
	if mayUseTokens(caller) {
		return nil
	}
	resp := responseTo[*kmsg.RenewDelegationTokenResponse](req)
	resp.ErrorCode, resp.ExpiryTimestamp = kerr.DelegationTokenRequestNotAllowed.Code, -1
	return resp
}

func failRenewDelegationToken(
	req *kmsg.RenewDelegationTokenRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.RenewDelegationTokenResponse](req)
	resp.ErrorCode = err.Code()
	return resp
}
