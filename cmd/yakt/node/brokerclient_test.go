package node

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// fakeBroker is a listener that answers one request with these bytes behind the correlation id,
// under a length of its own if that is not 0. It returns the request.
func fakeBroker(t *testing.T, length uint32, body []byte) (record.Endpoint, <-chan []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	requests := make(chan []byte, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var head [4]byte
		io.ReadFull(conn, head[:])
		request := make([]byte, binary.BigEndian.Uint32(head[:]))
		io.ReadFull(conn, request)
		requests <- request
		if length == 0 {
			length = uint32(4 + len(body))
		}
		response := binary.BigEndian.AppendUint32(nil, length)
		conn.Write(append(append(response, request[4:8]...), body...))
		io.Copy(io.Discard, conn)
	}()
	port := l.Addr().(*net.TCPAddr).Port
	return record.Endpoint{Host: "127.0.0.1", Port: uint16(port)}, requests
}

func producerIDRequest() *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version = 4
	return req
}

func TestBrokerClient(t *testing.T) {
	t.Parallel()
	want := producerIDRequest().ResponseKind().(*kmsg.InitProducerIDResponse)
	want.ProducerID = 1234567
	at, requests := fakeBroker(t, 0, want.AppendTo([]byte{0}))
	resp, err := brokerClient{7}.ask(t.Context(), at, producerIDRequest())
	got, ok := resp.(*kmsg.InitProducerIDResponse)
	if err != nil || !ok || got.ProducerID != 1234567 || got.Version != 4 {
		t.Errorf("%+v, %v", resp, err)
	}
	if r := <-requests; binary.BigEndian.Uint16(r) != 22 || binary.BigEndian.Uint16(r[2:]) != 4 ||
		string(r[10:27]) != "yakt-controller-7" {
		t.Errorf("request %q", r)
	}
}

func TestBrokerClientRefusals(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		length uint32
		body   []byte
	}{
		"too long":         {length: brokerResponseMax + 1},
		"too short":        {length: 3},
		"negative":         {length: 1 << 31},
		"not a response":   {body: []byte{0, 1}},
		"tagged header":    {body: []byte{1, 0, 0}},
		"no header at all": {body: nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			at, _ := fakeBroker(t, test.length, test.body)
			if resp, err := (brokerClient{}).ask(t.Context(), at, producerIDRequest()); err == nil {
				t.Errorf("%+v", resp)
			}
		})
	}
}

// A broker that does not answer holds a request no longer than its context.
func TestBrokerClientEndsWithItsContext(t *testing.T) {
	t.Parallel()
	at, requests := fakeBroker(t, 100, []byte{0})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-requests
		cancel()
	}()
	if _, err := (brokerClient{}).ask(ctx, at, producerIDRequest()); !errors.Is(err,
		os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	gone := record.Endpoint{Host: "127.0.0.1", Port: 1}
	if _, err := (brokerClient{}).ask(ctx, gone, producerIDRequest()); err == nil {
		t.Error("an ended context asks")
	}
}
