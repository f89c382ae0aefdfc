package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// clientKeys are the keys of a client with an id and a secret.
func clientKeys(endpoint string) map[string]string {
	return map[string]string{
		keyLoginHandler: kafkas + "OAuthBearerLoginCallbackHandler",
		keyEndpoint:     endpoint, keyClientID: "node-1", keyClientSecret: "s3cret",
		"sasl.oauthbearer.scope": "kafka quorum",
	}
}

func newSource(t *testing.T, keys map[string]string, o Options) *Source {
	t.Helper()
	s, problems := ParseSource(keys, nil)
	if problems != nil {
		t.Fatal(problems)
	}
	if o.Logger == nil {
		o.Logger = quiet
	}
	source, err := NewSource(s, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	return source
}

func TestAClientsTokenIsTakenByTheServer(t *testing.T) {
	t.Parallel()
	i := oauthtest.New(t)
	clients := map[string]string{"node-1": "s3cret"}
	server := i.Serve(t, clients, map[string]any{"scope": "kafka"})
	source := newSource(t, clientKeys(server.TokenURL), Options{})
	_, jwks := i.JWKSFile(t)
	v := newValidator(t, jwks, nil)
	for range 3 {
		token, err := source.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		who, err := v.Validate(t.Context(), token, time.Now())
		if err != nil || who.Principal != "User:node-1" {
			t.Errorf("%v, %v", who, err)
		}
	}
	if n := server.Tokens.Load(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// fakeEndpoint is a token endpoint without a network.
type fakeEndpoint struct {
	fakeServer
	delay    time.Duration
	requests []string // the Authorization header and the form of each
	mu2      sync.Mutex
}

func (f *fakeEndpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(f.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	id, secret, _ := r.BasicAuth()
	form := new(strings.Builder)
	if _, err := fmt.Fprintf(form, "%s %s:%s ", r.Method, id, secret); err != nil {
		return nil, err
	}
	body := make([]byte, r.ContentLength)
	if _, err := r.Body.Read(body); err != nil {
		return nil, err
	}
	form.Write(body)
	f.mu2.Lock()
	f.requests = append(f.requests, form.String())
	f.mu2.Unlock()
	return f.fakeServer.RoundTrip(r)
}

func (f *fakeEndpoint) give(token string) {
	f.answer(200, []byte(`{"access_token":"`+token+`","token_type":"Bearer"}`))
}

// inClientBubble runs a test with a source whose endpoint is a fake, in a bubble of time.
func inClientBubble(t *testing.T, keys map[string]string,
	test func(*testing.T, *Source, *fakeEndpoint, *oauthtest.Issuer)) *logtest.Buffer {
	var log logtest.Buffer
	synctest.Test(t, func(t *testing.T) {
		f := &fakeEndpoint{fakeServer: fakeServer{start: time.Now()}}
		logger := slog.New(slog.NewTextHandler(&log, nil))
		s := newSource(t, keys, Options{Transport: f, Logger: logger})
		s.random = func() float64 { return 0 }
		test(t, s, f, oauthtest.New(t))
		s.Close()
	})
	return &log
}

func TestTheRequestForAToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key, value, request string
	}{
		"as it is": {"", "", "POST node-1:s3cret grant_type=client_credentials&scope=kafka quorum"},
		"no scope": {"sasl.oauthbearer.scope", "",
			"POST node-1:s3cret grant_type=client_credentials"},
		"encoded": {"sasl.oauthbearer.header.urlencode", "true",
			"POST node-1:s3cret grant_type=client_credentials&scope=kafka+quorum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := clientKeys("http://id.example/token")
			keys[c.key] = c.value
			inClientBubble(t, keys, func(
				t *testing.T, s *Source, f *fakeEndpoint, i *oauthtest.Issuer,
			) {
				f.give(i.Token("node-1", nil))
				if _, err := s.Token(t.Context()); err != nil {
					t.Error(err)
				}
				if len(f.requests) != 1 || f.requests[0] != c.request {
					t.Errorf("%q", f.requests)
				}
			})
		})
	}
}

func TestATokenIsReplacedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	keys := clientKeys("http://id.example/token")
	inClientBubble(t, keys, func(
		t *testing.T, s *Source, f *fakeEndpoint, i *oauthtest.Issuer,
	) {
		get := func(want string) {
			t.Helper()
			if token, err := s.Token(t.Context()); err != nil || token != want {
				t.Errorf("%v: %q, %v, want %q", time.Since(f.start), token, err, want)
			}
			synctest.Wait()
		}
		first := i.Token("first", nil)
		f.give(first)
		get(first)
		time.Sleep(47 * time.Minute)
		get(first)
		second := i.Token("second", nil)
		f.give(second)
		time.Sleep(time.Minute) // 80 % of an hour are over
		get(first)              // does not wait
		get(second)
		f.answer(503, nil)
		time.Sleep(50 * time.Minute)
		get(second)
		if got := f.fakeServer.requests(); got != "[0s 48m0s 1h38m0s]" {
			t.Error(got)
		}
		time.Sleep(time.Hour)
		if token, err := s.Token(t.Context()); err == nil {
			t.Errorf("a token that has expired: %q", token)
		}
	})
}

func TestARefusedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	keys := clientKeys("http://id.example/token")
	inClientBubble(t, keys, func(
		t *testing.T, s *Source, f *fakeEndpoint, i *oauthtest.Issuer,
	) {
		get := func(want string) {
			t.Helper()
			if token, err := s.Token(t.Context()); err != nil || token != want {
				t.Errorf("%v: %q, %v, want %q", time.Since(f.start), token, err, want)
			}
		}
		first, second := i.Token("first", nil), i.Token("second", nil)
		f.give(first)
		get(first)
		f.give(second)
		s.Refused("another one")
		get(first)
		s.Refused(first)
		get(second)
		s.Refused(second) // so soon again
		get(second)
		time.Sleep(refreshRetryInterval)
		s.Refused(second)
		get(second)
		if got := f.fakeServer.requests(); got != "[0s 0s 10s]" {
			t.Error(got)
		}
	})
	now := noon
	path, fileURL := oauthtest.File(t, "token", []byte(issuer(t).Token("first", nil)))
	s := newSource(t, map[string]string{keyEndpoint: fileURL},
		Options{Now: func() time.Time { return now }})
	second := issuer(t).Token("second", nil)
	if err := os.WriteFile(path, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, noon, noon); err != nil {
		t.Fatal(err)
	}
	s.Refused("")
	if token, err := s.Token(t.Context()); err != nil || token != second {
		t.Errorf("%q, %v", token, err)
	}
}

func TestAFailingEndpoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status      int
		body, wrong string
		attempts    string
	}{
		"no connection": {0, "", "connection refused",
			"[0s 100ms 300ms 700ms 1.5s 3.1s 6.3s 10s]"},
		"overloaded": {503, "", "status 503", "[0s 100ms 300ms 700ms 1.5s 3.1s 6.3s 10s]"},
		"too many":   {429, "", "status 429", "[0s 100ms 300ms 700ms 1.5s 3.1s 6.3s 10s]"},
		"no right": {401, `{"error":"invalid_client","error_description":"who?"}`,
			`"invalid_client" ("who?")`, "[0s]"},
		"no such path":  {404, "<html>", "status 404", "[0s]"},
		"no token":      {200, `{"token_type":"Bearer"}`, "no access_token", "[0s]"},
		"blank token":   {200, `{"access_token":" "}`, "no access_token", "[0s]"},
		"a number":      {200, `{"access_token":5}`, "no access_token", "[0s]"},
		"not JSON":      {200, "access_token=x", "no access_token", "[0s]"},
		"HTML":          {200, "<html>", "no access_token", "[0s]"},
		"empty":         {200, "", "no access_token", "[0s]"},
		"opaque token":  {200, `{"access_token":"opaque-SECRET"}`, "not a signed token", "[0s]"},
		"half a token":  {200, `{"access_token":"SECRET.e30.x"}`, "is missing", "[0s]"},
		"bad character": {200, `{"access_token":"SECRET.e30.x\u0001y"}`, "not a signed", "[0s]"},
		"too large": {200, strings.Repeat("SECRET", maxAnswerBytes), "larger than",
			"[0s 100ms 300ms 700ms 1.5s 3.1s 6.3s 10s]"},
		"token too long": {200, `{"access_token":"a.b.` + strings.Repeat("S", MaxTokenBytes) + `"}`,
			"not a signed token", "[0s]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := clientKeys("http://id.example/token")
			log := inClientBubble(t, keys, func(
				t *testing.T, s *Source, f *fakeEndpoint, _ *oauthtest.Issuer,
			) {
				f.answer(c.status, []byte(c.body))
				for range 3 { // one failure answers all
					token, err := s.Token(t.Context())
					if err == nil || !strings.Contains(err.Error(), c.wrong) {
						t.Errorf("%q, %v", token, err)
					}
				}
				if got := f.fakeServer.requests(); got != c.attempts {
					t.Error(got)
				}
			})
			if text := log.String(); strings.Contains(text, "SECRET") ||
				strings.Contains(text, "s3cret") || !strings.Contains(text, "no token from") {
				t.Errorf("%q", text)
			}
		})
	}
}

func TestASlowEndpoint(t *testing.T) {
	t.Parallel()
	keys := clientKeys("http://id.example/token")
	keys[keyLoginRetryMax], keys[keyLoginRetry] = "0", "0"
	inClientBubble(t, keys, func(t *testing.T, s *Source, f *fakeEndpoint, i *oauthtest.Issuer) {
		f.give(i.Token("node-1", nil))
		f.delay = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Token(ctx); err == nil || time.Since(f.start) != time.Second {
			t.Error(time.Since(f.start), err)
		}
		if _, err := s.Token(t.Context()); err == nil || time.Since(f.start) != 30*time.Second {
			t.Error(time.Since(f.start), err)
		}
		f.delay = time.Second
		time.Sleep(failureInterval)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, err := s.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if got := f.fakeServer.requests(); got != "[32s]" {
			t.Error(got)
		}
		s.Close()
		time.Sleep(time.Hour)
		if _, err := s.Token(t.Context()); err == nil {
			t.Error("a closed source gives a token that has expired")
		}
	})
}

func TestAnEndpointThatRedirectsGetsNoSecret(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux := http.NewServeMux()
		mux.Handle("/token", http.RedirectHandler("/other", status))
		mux.HandleFunc("/other", func(http.ResponseWriter, *http.Request) {
			t.Error("the redirection is followed")
		})
		keys := clientKeys(serve(t, mux) + "/token")
		keys[keyLoginRetryMax], keys[keyLoginRetry] = "0", "0"
		_, err := newSource(t, keys, Options{}).Token(t.Context())
		if err == nil || !strings.Contains(err.Error(), "is not followed") {
			t.Error(err)
		}
	}
}

func TestATokenInAFile(t *testing.T) {
	t.Parallel()
	i := issuer(t)
	first := i.Token("first", nil)
	path, fileURL := oauthtest.File(t, "token", []byte(first+"\n"))
	keys := map[string]string{keyEndpoint: fileURL}
	now := noon
	s := newSource(t, keys, Options{Now: func() time.Time { return now }})
	get := func(want string) {
		t.Helper()
		if token, err := s.Token(t.Context()); err != nil || token != want {
			t.Errorf("%q, %v, want %q", token, err, want)
		}
	}
	get(first)
	second := i.Token("second", nil)
	if err := os.WriteFile(path, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, noon, noon); err != nil {
		t.Fatal(err)
	}
	get(first)
	now = now.Add(fileCheckInterval)
	get(second)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now = noon.Add(time.Hour + 29*time.Second)
	get(second)
	now = now.Add(time.Second)
	if _, err := s.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "expired at") ||
		strings.Contains(err.Error(), second) {
		t.Error(err)
	}
}

func TestATokenThatOthersCanRead(t *testing.T) {
	t.Parallel()
	path, fileURL := oauthtest.File(t, "token", []byte(issuer(t).Token("node-1", nil)))
	for mode, warns := range map[os.FileMode]bool{0o600: false, 0o640: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var log logtest.Buffer
		newSource(t, map[string]string{keyEndpoint: fileURL},
			Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if strings.Contains(log.String(), "chmod go-rwx "+path) != warns {
			t.Errorf("%o: %q", mode, log.String())
		}
	}
}

func TestFilesThatHoldNoToken(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "x", "a.b", "a.b.c.d", "a.$.c", strings.Repeat("a", 1<<20),
		"e30." + oauthtest.Part(map[string]any{"sub": "x"}) + ".e30",
		"e30." + oauthtest.Part(map[string]any{"exp": 1}) + ".e30",
		"e30." + oauthtest.Part(map[string]any{"exp": "1", "sub": "x"}) + ".e30"} {
		_, fileURL := oauthtest.File(t, "token", []byte(content))
		s, problems := ParseSource(map[string]string{keyEndpoint: fileURL}, nil)
		if problems != nil {
			t.Fatal(problems)
		}
		if source, err := NewSource(s, Options{Logger: quiet}); err == nil {
			source.Close()
			t.Errorf("%q is taken", clip(content))
		}
	}
	if _, err := NewSource(SourceSettings{}, Options{}); err == nil {
		t.Error("a source without an endpoint")
	}
}

func TestSourceSettings(t *testing.T) {
	t.Parallel()
	s, problems := ParseSource(
		map[string]string{keyEndpoint: "https://id.example/token", keyClientID: "of the key"},
		map[string]protocol.Password{
			"clientId":     protocol.NewPassword("of the entry"),
			"clientSecret": protocol.NewPassword("s3cret"),
			"scope":        protocol.NewPassword("kafka"),
			"ssl.protocol": protocol.NewPassword("TLSv1.3"),
		})
	if problems != nil || s.clientID != "of the key" || s.secret.Reveal() != "s3cret" ||
		s.scope != "kafka" || s.tls.MinVersion == 0 {
		t.Errorf("%+v, %v", s, problems)
	}
	if text := fmt.Sprintf("%+v %#v", s, s); strings.Contains(text, "s3cret") {
		t.Error(text)
	}
}

func TestSourceSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	const unsecured = kafkas + "internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler"
	for name, c := range map[string]struct{ key, value, at, wrong string }{
		"no endpoint":       {keyEndpoint, "", keyEndpoint, "no token for its peers"},
		"unsecured":         {keyLoginHandler, unsecured, keyLoginHandler, "cannot run here"},
		"own handler":       {keyLoginHandler, "org.example.X", keyLoginHandler, "cannot run here"},
		"own retriever":     {keyRetriever, "org.example.X", keyRetriever, "cannot run here"},
		"file's retriever":  {keyRetriever, kafkas + "FileJwtRetriever", keyEndpoint, "not a file"},
		"no id":             {keyClientID, "", keyClientID, "is not set"},
		"no secret":         {keyClientSecret, " ", keyClientSecret, "is not set"},
		"window too small":  {"sasl.login.refresh.window.factor", "0.4", "", "range"},
		"window is text":    {"sasl.login.refresh.window.factor", "NaN", "", "range"},
		"jitter too large":  {"sasl.login.refresh.window.jitter", "0.3", "", "range"},
		"period too long":   {"sasl.login.refresh.min.period.seconds", "901", "", "range"},
		"no read timeout":   {"sasl.login.read.timeout.ms", "0", "", "range"},
		"retries over max":  {keyLoginRetryMax, "99", keyLoginRetryMax, "less than"},
		"assertion, no key": {keyAssertionIss, "x", keyPrivateKey, "is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := clientKeys("https://id.example/token")
			keys[c.key] = c.value
			if c.at == "" {
				c.at = c.key
			}
			_, problems := ParseSource(keys, nil)
			if len(problems) != 1 || problems[0].Key != c.at || problems[0].Fix == "" ||
				!strings.Contains(problems[0].Wrong, c.wrong) {
				t.Errorf("%q", problems)
			}
		})
	}
	_, problems := ParseSource(map[string]string{
		keyEndpoint: "file:///token", keyRetriever: kafkas + "ClientCredentialsJwtRetriever",
	}, nil)
	if len(problems) == 0 || !strings.Contains(problems[0].Wrong, "is a file") {
		t.Errorf("%q", problems)
	}
}

func TestWhenATokenIsReplaced(t *testing.T) {
	t.Parallel()
	s := refreshSettings{factor: 0.8, jitter: 0.05, minPeriodSeconds: 60, bufferSeconds: 300}
	for name, c := range map[string]struct {
		age, life time.Duration // of the token, from its issue
		random    float64
		in        time.Duration // from now
	}{
		"in its window":          {0, time.Hour, 0, 48 * time.Minute},
		"with jitter":            {0, time.Hour, 1, 51 * time.Minute},
		"window counts from iat": {10 * time.Minute, time.Hour, 0, 38 * time.Minute},
		"before the buffer":      {0, 20 * time.Minute, 0, 15 * time.Minute},
		"after the period":       {50 * time.Minute, time.Hour, 0, time.Minute},
		"no room for both":       {0, 5 * time.Minute, 0, 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issued := noon.Add(-c.age)
			if at := s.at(noon, issued, issued.Add(c.life), c.random); at.Sub(noon) != c.in {
				t.Error(at.Sub(noon))
			}
		})
	}
}
