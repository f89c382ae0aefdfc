package kafka

import (
	"context"
	"errors"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// goodConn is a connection of a good client, which opens another one when it is broken.
type goodConn struct {
	addr       string
	perRequest bool // a new one for each request
	nc         net.Conn
}

func (c *goodConn) close() {
	if c.nc != nil {
		c.nc.Close()
		c.nc = nil
	}
}

// ask sends a request and returns what is wrong with its answer. The end of ctx cuts it off.
func (c *goodConn) ask(ctx context.Context, req kmsg.Request) (err error) {
	if c.nc == nil {
		if c.nc, err = Dial(ctx, c.addr, 0); err != nil {
			c.nc = nil
			return err
		}
	}
	nc := c.nc
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	resp, err := Exchange(nc, req, goodRequestMax)
	if err != nil || c.perRequest {
		c.close()
	}
	if err != nil {
		return err
	}
	return refused(resp)
}

// refused is the error that a response of a good client carries.
func refused(resp kmsg.Response) error {
	switch r := resp.(type) {
	case *kmsg.ApiVersionsResponse:
		return kerr.ErrorForCode(r.ErrorCode)
	case *kmsg.BrokerHeartbeatResponse:
		return kerr.ErrorForCode(r.ErrorCode)
	case *kmsg.MetadataResponse:
		// The topic asked for may not have been made yet.
		if err := kerr.ErrorForCode(r.Topics[0].ErrorCode); !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return err
		}
	case *kmsg.CreateTopicsResponse:
		return kerr.ErrorForCode(r.Topics[0].ErrorCode)
	}
	return nil
}
