package node

import (
	crand "crypto/rand"
	"math/rand/v2"
	"time"
)

// systemClock is the machine's clock.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

// newRandom returns an unpredictable generator; topic ids are drawn from it.
func newRandom() *rand.ChaCha8 {
	var seed [32]byte
	if _, err := crand.Read(seed[:]); err != nil {
		panic("node: the system has no randomness: " + err.Error())
	}
	return rand.NewChaCha8(seed)
}
