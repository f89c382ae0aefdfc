package sasl

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"runtime"
	"slices"
	"sync"

	"github.com/yakt/yakt/security"
)

const (
	// passwordMaxBytes bounds a name and a password that are checked here.
	passwordMaxBytes = 1 << 10
	// passwordIterations is Kafka's greatest number of iterations (ScramMechanism.maxIterations).
	// A wrong password takes the time of that many, whoever the user is.
	passwordIterations = 16384
	// costsWaiting is how many callers may wait for a place at the key derivation.
	costsWaiting = 64
	// verifiedMost is how many passwords are remembered as right.
	verifiedMost = 1024
)

// ErrBusy says that too many passwords are being checked. Its cause may be an attack: the caller
// should refuse the request for now.
var ErrBusy = errors.New("too many passwords are being checked at the moment")

// Password authenticates a user by a password: for HTTP Basic. It takes the users of PLAIN, if that
// is enabled, and then the SCRAM credentials of either mechanism. A password that was right is
// remembered as a keyed hash for as long as the credential does not change, so that repeated
// requests are cheap; others cost a fixed amount of work, in few places at once. The error is a
// *security.Failure, or ErrBusy.
func (s *Server) Password(user, password string) (security.Identity, error) {
	who := security.Identity{Principal: userPrincipal(user)}
	if len(user) > passwordMaxBytes || len(password) > passwordMaxBytes || user == "" {
		return security.Identity{}, invalid("password: no name, or it is too long")
	}
	if slices.Contains(s.settings.Mechanisms, Plain) && password != "" &&
		s.plainUser(user, password) {
		return who, nil
	}
	if s.options.Credentials == nil {
		return security.Identity{}, invalid("wrong password or unknown user %q", shown(user))
	}
	key := string(s.digest("verified", user+"\x00"+password))
	credentials := s.credentials(user)
	if s.verified.has(key, credentials) {
		return who, nil
	}
	match, err := s.derived(credentials, password)
	switch {
	case err != nil:
		return security.Identity{}, err
	case match == nil:
		return security.Identity{}, invalid("wrong password or unknown user %q", shown(user))
	}
	s.verified.add(key, match)
	return who, nil
}

// userCredential is a credential, real or a decoy, and its hash.
type userCredential struct {
	Credential
	hash scramHash
	real bool
}

// credentials returns one credential for each mechanism.
func (s *Server) credentials(user string) []userCredential {
	var all []userCredential
	for _, mechanism := range []string{ScramSHA256, ScramSHA512} {
		h := scramHashes[mechanism]
		subject := s.userSubject(h, user)
		c := userCredential{subject.credential, h, subject.exists}
		if c.Iterations > passwordIterations { // Kafka takes no such credential
			c = userCredential{s.decoy(h, "user", user), h, false}
		}
		all = append(all, c)
	}
	return all
}

// derived returns the stored key that a password fits, or nil after the same work for every user.
func (s *Server) derived(credentials []userCredential, password string) ([]byte, error) {
	release, err := s.costs.enter()
	if err != nil {
		return nil, err
	}
	defer release()
	for _, c := range credentials {
		derived, err := c.hash.derive(password, c.Salt, c.Iterations)
		if err != nil {
			return nil, err
		}
		if hmac.Equal(derived.StoredKey, c.StoredKey) && c.real {
			return c.StoredKey, nil
		}
		if rest := passwordIterations - c.Iterations; rest > 0 {
			if _, err := c.hash.salted(password, c.Salt, rest); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// Token authenticates the owner of a delegation token by its HMAC in base64: for bearer tokens. The
// error is a *security.Failure.
func (s *Server) Token(id, hmacBase64 string) (security.Identity, error) {
	if s.options.Credentials == nil || len(id) > passwordMaxBytes ||
		len(hmacBase64) > passwordMaxBytes {
		return security.Identity{}, invalid("delegation token: no tokens, or it is too long")
	}
	t, exists := s.options.Credentials.Token(id)
	expected := s.digest("token", base64.StdEncoding.EncodeToString(t.HMAC))
	right := hmac.Equal(expected, s.digest("token", hmacBase64))
	switch {
	case !exists || !right || len(t.HMAC) == 0:
		return security.Identity{}, invalid("wrong HMAC or unknown delegation token %q", shown(id))
	case !t.Expires.After(s.options.Now()):
		return security.Identity{}, invalid("delegation token %q has expired", shown(id))
	}
	return *tokenIdentity(t), nil
}

// Costs bounds the processor time for key derivations: half of the processors, at most one caller
// on each, and a short queue.
type Costs struct{ places, queue chan struct{} }

// NewCosts returns bounds for a process.
func NewCosts() *Costs {
	places := max(1, runtime.GOMAXPROCS(0)/2)
	return &Costs{make(chan struct{}, places), make(chan struct{}, places+costsWaiting)}
}

// enter waits for a place, which release frees. The error is ErrBusy.
func (c *Costs) enter() (release func(), err error) {
	select {
	case c.queue <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	c.places <- struct{}{}
	return func() { <-c.places; <-c.queue }, nil
}

// verified remembers keyed hashes of user and password with the stored key that they fit. When it
// is full, it starts over.
type verified struct {
	mu     sync.Mutex
	stored map[string][]byte
}

func (v *verified) has(key string, credentials []userCredential) bool {
	v.mu.Lock()
	stored, ok := v.stored[key]
	v.mu.Unlock()
	return ok && slices.ContainsFunc(credentials, func(c userCredential) bool {
		return c.real && hmac.Equal(c.StoredKey, stored)
	})
}

func (v *verified) add(key string, stored []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stored == nil || len(v.stored) >= verifiedMost {
		v.stored = make(map[string][]byte)
	}
	v.stored[key] = slices.Clone(stored)
}
