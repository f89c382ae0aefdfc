package certs

import (
	"bufio"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// golden calls f with the fields of each line of a file that a Java program printed.
func golden(t *testing.T, name string, f func(fields []string)) {
	t.Helper()
	file, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); lines++ {
		f(strings.Split(scanner.Text(), " "))
	}
	if lines < 100 {
		t.Errorf("only %d lines", lines)
	}
}

func unhex(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNamesAsJavaSpellsThem(t *testing.T) {
	t.Parallel()
	golden(t, "names.txt", func(fields []string) {
		der, want := unhex(t, fields[0]), unhex(t, fields[1])
		got, err := Name([]byte(der))
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; Java says %q", fields[0], got, err, want)
		}
	})
}

func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, der := range []string{"", "\x30", "\x30\x00\x00", "\x30\x02\x31\x05", "\x04\x00"} {
		if name, err := Name([]byte(der)); err == nil {
			t.Errorf("%x: %q", der, name)
		}
	}
}
