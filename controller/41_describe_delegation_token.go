package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// DESCRIBE_DELEGATION_TOKEN (41), versions 1 to 3.
//
// Behaviour: a read of the committed image, on any node: the tokens that one of the given
// principals owns or may renew, with their HMACs; all tokens if the list is null, none if it is
// empty. Checked in this order: the connection, whether tokens are enabled.
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
	found := c.tokensOf(req)
	return list(resp, &resp.TokenDetails, len(found),
		func(i int) kmsg.DescribeDelegationTokenResponseTokenDetail {
			return c.describedToken(found[i])
		})
}

// tokensOf returns the tokens that a request asks for.
func (c *Controller) tokensOf(req *kmsg.DescribeDelegationTokenRequest) []*record.DelegationToken {
	var owners map[string]bool
	if req.Owners != nil {
		owners = make(map[string]bool, len(req.Owners))
		for _, o := range req.Owners {
			owners[o.PrincipalType+":"+o.PrincipalName] = true
		}
	}
	var found []*record.DelegationToken
	for _, t := range c.Image().DelegationTokens() {
		if owners == nil || ownedByAny(t, owners) {
			found = append(found, t)
		}
	}
	return found
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
