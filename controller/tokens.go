package controller

import (
	"crypto/hmac"
	"crypto/sha512"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Delegation tokens (KIP-48) are records without their secret, the HMAC of the token's id: every
// controller and broker computes it with the key of its configuration, which must be the same
// everywhere.

// TokenSettings are Kafka's delegation.token settings.
type TokenSettings struct {
	SecretKey     string        // delegation.token.secret.key; empty: there are no tokens
	MaxLifetime   time.Duration // delegation.token.max.lifetime.ms
	ExpiryTime    time.Duration // delegation.token.expiry.time.ms
	CheckInterval time.Duration // delegation.token.expiry.check.interval.ms
}

func (s TokenSettings) enabled() bool { return s.SecretKey != "" }

// String hides the key where settings are printed.
func (s TokenSettings) String() string {
	return fmt.Sprintf("TokenSettings{enabled: %t, %v, %v, %v}", s.enabled(), s.MaxLifetime,
		s.ExpiryTime, s.CheckInterval)
}

// tokenHMAC is the secret of a token: HMAC-SHA-512 of its id.
type tokenHMAC [sha512.Size]byte

func (s *TokenSettings) hmac(tokenID string) (sum tokenHMAC) {
	mac := hmac.New(sha512.New, []byte(s.SecretKey))
	mac.Write([]byte(tokenID))
	mac.Sum(sum[:0])
	return sum
}

// TokenHMAC returns the secret of a token, for requests that an operator makes for its owner; nil
// if there are no tokens. It must not be shown.
func (c *Controller) TokenHMAC(id string) []byte {
	if !c.cfg.Tokens.enabled() {
		return nil
	}
	sum := c.cfg.Tokens.hmac(id)
	return sum[:]
}

// mayUseTokens reports whether a connection may carry requests about tokens: not one that a token
// itself has authenticated, and none whose client is not authenticated. What a broker forwards it
// has checked itself (ControllerApis.allowTokenRequests).
func mayUseTokens(caller protocol.Caller) bool {
	if caller.TokenAuthenticated {
		return false
	}
	return caller.Forwarded || caller.SecurityProtocol != protocol.Plaintext &&
		(caller.SecurityProtocol != protocol.SSL || caller.Principal != protocol.Anonymous)
}

// tokenRefusal returns why tokens cannot be changed at all: there is no key, or the
// metadata.version does not have them.
func (c *core) tokenRefusal() *protocol.Error {
	switch {
	case !c.cfg.Tokens.enabled():
		return protocol.Errorf(kerr.DelegationTokenAuthDisabled,
			"delegation.token.secret.key is not set.")
	case !c.working.Version().HasDelegationTokens():
		return protocol.Errorf(kerr.UnsupportedVersion,
			"Delegation tokens need metadata.version %v or higher.", metadata.V3_6_IV2)
	}
	return nil
}

// tokenWith returns the token with an HMAC.
func (c *core) tokenWith(hmac []byte) (*record.DelegationToken, *protocol.Error) {
	if err := c.tokenRefusal(); err != nil {
		return nil, err
	}
	t := c.tokens.find(c.working, &c.cfg.Tokens, hmac)
	if t == nil {
		return nil, protocol.Errorf(kerr.DelegationTokenNotFound, "No token has this HMAC.")
	}
	return t, nil
}

func mayRenew(t *record.DelegationToken, principal string) bool {
	return t.Owner == principal || slices.Contains(t.Renewers, principal)
}

var errNotTheirToken = protocol.Errorf(kerr.DelegationTokenOwnerMismatch,
	"Only the owner and the renewers of a token may renew or expire it.")

var errTokenExpired = protocol.Errorf(kerr.DelegationTokenExpired, "The token has expired.")

func expired(t *record.DelegationToken, nowMs int64) bool {
	return t.MaxTimestamp < nowMs || t.ExpirationTimestamp < nowMs
}

// addMs adds times in milliseconds; a sum that is too large is the largest time.
func addMs(t, d int64) int64 {
	if d > 0 && t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}

// withExpiry returns the token with another expiry, as records replace it whole.
func withExpiry(t *record.DelegationToken, expiryMs int64) *record.DelegationToken {
	changed := *t
	changed.ExpirationTimestamp = expiryMs
	return &changed
}

// splitPrincipal returns the parts of "Type:name".
func splitPrincipal(principal string) (kind, name string) {
	kind, name, _ = strings.Cut(principal, ":")
	return kind, name
}

// tokenIndex finds tokens by their HMAC. It is a cache of what the image implies, and belongs to
// the core's goroutine.
type tokenIndex struct {
	ids  map[tokenHMAC]string
	seen map[string]tokenHMAC // by id
}

// find returns the token of an image with this HMAC, or nil.
func (x *tokenIndex) find(
	img *metadata.Image, s *TokenSettings, hmac []byte,
) *record.DelegationToken {
	if len(hmac) != len(tokenHMAC{}) {
		return nil
	}
	id, known := x.ids[tokenHMAC(hmac)]
	if !known {
		x.fill(img, s)
		if id, known = x.ids[tokenHMAC(hmac)]; !known {
			return nil
		}
	}
	return img.DelegationToken(id)
}

// fill adds the tokens that the index does not know, and drops those that are gone.
func (x *tokenIndex) fill(img *metadata.Image, s *TokenSettings) {
	if x.ids == nil {
		x.ids, x.seen = make(map[tokenHMAC]string), make(map[string]tokenHMAC)
	}
	for id := range img.DelegationTokens() {
		if _, ok := x.seen[id]; !ok {
			sum := s.hmac(id)
			x.ids[sum], x.seen[id] = id, sum
		}
	}
	if len(x.seen) == img.DelegationTokenCount() {
		return
	}
	for id, sum := range x.seen {
		if img.DelegationToken(id) == nil {
			delete(x.ids, sum)
			delete(x.seen, id)
		}
	}
}

// tokensPerSweep bounds the tokens that one run of expireTokens removes.
const tokensPerSweep = 1000

// expireTokens removes expired tokens (DelegationTokenControlManager.sweepExpiredDelegationTokens).
func (c *core) expireTokens(o op) (r result, again bool) {
	for id, t := range c.working.DelegationTokens() {
		if !expired(t, o.now.UnixMilli()) {
			continue
		}
		if len(r.records) == tokensPerSweep {
			return r, true
		}
		r.records = append(r.records, &record.RemoveDelegationToken{TokenID: id})
	}
	return r, false
}
