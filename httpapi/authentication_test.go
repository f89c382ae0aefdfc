package httpapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/security"
)

// knownClients are the proofs that the API of these tests accepts.
func knownClients() Authentication {
	is := func(right bool, name string) (security.Identity, error) {
		if !right {
			return security.Identity{}, security.Failf("", "not the proof of %q", name)
		}
		return security.Identity{Principal: "User:" + name}, nil
	}
	return Authentication{
		Protocol: protocol.SASLSSL, Required: true,
		Password: func(user, password string) (security.Identity, error) {
			return is(password == "of "+user, user)
		},
		Token: func(id, secret string) (security.Identity, error) {
			who, err := is(id == "token" && secret == "c2VjcmV0", "owner")
			who.TokenAuthenticated = true
			return who, err
		},
		JWT: func(token string) (security.Identity, error) {
			switch token {
			case "a.b.c":
				return is(true, "oauth")
			case "o.l.d":
				return security.Identity{Principal: "User:oauth", Expires: time.Unix(1, 0)}, nil
			case "no.key.yet":
				return security.Identity{}, errors.New("no keys yet: canary")
			}
			return is(false, "oauth")
		},
		Certificate: func(s tls.ConnectionState) (security.Identity, error) {
			return is(true, s.PeerCertificates[0].Subject.CommonName)
		},
	}
}

// guardedAPI makes the API of a controller that is not part of a quorum.
func guardedAPI(auth Authentication, log *bytes.Buffer, superUsers ...string) *API {
	logger := slog.New(slog.NewTextHandler(log, nil))
	c := controller.New(controller.Config{
		Clock: wallClock{}, Logger: logger, Authorizer: acls.NewAuthorizer(superUsers, false),
	})
	c.SetLog(caughtUp{})
	return New(Config{
		Logger: logger, Auth: auth, NodeID: 1, Leader: func() (int32, string) { return -1, "" },
		Node:        func() NodeState { return NodeState{LeaderID: -1, Role: "follower"} },
		BodyTimeout: time.Second,
		Controller:  c,
	})
}

// caughtUp is the log of a node that knows all ACLs; there are none.
type caughtUp struct{ controller.Log }

func (caughtUp) CaughtUp() (int64, bool) { return 0, true }

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// askAs sends a request for the status, which super users may see.
func askAs(handler http.Handler, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/v1/status", nil)
	change(r)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// TestProofs: every kind of proof, right and wrong. Who is known and may see the status gets it,
// who is known and may not gets 403, all others 401 with what this node accepts.
func TestProofs(t *testing.T) {
	t.Parallel()
	certificate := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
	certificate.PeerCertificates[0].Subject.CommonName = "cert"
	for _, c := range []struct {
		what, authorization string
		tls                 *tls.ConnectionState
		status              int
		said                string
	}{
		{"nothing", "", nil, 401, "This request needs credentials"},
		{"a password", basic("alice", "of alice"), nil, 200, ""},
		{"a password, of one who may not", basic("bob", "of bob"), nil, 403,
			`User:bob at 192.0.2.1 is not allowed to DESCRIBE the cluster "kafka-cluster".`},
		{"a wrong password", basic("alice", "of bob"), nil, 401, badCredentials},
		{"no user", basic("", "of "), nil, 401, badCredentials},
		{"no base64", "Basic ?", nil, 401, badCredentials},
		{"no colon", "Basic " + base64.StdEncoding.EncodeToString([]byte("x")), nil, 401,
			badCredentials},
		{"a token", "Bearer token.c2VjcmV0", nil, 200, ""},
		{"a token in lower case", "bearer token.c2VjcmV0", nil, 200, ""},
		{"a wrong token", "Bearer token.d3Jvbmc=", nil, 401, badCredentials},
		{"an unknown token", "Bearer other.c2VjcmV0", nil, 401, badCredentials},
		{"a JWT", "Bearer a.b.c", nil, 200, ""},
		{"a wrong JWT", "Bearer a.b.d", nil, 401, badCredentials},
		{"an old JWT", "Bearer o.l.d", nil, 401, "The credentials have expired."},
		{"a JWT that cannot be checked", "Bearer no.key.yet", nil, 500, "internal fault"},
		{"another scheme", "Digest x", nil, 401, "Authorization must be one of"},
		{"too much", "Bearer " + strings.Repeat("x", credentialBytesMax), nil, 401, badCredentials},
		{"a certificate", "", certificate, 200, ""},
		{"a certificate and a password", basic("bob", "of bob"), certificate, 403, "User:bob"},
		{"a certificate and a wrong password", basic("bob", "x"), certificate, 401, badCredentials},
	} {
		var log bytes.Buffer
		a := guardedAPI(knownClients(), &log, "User:alice", "User:owner", "User:oauth", "User:cert")
		w := askAs(a, func(r *http.Request) {
			r.TLS = c.tls
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
		})
		challenged := len(w.Header().Values("WWW-Authenticate")) == 2
		said := strings.ReplaceAll(c.said, `"`, `\"`)
		if w.Code != c.status || !strings.Contains(w.Body.String(), said) ||
			challenged != (c.status == 401) {
			t.Errorf("%s: %d %v %s", c.what, w.Code, w.Header(), w.Body)
		}
		for _, secret := range []string{"of alice", "of bob", "c2VjcmV0", "d3Jvbmc="} {
			if strings.Contains(log.String()+w.Body.String(), secret) {
				t.Errorf("%s: the log or the answer has %q: %s", c.what, secret, &log)
			}
		}
		if strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s: the client learns %s", c.what, w.Body)
		}
	}
}

// TestNoProofIsWanted: a node that checks no credentials refuses those that somebody sends, and
// everyone is anonymous.
func TestNoProofIsWanted(t *testing.T) {
	t.Parallel()
	a := guardedAPI(Authentication{}, new(bytes.Buffer), protocol.Anonymous)
	if w := askAs(a, func(*http.Request) {}); w.Code != http.StatusOK {
		t.Errorf("without credentials: %d %s", w.Code, w.Body)
	}
	w := askAs(a, func(r *http.Request) { r.Header.Set("Authorization", basic("alice", "x")) })
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" ||
		!strings.Contains(w.Body.String(), "yakt.http.security.protocol") {
		t.Errorf("with credentials: %d %s", w.Code, w.Body)
	}
	a = guardedAPI(Authentication{}, new(bytes.Buffer), "User:alice")
	if w := askAs(a, func(*http.Request) {}); w.Code != http.StatusForbidden ||
		!strings.Contains(w.Body.String(), protocol.Anonymous) {
		t.Errorf("with an authorizer: %d %s", w.Code, w.Body)
	}
}

// TestPublicPaths: health and the description of the API need no credentials, and health says
// without them no more than that it fails.
func TestPublicPaths(t *testing.T) {
	t.Parallel()
	a := guardedAPI(knownClients(), new(bytes.Buffer), "User:alice")
	at := func(path, authorization string) *httptest.ResponseRecorder {
		return askAs(a, func(r *http.Request) {
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(path, "?")
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
		})
	}
	for _, path := range []string{"/openapi.json", "/openapi.yaml", "/docs", "/docs/docs.js"} {
		if w := at(path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	const reason = "no leader is known"
	for authorization, told := range map[string]bool{
		"": false, basic("bob", "of bob"): false, basic("alice", "of alice"): true,
	} {
		w := at("/readyz", authorization)
		if w.Code != http.StatusServiceUnavailable ||
			!strings.Contains(w.Body.String(), "leader_known") ||
			strings.Contains(w.Body.String(), reason) != told {
			t.Errorf("/readyz with %q: %d %s", authorization, w.Code, w.Body)
		}
	}
	for authorization, status := range map[string]int{
		"": 401, basic("bob", "of bob"): 403, basic("alice", "of alice"): 503,
	} {
		if w := at("/readyz?quorum=true", authorization); w.Code != status {
			t.Errorf("/readyz?quorum=true with %q: %d %s", authorization, w.Code, w.Body)
		}
	}
	if w := at("/no/such/path", ""); w.Code != http.StatusNotFound {
		t.Errorf("an unknown path: %d", w.Code)
	}
}

// TestTooManyGuesses: after enough wrong passwords an address has to wait, and is told how long.
func TestTooManyGuesses(t *testing.T) {
	t.Parallel()
	a := guardedAPI(knownClients(), new(bytes.Buffer), "User:alice")
	for i := range guessesFree + 1 {
		w := askAs(a, func(r *http.Request) {
			r.Header.Set("Authorization", basic(fmt.Sprint("user", i), "wrong"))
		})
		want := http.StatusUnauthorized
		if i == guessesFree {
			want = http.StatusTooManyRequests
		}
		if w.Code != want || want == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "1" {
			t.Errorf("attempt %d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
	w := askAs(a, func(r *http.Request) {
		r.RemoteAddr = "192.0.2.2:1"
		r.Header.Set("Authorization", basic("alice", "of alice"))
	})
	if w.Code != http.StatusOK {
		t.Errorf("another address: %d %s", w.Code, w.Body)
	}
}

// TestOnlyTheTunnelSaysWhoAsks: the header of another controller is ignored in a client's request,
// and counts in one through the tunnel.
func TestOnlyTheTunnelSaysWhoAsks(t *testing.T) {
	t.Parallel()
	a := guardedAPI(knownClients(), new(bytes.Buffer), "User:alice")
	header := http.Header{}
	enclose(header, protocol.Caller{Principal: "User:alice", ClientAddr: "10.0.0.7"})
	forged := func(r *http.Request) { r.Header = header.Clone() }
	if w := askAs(a, forged); w.Code != http.StatusUnauthorized {
		t.Errorf("a client says that it is somebody: %d %s", w.Code, w.Body)
	}
	w := askAs(a, func(r *http.Request) {
		forged(r)
		r.Header.Set("Authorization", basic("bob", "of bob"))
	})
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "User:bob at 192.0.2.1") {
		t.Errorf("a client says that it is another: %d %s", w.Code, w.Body)
	}
	if w := askAs(a.Tunnel(), forged); w.Code != http.StatusOK {
		t.Errorf("a controller says who asks: %d %s", w.Code, w.Body)
	}
	enclose(header, protocol.Caller{Principal: "User:bob", ClientAddr: "10.0.0.8"})
	if w := askAs(a.Tunnel(), forged); w.Code != http.StatusForbidden ||
		!strings.Contains(w.Body.String(), "User:bob at 10.0.0.8") {
		t.Errorf("a controller says that another asks: %d %s", w.Code, w.Body)
	}
	for what, text := range map[string]string{
		"no base64": "?", "no JSON": "e30x", "nobody": base64.StdEncoding.EncodeToString([]byte("{}")),
		"too long": strings.Repeat("e", envelopeBytesMax+1),
		"no address": base64.StdEncoding.EncodeToString(
			[]byte(`{"principal":"User:alice","addr":"somewhere"}`)),
	} {
		w := askAs(a.Tunnel(), func(r *http.Request) { r.Header.Set(callerHeader, text) })
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	if w := askAs(a.Tunnel(), func(*http.Request) {}); w.Code != http.StatusForbidden {
		t.Errorf("a controller for itself: %d %s", w.Code, w.Body)
	}
}

// TestAStandbySaysWhoAsks: it tells the leader who the client is and where it is, keeps the
// client's password to itself, and passes on no header by which the client says to be another.
func TestAStandbySaysWhoAsks(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	leader := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Header
	}))
	t.Cleanup(leader.Close)
	a := guardedAPI(knownClients(), new(bytes.Buffer))
	address := strings.TrimPrefix(leader.URL, "http://")
	a.cfg.Leader = func() (int32, string) { return 2, address }
	a.cfg.PassTo = passTo(t, address)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/v1/unregister_broker",
		strings.NewReader(`{"brokerId": 1}`))
	r.Header.Set("Authorization", basic("bob", "of bob"))
	enclose(r.Header, protocol.Caller{Principal: "User:alice", ClientAddr: "10.0.0.7"})
	a.ServeHTTP(httptest.NewRecorder(), r)
	h := <-got
	e, ok := openEnvelope(h.Get(callerHeader))
	if want := (envelope{"User:bob", "192.0.2.1", protocol.SASLSSL, false}); !ok || e != want ||
		len(h.Values(callerHeader)) != 1 || h.Get("Authorization") != "" {
		t.Errorf("the leader gets %+v, %v", e, h)
	}
}

// TestAnswersBelongToTheirReader: the ETag of one principal is not that of another, and neither is
// an idempotency key.
func TestAnswersBelongToTheirReader(t *testing.T) {
	t.Parallel()
	const text = `"42-3"`
	alice, bob := boundTag(text, "User:alice"), boundTag(text, "User:bob")
	if alice == bob || alice == text || boundTag(text, protocol.Anonymous) != text ||
		boundTag(alice, "User:alice") != alice || boundTag(alice, "User:bob") != alice {
		t.Errorf("%s, %s", alice, bob)
	}
	for _, s := range []string{alice, gzipTag(alice)} {
		if got, ok := parseTag(s, false); !ok || got.offset != 42 || got.epoch != 3 ||
			got.owner != ownerOf("User:alice") {
			t.Errorf("%s is read as %+v", s, got)
		}
	}
}
