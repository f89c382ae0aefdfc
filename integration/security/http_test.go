package security

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	nethttp "net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/realm"
)

// proof puts credentials into a request; nil adds none.
type proof func(*nethttp.Request)

func basic(user, password string) proof {
	return func(r *nethttp.Request) { r.SetBasicAuth(user, password) }
}

func bearer(token string) proof {
	return func(r *nethttp.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// browser is a client of the HTTP API and of the profiles.
func (c *cluster) browser(t *testing.T) *nethttp.Client {
	transport := &nethttp.Transport{TLSClientConfig: c.r.TLS()}
	t.Cleanup(transport.CloseIdleConnections)
	return &nethttp.Client{Transport: transport}
}

// request sends one and returns the status and the body.
func request(
	t *testing.T, client *nethttp.Client, method, url string, p proof,
) (status int, body []byte) {
	t.Helper()
	req, err := nethttp.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if p != nil {
		p(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, url, err)
		return 0, nil
	}
	defer resp.Body.Close()
	body, _ = io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	return resp.StatusCode, body
}

// operations are the methods and paths of the API, by its own description.
func (c *cluster) operations(t *testing.T, client *nethttp.Client, base string) (all [][2]string) {
	t.Helper()
	status, body := request(t, client, "GET", base+"/openapi.json",
		basic(realm.Admin, realm.Password(realm.Admin)))
	var api struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(body, &api); err != nil || len(api.Paths) < 20 {
		t.Fatalf("openapi.json: %d, %d paths, %v", status, len(api.Paths), err)
	}
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		for method := range api.Paths[path] {
			all = append(all, [2]string{strings.ToUpper(method),
				parameter.ReplaceAllString(path, "1")})
		}
	}
	return all
}

// open are the paths that health checks and readers of the API's description use.
var open = regexp.MustCompile(`^/(livez|readyz|openapi|docs|$)`)

// scanHTTP sends every operation without credentials, with wrong ones, and as a user without
// entries.
func (c *cluster) scanHTTP(t *testing.T) {
	client, base := c.browser(t), "https://"+c.q.HTTPAddr(c.q.Nodes()[0])
	all := c.operations(t, client, base)
	for _, op := range all {
		method, url := op[0], base+op[1]
		if open.MatchString(op[1]) {
			continue
		}
		for _, method := range []string{method, "GET", "PUT", "POST", "PATCH", "DELETE"} {
			status, body := request(t, client, method, url, nil)
			if status != 401 && status != 404 && status != 405 ||
				strings.Contains(string(body), c.q.ClusterID()) {
				t.Errorf("%s %s without credentials: %d %.200s", method, op[1], status, body)
			}
		}
		if status, body := request(t, client, method, url, bearer("a.b.c")); status != 401 &&
			status != 429 {
			t.Errorf("%s %s with a wrong token: %d %.200s", method, op[1], status, body)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine",
		"/debug/pprof/profile"} {
		if status, body := request(t, client, "GET", "https://"+c.debug+path, nil); status != 401 {
			t.Errorf("%s without credentials: %d %.200s", path, status, body)
		}
	}
	t.Logf("%d operations", len(all))
}

// loginsHTTP are the proofs that the API takes, and what it allows each user.
func (c *cluster) loginsHTTP(t *testing.T) {
	client, base := c.browser(t), "https://"+c.q.HTTPAddr(c.q.Nodes()[0])
	password := func(user string) proof { return basic(user, realm.Password(user)) }
	for _, one := range []struct {
		name, url string
		proof     proof
		want      int
	}{
		{"a password", base + "/v1/status", password(realm.Admin), 200},
		{"a token of OAuth", base + "/v1/status", bearer(c.r.Issuer.Token(realm.Admin, nil)), 200},
		{"a user without entries", base + "/v1/quorum", password(realm.Bob), 403},
		{"the profiles", "https://" + c.debug + "/debug/pprof/", password(realm.Admin), 200},
		{"the profiles, without entries", "https://" + c.debug + "/debug/pprof/",
			password(realm.Bob), 403},
		{"another's password", base + "/v1/status",
			basic(realm.Admin, realm.Password(realm.Bob)), 401},
		{"an expired token", base + "/v1/status",
			bearer(c.r.Issuer.Token(realm.Admin, map[string]any{"exp": 1})), 401},
	} {
		if status, body := request(t, client, "GET", one.url, one.proof); status != one.want {
			t.Errorf("%s: %d, want %d: %.300s", one.name, status, one.want, body)
		}
	}
	plain := fmt.Sprintf("http://%s/v1/status", c.q.HTTPAddr(c.q.Nodes()[0]))
	if status, body := request(t, client, "GET", plain, password(realm.Admin)); status < 400 {
		t.Errorf("HTTP without TLS: %d %.200s", status, body)
	}
}
