package node

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/security/sasl"
)

// scramCodes are the mechanisms in records (ScramMechanism).
var scramCodes = map[string]int8{sasl.ScramSHA256: 1, sasl.ScramSHA512: 2}

// credentials looks secrets up in the committed metadata that this node has.
//
// Controllers that authenticate at each other by SCRAM have to do so before they have a leader, and
// so before they know the newest metadata. Two rules let them. Before a new quorum has its first
// record, the credentials are those that the directory was formatted with. And while a node knows
// no leader, the user by which it authenticates itself has the password of its own configuration:
// its metadata may be older than the last change of that password, and then it could never catch
// up.
type credentials struct {
	node *Node
	own  *ownCredential // on the listener of the controllers; nil elsewhere
}

// ownCredential is what the configuration says of the user by which this node authenticates.
type ownCredential struct {
	mechanism, user string
	sasl.Credential
}

// newOwnCredential returns nil if this node does not authenticate by SCRAM and with a password.
func newOwnCredential(s sasl.ClientSettings) (*ownCredential, error) {
	if scramCodes[s.Mechanism] == 0 || s.TokenAuth {
		return nil, nil
	}
	salt := make([]byte, 32)
	rand.Read(salt) // never fails
	salted, err := sasl.Salt(s.Mechanism, s.Password.Reveal(), salt, scramIterationsMin)
	if err != nil {
		return nil, err
	}
	return &ownCredential{s.Mechanism, s.User,
		sasl.NewCredential(s.Mechanism, salted, salt, scramIterationsMin)}, nil
}

// Scram implements sasl.Credentials.
func (c credentials) Scram(mechanism, user string) (sasl.Credential, bool) {
	code := scramCodes[mechanism]
	img, log := c.node.controller.Image(), c.node.log.Status()
	r := img.ScramCredential(code, user)
	unfounded := img.EndOffset() == 0 && log.HighWatermark == 0
	own := c.own != nil && c.own.mechanism == mechanism && c.own.user == user
	switch {
	case unfounded:
		r = formattedCredential(c.node.storage.bootstrap, code, user)
	case own && log.Leader < 0:
		return c.own.Credential, true
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

// checkOwnCredential refuses a new quorum whose controllers could never authenticate at each other:
// by SCRAM, with a credential that the directory was not formatted with.
func (n *Node) checkOwnCredential() error {
	s := n.cfg.Peer.SASL
	code := scramCodes[s.Mechanism]
	if code == 0 || s.TokenAuth || n.storage.hasLog || !n.cfg.DialsPeers() ||
		formattedCredential(n.storage.bootstrap, code, s.User) != nil {
		return nil
	}
	return fmt.Errorf("controllers authenticate at each other by %s as the user %q, and %s was "+
		"formatted without that credential, so that a new quorum could not elect a leader: move the "+
		"directory away and run `%s` with --add-scram '%s=[name=%s,password=…]', on all controllers; "+
		"or let them authenticate by certificates (SSL) or PLAIN",
		s.Mechanism, s.User, n.storage.dir, n.cfg.Command("yakt format"), s.Mechanism, s.User)
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
