package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_DELEGATION_TOKEN (41), versions 1 to 3.
//
// Behaviour: a read of the committed image, on any node: the tokens that one of the given
// principals owns or may renew, with their HMACs; all tokens if the list is null, none if it is
// empty. Left out are those that the sender neither owns nor may renew, unless it has DESCRIBE on
// the token or DESCRIBE_TOKENS on the user who owns it. Checked in this order: the connection,
// whether tokens are enabled.
//
// Differs from Kafka: its controllers advertise this and then answer UNKNOWN_SERVER_ERROR; the
// answer is a broker's. Expired tokens are in it until they are removed, as there.
//
// KIP-48, KIP-373. Kafka: KafkaApis.handleDescribeTokensRequest.
func (c *Controller) describeDelegationToken(
	_ context.Context, caller protocol.Caller, req *kmsg.DescribeDelegationTokenRequest,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeDelegationTokenResponse](req)
	switch {
	case !mayUseTokens(caller):
		resp.ErrorCode = kerr.DelegationTokenRequestNotAllowed.Code
		return resp
	case !c.cfg.Tokens.enabled():
		resp.ErrorCode = kerr.DelegationTokenAuthDisabled.Code
		return resp
	}
	found := c.tokensOf(caller, req)
	return list(resp, &resp.TokenDetails, len(found),
		func(i int) kmsg.DescribeDelegationTokenResponseTokenDetail {
			return c.describedToken(found[i])
		})
}

// tokensOf returns the tokens that a request asks for, and that its sender may see.
func (c *Controller) tokensOf(
	caller protocol.Caller, req *kmsg.DescribeDelegationTokenRequest,
) []*record.DelegationToken {
	var owners map[string]bool
	if req.Owners != nil {
		owners = make(map[string]bool, len(req.Owners))
		for _, o := range req.Owners {
			owners[o.PrincipalType+":"+o.PrincipalName] = true
		}
	}
	granted := c.rightsOf(caller)
	var found []*record.DelegationToken
	for _, t := range c.Image().DelegationTokens() {
		if (owners == nil || ownedByAny(t, owners)) && granted.seeToken(t) {
			found = append(found, t)
		}
	}
	return found
}

// seeToken reports whether the sender may see a token and its HMAC.
func (r *rights) seeToken(t *record.DelegationToken) bool {
	if r == nil || mayRenew(t, r.caller.Principal) {
		return true
	}
	return r.mayKnow(acls.Action{Operation: acls.Describe, ResourceType: acls.DelegationToken,
		ResourceName: t.TokenID}) ||
		r.mayKnow(acls.Action{Operation: acls.DescribeTokens, ResourceType: acls.User,
			ResourceName: t.Owner})
}

func ownedByAny(t *record.DelegationToken, principals map[string]bool) bool {
	if principals[t.Owner] {
		return true
	}
	for _, r := range t.Renewers {
		if principals[r] {
			return true
		}
	}
	return false
}

func (c *Controller) describedToken(
	t *record.DelegationToken,
) kmsg.DescribeDelegationTokenResponseTokenDetail {
	d := kmsg.NewDescribeDelegationTokenResponseTokenDetail()
	d.PrincipalType, d.PrincipalName = splitPrincipal(t.Owner)
	d.TokenRequesterPrincipalType, d.TokenRequesterPrincipalName = splitPrincipal(t.Requester)
	d.IssueTimestamp, d.ExpiryTimestamp = t.IssueTimestamp, t.ExpirationTimestamp
	d.MaxTimestamp, d.TokenID = t.MaxTimestamp, t.TokenID
	hmac := c.cfg.Tokens.hmac(t.TokenID)
	d.HMAC = hmac[:]
	for _, principal := range t.Renewers {
		r := kmsg.NewDescribeDelegationTokenResponseTokenDetailRenewer()
		r.PrincipalType, r.PrincipalName = splitPrincipal(principal)
		d.Renewers = append(d.Renewers, r)
	}
	return d
}

func failDescribeDelegationToken(
	req *kmsg.DescribeDelegationTokenRequest, err *protocol.Error,
) kmsg.Response {
	resp := responseTo[*kmsg.DescribeDelegationTokenResponse](req)
	resp.ErrorCode = err.Code()
	return resp
}
