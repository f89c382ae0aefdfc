package oauth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/yakt/yakt/logtest"
	"github.com/yakt/yakt/security/oauth/oauthtest"
)

// fakeServer answers HTTP requests without a network, so that time can be the bubble's.
type fakeServer struct {
	mu     sync.Mutex
	status int // 0: the connection fails
	body   []byte
	at     []time.Duration // when there was a request, since start
	start  time.Time
}

func (f *fakeServer) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = append(f.at, time.Since(f.start))
	if f.status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{
		StatusCode: f.status, Request: r, Body: io.NopCloser(bytes.NewReader(f.body)),
	}, nil
}

func (f *fakeServer) answer(status int, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.body = status, body
}

// requests returns the times of the requests since the last call.
func (f *fakeServer) requests() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := fmt.Sprint(f.at)
	f.at = nil
	return at
}

// inBubble runs a test with a validator whose JWKS comes from a fake server, in a bubble of time.
func inBubble(t *testing.T, status int,
	test func(*testing.T, *Validator, *fakeServer, *oauthtest.Issuer)) *logtest.Buffer {
	var log logtest.Buffer
	synctest.Test(t, func(t *testing.T) {
		i := oauthtest.New(t)
		f := &fakeServer{status: status, body: i.JWKS(), start: time.Now()}
		s, problems := Parse(good("http://id.example/jwks"), nil)
		if problems != nil {
			t.Fatal(problems)
		}
		v, err := New(s, Options{Transport: f, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		synctest.Wait()
		test(t, v, f, i)
	})
	return &log
}

func TestTheKeysAreDownloadedInTheBackground(t *testing.T) {
	t.Parallel()
	log := inBubble(t, 200, func(
		t *testing.T, v *Validator, f *fakeServer, i *oauthtest.Issuer,
	) {
		if _, err := v.Validate(t.Context(), i.Token("alice", nil), time.Now()); err != nil {
			t.Error(err)
		}
		time.Sleep(2*time.Hour + time.Minute)
		if got := f.requests(); got != "[0s 1h0m0s 2h0m0s]" {
			t.Error(got)
		}
	})
	if !strings.Contains(log.String(), "without TLS") {
		t.Errorf("%q", log.String())
	}
}

func TestBeforeTheFirstDownloadTokensAreNotTheClientsFault(t *testing.T) {
	t.Parallel()
	log := inBubble(t, 0, func(t *testing.T, v *Validator, f *fakeServer, i *oauthtest.Issuer) {
		token := i.Token("alice", nil)
		if _, err := v.Validate(t.Context(), token, time.Now()); !errors.Is(err, ErrNoKeys) {
			t.Error(err)
		}
		refusalAt(t, v, "x.y", time.Now(), "three parts") // this one would be refused anyway
		time.Sleep(time.Second)
		if got := f.requests(); got != "[0s 100ms 300ms 700ms]" {
			t.Error(got)
		}
		f.answer(503, nil)
		time.Sleep(time.Minute - time.Second)
		if got := f.requests(); got != "[1.5s 3.1s 6.3s 12.7s 22.7s 32.7s 42.7s 52.7s]" {
			t.Error(got)
		}
		f.answer(200, i.JWKS())
		time.Sleep(11 * time.Second)
		if _, err := v.Validate(t.Context(), token, time.Now()); err != nil {
			t.Error(err)
		}
	})
	if n := strings.Count(log.String(), "cannot be downloaded"); n != 1 && n != 2 {
		t.Errorf("%d lines about failures: %q", n, log.String())
	}
}

func TestAFailedDownloadKeepsTheKeys(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		status int
		body   []byte
	}{
		"no connection": {0, nil}, "status": {500, nil}, "not found": {404, oauthtest.Set()},
		"not JSON": {200, []byte("<html>")}, "too large": {200, make([]byte, MaxJWKSBytes+1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, 200, func(
				t *testing.T, v *Validator, server *fakeServer, i *oauthtest.Issuer,
			) {
				server.answer(f.status, f.body)
				time.Sleep(90 * time.Minute)
				synctest.Wait()
				token := i.Token("alice", nil)
				if _, err := v.Validate(t.Context(), token, time.Now()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestUnknownKeyIDsCauseFewDownloads(t *testing.T) {
	t.Parallel()
	inBubble(t, 200, func(t *testing.T, v *Validator, f *fakeServer, i *oauthtest.Issuer) {
		k := i.Key(0)
		for n := range 1000 {
			k.Kid = fmt.Sprint("unknown-", n)
			refusalAt(t, v, k.Sign(nil, i.Claims("mallory", nil)), time.Now(),
				"no key for a token")
			time.Sleep(50 * time.Millisecond)
		}
		if got := f.requests(); got != "[0s 10s 20s 30s 40s 50s]" &&
			got != "[0s 10s 20s 30s 40s]" {
			t.Error(got)
		}
		next := i.Add(t, "ES256")
		f.answer(200, i.JWKS())
		token := next.Sign(nil, i.Claims("alice", nil))
		refusalAt(t, v, token, time.Now(), "no key for a token")
		time.Sleep(expeditedInterval + time.Millisecond)
		if _, err := v.Validate(t.Context(), token, time.Now()); err != nil {
			t.Error(err)
		}
	})
}

func TestAWithdrawnKeyIsNoLongerTaken(t *testing.T) {
	t.Parallel()
	inBubble(t, 200, func(t *testing.T, v *Validator, f *fakeServer, i *oauthtest.Issuer) {
		f.answer(200, oauthtest.Set(i.Add(t, "ES256")))
		time.Sleep(time.Hour)
		synctest.Wait()
		refusalAt(t, v, i.Token("alice", nil), time.Now(), "no key for a token")
	})
}

func TestDownloadsFromRealServers(t *testing.T) {
	t.Parallel()
	i := oauthtest.New(t)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { w.Write(i.JWKS()) })
	mux.Handle("/once", http.RedirectHandler("/jwks", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler(other.URL+"/jwks", http.StatusFound))
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for path, wrong := range map[string]string{
		"/jwks": "", "/once": "", "/loop": "redirections", "/away": "is not followed",
		"/endless": "larger than", "/none": "status 404",
	} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			s, _ := Parse(good(server.URL+path), nil)
			o := Options{Logger: quiet}.withDefaults()
			client, err := newClient(s.JWKS, s.tls, o)
			if err != nil {
				t.Fatal(err)
			}
			d := &download{url: s.JWKS.String(), client: client, settings: s, logger: o.Logger}
			if err := d.refresh(t.Context()); (err == nil) != (wrong == "") ||
				err != nil && !strings.Contains(err.Error(), wrong) {
				t.Error(err)
			}
		})
	}
}
