package controller

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// ALTER_USER_SCRAM_CREDENTIALS (51), version 0.
//
// Behaviour: each user succeeds or fails by itself, and all records are one batch: first the
// deletions, then the rest. A user who is named more than once, even for two mechanisms, is a
// DUPLICATE_RESOURCE, unless an earlier change of the same user was refused for another reason. Of
// the salted password only the stored key and the server key are kept.
//
// Differs from Kafka: an empty salted password is UNACCEPTABLE_CREDENTIAL; Kafka's controllers
// answer UNKNOWN_SERVER_ERROR. Results keep the order of the request: deletions, upsertions,
// errors.
//
// KIP-554. Kafka: ScramControlManager.alterCredentials.
func (c *core) alterUserScramCredentials(
	_ op, req *kmsg.AlterUserSCRAMCredentialsRequest,
) result {
	a := scramAlteration{core: c, changes: make(map[string]*scramChange)}
	for i := range req.Deletions {
		d := &req.Deletions[i]
		a.change(d.Name, func() (record.Record, *protocol.Error) { return c.scramDeletion(d) })
	}
	for i := range req.Upsertions {
		u := &req.Upsertions[i]
		a.change(u.Name, func() (record.Record, *protocol.Error) { return c.scramUpsertion(u) })
	}
	slices.SortStableFunc(a.order, func(x, y *scramChange) int {
		return rank(x.err != nil) - rank(y.err != nil)
	})
	var records []record.Record
	for _, change := range a.order {
		if change.err == nil {
			records = append(records, change.record)
		}
	}
	resp := responseTo[*kmsg.AlterUserSCRAMCredentialsResponse](req)
	return result{records: records, atomic: true, response: list(resp, &resp.Results, len(a.order),
		func(i int) kmsg.AlterUserSCRAMCredentialsResponseResult {
			return scramResult(a.order[i].user, a.order[i].err, a.order[i].err.Text())
		})}
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// scramAlteration collects what becomes of the users of one request.
type scramAlteration struct {
	core     *core
	changes  map[string]*scramChange
	order    []*scramChange // of changes, by the first mention of the user
	messages protocol.Messages
}

type scramChange struct {
	user   string
	record record.Record
	err    *protocol.Error
}

func (a *scramAlteration) change(user string, make func() (record.Record, *protocol.Error)) {
	known := a.changes[user]
	switch {
	case known == nil:
		known = &scramChange{user: user}
		a.changes[user] = known
		a.order = append(a.order, known)
		known.record, known.err = make()
	case known.err == nil:
		known.err = protocol.Errorf(kerr.DuplicateResource,
			"A user credential cannot be altered twice in the same request")
	default:
		return
	}
	known.err = a.messages.Bounded(known.err)
}

func (c *core) scramDeletion(
	d *kmsg.AlterUserSCRAMCredentialsRequestDeletion,
) (record.Record, *protocol.Error) {
	if err := c.checkScram(d.Name, d.Mechanism); err != nil {
		return nil, err
	}
	if c.working.ScramCredential(d.Mechanism, d.Name) == nil {
		return nil, protocol.Errorf(kerr.ResourceNotFound,
			"Attempt to delete a user credential that does not exist")
	}
	return &record.RemoveUserScramCredential{Name: d.Name, Mechanism: d.Mechanism}, nil
}

// Kafka's bounds for the iterations of both mechanisms.
const (
	scramIterationsMin = 4096
	scramIterationsMax = 16384
)

func (c *core) scramUpsertion(
	u *kmsg.AlterUserSCRAMCredentialsRequestUpsertion,
) (record.Record, *protocol.Error) {
	err := c.checkScram(u.Name, u.Mechanism)
	switch {
	case err != nil:
		return nil, err
	case u.Iterations < scramIterationsMin:
		return nil, protocol.Errorf(kerr.UnacceptableCredential, "Too few iterations")
	case u.Iterations > scramIterationsMax:
		return nil, protocol.Errorf(kerr.UnacceptableCredential, "Too many iterations")
	case len(u.SaltedPassword) == 0:
		return nil, protocol.Errorf(kerr.UnacceptableCredential,
			"The salted password must not be empty")
	}
	r := &record.UserScramCredential{Name: u.Name, Mechanism: u.Mechanism, Iterations: u.Iterations}
	r.Salt = slices.Clone(u.Salt) // the request's memory is returned
	r.StoredKey, r.ServerKey = scramKeys(u.Mechanism, u.SaltedPassword)
	return r, invalidRecord(record.Check(r))
}

func (c *core) checkScram(user string, mechanism int8) *protocol.Error {
	switch {
	case !c.working.Version().HasScram():
		return protocol.Errorf(kerr.UnsupportedVersion,
			"The current metadata.version does not support SCRAM")
	case user == "":
		return protocol.Errorf(kerr.UnacceptableCredential, "Username must not be empty")
	case scramHash(mechanism) == nil:
		return protocol.Errorf(kerr.UnsupportedSaslMechanism, "Unknown SCRAM mechanism")
	}
	return nil
}

// Mechanisms of SCRAM (ScramMechanism).
const (
	scramSHA256 = 1
	scramSHA512 = 2
)

// scramHash is the hash of a mechanism, nil for an unknown one.
func scramHash(mechanism int8) func() hash.Hash {
	switch mechanism {
	case scramSHA256:
		return sha256.New
	case scramSHA512:
		return sha512.New
	}
	return nil
}

// scramKeys derives what a server keeps from the salted password (RFC 5802, section 3).
func scramKeys(mechanism int8, saltedPassword []byte) (storedKey, serverKey []byte) {
	newHash := scramHash(mechanism)
	sign := func(text string) []byte {
		mac := hmac.New(newHash, saltedPassword)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := newHash()
	stored.Write(sign("Client Key"))
	return stored.Sum(nil), sign("Server Key")
}

func scramResult(
	user string, err *protocol.Error, message *string,
) kmsg.AlterUserSCRAMCredentialsResponseResult {
	r := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
	r.User, r.ErrorCode, r.ErrorMessage = user, err.Code(), message
	return r
}

// failAlterUserScramCredentials answers each user once, in order of their names.
func failAlterUserScramCredentials(
	req *kmsg.AlterUserSCRAMCredentialsRequest, err *protocol.Error,
) kmsg.Response {
	users := make([]string, 0, len(req.Deletions)+len(req.Upsertions))
	for i := range req.Deletions {
		users = append(users, req.Deletions[i].Name)
	}
	for i := range req.Upsertions {
		users = append(users, req.Upsertions[i].Name)
	}
	slices.Sort(users)
	users = slices.Compact(users)
	resp := responseTo[*kmsg.AlterUserSCRAMCredentialsResponse](req)
	return list(resp, &resp.Results, len(users),
		func(i int) kmsg.AlterUserSCRAMCredentialsResponseResult {
			return scramResult(users[i], err, err.TextAt(i))
		})
}
