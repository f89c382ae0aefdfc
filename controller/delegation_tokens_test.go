package controller

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

const tokenKey = "a secret"

func withTokens(cfg *Config) {
	cfg.Tokens = TokenSettings{SecretKey: tokenKey, MaxLifetime: 10 * time.Hour,
		ExpiryTime: 2 * time.Hour, CheckInterval: time.Hour}
}

func atVersion(v metadata.Version) func(*Config) {
	return func(cfg *Config) { cfg.Bootstrap = metadata.BootstrapFeatures(v) }
}

// forwardedFor is a client of a broker.
func forwardedFor(user string) protocol.Caller {
	return protocol.Caller{Principal: "User:" + user, Forwarded: true}
}

// sent sends a request of a caller and returns the answer once everything is committed.
func sent[R kmsg.Response](d *testDriver, caller protocol.Caller, req kmsg.Request) R {
	d.t.Helper()
	var resp kmsg.Response
	d.Handle(context.Background(), caller, req, func(r kmsg.Response) { resp = whole(r) })
	d.settle()
	if resp == nil {
		d.t.Fatalf("%s is not answered", kmsg.NameForKey(req.Key()))
	}
	return resp.(R)
}

func tokenRequest(lifetime time.Duration, renewers ...string) *kmsg.CreateDelegationTokenRequest {
	req := kmsg.NewPtrCreateDelegationTokenRequest()
	req.Version, req.MaxLifetimeMillis = 3, lifetime.Milliseconds()
	for _, r := range renewers {
		req.Renewers = append(req.Renewers,
			kmsg.CreateDelegationTokenRequestRenewer{PrincipalType: "User", PrincipalName: r})
	}
	return req
}

func (d *testDriver) createToken(
	caller protocol.Caller, req *kmsg.CreateDelegationTokenRequest,
) *kmsg.CreateDelegationTokenResponse {
	d.t.Helper()
	return sent[*kmsg.CreateDelegationTokenResponse](d, caller, req)
}

func (d *testDriver) renewToken(
	user string, hmac []byte, period time.Duration,
) *kmsg.RenewDelegationTokenResponse {
	d.t.Helper()
	req := kmsg.NewPtrRenewDelegationTokenRequest()
	req.HMAC, req.RenewTimeMillis = hmac, period.Milliseconds()
	return sent[*kmsg.RenewDelegationTokenResponse](d, forwardedFor(user), req)
}

func (d *testDriver) expireToken(
	user string, hmac []byte, period time.Duration,
) *kmsg.ExpireDelegationTokenResponse {
	d.t.Helper()
	req := kmsg.NewPtrExpireDelegationTokenRequest()
	req.HMAC, req.ExpiryPeriodMillis = hmac, period.Milliseconds()
	return sent[*kmsg.ExpireDelegationTokenResponse](d, forwardedFor(user), req)
}

func (d *testDriver) describeTokens(
	caller protocol.Caller, owners ...string,
) *kmsg.DescribeDelegationTokenResponse {
	d.t.Helper()
	req := kmsg.NewPtrDescribeDelegationTokenRequest()
	req.Version = 3
	for _, o := range owners {
		req.Owners = append(req.Owners,
			kmsg.DescribeDelegationTokenRequestOwner{PrincipalType: "User", PrincipalName: o})
	}
	return sent[*kmsg.DescribeDelegationTokenResponse](d, caller, req)
}

// TestTokenLife creates, renews and expires a token, and finds it in answers and the image.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, withTokens)
	now := d.clock.Now().UnixMilli()
	const hour = int64(time.Hour / time.Millisecond)
	made := d.createToken(forwardedFor("alice"), tokenRequest(5*time.Hour, "bob"))
	mac := hmac.New(sha512.New, []byte(tokenKey))
	mac.Write([]byte(made.TokenID))
	if made.ErrorCode != 0 || made.PrincipalName != "alice" || made.PrincipalType != "User" ||
		made.TokenRequesterPrincipalName != "alice" || made.IssueTimestamp != now ||
		made.ExpiryTimestamp != now+2*hour || made.MaxTimestamp != now+5*hour ||
		!bytes.Equal(made.HMAC, mac.Sum(nil)) {
		t.Fatalf("created: %+v", made)
	}
	if r := d.renewToken("bob", made.HMAC, time.Hour); r.ErrorCode != 0 ||
		r.ExpiryTimestamp != now+hour {
		t.Errorf("renewed for an hour: %+v", r)
	}
	if r := d.renewToken("alice", made.HMAC, 0); r.ExpiryTimestamp != now+2*hour {
		t.Errorf("renewed: %+v", r)
	}
	d.clock.Jump(2 * time.Hour)
	if r := d.renewToken("alice", made.HMAC, 9*time.Hour); r.ExpiryTimestamp != now+4*hour {
		t.Errorf("renewed for long: %+v", r)
	}
	if r := d.expireToken("bob", made.HMAC, 9*time.Hour); r.ExpiryTimestamp != now+5*hour {
		t.Errorf("expiry at the end of its life: %+v", r)
	}
	tokens := d.describeTokens(protocol.Caller{SecurityProtocol: 2, Principal: "User:x"}, "bob")
	if len(tokens.TokenDetails) != 1 {
		t.Fatalf("described: %+v", tokens)
	}
	if got := tokens.TokenDetails[0]; got.TokenID != made.TokenID || got.PrincipalName != "alice" ||
		!bytes.Equal(got.HMAC, made.HMAC) || got.ExpiryTimestamp != now+5*hour ||
		len(got.Renewers) != 1 || got.Renewers[0].PrincipalName != "bob" {
		t.Errorf("described: %+v", got)
	}
	if r := d.expireToken("alice", made.HMAC, -time.Millisecond); r.ErrorCode != 0 ||
		r.ExpiryTimestamp != now+2*hour || d.Image().DelegationTokenCount() != 0 {
		t.Errorf("removed: %+v", r)
	}
	if r := d.renewToken("alice", made.HMAC, 0); r.ErrorCode !=
		kerr.DelegationTokenNotFound.Code {
		t.Errorf("renewed after its end: %+v", r)
	}
}

func TestTokenForAnotherOwner(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, withTokens)
	kind, name := "User", "carol"
	req := tokenRequest(0)
	req.OwnerPrincipalType, req.OwnerPrincipalName = &kind, &name
	made := d.createToken(forwardedFor("alice"), req)
	if made.ErrorCode != 0 || made.PrincipalName != name ||
		made.TokenRequesterPrincipalName != "alice" {
		t.Fatalf("%+v", made)
	}
	token := d.Image().DelegationToken(made.TokenID)
	if token.Owner != "User:carol" || token.Requester != "User:alice" {
		t.Errorf("%+v", token)
	}
	if r := d.renewToken("alice", made.HMAC, 0); r.ErrorCode !=
		kerr.DelegationTokenOwnerMismatch.Code {
		t.Errorf("the requester is not the owner: %+v", r)
	}
	req.OwnerPrincipalType = nil
	if r := d.createToken(forwardedFor("alice"), req); r.ErrorCode !=
		kerr.InvalidPrincipalType.Code {
		t.Errorf("an owner without a type: %+v", r)
	}
}

// TestTokenRefusals has the codes of each way in which a request about tokens fails.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	t.Run("connection", func(t *testing.T) {
		t.Parallel()
		d := newTestDriver(t, withTokens)
		byToken := forwardedFor("alice")
		byToken.TokenAuthenticated = true
		for i, caller := range []protocol.Caller{
			{Principal: "User:ANONYMOUS"}, {Principal: "User:ANONYMOUS", SecurityProtocol: 1},
			byToken,
		} {
			r := d.createToken(caller, tokenRequest(0))
			if r.ErrorCode != kerr.DelegationTokenRequestNotAllowed.Code ||
				r.IssueTimestamp != -1 || r.PrincipalName == "" {
				t.Errorf("%d: create: %+v", i, r)
			}
			if r := d.describeTokens(caller); r.ErrorCode !=
				kerr.DelegationTokenRequestNotAllowed.Code {
				t.Errorf("%d: describe: %+v", i, r)
			}
			renew := sent[*kmsg.RenewDelegationTokenResponse](d, caller,
				kmsg.NewPtrRenewDelegationTokenRequest())
			expire := sent[*kmsg.ExpireDelegationTokenResponse](d, caller,
				kmsg.NewPtrExpireDelegationTokenRequest())
			if renew.ErrorCode != kerr.DelegationTokenRequestNotAllowed.Code ||
				renew.ExpiryTimestamp != -1 || expire.ErrorCode != renew.ErrorCode ||
				expire.ExpiryTimestamp != -1 {
				t.Errorf("%d: %+v, %+v", i, renew, expire)
			}
		}
		if r := d.createToken(protocol.Caller{Principal: "User:cn", SecurityProtocol: 1},
			tokenRequest(0)); r.ErrorCode != 0 {
			t.Errorf("a client with a certificate: %+v", r)
		}
	})
	t.Run("disabled", func(t *testing.T) {
		t.Parallel()
		d := newTestDriver(t)
		d.refusesTokens(kerr.DelegationTokenAuthDisabled.Code)
		if r := d.describeTokens(forwardedFor("a")); r.ErrorCode !=
			kerr.DelegationTokenAuthDisabled.Code {
			t.Errorf("described: %+v", r)
		}
	})
	t.Run("metadata.version", func(t *testing.T) {
		t.Parallel()
		d := newTestDriver(t, withTokens, atVersion(metadata.V3_6_IV2-1))
		d.refusesTokens(kerr.UnsupportedVersion.Code)
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		d := newTestDriver(t, withTokens)
		if r := d.renewToken("a", []byte("x"), 0); r.ErrorCode != kerr.DelegationTokenNotFound.Code {
			t.Errorf("%+v", r)
		}
		req := tokenRequest(0, "a")
		req.Renewers[0].PrincipalType = "Group"
		if r := d.createToken(forwardedFor("a"), req); r.ErrorCode !=
			kerr.InvalidPrincipalType.Code || r.IssueTimestamp != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// refusesTokens expects every change of tokens to be refused with a code.
func (d *testDriver) refusesTokens(code int16) {
	d.t.Helper()
	made := d.createToken(forwardedFor("a"), tokenRequest(0))
	renewed, expired := d.renewToken("a", nil, 0), d.expireToken("a", nil, 0)
	if made.ErrorCode != code || renewed.ErrorCode != code || expired.ErrorCode != code ||
		made.PrincipalName != "a" {
		d.t.Errorf("%+v, %+v, %+v; want code %d", made, renewed, expired, code)
	}
}

// TestExpiredTokens cannot be renewed, can be removed, and vanish by themselves.
func TestExpiredTokens(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, withTokens)
	made := d.createToken(forwardedFor("a"), tokenRequest(30*time.Minute))
	d.createToken(forwardedFor("a"), tokenRequest(0))
	d.clock.Jump(31 * time.Minute)
	if r := d.renewToken("a", made.HMAC, 0); r.ErrorCode != kerr.DelegationTokenExpired.Code {
		t.Errorf("renewed: %+v", r)
	}
	if r := d.renewToken("b", made.HMAC, 0); r.ErrorCode != kerr.DelegationTokenExpired.Code {
		t.Errorf("renewed by another: %+v", r)
	}
	if r := d.expireToken("b", made.HMAC, 0); r.ErrorCode !=
		kerr.DelegationTokenOwnerMismatch.Code {
		t.Errorf("expired by another: %+v", r)
	}
	if r := d.expireToken("a", made.HMAC, 0); r.ErrorCode != kerr.DelegationTokenExpired.Code {
		t.Errorf("expired: %+v", r)
	}
	d.advance(30 * time.Minute)
	if n := d.Image().DelegationTokenCount(); n != 1 {
		t.Errorf("%d tokens after the check", n)
	}
}

// TestSweepOfManyTokens: one run removes a bounded number, and the next follows soon.
func TestSweepOfManyTokens(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t, withTokens)
	records := make([]record.Record, 2*tokensPerSweep+1)
	for i := range records {
		records[i] = &record.DelegationToken{Owner: "User:a", Requester: "User:a",
			TokenID: strconv.Itoa(i), MaxTimestamp: 1}
	}
	d.apply(records...)
	removed := 0
	for range 3 {
		r, again := d.core.expireTokens(op{now: d.clock.Now()})
		if len(r.records) > tokensPerSweep || again != (removed+len(r.records) < len(records)) {
			t.Errorf("%d removed, then %d, again: %t", removed, len(r.records), again)
		}
		removed += len(r.records)
		d.apply(r.records...)
	}
	if n := d.Image().DelegationTokenCount(); n != 0 {
		t.Errorf("%d tokens are left", n)
	}
}
