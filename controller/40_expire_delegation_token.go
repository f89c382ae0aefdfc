package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// EXPIRE_DELEGATION_TOKEN (40), versions 1 and 2.
//
// Behaviour: a negative period removes the token with this HMAC at once, even if it has expired;
// any other sets its expiry to that time from now, at most to the end of its life. Checked in this
// order: the connection (on every node), whether tokens are enabled, the metadata.version, the
// HMAC, whether the sender is the owner or a renewer, and the expiry.
//
// Differs from Kafka: a token is found as soon as it is created, and not only once the node's image
// has been published.
//
// KIP-48, KIP-900. Kafka: DelegationTokenControlManager.expireDelegationToken.
func (c *core) expireDelegationToken(o op, req *kmsg.ExpireDelegationTokenRequest) result {
	resp := responseTo[*kmsg.ExpireDelegationTokenResponse](req)
	t, err := c.tokenWith(req.HMAC)
	nowMs := o.now.UnixMilli()
	remove := req.ExpiryPeriodMillis < 0
	switch {
	case err != nil:
	case !mayRenew(t, o.caller.Principal):
		err = errNotTheirToken
	case !remove && expired(t, nowMs):
		err = errTokenExpired
	}
	if err != nil {
		resp.ErrorCode = err.Code()
		return result{response: resp, message: err.Text()}
	}
	r := result{atomic: true, response: resp}
	if remove {
		resp.ExpiryTimestamp = nowMs
		r.records = []record.Record{&record.RemoveDelegationToken{TokenID: t.TokenID}}
		return r
	}
	resp.ExpiryTimestamp = min(t.MaxTimestamp, addMs(nowMs, req.ExpiryPeriodMillis))
	r.records = []record.Record{withExpiry(t, resp.ExpiryTimestamp)}
	return r
}

func (c *Controller) refuseTokenExpiry(
	caller protocol.Caller, req *kmsg.ExpireDelegationTokenRequest,
) kmsg.Response {
	if mayUseTokens(caller) {
		return nil
	}
	resp := responseTo[*kmsg.ExpireDelegationTokenResponse](req)
	resp.ErrorCode, resp.ExpiryTimestamp = kerr.DelegationTokenRequestNotAllowed.Code, -1
	return resp
}

func failExpireDelegationToken(
	req *kmsg.ExpireDelegationTokenRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.ExpireDelegationTokenResponse](req)
	resp.ErrorCode = err.Code()
	return resp
}
