package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

const interruptedEnv = "YAKT_TEST_INTERRUPTED"

// TestAnInterruptRestoresTheTerminal: what a process has hidden is shown again before a signal ends
// it, and it ends by that signal. The process is this test once more.
func TestAnInterruptRestoresTheTerminal(t *testing.T) {
	if os.Getenv(interruptedEnv) != "" {
		onInterrupt(func() { fmt.Println("restored") })
		fmt.Println("ready")
		<-t.Context().Done()
		return
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), interruptedEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for s := bufio.NewScanner(out); s.Scan(); {
		if lines = append(lines, s.Text()); s.Text() == "ready" {
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || !slices.Contains(lines, "restored") ||
		exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("%v, %q", err, lines)
	}
}
