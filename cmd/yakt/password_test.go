package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/yakt/yakt/httpapi"
)

// setScram runs user set-scram with a standard input, and returns its output and its error.
func setScram(in io.Reader, args ...string) (out string, err error) {
	var all bytes.Buffer
	root := newRoot()
	root.SetArgs(append([]string{"user", "set-scram", "alice"}, args...))
	root.SetIn(in)
	root.SetOut(&all)
	root.SetErr(&all)
	err = root.Execute()
	return all.String(), err
}

// TestPasswordIsSaltedHere: the node is sent a salted password that fits its salt, a new one each
// time, and never the password.
func TestPasswordIsSaltedHere(t *testing.T) {
	t.Parallel()
	f := newFakeNode(t, map[string]string{"/v1/set_user_credential": `{"user":"alice"}`})
	const password = "correct horse"
	salts := map[string]bool{}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-512"} {
		out, err := setScram(strings.NewReader(password+"\r\nmore\n"), "--mechanism", mechanism,
			"--iterations", "4096", "--server", f.URL)
		asked := f.requests()
		if err != nil || len(asked) != 1 || strings.Contains(out+asked[0], password) {
			t.Fatalf("%v: %s, sent %q", err, out, asked)
		}
		_, text, _ := strings.Cut(asked[0], "application/json ")
		var sent struct {
			User, Mechanism      string
			Iterations           int
			Salt, SaltedPassword []byte
		}
		if err := json.Unmarshal([]byte(text), &sent); err != nil {
			t.Fatal(err)
		}
		want, err := httpapi.SaltPassword(mechanism, password, sent.Salt, 4096)
		if err != nil || !bytes.Equal(sent.SaltedPassword, want) || sent.User != "alice" ||
			sent.Mechanism != mechanism || sent.Iterations != 4096 || salts[string(sent.Salt)] {
			t.Errorf("sent %+v, want %x (%v)", sent, want, err)
		}
		salts[string(sent.Salt)] = true
	}
}

// TestBadPasswords: without a password, and with one that is too long, nothing is sent.
func TestBadPasswords(t *testing.T) {
	t.Parallel()
	f := newFakeNode(t, nil)
	for in, says := range map[string]string{
		"": "no password", "\nsecond line\n": "no password",
		strings.Repeat("x", passwordMax+1) + "\n": "more than 1024 bytes",
		strings.Repeat("x", 1<<20):                "more than 1024 bytes",
	} {
		_, err := setScram(strings.NewReader(in), "--server", f.URL)
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%.10q: %v", in, err)
		}
	}
	if asked := f.requests(); len(asked) > 0 {
		t.Errorf("sent %q", asked)
	}
}
