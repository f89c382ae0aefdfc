package recordtest

import (
	"os"
	"strconv"
	"testing"
)

// Number is a number from the environment, such as a seed, or how much a test is to draw; otherwise
// stands for one that is not set.
func Number(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
