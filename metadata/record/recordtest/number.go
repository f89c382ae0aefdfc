package recordtest

import (
	"os"
	"strconv"
	"testing"
)

// Number returns a number from an environment variable, such as a seed or the size of a test, or
// otherwise if the variable is not set.
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
