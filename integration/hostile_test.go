package integration

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	hostileRounds  = 100
	residentSpread = 24.0 // MiB by which memory may differ when the node is idle again
)

// Invalid input from a stranger or a faulty broker gets a clear error or a closed connection.
// Meanwhile memory does not grow, the process lives, and a real broker is not affected.
func TestYAKtBadInput(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, kafka.ControllerOptions{})
	node, addr := q.Node(q.Nodes()[0]), q.Endpoint(q.Nodes()[0])
	b := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})

	for name, frame := range badFrames() {
		t.Run(name, func(t *testing.T) { requireClosed(t, addr, frame) })
	}
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	for name, c := range badRequests(q.ClusterID(), leader.Epoch) {
		t.Run(name, func(t *testing.T) { c.require(t, addr) })
	}
	storm(t, addr, 4) // fills buffers, pools and connections first
	before := node.Resident(t)
	storm(t, addr, hostileRounds)
	after := quietResident(t, node, before+residentSpread)
	kafka.Logf(t, "memory %.1f MiB, after %d rounds of bad input %.1f MiB", before, hostileRounds,
		after)
	t.Run("broker", func(t *testing.T) { requireUndisturbed(t, q, b) })
}

// badFrames are complete inputs of a connection, none of which is a request that the node serves.
func badFrames() map[string][]byte {
	noise := make([]byte, 64<<10)
	rand.Read(noise)
	return map[string][]byte{
		"noise":               append([]byte{0, 0, 0xff, 0xff}, noise...),
		"HTTP":                []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"TLS hello":           {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03},
		"longest length":      {0x7f, 0xff, 0xff, 0xff, 0, 18},
		"negative length":     {0xff, 0xff, 0xff, 0xff, 0, 18},
		"no frame":            {0, 0, 0, 0},
		"shorter than header": {0, 0, 0, 3, 0, 18, 0},
		"unknown key":         kafka.RawFrame(9999, 0, nil),
		"key of brokers only": kafka.RawFrame(0, 9, []byte{0, 0, 0}),
		"unknown version":     kafka.RawFrame(62, 99, []byte{0}),
		"truncated body":      kafka.RawFrame(62, 4, []byte{0, 0, 0, 1, 20, 'a'}),
		"endless array":       kafka.RawFrame(19, 6, []byte{0xff, 0xff, 0xff, 0xff, 0x07}),
		"endless varint": kafka.RawFrame(62, 4,
			append([]byte{0, 0, 0, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
		"false peer": kafka.RawFrame(32000, 0, noise[:64]),
	}
}

// requireClosed sends bytes and requires that the connection is closed without an answer.
func requireClosed(t testing.TB, addr string, sent []byte) {
	t.Helper()
	if answer, err := converse(addr, sent); err != nil || len(answer) > 0 {
		t.Errorf("sent %.60s..., got %.60s (%v), want the connection closed",
			hex.EncodeToString(sent), hex.EncodeToString(answer), err)
	}
}

// converse sends bytes and returns what the server sends until it closes the connection.
func converse(addr string, sent []byte) ([]byte, error) {
	nc, err := net.DialTimeout("tcp", addr, kafka.Patience)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(kafka.Patience))
	if _, err := nc.Write(sent); err != nil {
		return nil, nil // closed during the write
	}
	answer, err := io.ReadAll(nc)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return answer, err
	}
	return answer, nil
}

// badRequest is a well-formed request that must be answered with an error.
type badRequest struct {
	req  kmsg.Request
	want *kerr.Error
}

func (c badRequest) require(t testing.TB, addr string) {
	t.Helper()
	resp, err := kafka.Ask(context.Background(), addr, c.req)
	if err != nil {
		t.Errorf("%T: %v", c.req, err)
	} else if got := errorCode(resp); got != c.want.Code {
		t.Errorf("%T: answered %v, want %v", c.req, kerr.ErrorForCode(got), c.want)
	}
}

func errorCode(resp kmsg.Response) int16 {
	switch r := resp.(type) {
	case *kmsg.FetchResponse:
		if r.ErrorCode == 0 && len(r.Topics) == 1 {
			return r.Topics[0].Partitions[0].ErrorCode
		}
		return r.ErrorCode
	case *kmsg.BrokerRegistrationResponse:
		return r.ErrorCode
	case *kmsg.ControllerRegistrationResponse:
		return r.ErrorCode
	case *kmsg.IncrementalAlterConfigsResponse:
		return r.Resources[0].ErrorCode
	case *kmsg.BrokerHeartbeatResponse:
		return r.ErrorCode
	case *kmsg.AlterPartitionResponse:
		return r.ErrorCode
	case *kmsg.FetchSnapshotResponse:
		return r.Topics[0].Partitions[0].ErrorCode
	}
	return 0
}

func badRequests(clusterID string, epoch int32) map[string]badRequest {
	foreign := "AAAAAAAAAAAAAAAAAAAAAA"
	return map[string]badRequest{
		"fetch of another cluster": {kafka.MetadataFetch(&foreign, epoch, 0),
			kerr.InconsistentClusterID},
		"fetch in an old epoch": {kafka.MetadataFetch(&clusterID, epoch-1, 0),
			kerr.FencedLeaderEpoch},
		"fetch in an epoch to come": {kafka.MetadataFetch(&clusterID, epoch+7, 0),
			kerr.UnknownLeaderEpoch},
		"registration in another cluster": {kafka.FakeRegistration(2, foreign),
			kerr.InconsistentClusterID},
		"registration of a live id": {kafka.FakeRegistration(1, clusterID),
			kerr.DuplicateBrokerRegistration},
		"registration without directory": {registrationWithoutDirectory(clusterID),
			kerr.InvalidRegistration},
		"heartbeat of a stranger":         {heartbeat(77, 5), kerr.StaleBrokerEpoch},
		"heartbeat in an old epoch":       {heartbeat(1, 0), kerr.StaleBrokerEpoch},
		"heartbeat in an epoch to come":   {heartbeat(1, 1<<40), kerr.StaleBrokerEpoch},
		"alter partition in an old epoch": {alterPartition(1, 0), kerr.StaleBrokerEpoch},
		"snapshot that is not there": {kafka.MetadataSnapshotFetch(epoch),
			kerr.SnapshotNotFound},
	}
}

func registrationWithoutDirectory(clusterID string) kmsg.Request {
	req := kafka.FakeRegistration(3, clusterID)
	req.LogDirs = nil
	return req
}

func heartbeat(id int32, epoch int64) kmsg.Request {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch = id, epoch
	return req
}

func alterPartition(id int32, epoch int64) kmsg.Request {
	req := kmsg.NewPtrAlterPartitionRequest()
	req.BrokerID, req.BrokerEpoch = id, epoch
	req.Topics = append(req.Topics, kmsg.NewAlterPartitionRequestTopic())
	return req
}

// storm sends all bad frames concurrently and repeatedly, while as many connections announce a
// frame that never comes.
func storm(t *testing.T, addr string, rounds int) {
	t.Helper()
	var idle []net.Conn
	defer func() {
		for _, nc := range idle {
			nc.Close()
		}
	}()
	begin := time.Now()
	for range rounds {
		if nc, err := net.DialTimeout("tcp", addr, kafka.Patience); err == nil {
			nc.Write([]byte{0x05, 0, 0, 0, 0, 18}) // announces 80 MiB
			idle = append(idle, nc)
		}
		var wg sync.WaitGroup
		for _, frame := range badFrames() {
			wg.Go(func() { requireClosed(t, addr, frame) })
		}
		wg.Wait()
		if t.Failed() || time.Since(begin) > kafka.Patience {
			t.Fatalf("after %v: failed, or too slow", time.Since(begin))
		}
	}
}

// quietResident waits until the resident memory is at most maxMiB, and returns it.
func quietResident(t *testing.T, node *kafka.Server, maxMiB float64) (mib float64) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "memory is back where it was", func() error {
		if mib = node.Resident(t); mib > maxMiB {
			return fmt.Errorf("%.1f MiB, at most %.1f", mib, maxMiB)
		}
		return nil
	})
	return mib
}

// requireUndisturbed checks that the broker registered once, was never fenced, lost no heartbeat,
// and still serves.
func requireUndisturbed(t *testing.T, q *kafka.Controllers, b *kafka.Broker) {
	kafka.RequireAlive(t, b)
	log := q.Node(q.Nodes()[0]).Log()
	if n := strings.Count(log, `msg="registering a broker"`); n != 1 {
		t.Errorf("%d registrations, want one", n)
	}
	if strings.Contains(log, "fencing") || strings.Contains(log, "level=ERROR") ||
		strings.Contains(log, "panic") {
		t.Errorf("the node logged: %.2000s", log)
	}
	for line := range strings.Lines(b.Log()) {
		if strings.Contains(line, "NodeToControllerChannel") &&
			(strings.Contains(line, "isconnect") || strings.Contains(line, "WARN")) {
			t.Errorf("the broker logged %s", line)
		}
	}
	if errs := b.LogErrors(); len(errs) > 0 {
		t.Errorf("the broker logged %s", errs[0])
	}
	kafka.CreateTopic(t, kafka.Addrs(b), "undisturbed", 1, 1)
}
