package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// leader splits a quorum into its active controller and the others.
func leader(t *testing.T, all []*server) (active *server, standbys []*server) {
	t.Helper()
	deadline := time.Now().Add(waitMax)
	for active == nil {
		standbys = nil
		for _, s := range all {
			if _, ok := s.node.Controller().Active(); ok && active == nil {
				active = s
			} else {
				standbys = append(standbys, s)
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no controller is active")
		}
	}
	return active, standbys
}

func TestStandbyForwardsOrRedirects(t *testing.T) {
	active, standbys := leader(t, startNodes(t, 3))
	epoch := standbys[0].alive(1)
	topic := standbys[1].post("/create_topic", object{"name": "through-a-standby"})
	standbys[0].post("/v1/register_producer", object{"brokerId": 1, "brokerEpoch": epoch})
	for _, s := range append(standbys, active) {
		s.get("/v1/get_topic_by_name?consistency=linearizable&name=through-a-standby")
		s.await("/v1/get_topic_by_name?name=through-a-standby",
			func(status int, _ []byte) bool { return status == http.StatusOK })
	}
	resp := standbys[0].do(http.MethodPost, "/create_topic?redirect=true",
		object{"name": "redirected"})
	resp.Body.Close()
	want := active.url + "/v1/create_topic"
	if resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != want {
		t.Errorf("redirect=true: %d to %q, want 308 to %q", resp.StatusCode,
			resp.Header.Get("Location"), want)
	}
	at, _ := url.Parse(resp.Header.Get("Location"))
	active.post(at.Path, object{"name": "redirected"})
	standbys[1].refused(http.StatusConflict, "TOPIC_ALREADY_EXISTS", http.MethodPost,
		"/create_topic", object{"name": "redirected"})
	standbys[1].await("/v1/get_topic_by_name?name=redirected",
		func(status int, _ []byte) bool { return status == http.StatusOK })

	// A change through one standby ends the wait of a client at the other.
	news := make(chan object)
	go func() {
		news <- standbys[1].get(fmt.Sprintf("/v1/client_mgmt?wait=25s&offset=%d",
			standbys[1].node.Controller().Image().EndOffset()-1))
	}()
	standbys[1].watchers(1)
	standbys[0].post("/v1/create_partition", object{"topicUUID": topic["topicUUID"]})
	if got := <-news; namesOf(got) != "PartitionRecord" {
		t.Errorf("woken on the other standby: %v", got)
	}
}

// TestAStandbyAsksTheLeaderForTheQuorum checks that a standby forwards a linearizable read of the
// quorum, since it does not know the progress of the other nodes.
func TestAStandbyAsksTheLeaderForTheQuorum(t *testing.T) {
	active, standbys := leader(t, startNodes(t, 3))
	for _, s := range append(standbys, active) {
		q := s.get("/v1/quorum?consistency=linearizable")
		for _, v := range q["voters"].([]any) {
			if v := v.(object); v["logEndOffset"].(float64) < 0 || v["lag"].(float64) < 0 {
				t.Errorf("the leader does not know how far node %v is: %v", v["id"], v)
			}
		}
	}
	unknown := 0
	for _, v := range standbys[0].get("/v1/quorum")["voters"].([]any) {
		if v.(object)["logEndOffset"] == -1.0 {
			unknown++
		}
	}
	if unknown != 2 {
		t.Errorf("a standby by itself does not know %d, want 2", unknown)
	}
}

// TestElection writes and reads while the leader stops: every answer must be right, or soon say to
// try again.
func TestElection(t *testing.T) {
	all := startNodes(t, 3)
	active, standbys := leader(t, all)
	standbys[0].alive(1)
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	var (
		wg      sync.WaitGroup
		created sync.Map
	)
	for i, s := range standbys {
		wg.Go(func() {
			for n, after := 0, 0; ctx.Err() == nil && after < 10; n++ {
				if s.create(fmt.Sprintf("t-%d-%d", i, n)) {
					created.Store(fmt.Sprintf("t-%d-%d", i, n), true)
					if _, ok := active.node.Controller().Active(); !ok {
						after++
					}
				}
			}
		})
	}
	active.stop()
	wg.Wait()
	if ctx.Err() != nil {
		t.Fatal("no topic could be created after the leader had stopped")
	}
	created.Range(func(name, _ any) bool {
		standbys[0].get("/v1/get_topic_by_name?consistency=linearizable&name=" + name.(string))
		return true
	})
}

// create creates a topic and reports whether the answer is success. An answer that is neither
// success nor one that an election explains fails the test.
func (s *server) create(name string) bool {
	began := time.Now()
	resp, err := client.Post(s.url+"/v1/create_topic", "application/json",
		strings.NewReader(`{"name":"`+name+`"}`))
	if err != nil {
		s.t.Errorf("create %s: %v", name, err)
		return false
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if took := time.Since(began); took > 15*time.Second {
		s.t.Errorf("create %s: answered %d after %v", name, resp.StatusCode, took)
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return true
	case http.StatusGatewayTimeout:
	case http.StatusServiceUnavailable:
		if resp.Header.Get("Retry-After") == "" {
			s.t.Errorf("503 without Retry-After: %s", body)
		}
	default:
		s.t.Errorf("create %s: %d %s", name, resp.StatusCode, body)
	}
	return false
}

func TestWithoutAQuorum(t *testing.T) {
	all := startNodes(t, 3)
	active, standbys := leader(t, all)
	standbys[0].alive(1)
	active.stop()
	standbys[0].stop()
	last := standbys[1]
	last.await("/readyz", func(status int, body []byte) bool {
		var health struct {
			State  string
			Status string
		}
		return status == http.StatusServiceUnavailable && json.Unmarshal(body, &health) == nil &&
			health.State != "leader" && health.State != "follower"
	})
	began := time.Now()
	last.refused(http.StatusServiceUnavailable, "NOT_CONTROLLER", http.MethodPost,
		"/v1/create_topic", object{"name": "x"})
	last.refused(http.StatusServiceUnavailable, "NOT_CONTROLLER", http.MethodGet,
		"/v1/get_all_active_brokers?consistency=linearizable", nil)
	last.get("/livez")
	status, body := last.request(http.MethodGet, "/v1/get_all_active_brokers", nil)
	if status != http.StatusOK || !strings.Contains(string(body), "UNFENCED") {
		t.Errorf("a local read: %d %s", status, body)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("four answers took %v", took)
	}
}

func TestStandbyStopsUnderForwardedLongPolls(t *testing.T) {
	active, standbys := leader(t, startNodes(t, 3))
	epoch := standbys[0].alive(1)
	news := standbys[0].post("/v1/broker_mgmt", object{"brokerId": 1, "epoch": epoch})
	answered := make(chan int)
	go func() {
		status, _ := standbys[0].request(http.MethodPost, "/v1/broker_mgmt?wait=25s",
			object{"brokerId": 1, "epoch": epoch, "offset": news["endOffset"]})
		answered <- status
	}()
	active.watchers(1)
	began := time.Now()
	standbys[0].stop()
	if status := <-answered; status != http.StatusServiceUnavailable {
		t.Errorf("a long poll that was forwarded ends with %d", status)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the standby took %v to stop", took)
	}
}

// TestHTTPEndpointStaysBetweenControllers checks that the addresses of HTTP listeners, which
// controllers exchange, are not in the log, where brokers would see them.
func TestHTTPEndpointStaysBetweenControllers(t *testing.T) {
	active, _ := leader(t, startNodes(t, 3))
	active.await("/v1/records?limit=10000", func(_ int, body []byte) bool {
		if strings.Contains(string(body), `"HTTP"`) {
			t.Fatalf("the log names HTTP endpoints: %s", body)
		}
		return strings.Count(string(body), `"RegisterControllerRecord"`) >= 3
	})
}
