package main

import (
	"os"
	"os/exec"
	"testing"
)

// asYakt has this test program run as yakt itself, for tests of a process of its own.
const asYakt = "YAKT_TEST_AS_YAKT"

func TestMain(m *testing.M) {
	if os.Getenv(asYakt) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program is a command that runs yakt in a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asYakt+"=1")
	cmd.Dir = t.TempDir()
	return cmd
}
