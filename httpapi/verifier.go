package httpapi

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/limits"
	"github.com/yakt/yakt/security"
)

// ErrBusy is an error of Authentication's functions: too many proofs are being checked.
var ErrBusy = errors.New("too many credentials are being checked")

// provenMax is how many secrets are remembered as right once.
const provenMax = 1000

// provenKey stands for a user with a password, or for a token: a hash with a random key, from which
// nobody learns the secret.
type provenKey [sha256.Size]byte

// verifier checks proofs of identity, and slows guesses down. A secret that was right once is no
// guess: it is checked even while guesses of others about the same user have to wait. The verifier
// is safe for concurrent use.
type verifier struct {
	auth    *Authentication
	salt    []byte
	guesses *guesses
	pace    limits.Pace // of lines in the log about failures

	mu     sync.Mutex
	proven map[provenKey]struct{} // at most provenMax; it starts over when it is full
}

func newVerifier(auth *Authentication, now func() time.Time) *verifier {
	salt := make([]byte, sha256.Size)
	rand.Read(salt) // never fails
	return &verifier{
		auth: auth, salt: salt, guesses: newGuesses(now, salt), proven: map[provenKey]struct{}{},
	}
}

// check checks a secret of a user, unless failures of the address or the user forbid it for now.
func (v *verifier) check(
	addr, user string, key provenKey, check func() (security.Identity, error),
) (security.Identity, error) {
	a := v.guesses.attempt(addr, user)
	if !v.provenBefore(key) {
		if err := v.guesses.allows(a); err != nil {
			return security.Identity{}, err
		}
	}
	who, err := check()
	_, wrong := errors.AsType[*security.Failure](err)
	switch {
	case err == nil:
		v.guesses.succeeded(a)
		v.learn(key)
	case wrong:
		v.guesses.failed(a)
		v.unlearn(key)
	case errors.Is(err, ErrBusy):
		err = newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut,
			"Too many passwords are being checked. Try again in a moment.").retry("1")
	}
	return who, err
}

// password checks a user's password.
func (v *verifier) password(addr, user, password string) (security.Identity, error) {
	return v.check(addr, user, v.keyOf("password", user, password), func() (security.Identity, error) {
		return v.auth.Password(user, password)
	})
}

// token checks the secret of a delegation token, in base64.
func (v *verifier) token(addr, id, secret string) (security.Identity, error) {
	return v.check(addr, id, v.keyOf("token", id, secret), func() (security.Identity, error) {
		return v.auth.Token(id, secret)
	})
}

// jwt checks a token of OAuth. Nobody guesses signatures; the limit bounds the work.
func (v *verifier) jwt(addr, token string) (security.Identity, error) {
	key := v.keyOf("JWT", "", token)
	return v.check(addr, "JWT from "+addr, key, func() (security.Identity, error) {
		return v.auth.JWT(token)
	})
}

func (v *verifier) keyOf(kind, user, secret string) (key provenKey) {
	mac := hmac.New(sha256.New, v.salt)
	mac.Write(binary.BigEndian.AppendUint32([]byte(kind), uint32(len(user))))
	mac.Write([]byte(user))
	mac.Write([]byte(secret))
	mac.Sum(key[:0])
	return key
}

// provenBefore reports whether a secret was right when it was last checked.
func (v *verifier) provenBefore(key provenKey) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.proven[key]
	return ok
}

func (v *verifier) learn(key provenKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.proven) >= provenMax {
		clear(v.proven)
	}
	v.proven[key] = struct{}{}
}

func (v *verifier) unlearn(key provenKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.proven, key)
}
