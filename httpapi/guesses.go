package httpapi

import (
	"container/list"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Guesses of passwords and tokens are slowed down, by the address that they come from and by the
// user that they are about. The first few failures are free; after them each doubles the time until
// the next attempt, up to a minute for an address, and up to two seconds for a user: one who
// guesses a user's password from everywhere must not keep that user out. A success forgets the
// failures of both. Attempts that run at the same time all pass; the verifier bounds how many these
// are.
const (
	guessesFree    = 10
	guessDelay     = 250 * time.Millisecond // after the first failure that is not free
	addressDelay   = time.Minute            // longest
	userDelay      = 2 * time.Second        // longest
	guessesForgot  = 10 * time.Minute       // since the last failure
	guessersMax    = 10_000                 // addresses and users that are remembered
	guessDoublings = 16                     // more make no difference
)

// guesserKey names an address or a user, without its text: a mistyped password must not stay in
// memory as the name of a user.
type guesserKey [sha256.Size]byte

// guesser is an address or a user with failed attempts.
type guesser struct {
	key    guesserKey
	failed int
	last   time.Time // of the failures
	next   time.Time // no attempt is carried out before
}

// guesses remembers who has failed. It is safe for concurrent use.
type guesses struct {
	now  func() time.Time
	salt []byte

	mu    sync.Mutex
	byKey map[guesserKey]*list.Element
	order list.List // of *guesser, the one with the oldest failure first
}

func newGuesses(now func() time.Time, salt []byte) *guesses {
	return &guesses{now: now, salt: salt, byKey: map[guesserKey]*list.Element{}}
}

// attempt names the address and the user of an attempt.
type attempt [2]guesserKey

func (g *guesses) attempt(addr, user string) attempt {
	return attempt{g.keyOf("address", networkOf(addr)), g.keyOf("user", user)}
}

func (g *guesses) keyOf(kind, name string) (key guesserKey) {
	mac := hmac.New(sha256.New, g.salt)
	mac.Write([]byte(kind + "\x00" + name))
	mac.Sum(key[:0])
	return key
}

// networkOf is what counts as one address: for IPv6 a network of 64 bits, which one client may
// have for itself.
func networkOf(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return addr
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return addr
	}
	return network.String()
}

// allows returns an error with the time that an attempt has to wait; nil if it may begin.
func (g *guesses) allows(a attempt) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.forgetOld(now)
	var wait time.Duration
	for _, key := range a {
		if e := g.byKey[key]; e != nil {
			wait = max(wait, e.Value.(*guesser).next.Sub(now))
		}
	}
	if wait > 0 {
		return &tooManyGuesses{wait}
	}
	return nil
}

// failed counts a failure of an address and a user.
func (g *guesses) failed(a attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for i, longest := range [2]time.Duration{addressDelay, userDelay} {
		g.count(a[i], now, longest)
	}
}

// count adds a failure. The caller holds the lock.
func (g *guesses) count(key guesserKey, now time.Time, longest time.Duration) {
	e := g.byKey[key]
	if e == nil {
		if len(g.byKey) >= guessersMax {
			g.forget(g.order.Front())
		}
		e = g.order.PushBack(&guesser{key: key})
		g.byKey[key] = e
	}
	who := e.Value.(*guesser)
	who.failed, who.last = who.failed+1, now
	if over := who.failed - guessesFree; over >= 0 {
		who.next = now.Add(min(guessDelay<<min(over, guessDoublings), longest))
	}
	g.order.MoveToBack(e)
}

// forgetOld forgets those who have not failed for long. The caller holds the lock.
func (g *guesses) forgetOld(now time.Time) {
	for e := g.order.Front(); e != nil; e = g.order.Front() {
		if now.Sub(e.Value.(*guesser).last) < guessesForgot {
			return
		}
		g.forget(e)
	}
}

// forget removes an entry. The caller holds the lock.
func (g *guesses) forget(e *list.Element) {
	delete(g.byKey, g.order.Remove(e).(*guesser).key)
}

// succeeded forgets the failures of an address and a user.
func (g *guesses) succeeded(a attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range a {
		if e := g.byKey[key]; e != nil {
			g.forget(e)
		}
	}
}

// tooManyGuesses refuses an attempt because others have failed.
type tooManyGuesses struct{ wait time.Duration }

// Error is part of error.
func (t *tooManyGuesses) Error() string {
	return fmt.Sprintf("too many failed attempts: the next one in %v", t.wait)
}

func (t *tooManyGuesses) problem() *Problem {
	seconds := int((t.wait + time.Second - 1) / time.Second)
	return newProblem(http.StatusTooManyRequests, kerr.SaslAuthenticationFailed,
		"Too many attempts with wrong credentials came from this address, or for this user. "+
			"Try again in %d s.", seconds).retry(itoa(seconds))
}
