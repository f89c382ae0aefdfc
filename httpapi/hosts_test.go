package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
)

// TestHostsOfStrangers sends the requests of a browser for a page whose host name resolves to this
// node: no operation, no file and no health check is served.
func TestHostsOfStrangers(t *testing.T) {
	t.Parallel()
	s := startOne(t, "yakt.http.hosts=yakt.example.com,other.example.com")
	for host, served := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8093": true, "[::1]:8093": true, "::1": true,
		"localhost:1":  true,
		"controller-1": true, "yakt-0.yakt.kafka.svc.cluster.local": true, "a.localhost": true,
		"yakt.example.com:8093": true, "Other.Example.com.": true,
		"evil.example": false, "evil.example:8093": false, "127.0.0.1.nip.io": false,
		"localhost.evil.example": false, "example.com": false, "evil.localhost.com": false,
	} {
		for line, whenServed := range map[string]int{
			"GET /v1/snapshot": 200, "GET /livez": 200, "GET /docs": 200, "GET /nowhere": 404,
			"POST /v1/unregister_broker": 404,
		} {
			want := http.StatusForbidden
			if served {
				want = whenServed
			}
			status, body := s.raw(fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\n"+
				"Content-Length: 14\r\n\r\n"+`{"brokerId":1}`, line, host))
			if status != want {
				t.Errorf("%s at %s: %d %.100s, want %d", line, host, status, body, want)
			}
		}
	}
	if status, _ := s.raw("GET /livez HTTP/1.0\r\n\r\n"); status != http.StatusOK {
		t.Errorf("a request without a host: %d", status)
	}
}

func TestAnyHostIsServedWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	s := startOne(t, "yakt.http.hosts=*")
	status, body := s.raw("GET /v1/status HTTP/1.1\r\nHost: anything.example\r\n\r\n")
	if status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}
