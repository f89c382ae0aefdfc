package httpapi

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/yakt/yakt/security"
)

// testClock is a clock that a test moves.
type testClock struct{ at time.Time }

func newTestClock() *testClock { return &testClock{time.Unix(1_000_000, 0)} }

func (c *testClock) now() time.Time          { return c.at }
func (c *testClock) advance(d time.Duration) { c.at = c.at.Add(d) }

// waits is how long an attempt has to wait; 0 if it may begin.
func waits(g *guesses, addr, user string) time.Duration {
	slow, _ := errors.AsType[*tooManyGuesses](g.allows(g.attempt(addr, user)))
	if slow == nil {
		return 0
	}
	return slow.wait
}

// TestGuessesAreSlowedDown: after the free failures of an address the time to the next attempt
// doubles up to its bound; that of a user, from wherever, has a lower bound; a success forgets.
func TestGuessesAreSlowedDown(t *testing.T) {
	t.Parallel()
	clock := newTestClock()
	g := newGuesses(clock.now, []byte("salt"))
	fail := func(addr, user string) { g.failed(g.attempt(addr, user)) }
	for i := range guessesFree - 1 {
		fail("10.0.0.1", fmt.Sprint("user", i))
	}
	if wait := waits(g, "10.0.0.1", "alice"); wait != 0 {
		t.Errorf("after the free failures: %v", wait)
	}
	want := guessDelay
	for range 20 {
		fail("10.0.0.1", "bob")
		if wait := waits(g, "10.0.0.1", "alice"); wait != want {
			t.Fatalf("the next attempt waits %v, want %v", wait, want)
		}
		clock.advance(want)
		if wait := waits(g, "10.0.0.1", "alice"); wait != 0 {
			t.Fatalf("after that time: %v", wait)
		}
		want = min(2*want, addressDelay)
	}
	if wait := waits(g, "10.0.0.2", "alice"); wait != 0 {
		t.Errorf("another address: %v", wait)
	}
	fail("10.0.0.3", "bob")
	if wait := waits(g, "10.0.0.2", "bob"); wait != userDelay {
		t.Errorf("the user from another address: %v", wait)
	}
	g.succeeded(g.attempt("10.0.0.1", "bob"))
	if wait := waits(g, "10.0.0.1", "bob"); wait != 0 {
		t.Errorf("after a success: %v", wait)
	}
}

// TestGuessersAreBounded: those who have failed are forgotten after a time, and the oldest when
// there are too many. A network of IPv6 is one address.
func TestGuessersAreBounded(t *testing.T) {
	t.Parallel()
	clock := newTestClock()
	g := newGuesses(clock.now, []byte("salt"))
	for i := range guessersMax {
		g.failed(g.attempt(fmt.Sprint("a", i), fmt.Sprint("u", i)))
	}
	if len(g.byKey) != guessersMax || g.order.Len() != guessersMax {
		t.Errorf("%d are remembered, of at most %d", len(g.byKey), guessersMax)
	}
	clock.advance(guessesForgot)
	_ = waits(g, "x", "y")
	if len(g.byKey) != 0 {
		t.Errorf("%d are remembered after %v", len(g.byKey), guessesForgot)
	}
	for i := range guessesFree {
		g.failed(g.attempt(fmt.Sprintf("2001:db8::%x", i), fmt.Sprint("u", i)))
	}
	if waits(g, "2001:db8::ffff", "z") == 0 || waits(g, "2001:db8:0:1::1", "z") != 0 {
		t.Error("a network of IPv6 is not one address")
	}
}

// TestARightPasswordIsNoGuess: while others guess a user's password, the one that was right before
// is checked, and a new one is not. When it fails it is a guess like others.
func TestARightPasswordIsNoGuess(t *testing.T) {
	t.Parallel()
	clock := newTestClock()
	right, checked := "right", 0
	v := newVerifier(&Authentication{
		Password: func(user, password string) (security.Identity, error) {
			checked++
			if password != right {
				return security.Identity{}, security.Failf("", "wrong password of %s", user)
			}
			return security.Identity{Principal: "User:" + user}, nil
		},
	}, clock.now)
	if who, err := v.password("10.0.0.1", "alice", "right"); err != nil ||
		who.Principal != "User:alice" {
		t.Fatalf("%v, %v", who, err)
	}
	for i := range guessesFree {
		if _, err := v.password("10.9.9.9", "alice", fmt.Sprint("guess", i)); err == nil {
			t.Fatal("a wrong password was accepted")
		}
	}
	_, err := v.password("10.9.9.9", "alice", "right")
	if _, slow := errors.AsType[*tooManyGuesses](err); slow || err != nil {
		t.Errorf("what was right before: %v", err)
	}
	for range guessesFree + 1 {
		_, err = v.password("10.9.9.9", "alice", "wrong")
	}
	_, slow := errors.AsType[*tooManyGuesses](err)
	if !slow {
		t.Errorf("a new guess: %v", err)
	}
	before := checked
	right = "changed"
	if _, err = v.password("10.0.0.1", "alice", "right"); err == nil || checked != before+1 {
		t.Errorf("the old password: %v", err)
	}
	if _, err = v.password("10.0.0.1", "alice", "right"); err == nil || checked != before+1 {
		t.Errorf("the old password was checked again while guesses wait: %v", err)
	}
}
