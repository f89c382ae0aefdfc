package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TokenAnswer is a delegation token. Only the answer that creates it has its secret.
type TokenAnswer struct {
	// Id of the token, which is the user name for SCRAM.
	TokenID string `json:"tokenId" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// The secret of a new token, in base64: the password for SCRAM. It is shown only here.
	HMAC []byte `json:"hmac,omitempty" example:"c2VjcmV0"`
	// Principal that the token stands for.
	Owner string `json:"owner" example:"User:alice"`
	// Principal that asked for the token.
	Requester string `json:"requester" example:"User:ANONYMOUS"`
	// Principals that may renew the token besides its owner.
	Renewers []string `json:"renewers" example:"[\"User:bob\"]"`
	// When the token was created.
	IssueTimestamp string `json:"issueTimestamp" format:"date-time" example:"2026-11-22T10:00:00.000Z"`
	// When the token expires unless it is renewed.
	ExpiryTimestamp string `json:"expiryTimestamp" format:"date-time" example:"2026-11-23T10:00:00.000Z"`
	// Until when the token can be renewed.
	MaxTimestamp string `json:"maxTimestamp" format:"date-time" example:"2026-11-29T10:00:00.000Z"`
}

// newTokenArgs is the body of create_token.
type newTokenArgs struct {
	// Principal that the token stands for.
	Owner string `json:"owner" pattern:"^[^:]+:.+$" maxLength:"32767" example:"User:alice"`
	// Users that may renew the token besides its owner.
	Renewers []string `json:"renewers,omitempty" maxItems:"100" example:"[\"bob\"]"`
	// Longest life of the token; 0 for delegation.token.max.lifetime.ms, which is also the limit.
	MaxLifetimeMs int64 `json:"maxLifetimeMs,omitempty" minimum:"0" maximum:"9007199254740991" example:"86400000"`
}

// tokenPeriod is the body of renew_token and expire_token.
type tokenPeriod struct {
	// Id of the token.
	TokenID string `json:"tokenId" minLength:"1" maxLength:"100" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Time from now on. Absent: for renew_token delegation.token.expiry.time.ms; expire_token removes
	// the token at once.
	PeriodMs *int64 `json:"periodMs,omitempty" minimum:"0" maximum:"9007199254740991" example:"3600000"`
}

func (a *API) tokens() {
	handle(a, operation{
		kind: readKind, name: "list_tokens", tag: tagIdentities,
		needs: filtered(grant{acls.Describe, acls.DelegationToken}).
			also("Owners and renewers see their tokens, and who has DESCRIBE_TOKENS on USER those of it."),
		summary: "List the delegation tokens", text: "Their secrets are not shown.",
	}, a.listTokens)
	handle(a, operation{
		kind: writeKind, name: "create_token", tag: tagIdentities,
		needs: inside(grant{acls.CreateTokens, acls.User}).
			also("Everyone may create tokens for themselves, except by a token."),
		summary: "Create a delegation token",
		text: "The answer has the token's secret, which no other answer shows. Whoever knows it can " +
			"act as the owner. Needs delegation.token.secret.key, the same on all controllers and " +
			"brokers.",
	}, a.createToken)
	handle(a, operation{
		kind: writeKind, name: "renew_token", tag: tagIdentities,
		needs:   changesToken,
		summary: "Renew a delegation token",
		text:    "At most to the end of its life.",
	}, a.renewToken)
	handle(a, operation{
		kind: writeKind, name: "expire_token", tag: tagIdentities,
		needs:   changesToken,
		summary: "Let a delegation token expire", text: "At once, or after a time.",
	}, a.expireToken)
}

func shownToken(t *record.DelegationToken) TokenAnswer {
	renewers := t.Renewers
	if renewers == nil {
		renewers = []string{}
	}
	return TokenAnswer{
		TokenID: t.TokenID, Owner: t.Owner, Requester: t.Requester, Renewers: renewers,
		IssueTimestamp:  timestamp(t.IssueTimestamp),
		ExpiryTimestamp: timestamp(t.ExpirationTimestamp), MaxTimestamp: timestamp(t.MaxTimestamp),
	}
}

func (a *API) listTokens(
	ctx context.Context, in *StateParams,
) (*stateAnswer[[]TokenAnswer], error) {
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	if err := afford(ctx, int64(img.DelegationTokenCount())*entryBytes); err != nil {
		return nil, err
	}
	all := []TokenAnswer{}
	if caller(ctx).TokenAuthenticated {
		return nil, kafkaProblem(kerr.DelegationTokenRequestNotAllowed, byToken)
	}
	for _, t := range img.DelegationTokens() {
		if !a.seesToken(ctx, t) {
			continue
		}
		all = append(all, shownToken(t))
	}
	return &stateAnswer[[]TokenAnswer]{stateOf(img), all}, nil
}

func (a *API) createToken(ctx context.Context, in *struct {
	WriteParams
	Body newTokenArgs
}) (*answer[TokenAnswer], error) {
	kind, name, _ := strings.Cut(in.Body.Owner, ":")
	req := kmsg.NewPtrCreateDelegationTokenRequest()
	req.Version, req.MaxLifetimeMillis = 3, in.Body.MaxLifetimeMs
	req.OwnerPrincipalType, req.OwnerPrincipalName = &kind, &name
	for _, r := range in.Body.Renewers {
		req.Renewers = append(req.Renewers,
			kmsg.CreateDelegationTokenRequestRenewer{PrincipalType: "User", PrincipalName: r})
	}
	if err := a.permitTokenFor(ctx, in.Body.Owner); err != nil {
		return nil, err
	}
	outcome, err := a.doAs(ctx, caller(ctx).Principal, sameRequest("create_token", in.DryRun, req))
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.CreateDelegationTokenResponse)
	if err := codeProblem(resp.ErrorCode, outcome.Message); err != nil {
		return nil, err
	}
	body := shownToken(outcome.Written[0].Record.(*record.DelegationToken))
	if !in.DryRun {
		body.HMAC = resp.HMAC
	}
	return &answer[TokenAnswer]{headersOf(outcome.Image), body}, nil
}

func (a *API) renewToken(ctx context.Context, in *struct {
	WriteParams
	Body tokenPeriod
}) (*answer[TokenAnswer], error) {
	owner, hmac, err := a.token(ctx, in.Body.TokenID)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrRenewDelegationTokenRequest()
	req.HMAC = hmac
	if in.Body.PeriodMs != nil {
		req.RenewTimeMillis = *in.Body.PeriodMs
	}
	outcome, err := a.doAs(ctx, owner, sameRequest("renew_token", in.DryRun, req))
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.RenewDelegationTokenResponse)
	if err := codeProblem(resp.ErrorCode, outcome.Message); err != nil {
		return nil, err
	}
	return &answer[TokenAnswer]{headersOf(outcome.Image),
		shownToken(outcome.Image.DelegationToken(in.Body.TokenID))}, nil
}

// expiryAnswer is when a token expires, or has expired.
type expiryAnswer struct {
	// Id of the token.
	TokenID string `json:"tokenId" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// When the token expires.
	ExpiryTimestamp string `json:"expiryTimestamp" format:"date-time" example:"2026-11-22T10:00:00.000Z"`
	// Whether the token is removed.
	Removed bool `json:"removed" example:"true"`
}

func (a *API) expireToken(ctx context.Context, in *struct {
	WriteParams
	Body tokenPeriod
}) (*answer[expiryAnswer], error) {
	owner, hmac, err := a.token(ctx, in.Body.TokenID)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrExpireDelegationTokenRequest()
	req.HMAC, req.ExpiryPeriodMillis = hmac, -1
	if in.Body.PeriodMs != nil {
		req.ExpiryPeriodMillis = *in.Body.PeriodMs
	}
	outcome, err := a.doAs(ctx, owner, sameRequest("expire_token", in.DryRun, req))
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.ExpireDelegationTokenResponse)
	if err := codeProblem(resp.ErrorCode, outcome.Message); err != nil {
		return nil, err
	}
	return &answer[expiryAnswer]{headersOf(outcome.Image), expiryAnswer{
		in.Body.TokenID, timestamp(resp.ExpiryTimestamp), in.Body.PeriodMs == nil,
	}}, nil
}

// byToken refuses what only the owner of a token may do, not everyone who has the token.
const byToken = "A delegation token cannot be used to see or change delegation tokens."

// seesToken reports whether the sender of a request may see a token: its owner and its renewers,
// and who is allowed to describe it or the tokens of its owner.
func (a *API) seesToken(ctx context.Context, t *record.DelegationToken) bool {
	return actsFor(t, caller(ctx).Principal) ||
		a.mayKnow(ctx, acls.Describe, acls.DelegationToken, t.TokenID) ||
		a.mayKnow(ctx, acls.DescribeTokens, acls.User, t.Owner)
}

// actsFor reports whether a principal may renew and expire a token.
func actsFor(t *record.DelegationToken, principal string) bool {
	return t.Owner == principal || slices.Contains(t.Renewers, principal)
}

// permitTokenFor checks whether the sender of a request may create tokens of an owner. Everyone may
// have tokens of their own, except those whom nobody has authenticated.
func (a *API) permitTokenFor(ctx context.Context, owner string) error {
	anonymous := owner == protocol.Anonymous && a.cfg.Controller.HasAuthorizer()
	if owner == caller(ctx).Principal && !anonymous {
		return nil
	}
	return a.permit(ctx, acls.CreateTokens, acls.User, owner)
}

// token returns the principal as which a token is changed, and its secret. Its owner and its
// renewers act for themselves, an operator acts for its owner. Others learn nothing of the token.
func (a *API) token(ctx context.Context, id string) (as string, hmac []byte, err error) {
	from := caller(ctx)
	if from.TokenAuthenticated {
		return "", nil, kafkaProblem(kerr.DelegationTokenRequestNotAllowed, byToken)
	}
	t := a.cfg.Controller.Image().DelegationToken(id)
	hmac = a.cfg.Controller.TokenHMAC(id)
	switch {
	case t != nil && actsFor(t, from.Principal):
		return from.Principal, hmac, nil
	case !a.allowsOnCluster(ctx, acls.Alter):
		return "", nil, kafkaProblem(kerr.DelegationTokenAuthorizationFailed,
			from.Principal+" has no token with this id, and is not allowed to ALTER the cluster.")
	case t == nil:
		// The text is not repeated: somebody may have given the secret instead of the id.
		return "", nil, kafkaProblem(kerr.DelegationTokenNotFound, "No token has this id.")
	}
	return t.Owner, hmac, nil
}
