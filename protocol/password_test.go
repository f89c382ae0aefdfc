package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestPasswordsCannotBePrinted(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	type holder struct {
		P       Password
		M       map[Password]Password
		private Password
	}
	secret := NewPassword(canary)
	h := holder{secret, map[Password]Password{secret: secret}, secret}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", h.P)
	}
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("a", "p", h.P, "h", h)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("a", "p", h.P, "h", h)
	if text := out.String() + log.String(); strings.Contains(text, canary) ||
		strings.Contains(text, fmt.Sprintf("%x", canary)) {
		t.Error(text)
	}
	if h.private.Reveal() != canary || NewPassword("") != (Password{}) || NewPassword("").IsSet() {
		t.Error("Reveal or the empty password")
	}
}
