package sasl

import (
	"bufio"
	"encoding/base64"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func unbase64(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// latin is bytes as the program of the vectors prints them.
func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

func lines(m map[string]string) string {
	var s strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m)) {
		s.WriteString(key + "=" + m[key] + "\n")
	}
	return s.String()
}

// readMessage reads a message of a kind of the vectors.
func readMessage(kind, message string) ([]string, error) {
	switch kind {
	case "first":
		m, err := parseClientFirst(message)
		return []string{escapeName(m.authzid), m.user, m.nonce, lines(m.extensions)}, err
	case "final":
		m, err := parseClientFinal(message)
		return []string{latin(m.binding), m.nonce, latin(m.proof)}, err
	case "server":
		m, err := parseServerFirst(message)
		return []string{m.nonce, latin(m.salt), strconv.Itoa(m.iterations)}, err
	}
	m, err := parseOAuth(message)
	return []string{m.authzid, m.token, lines(m.extensions)}, err
}

// TestMessagesAreReadAsKafkaReadsThem compares with Kafka's classes (testdata/Messages.java).
func TestMessagesAreReadAsKafkaReadsThem(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/messages.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	accepted, refused := make(map[string]int), make(map[string]int)
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		parts := strings.Split(scanner.Text(), "\t")
		kind, message, want := parts[0], unbase64(t, parts[1]), parts[2:]
		got, err := readMessage(kind, message)
		switch {
		case want[0] == "-":
			refused[kind]++
			if err == nil {
				t.Errorf("%s %q: accepted, refused by Kafka", kind, message)
			}
			continue
		case err != nil:
			t.Errorf("%s %q: %v", kind, message, err)
			continue
		}
		accepted[kind]++
		for i := range want {
			if want[i] = unbase64(t, want[i]); got[i] != want[i] {
				t.Errorf("%s %q: %q, want %q", kind, message, got[i], want[i])
			}
		}
	}
	for _, kind := range []string{"first", "final", "server", "oauth"} {
		if accepted[kind] < 20 || refused[kind] < 100 {
			t.Errorf("%s: %d accepted, %d refused", kind, accepted[kind], refused[kind])
		}
	}
}
