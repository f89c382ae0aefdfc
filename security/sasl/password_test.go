package sasl_test

import (
	"crypto/sha512"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/sasl"
	"github.com/yakt/yakt/security/sasl/sasltest"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	world := sasltest.New(t)
	world.Scrams[sasl.ScramSHA512+" costly"] = sasltest.Credential(sha512.New, "pw", "s", 16385)
	world.Scrams[sasl.ScramSHA512+" grace"] = sasltest.Credential(sha512.New, "pw", "s", 16384)
	server, _ := world.Server(t)
	for _, test := range []struct {
		user, password string
		ok             bool
	}{
		{sasltest.Alice, sasltest.AlicePassword, true},
		{sasltest.Bob, sasltest.BobPassword, true},
		{sasltest.Bob, sasltest.BobPassword, true}, // remembered
		{"grace", "pw", true},
		{"costly", "pw", false}, // more iterations than Kafka allows
		{sasltest.Alice, sasltest.BobPassword, false},
		{sasltest.Bob, sasltest.AlicePassword, false},
		{sasltest.Bob, "", false},
		{"", "", false},
		{"nobody", "", false},
		{"nobody", "x", false},
		{sasltest.Token.ID, sasltest.Token.Password, false},
		{strings.Repeat("u", 2000), "x", false},
		{"grace", strings.Repeat("p", 2000), false},
	} {
		who, err := server.Password(test.user, test.password)
		if !test.ok {
			expectFailure(t, err, "")
		} else if err != nil || who.Principal != "User:"+test.user || who.TokenAuthenticated {
			t.Errorf("%.20s: %+v, %v", test.user, who, err)
		}
	}
}

// TestARememberedPasswordEndsWithItsCredential: after a change of the password the old one fails.
func TestARememberedPasswordEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	world := sasltest.New(t)
	key := sasl.ScramSHA512 + " grace"
	world.Scrams[key] = sasltest.Credential(sha512.New, "old", "s", 4096)
	server, _ := world.Server(t)
	if _, err := server.Password("grace", "old"); err != nil {
		t.Fatal(err)
	}
	world.Scrams[key] = sasltest.Credential(sha512.New, "new", "s", 4096)
	_, err := server.Password("grace", "old")
	expectFailure(t, err, "")
	if _, err := server.Password("grace", "new"); err != nil {
		t.Error(err)
	}
	delete(world.Scrams, key)
	_, err = server.Password("grace", "new")
	expectFailure(t, err, "")
}

func TestPlainUsersNeedPlain(t *testing.T) {
	t.Parallel()
	server, _ := sasltest.New(t).Server(t, "sasl.enabled.mechanisms=SCRAM-SHA-256")
	_, err := server.Password(sasltest.Alice, sasltest.AlicePassword)
	expectFailure(t, err, "")
	if _, err := server.Password(sasltest.Bob, sasltest.BobPassword); err != nil {
		t.Error(err)
	}
}

// TestManyPasswordsAtOnce: a crowd with wrong passwords is refused, beyond a short queue at once.
func TestManyPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	server, _ := sasltest.New(t).Server(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	busy, wrong := 0, 0
	for range 400 {
		wg.Go(func() {
			_, err := server.Password("nobody", "x")
			_, failed := errors.AsType[*security.Failure](err)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, sasl.ErrBusy):
				busy++
			case failed:
				wrong++
			default:
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if wrong < 64 || busy+wrong != 400 {
		t.Errorf("%d wrong, %d busy", wrong, busy)
	}
	if _, err := server.Password(sasltest.Bob, sasltest.BobPassword); err != nil {
		t.Error(err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	server, _ := sasltest.New(t).Server(t)
	who, err := server.Token(sasltest.Token.ID, sasltest.Token.Password)
	if err != nil || who.Principal != "User:carol" || !who.TokenAuthenticated ||
		who.Expires.IsZero() {
		t.Errorf("%+v, %v", who, err)
	}
	for id, hmac := range map[string]string{sasltest.Token.ID: "x", "nothing": "", "expired": "eA==",
		"": "", strings.Repeat("x", 2000): "x"} {
		_, err := server.Token(id, hmac)
		expectFailure(t, err, "")
	}
}
