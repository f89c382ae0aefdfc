package node

import (
	"time"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/security/sasl"
)

// scramCodes are the mechanisms in records (ScramMechanism).
var scramCodes = map[string]int8{sasl.ScramSHA256: 1, sasl.ScramSHA512: 2}

// credentials looks secrets up in the committed metadata that this node has.
type credentials struct{ node *Node }

// Scram implements sasl.Credentials. Before a new quorum has its first record, the credentials are
// those that the directory was formatted with: without them, controllers could not authenticate at
// each other in order to elect the leader that writes them.
func (c credentials) Scram(mechanism, user string) (sasl.Credential, bool) {
	code := scramCodes[mechanism]
	img := c.node.controller.Image()
	r := img.ScramCredential(code, user)
	if r == nil && img.EndOffset() == 0 && c.node.log.Status().HighWatermark == 0 {
		r = formattedCredential(c.node.storage.bootstrap, code, user)
	}
	if r == nil {
		return sasl.Credential{}, false
	}
	return sasl.Credential{
		Salt: r.Salt, StoredKey: r.StoredKey, ServerKey: r.ServerKey, Iterations: int(r.Iterations),
	}, true
}

func formattedCredential(
	records []record.Record, code int8, user string,
) (found *record.UserScramCredential) {
	for _, r := range records {
		if c, ok := r.(*record.UserScramCredential); ok && c.Mechanism == code && c.Name == user {
			found = c
		}
	}
	return found
}

// Token implements sasl.Credentials.
func (c credentials) Token(id string) (sasl.Token, bool) {
	t := c.node.controller.Image().DelegationToken(id)
	secret := c.node.controller.TokenHMAC(id)
	if t == nil || secret == nil {
		return sasl.Token{}, false
	}
	return sasl.Token{
		Owner: t.Owner, HMAC: secret,
		Expires: time.UnixMilli(min(t.ExpirationTimestamp, t.MaxTimestamp)),
	}, true
}
