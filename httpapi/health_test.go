package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/yakt/yakt/controller"
)

// apiOf makes an API of node 1 whose raft layer has the given state, with a running controller.
func apiOf(t *testing.T, n NodeState) *API {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	c := controller.New(controller.Config{Clock: wallClock{}, Logger: logger})
	c.Start()
	t.Cleanup(c.Stop)
	return New(Config{
		NodeID: 1, Controller: c, Node: func() NodeState { return n }, Logger: logger,
		Leader:  func() (int32, string) { return n.LeaderID, "" },
		ReadLog: func(int64, int) ([]byte, int64, int64) { return nil, 0, 0 },
	})
}

// ask sends a GET to an API without a network, and decodes the answer into v.
func ask(t *testing.T, a *API, path string, v any) *http.Response {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "controller-1"
	a.ServeHTTP(w, r)
	resp := w.Result()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp
}

// TestAFailedNodeStatesItsReason checks that health fails with the reason, and that every other
// request is refused with it.
func TestAFailedNodeStatesItsReason(t *testing.T) {
	t.Parallel()
	const reason = "write: input/output error"
	a := apiOf(t, NodeState{Role: "leader", LeaderID: 1})
	a.Fail(errors.New(reason))
	for _, path := range []string{"/livez", "/readyz"} {
		var h Health
		resp := ask(t, a, path, &h)
		replica := h.Checks[1]
		if resp.StatusCode != http.StatusServiceUnavailable || h.State != "stopped" ||
			replica.Name != "replica" || replica.OK || replica.Message != reason {
			t.Errorf("%s: %d %+v", path, resp.StatusCode, h)
		}
	}
	for _, path := range []string{"/v1/status", "/v1/create_topic", "/nowhere"} {
		var p Problem
		resp := ask(t, a, path, &p)
		if resp.StatusCode != http.StatusServiceUnavailable || p.Code != "NOT_CONTROLLER" ||
			!strings.Contains(p.Detail, reason) || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %+v", path, resp.StatusCode, p)
		}
	}
}

// TestReadiness checks which check fails in which state of the raft layer.
func TestReadiness(t *testing.T) {
	t.Parallel()
	follower := func(change func(*NodeState)) NodeState {
		n := NodeState{Role: "follower", LeaderID: 2}
		change(&n)
		return n
	}
	for name, c := range map[string]struct {
		node           NodeState
		state          string
		check, message string // those of the failing check; "" if none fails
	}{
		"a follower": {follower(func(*NodeState) {}), "follower", "", ""},
		"waits": {follower(func(n *NodeState) { n.Waiting = "not a voter yet" }),
			"waiting", "member", "not a voter yet"},
		"is suspended": {follower(func(n *NodeState) { n.Suspended = "its disk is new" }),
			"suspended", "member", "its disk is new"},
		"knows no leader": {NodeState{Role: "candidate", LeaderID: -1, Voters: []VoterState{
			{ID: 2, LastError: "connection refused"}, {ID: 3, Connected: true},
		}}, "candidate", "leader_known", "no connection to node 2: connection refused"},
		"is elected": {NodeState{Role: "leader", LeaderID: 1},
			"leader", "leader_known", "not active yet"},
		"lags": {follower(func(n *NodeState) { n.HighWatermark = lagMax + 1 }),
			"follower", "caught_up", "1001 committed records"},
		"has a full disk": {follower(func(n *NodeState) { n.DiskFull = true }),
			"follower", "disk_writable", "the disk is full"},
		"has failed": {follower(func(n *NodeState) { n.Failed = io.ErrShortWrite }),
			"stopped", "leader_known", "has failed"},
	} {
		var h Health
		resp := ask(t, apiOf(t, c.node), "/readyz", &h)
		var failed []string
		for _, check := range h.Checks {
			if check.Name == c.check && !strings.Contains(check.Message, c.message) {
				t.Errorf("%s: %s: %q", name, check.Name, check.Message)
			}
			if !check.OK && check.Name != "replica" {
				failed = append(failed, check.Name)
			}
		}
		want := http.StatusServiceUnavailable
		if c.check == "" {
			want = http.StatusOK
		}
		if resp.StatusCode != want || h.State != c.state || strings.Join(failed, " ") != c.check {
			t.Errorf("%s: %d %s, failed: %v", name, resp.StatusCode, h.State, failed)
		}
	}
}

// answers is a leader that gives one answer.
type answers struct {
	status int
	body   string
	err    error
}

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)),
	}, a.err
}

// TestAStandbyAsksTheLeaderForAConfirmation checks what a standby makes of the leader's answers.
func TestAStandbyAsksTheLeaderForAConfirmation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		leader int32
		answer answers
		want   string // in the error; "" for none
	}{
		"confirmed": {2, answers{body: `{"checks":[{"name":"quorum_confirmed","ok":true}]}`}, ""},
		"no majority": {2, answers{body: `{"checks":[{"name":"quorum_confirmed","ok":false,` +
			`"message":"no majority"}]}`}, "Controller 2 answered: no majority"},
		"an older release": {2, answers{body: `{"checks":[]}`}, "did not answer whether"},
		"no JSON":          {2, answers{body: "<html>"}, "its answer cannot be read"},
		"not reached":      {2, answers{err: io.ErrUnexpectedEOF}, "cannot reach it"},
		"no leader":        {-1, answers{}, "no leader now"},
		"itself":           {1, answers{}, "no leader now"},
	} {
		f := &forwarder{cfg: &Config{
			NodeID: 1, Leader: func() (int32, string) { return c.leader, "" },
			PassTo: func(int32) http.RoundTripper { return c.answer },
		}}
		err := f.confirmQuorum(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestStatusCountsRefusals adds up the limits of the node and the API's own.
func TestStatusCountsRefusals(t *testing.T) {
	t.Parallel()
	a := apiOf(t, NodeState{LeaderID: -1})
	a.cfg.Refused = func() map[string]int64 { return map[string]int64{"max.connections": 3} }
	share := a.budget.share("10.0.0.1", func() {})
	if share.take(a.cfg.BudgetBytes+1) == nil {
		t.Fatal("the budget gives more than it has")
	}
	var s Status
	ask(t, a, "/v1/status", &s)
	if len(s.Refused) != 2 || s.Refused["max.connections"] != 3 || s.Refused[budgetLimit] != 1 {
		t.Errorf("refused: %v", s.Refused)
	}
}
