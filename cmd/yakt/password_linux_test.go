package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal opens a terminal, as its keyboard and screen, and as a process sees it.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	open := func(path string) *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	keyboard = open("/dev/ptmx")
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return keyboard, open(fmt.Sprintf("/dev/pts/%d", n))
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// typist types a text when it is prompted, and keeps the prompt.
type typist struct {
	bytes.Buffer
	prompted func()
}

func (p *typist) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), ": ") {
		p.prompted()
	}
	return p.Buffer.Write(b)
}

// TestPasswordPrompt: the terminal does not show what is typed after the prompt, and shows it again
// afterwards.
func TestPasswordPrompt(t *testing.T) {
	t.Parallel()
	keyboard, terminal := openTerminal(t)
	prompt := &typist{prompted: func() {
		if echoes(t, terminal) {
			t.Error("the terminal would show the password")
		}
		if _, err := keyboard.WriteString("secret\n"); err != nil {
			t.Error(err)
		}
	}}
	password, err := readPassword(terminal, prompt)
	if err != nil || password != "secret" || prompt.String() != "Password: \n" {
		t.Errorf("%q, %v, prompt %q", password, err, prompt)
	}
	if !echoes(t, terminal) {
		t.Error("the terminal does not show what is typed any more")
	}
}
