package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata/record"
)

// brokerResponseMax is more than the responses to what brokers are asked: INIT_PRODUCER_ID, and
// FIND_COORDINATOR with one key of at most 32 KiB.
const brokerResponseMax = 64 << 10

// brokerClient asks brokers, each request on a connection of its own: they are rare.
type brokerClient struct{ nodeID int32 }

// ask sends a request in its version and returns the response. The caller bounds the time by ctx.
func (c brokerClient) ask(
	ctx context.Context, at record.Endpoint, req kmsg.Request,
) (kmsg.Response, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port))))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	format := kmsg.NewRequestFormatter(
		kmsg.FormatterClientID(fmt.Sprintf("yakt-controller-%d", c.nodeID)))
	const correlationID = 1
	if _, err := conn.Write(format.AppendRequest(nil, req, correlationID)); err != nil {
		return nil, err
	}
	body, err := readResponse(conn, correlationID)
	if err != nil {
		return nil, err
	}
	return decodeResponse(req, body)
}

// readResponse reads a frame and returns what follows the correlation id.
func readResponse(conn io.Reader, correlationID int32) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	length := int32(binary.BigEndian.Uint32(head[:]))
	if length < 4 || length > brokerResponseMax {
		return nil, fmt.Errorf("a response of %d bytes, not of 4 to %d", length, brokerResponseMax)
	}
	if id := int32(binary.BigEndian.Uint32(head[4:])); id != correlationID {
		return nil, fmt.Errorf("a response to request %d, not to %d", id, correlationID)
	}
	body := make([]byte, length-4)
	_, err := io.ReadFull(conn, body)
	return body, err
}

func decodeResponse(req kmsg.Request, body []byte) (kmsg.Response, error) {
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() {
		if len(body) == 0 || body[0] != 0 {
			return nil, errors.New("a response header with tagged fields")
		}
		body = body[1:]
	}
	return resp, resp.ReadFrom(body)
}
