package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

const (
	dialTimeout     = 5 * time.Second
	requestTimeout  = 60 * time.Second
	responseMax     = 64 << 20 // in bytes
	connBufferBytes = 4096
	apiVersionsKey  = 18
)

// conn is a connection to one controller with one request in flight, as brokers use theirs. It does
// as little work as possible: one write, and one read unless a response is long. Not for concurrent
// use; it closes itself when its context ends.
type conn struct {
	net         net.Conn
	formatter   *kmsg.RequestFormatter
	correlation int32
	timeout     time.Duration // for one request; it may be up to an eighth less
	deadlineSet time.Time
	out, in     []byte
	detach      func() bool // stops watching the context
}

// dial connects and sends ApiVersions, as a broker does.
func dial(ctx context.Context, addr, clientID string) (*conn, error) {
	nc, err := connect(ctx, addr, clientID)
	if err != nil {
		return nil, err
	}
	c := &conn{net: nc, timeout: requestTimeout, in: make([]byte, connBufferBytes),
		formatter: kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))}
	c.detach = context.AfterFunc(ctx, func() { nc.Close() })
	hello := kmsg.NewPtrApiVersionsRequest()
	hello.Version, hello.ClientSoftwareName, hello.ClientSoftwareVersion = 4, "apache-kafka-java",
		kafka.Newest
	resp, err := ask[*kmsg.ApiVersionsResponse](c, hello)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("ApiVersions at %s: %w", addr, err)
	}
	return c, nil
}

func (c *conn) close() {
	if c != nil {
		c.detach()
		c.net.Close()
	}
}

// ask sends a request in the version that it carries and reads its response, whose byte slices are
// valid until the next request.
func ask[R kmsg.Response](c *conn, req kmsg.Request) (R, error) {
	resp := req.ResponseKind().(R)
	err := c.roundTrip(req, resp)
	return resp, err
}

var errNotConnected = errors.New("not connected")

func (c *conn) roundTrip(req kmsg.Request, resp kmsg.Response) error {
	if c == nil {
		return errNotConnected
	}
	c.correlation++
	c.out = c.formatter.AppendRequest(c.out[:0], req, c.correlation)
	// setting the deadline costs as much as a small read
	if now := time.Now(); now.Sub(c.deadlineSet) > c.timeout/8 {
		c.deadlineSet = now
		if err := c.net.SetDeadline(now.Add(c.timeout)); err != nil {
			return err
		}
	}
	if _, err := c.net.Write(c.out); err != nil {
		return err
	}
	body, err := c.read()
	if err != nil {
		return err
	}
	if got := int32(binary.BigEndian.Uint32(body)); got != c.correlation {
		return fmt.Errorf("answer to request %d instead of %d", got, c.correlation)
	}
	body = body[4:]
	if resp.IsFlexible() && resp.Key() != apiVersionsKey {
		if len(body) == 0 || body[0] != 0 {
			return fmt.Errorf("response to key %d: unexpected header", resp.Key())
		}
		body = body[1:]
	}
	return resp.ReadFrom(body)
}

// read returns one response without its length; it is valid until the next read.
func (c *conn) read() ([]byte, error) {
	n, err := io.ReadAtLeast(c.net, c.in, 4)
	if err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(c.in)))
	if size < 4 || size > responseMax || n > size+4 {
		return nil, fmt.Errorf("response of %d bytes", size)
	}
	if size+4 > len(c.in) {
		c.in = append(c.in[:n], make([]byte, size+4-n)...)
		c.in = c.in[:cap(c.in)]
	}
	if n < size+4 {
		if _, err := io.ReadFull(c.net, c.in[n:size+4]); err != nil {
			return nil, err
		}
	}
	return c.in[4 : size+4], nil
}
