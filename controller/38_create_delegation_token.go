package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// CREATE_DELEGATION_TOKEN (38), versions 1 to 3.
//
// Behaviour: makes a token for the sender or, from version 3 on, for another owner. It lives until
// it is not renewed for delegation.token.expiry.time.ms, and at most for the requested time and
// delegation.token.max.lifetime.ms. Checked in this order: the connection (on every node),
// CREATE_TOKENS on the user who is to own a token and is not the sender (likewise), whether tokens
// are enabled, the metadata.version, the types of the renewers. The HMAC, which is the
// token's secret, is in no record and in no other answer but those to its owner.
//
// Differs from Kafka: an owner with a name and without a type is INVALID_PRINCIPAL_TYPE; Kafka's
// controllers fail.
//
// KIP-48, KIP-373, KIP-900. Kafka: DelegationTokenControlManager.createDelegationToken.
func (c *core) createDelegationToken(o op, req *kmsg.CreateDelegationTokenRequest) result {
	resp := tokenResponse(req, tokenOwner(o.caller, req), o.caller.Principal)
	t, err := c.newToken(o, req)
	if err != nil {
		resp.ErrorCode = err.Code()
		return result{response: resp, message: err.Text()}
	}
	if err := invalidRecord(record.Check(t)); err != nil {
		return result{response: failCreateDelegationToken(req, err), message: err.Text()}
	}
	hmac := c.cfg.Tokens.hmac(t.TokenID)
	resp.IssueTimestamp, resp.ExpiryTimestamp = t.IssueTimestamp, t.ExpirationTimestamp
	resp.MaxTimestamp, resp.TokenID, resp.HMAC = t.MaxTimestamp, t.TokenID, hmac[:]
	return result{records: []record.Record{t}, atomic: true, response: resp}
}

func (c *core) newToken(
	o op, req *kmsg.CreateDelegationTokenRequest,
) (*record.DelegationToken, *protocol.Error) {
	if err := c.tokenRefusal(); err != nil {
		return nil, err
	}
	nowMs, lifetimeMs := o.now.UnixMilli(), c.cfg.Tokens.MaxLifetime.Milliseconds()
	if req.MaxLifetimeMillis > 0 {
		lifetimeMs = min(lifetimeMs, req.MaxLifetimeMillis)
	}
	t := &record.DelegationToken{
		Owner: tokenOwner(o.caller, req), Requester: o.caller.Principal,
		IssueTimestamp: nowMs, MaxTimestamp: addMs(nowMs, lifetimeMs),
	}
	t.ExpirationTimestamp = min(t.MaxTimestamp,
		addMs(nowMs, c.cfg.Tokens.ExpiryTime.Milliseconds()))
	for i := range req.Renewers {
		r := &req.Renewers[i]
		if r.PrincipalType != "User" {
			return nil, protocol.Errorf(kerr.InvalidPrincipalType,
				"The renewer %s is of type %s; only users can renew tokens.",
				r.PrincipalName, r.PrincipalType)
		}
		t.Renewers = append(t.Renewers, r.PrincipalType+":"+r.PrincipalName)
	}
	if kind, _ := splitPrincipal(t.Owner); kind == "" {
		return nil, protocol.Errorf(kerr.InvalidPrincipalType, "The owner has no type.")
	}
	t.TokenID = newUUID(c.cfg.Random).String()
	return t, nil
}

// tokenOwner is the owner that a request names, else its sender.
func tokenOwner(caller protocol.Caller, req *kmsg.CreateDelegationTokenRequest) string {
	if req.OwnerPrincipalName == nil || *req.OwnerPrincipalName == "" {
		return caller.Principal
	}
	kind := ""
	if req.OwnerPrincipalType != nil {
		kind = *req.OwnerPrincipalType
	}
	return kind + ":" + *req.OwnerPrincipalName
}

func tokenResponse(
	req *kmsg.CreateDelegationTokenRequest, owner, requester string,
) *kmsg.CreateDelegationTokenResponse {
	resp := responseTo[*kmsg.CreateDelegationTokenResponse](req)
	resp.PrincipalType, resp.PrincipalName = splitPrincipal(owner)
	resp.TokenRequesterPrincipalType, resp.TokenRequesterPrincipalName = splitPrincipal(requester)
	return resp
}

// refuseTokenCreation answers requests on connections that may not carry them, and those for an
// owner for whom the sender may not make tokens.
func (c *Controller) refuseTokenCreation(
	caller protocol.Caller, req *kmsg.CreateDelegationTokenRequest,
) kmsg.Response {
	owner := tokenOwner(caller, req)
	resp := tokenResponse(req, owner, caller.Principal)
	resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = -1, -1, -1
	switch {
	case !mayUseTokens(caller):
		resp.ErrorCode = kerr.DelegationTokenRequestNotAllowed.Code
	case owner != caller.Principal && !c.Allows(caller, acls.Action{
		Operation: acls.CreateTokens, ResourceType: acls.User, ResourceName: owner}):
		resp.ErrorCode = kerr.DelegationTokenAuthorizationFailed.Code
	default:
		return nil
	}
	return resp
}

func failCreateDelegationToken(
	req *kmsg.CreateDelegationTokenRequest, err *protocol.Error,
) kmsg.Response {
	resp := tokenResponse(req, protocol.Anonymous, protocol.Anonymous)
	resp.IssueTimestamp, resp.ExpiryTimestamp, resp.MaxTimestamp = -1, -1, -1
	resp.ErrorCode = err.Code()
	return resp
}
