package sasl_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
	"github.com/yakt/yakt/security/sasl"
	"github.com/yakt/yakt/security/sasl/sasltest"
)

// begin starts an exchange.
func begin(t testing.TB, s *sasl.Server, mechanism string) security.Exchange {
	t.Helper()
	x, err := s.Begin(mechanism, security.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// converse lets a client and a server talk to each other.
func converse(
	t testing.TB, s *sasl.Server, settings sasl.ClientSettings, token string,
) (*security.Identity, error) {
	t.Helper()
	dialogue, err := sasl.NewClient(settings, sasltest.Client(token))
	if err != nil {
		t.Fatal(err)
	}
	d := dialogue()
	if d.Mechanism() != settings.Mechanism {
		t.Errorf("the dialogue is %s", d.Mechanism())
	}
	x := begin(t, s, d.Mechanism())
	var who *security.Identity
	var answer []byte
	for range 8 {
		message, done, err := d.Step(answer)
		switch {
		case err != nil:
			return nil, err
		case done:
			return who, nil
		case who != nil:
			t.Fatal("the client goes on after the server's end")
		}
		if answer, who, err = x.Step(message); err != nil {
			return nil, err
		}
	}
	t.Fatal("no end")
	return nil, nil
}

func TestClientsAuthenticate(t *testing.T) {
	t.Parallel()
	world := sasltest.New(t)
	server, _ := world.Server(t)
	secret := protocol.NewPassword
	bob, alice := secret(sasltest.BobPassword), secret(sasltest.AlicePassword)
	for name, test := range map[string]struct {
		settings sasl.ClientSettings
		token    string
		want     string // the principal; "" for a failure with the sentence told
		told     string
	}{
		"PLAIN": {sasl.ClientSettings{Mechanism: sasl.Plain, User: sasltest.Alice,
			Password: alice}, "", "User:alice", ""},
		"PLAIN, wrong": {sasl.ClientSettings{Mechanism: sasl.Plain, User: sasltest.Alice,
			Password: bob}, "", "", "Authentication failed: Invalid username or password"},
		"256": {sasl.ClientSettings{Mechanism: sasl.ScramSHA256, User: sasltest.Bob,
			Password: bob}, "", "User:bob,=1", ""},
		"512": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: sasltest.Bob,
			Password: bob}, "", "User:bob,=1", ""},
		"256, wrong": {sasl.ClientSettings{Mechanism: sasl.ScramSHA256, User: sasltest.Bob,
			Password: alice}, "", "", ""},
		"256, unknown": {sasl.ClientSettings{Mechanism: sasl.ScramSHA256, User: "nobody",
			Password: bob}, "", "", ""},
		"token": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: sasltest.Token.ID,
			Password: secret(sasltest.Token.Password), TokenAuth: true}, "", "User:carol", ""},
		"token, wrong": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: sasltest.Token.ID,
			Password: bob, TokenAuth: true}, "", "", ""},
		"token, unknown": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: "nothing",
			Password: bob, TokenAuth: true}, "", "", ""},
		"token, expired": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: "expired",
			Password: secret("eA=="), TokenAuth: true}, "", "", ""},
		"token as a user": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512,
			User: sasltest.Token.ID, Password: secret(sasltest.Token.Password)}, "", "", ""},
		"user as a token": {sasl.ClientSettings{Mechanism: sasl.ScramSHA512, User: sasltest.Bob,
			Password: bob, TokenAuth: true}, "", "", ""},
		"OAUTHBEARER": {sasl.ClientSettings{Mechanism: sasl.OAuthBearer,
			Extensions: map[string]string{"a": "b", "c": "d"}}, sasltest.OAuthToken,
			"User:dave", ""},
		"OAUTHBEARER, wrong": {sasl.ClientSettings{Mechanism: sasl.OAuthBearer}, "abc", "",
			`{"status":"invalid_token"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who, err := converse(t, server, test.settings, test.token)
			if test.want == "" {
				expectFailure(t, err, test.told)
				return
			}
			if err != nil || who.Principal != test.want ||
				who.TokenAuthenticated != test.settings.TokenAuth {
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
}

// expectFailure requires a failure that tells the client a sentence, and the log nothing secret.
func expectFailure(t testing.TB, err error, told string) {
	t.Helper()
	f, ok := errors.AsType[*security.Failure](err)
	if !ok || f.Told != told || f.Reason == "" {
		t.Errorf("%v, want a failure that tells %q", err, told)
		return
	}
	for _, secret := range []string{sasltest.AlicePassword, sasltest.BobPassword,
		sasltest.Token.Password, sasltest.OAuthToken} {
		if strings.Contains(f.Reason+f.Told, secret) {
			t.Errorf("%q shows a secret", f.Reason)
		}
	}
}

// TestNobodyLearnsWhoExists: the first answer for a user that does not exist has the form of a real
// one and is always the same, but for the nonce; the last is that for a wrong password.
func TestNobodyLearnsWhoExists(t *testing.T) {
	t.Parallel()
	world := sasltest.New(t)
	world.Scrams[sasl.ScramSHA256+" weak"] = sasltest.Credential(sha256.New, "pw", "salt", 4095)
	server, _ := world.Server(t)
	first := func(user, extension string) (security.Exchange, string, string) {
		x := begin(t, server, sasl.ScramSHA256)
		reply, who, err := x.Step([]byte("n,,n=" + user + ",r=nonce" + extension))
		if err != nil || who != nil {
			t.Fatal(err)
		}
		nonce, rest, ok := strings.Cut(string(reply), ",")
		if !ok || !strings.HasPrefix(nonce, "r=nonce") || len(nonce) < len("r=nonce")+20 {
			t.Fatalf("%q", reply)
		}
		return x, strings.TrimPrefix(nonce, "r="), rest
	}
	salts := make(map[string]bool)
	for _, subject := range []struct{ user, extension string }{
		{"nobody", ""}, {"somebody", ""}, {"weak", ""}, {"nobody", ",tokenauth=true"},
		{"expired", ",tokenauth=TRUE"}, {sasltest.Token.ID, ",tokenauth=true"},
	} {
		_, nonce1, one := first(subject.user, subject.extension)
		x, nonce2, two := first(subject.user, subject.extension)
		if one != two || nonce1 == nonce2 || salts[one] || !strings.HasSuffix(one, ",i=4096") {
			t.Errorf("%v: %q, then %q", subject, one, two)
		}
		salts[one] = true
		_, _, err := x.Step([]byte("c=biws,r=" + nonce2 + ",p=" + strings.Repeat("A", 43) + "="))
		expectFailure(t, err, "")
	}
}

// TestScramMessagesThatFail: each fails at the step that it belongs to, and ends the exchange.
func TestScramMessagesThatFail(t *testing.T) {
	t.Parallel()
	world := sasltest.New(t)
	server, _ := world.Server(t)
	const proof = ",p=AAAA"
	for name, messages := range map[string][2]string{
		"empty":             {"", ""},
		"channel binding":   {"p=tls-exporter,,n=bob,r=abc", ""},
		"supports binding":  {"y,,n=bob,r=abc", ""},
		"too long":          {"n,,n=" + strings.Repeat("x", 20000) + ",r=abc", ""},
		"too many fields":   {"n,,n=a,r=b" + strings.Repeat(",a=b", 100), ""},
		"other nonce":       {"n,,n=bob,r=abc", "c=biws,r=abc" + proof},
		"no nonce":          {"n,,n=bob,r=abc", "c=biws" + proof},
		"other header":      {"n,,n=bob,r=abc", "c=eSws,r=NONCE" + proof},
		"header of another": {"n,a=bob,n=bob,r=abc", "c=biws,r=NONCE" + proof},
		"short proof":       {"n,,n=bob,r=abc", "c=biws,r=NONCE" + proof},
		"no proof":          {"n,,n=bob,r=abc", "c=biws,r=NONCE"},
		"first again":       {"n,,n=bob,r=abc", "n,,n=bob,r=abc"},
	} {
		x := begin(t, server, sasl.ScramSHA512)
		reply, _, err := x.Step([]byte(messages[0]))
		if messages[1] != "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			nonce, _, _ := strings.Cut(strings.TrimPrefix(string(reply), "r="), ",")
			_, _, err = x.Step([]byte(strings.ReplaceAll(messages[1], "NONCE", nonce)))
		}
		expectFailure(t, err, "")
		if _, who, err := x.Step([]byte(messages[0])); err == nil || who != nil {
			t.Errorf("%s: the exchange goes on after its failure", name)
		}
	}
	x := begin(t, server, sasl.ScramSHA512)
	_, _, err := x.Step([]byte("n,a=eve,n=bob,r=abc"))
	expectFailure(t, err, "Authentication failed: Client requested an authorization id that is "+
		"different from username")
}

// TestReplayedMessagesFail: what a client has sent successfully once is worth nothing later.
func TestReplayedMessagesFail(t *testing.T) {
	t.Parallel()
	server, _ := sasltest.New(t).Server(t)
	dialogue, err := sasl.NewClient(sasl.ClientSettings{Mechanism: sasl.ScramSHA256,
		User: sasltest.Bob, Password: protocol.NewPassword(sasltest.BobPassword)},
		sasl.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var sent [][]byte
	d, x := dialogue(), begin(t, server, sasl.ScramSHA256)
	var answer []byte
	for {
		message, done, err := d.Step(answer)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			break
		}
		sent = append(sent, message)
		if answer, _, err = x.Step(message); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 2 {
		t.Fatalf("%d messages", len(sent))
	}
	x = begin(t, server, sasl.ScramSHA256)
	if _, _, err := x.Step(sent[0]); err != nil {
		t.Fatal(err)
	}
	_, _, err = x.Step(sent[1])
	expectFailure(t, err, "")
}

// TestClientsCheckTheServer: a server that does not know the user's credential is refused, and so
// are answers that would make the client weaker or busy.
func TestClientsCheckTheServer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(step int, answer string) string
		want   string
	}{
		"signature": {func(step int, a string) string {
			if step == 2 {
				return "v=" + strings.Repeat("A", 43) + "="
			}
			return a
		}, "the server's signature is wrong"},
		"no signature": {func(step int, a string) string {
			if step == 2 {
				return ""
			}
			return a
		}, "has no signature"},
		"error": {func(step int, a string) string {
			if step == 2 {
				return "e=other-error"
			}
			return a
		}, "the server refuses: \"other-error\""},
		"nonce": {func(step int, a string) string { return "r=x,s=AAAA,i=4096" },
			"does not use the client's nonce"},
		"own nonce only": {func(step int, a string) string {
			nonce, rest, _ := strings.Cut(a, ",")
			return nonce[:len(nonce)/2] + "," + rest
		}, "does not use the client's nonce"},
		"few iterations": {func(step int, a string) string {
			return strings.Replace(a, "i=4096", "i=1", 1)
		}, "asks for 1 iterations"},
		"many iterations": {func(step int, a string) string {
			return strings.Replace(a, "i=4096", "i=2147483647", 1)
		}, "asks for 2147483647 iterations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := sasltest.New(t).Server(t)
			dialogue, _ := sasl.NewClient(sasl.ClientSettings{Mechanism: sasl.ScramSHA256,
				User: sasltest.Bob, Password: protocol.NewPassword(sasltest.BobPassword)},
				sasl.ClientOptions{})
			d, x := dialogue(), begin(t, server, sasl.ScramSHA256)
			var answer []byte
			var err error
			for step := 1; err == nil; step++ {
				var message []byte
				var done bool
				if message, done, err = d.Step(answer); done || err != nil {
					break
				}
				if answer, _, err = x.Step(message); err != nil {
					t.Fatal(err)
				}
				answer = []byte(test.change(step, string(answer)))
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestExpiryOfCredentials: a token limits how long its client stays authenticated.
func TestExpiryOfCredentials(t *testing.T) {
	t.Parallel()
	world := sasltest.New(t)
	now := time.Unix(1_800_000_000, 0)
	world.Now = func() time.Time { return now }
	world.Tokens["t"] = sasl.Token{Owner: "User:c:d", HMAC: []byte("h"),
		Expires: now.Add(time.Hour)}
	server, _ := world.Server(t)
	settings := sasl.ClientSettings{Mechanism: sasl.ScramSHA256, User: "t",
		Password: protocol.NewPassword("aA=="), TokenAuth: true}
	who, err := converse(t, server, settings, "")
	if err != nil || !who.Expires.Equal(now.Add(time.Hour)) || who.Principal != "User:c:d" {
		t.Errorf("%+v, %v", who, err)
	}
	now = now.Add(time.Hour)
	_, err = converse(t, server, settings, "")
	expectFailure(t, err, "")
	who, err = converse(t, server, sasl.ClientSettings{Mechanism: sasl.OAuthBearer},
		sasltest.OAuthToken)
	if err != nil || !who.Expires.Equal(now.Add(time.Minute)) {
		t.Errorf("%+v, %v", who, err)
	}
}

// TestOAuthExchange: the steps after a token that is not valid, and a name that is not the token's.
func TestOAuthExchange(t *testing.T) {
	t.Parallel()
	server, _ := sasltest.New(t).Server(t)
	message := func(authzid, token string) []byte {
		return []byte("n," + authzid + ",\x01auth=Bearer " + token + "\x01\x01")
	}
	x := begin(t, server, sasl.OAuthBearer)
	reply, who, err := x.Step(message("", "other"))
	if !bytes.Equal(reply, []byte(`{"status":"invalid_token"}`)) || who != nil || err != nil {
		t.Fatalf("%q, %v, %v", reply, who, err)
	}
	_, _, err = x.Step(message("", sasltest.OAuthToken)) // too late
	expectFailure(t, err, `{"status":"invalid_token"}`)
	x = begin(t, server, sasl.OAuthBearer)
	_, _, err = x.Step(message("a=eve", sasltest.OAuthToken))
	expectFailure(t, err, "Authentication failed: Client requested an authorization id (eve) that "+
		"is different from the token's principal name (dave)")
	x = begin(t, server, sasl.OAuthBearer)
	_, _, err = x.Step(message("", strings.Repeat("x", 300<<10)))
	expectFailure(t, err, "")
	x = begin(t, server, sasl.OAuthBearer)
	if _, who, err := x.Step(message("a=dave", sasltest.OAuthToken)); err != nil ||
		who.Principal != "User:dave" {
		t.Errorf("%v, %v", who, err)
	}
	if _, _, err := x.Step(message("", sasltest.OAuthToken)); err == nil {
		t.Error("a step after the end")
	}
}

// TestAFaultIsNotTheClients: an error of the validator that is no *security.Failure is passed on.
func TestAFaultIsNotTheClients(t *testing.T) {
	t.Parallel()
	fault := errors.New("no keys")
	settings, _ := sasl.Parse(sasltest.Keys("sasl.enabled.mechanisms=OAUTHBEARER"))
	server, err := sasl.NewServer(settings, sasl.Options{OAuth: sasltest.Fault{Err: fault}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = converse(t, server, sasl.ClientSettings{Mechanism: sasl.OAuthBearer}, "x")
	if !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
}

func TestServersNeedTheirParts(t *testing.T) {
	t.Parallel()
	settings, _ := sasl.Parse(sasltest.Keys())
	world := sasltest.New(t)
	for want, o := range map[string]sasl.Options{
		"SCRAM-SHA-256 needs Credentials": {OAuth: world},
		"OAUTHBEARER needs OAuth":         {Credentials: world},
	} {
		if _, err := sasl.NewServer(settings, o); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	server, _ := world.Server(t, "sasl.enabled.mechanisms=PLAIN")
	for _, m := range []string{"SCRAM-SHA-256", "plain", "GSSAPI", ""} {
		if _, err := server.Begin(m, security.Client{}); err == nil {
			t.Errorf("%q begins", m)
		}
	}
	if _, err := sasl.NewClient(sasl.ClientSettings{Mechanism: "GSSAPI"},
		sasl.ClientOptions{}); err == nil {
		t.Error("a client of GSSAPI")
	}
	if text := fmt.Sprintf("%v %+v %#v", settings, settings, settings); strings.Contains(text,
		"secret") {
		t.Error(text)
	}
}

func FuzzExchanges(f *testing.F) {
	for _, seed := range []string{"n,,n=bob,r=abc", "c=biws,r=abc,p=AAAA", "\x00a\x00b",
		"n,,\x01auth=Bearer a\x01\x01", "n,a=x,m=y,n=a=2Cb,r=c,tokenauth=true"} {
		f.Add([]byte(seed), []byte(seed))
	}
	world := sasltest.New(f)
	server, _ := world.Server(f)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		for _, m := range server.Mechanisms() {
			x := begin(t, server, m)
			reply, who, err := x.Step(one)
			if who != nil && err != nil || len(reply) > 2*len(one)+200 {
				t.Errorf("%s %q: %d bytes, %v, %v", m, one, len(reply), who, err)
			}
			if err == nil && who == nil {
				if _, who, _ := x.Step(two); who != nil {
					t.Errorf("%s: %q and %q authenticate %v", m, one, two, who)
				}
			}
		}
	})
}
