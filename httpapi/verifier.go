package httpapi

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/singleflight"

	"github.com/yakt/yakt/limits"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/security"
)

// To check a password takes thousands of hashes, and HTTP clients send theirs with every request.
// So a password that was right counts as right for provenAge, unless the user's credentials change;
// requests with the same password that arrive together are checked once; few passwords are checked
// at a time, and few wait. What was right once is no guess: it is checked even while guesses of
// others about the same user have to wait.
const (
	provenAge    = time.Minute
	provenMax    = 1000 // passwords and tokens
	checksMax    = 2    // at a time
	checksQueued = 64   // that wait for that
)

// provenKey stands for a user with a password, or for a token: a hash with a random key, from which
// nobody learns the secret.
type provenKey [sha256.Size]byte

// proven is a secret that was right.
type proven struct {
	key   provenKey
	who   security.Identity
	until time.Time // it needs no check before
	by    credentials
}

// credentials are what a user's password is compared with. Records do not change, so another
// record is another credential.
type credentials [2]*record.UserScramCredential

func credentialsOf(img *metadata.Image, user string) credentials {
	return credentials{img.ScramCredential(1, user), img.ScramCredential(2, user)}
}

// verifier checks proofs of identity. It is safe for concurrent use.
type verifier struct {
	auth    *Authentication
	image   func() *metadata.Image
	now     func() time.Time
	salt    []byte
	guesses *guesses
	pace    limits.Pace // of lines in the log about failures
	checks  singleflight.Group
	running chan struct{} // holds one element for each check that runs
	queued  chan struct{} // and for each that runs or waits

	mu    sync.Mutex
	byKey map[provenKey]*list.Element
	order list.List // of *proven, the oldest first
}

func newVerifier(
	auth *Authentication, image func() *metadata.Image, now func() time.Time,
) *verifier {
	salt := make([]byte, sha256.Size)
	rand.Read(salt) // never fails
	return &verifier{
		auth: auth, image: image, now: now, salt: salt, guesses: newGuesses(now, salt),
		running: make(chan struct{}, checksMax),
		queued:  make(chan struct{}, checksMax+checksQueued),
		byKey:   map[provenKey]*list.Element{},
	}
}

// attempt checks a secret, unless failures of its address or user forbid it for now.
func (v *verifier) attempt(
	addr, user string, key provenKey, check func() (security.Identity, error),
) (security.Identity, error) {
	a, before := v.guesses.attempt(addr, user), v.provenBefore(key)
	if !before {
		if err := v.guesses.allows(a); err != nil {
			return security.Identity{}, err
		}
	}
	who, err := check()
	if _, wrong := errors.AsType[*security.Failure](err); wrong {
		v.guesses.failed(a)
		v.unlearn(key)
	}
	if err == nil {
		v.guesses.succeeded(a)
	}
	return who, err
}

// password checks a user's password.
func (v *verifier) password(addr, user, password string) (security.Identity, error) {
	key, by := v.provenKey("password", user, password), credentialsOf(v.image(), user)
	if who, ok := v.known(key, by); ok {
		return who, nil
	}
	found, err, _ := v.checks.Do(addr+" "+string(key[:]), func() (any, error) {
		who, err := v.attempt(addr, user, key, func() (security.Identity, error) {
			return v.inTurn(func() (security.Identity, error) {
				return v.auth.Password(user, password)
			})
		})
		if err == nil {
			v.learn(&proven{key, who, v.now().Add(provenAge), by})
		}
		return who, err
	})
	who, _ := found.(security.Identity)
	return who, err
}

// inTurn runs a check that takes the processor, with few others at a time.
func (v *verifier) inTurn(check func() (security.Identity, error)) (security.Identity, error) {
	select {
	case v.queued <- struct{}{}:
	default:
		return security.Identity{}, newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut,
			"Too many passwords are being checked. Try again in a moment.").retry("1")
	}
	defer func() { <-v.queued }()
	v.running <- struct{}{}
	defer func() { <-v.running }()
	return check()
}

// token checks the secret of a delegation token, each time: the token may have been removed.
func (v *verifier) token(addr, id string, secret []byte) (security.Identity, error) {
	key := v.provenKey("token", id, string(secret))
	who, err := v.attempt(addr, id, key, func() (security.Identity, error) {
		return v.auth.Token(id, secret)
	})
	if err == nil {
		v.learn(&proven{key: key})
	}
	return who, err
}

// jwt checks a token of OAuth. Signatures cannot be guessed, so that only bounds the work.
func (v *verifier) jwt(addr, token string) (security.Identity, error) {
	return v.attempt(addr, "OAuth from "+addr, provenKey{}, func() (security.Identity, error) {
		return v.auth.JWT(token)
	})
}

func (v *verifier) provenKey(kind, user, secret string) (key provenKey) {
	mac := hmac.New(sha256.New, v.salt)
	mac.Write(binary.BigEndian.AppendUint32([]byte(kind), uint32(len(user))))
	mac.Write([]byte(user))
	mac.Write([]byte(secret))
	mac.Sum(key[:0])
	return key
}

// known returns whom a password has proven lately, if the credentials are still the same.
func (v *verifier) known(key provenKey, by credentials) (security.Identity, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.byKey[key]; e != nil {
		p := e.Value.(*proven)
		return p.who, v.now().Before(p.until) && p.by == by
	}
	return security.Identity{}, false
}

// provenBefore reports whether a secret was right when it was last checked.
func (v *verifier) provenBefore(key provenKey) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.byKey[key] != nil
}

func (v *verifier) unlearn(key provenKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.byKey[key]; e != nil {
		v.forget(e)
	}
}

func (v *verifier) learn(p *proven) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e := v.byKey[p.key]; e != nil {
		v.forget(e)
	}
	if len(v.byKey) >= provenMax {
		v.forget(v.order.Front())
	}
	v.byKey[p.key] = v.order.PushBack(p)
}

// forget removes an entry. The caller holds the lock.
func (v *verifier) forget(e *list.Element) {
	delete(v.byKey, v.order.Remove(e).(*proven).key)
}
