package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// asUser sends a request with a user's password.
func (s *server) asUser(user, method, path, body string, headers ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, "of "+user)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data)
}

// TestTheLeaderKnowsWhoAsksAStandby: every node of a quorum authenticates clients, and the leader
// authorizes those of a standby by who they are, not by what a header of theirs says. Controllers
// are anonymous to each other here, and may do everything; no client is.
func TestTheLeaderKnowsWhoAsksAStandby(t *testing.T) {
	t.Parallel()
	all := startNodes(t, 2,
		"yakt.http.security.protocol=SASL_PLAINTEXT", "sasl.enabled.mechanisms=PLAIN",
		"listener.name.http.plain.sasl.jaas.config=org.apache.kafka.common.security.plain."+
			"PlainLoginModule required user_root=\"of root\" user_alice=\"of alice\";",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:root;User:ANONYMOUS",
	)
	root := base64.StdEncoding.EncodeToString(
		[]byte(`{"principal":"User:root","addr":"127.0.0.1","protocol":0}`))
	for _, s := range all {
		for _, forged := range [][]string{nil, {"X-Yakt-Caller", root, "X-Yakt-Forwarded-By", "2"}} {
			status, answer := s.asUser("alice", "POST", "/v1/unregister_broker", `{"brokerId": 9}`,
				forged...)
			if status != http.StatusForbidden ||
				!strings.Contains(answer, "User:alice at 127.0.0.1 is not allowed to ALTER") {
				t.Errorf("node %d, %v: %d %s", s.id, forged, status, answer)
			}
		}
		if status, answer := s.asUser("", "GET", "/v1/status", ""); status != 401 {
			t.Errorf("node %d without credentials: %d %s", s.id, status, answer)
		}
		path := "/v1/topics?consistency=linearizable"
		if status, answer := s.asUser("root", "GET", path, ""); status != 200 {
			t.Errorf("node %d for root: %d %s", s.id, status, answer)
		}
		status, answer := s.asUser("root", "POST", "/v1/alter_quota", fmt.Sprintf(
			`{"entity": {"user": "u%d"}, "set": {"producer_byte_rate": 1}}`, s.id),
			"Idempotency-Key", fmt.Sprint("key", s.id))
		if status != http.StatusOK {
			t.Errorf("node %d, a change of root: %d %s", s.id, status, answer)
		}
		status, answer = s.asUser("alice", "POST", "/v1/alter_quota", fmt.Sprintf(
			`{"entity": {"user": "u%d"}, "set": {"producer_byte_rate": 1}}`, s.id),
			"Idempotency-Key", fmt.Sprint("key", s.id))
		if status != http.StatusForbidden {
			t.Errorf("node %d, alice repeats root's request: %d %s", s.id, status, answer)
		}
	}
}
