package integration

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// A standby answers a client that closes its sending side after its request (as nc -N does) like
// any other: a good status comes with the leader's answer, for a write that happened and for a
// confirmed read.
func TestYAKtHalfClosedRequest(t *testing.T) {
	t.Parallel()
	const tries = 20
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: quorumProperties()})
	kafka.FakeBrokers(t, q, 1)
	requireAllReady(t, q)
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	standby := slices.DeleteFunc(q.Nodes(), func(id int32) bool { return id == leader.ID })[0]
	empty, answered := 0, 0
	for i := range tries {
		name := fmt.Sprintf("half-%d", i)
		body := fmt.Sprintf(`{"name":%q,"numPartitions":1,"replicationFactor":1}`, name)
		write := fmt.Sprintf("POST /v1/create_topic HTTP/1.1\r\nHost: %s\r\nContent-Type: "+
			"application/json\r\n"+
			"Content-Length: %d\r\n\r\n%s", q.HTTPAddr(standby), len(body), body)
		read := fmt.Sprintf("GET /v1/get_topic_by_name?name=%s&consistency=linearizable "+
			"HTTP/1.1\r\nHost: %s\r\n\r\n",
			name, q.HTTPAddr(standby))
		for _, request := range []string{write, read} {
			switch status, answer, err := halfClosed(q.HTTPAddr(standby), request); {
			case err != nil:
				kafka.Logf(t, "no answer: %v", err)
			case status < 300 && !json.Valid(answer):
				empty++
			case status < 300:
				answered++
				if topics, err := kafka.BrokerTopics(t.Context(),
					q.Endpoint(leader.ID)); err != nil || topics[name].TopicID == [16]byte{} {
					t.Errorf("%s is answered with %d, and is not there (%v)", name, status, err)
				}
			default:
				kafka.Logf(t, "%d %s", status, answer)
			}
		}
	}
	kafka.Logf(t, "%d of %d requests were answered in full", answered, 2*tries)
	if empty > 0 {
		t.Errorf("%d of %d requests got a good status without an answer", empty, 2*tries)
	}
}

// halfClosed sends a request, closes the sending side, and returns the answer.
func halfClosed(addr, request string) (status int, body []byte, err error) {
	nc, err := net.DialTimeout("tcp", addr, kafka.Patience)
	if err != nil {
		return 0, nil, err
	}
	defer nc.Close()
	_, err = io.WriteString(nc, request)
	if err = errors.Join(err, nc.(*net.TCPConn).CloseWrite()); err != nil {
		return 0, nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}
