package kafkaproto

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// largeRequestBytes is the size above which decoding a request takes a turn.
const largeRequestBytes = 64 << 10

// exchange answers one request.
func (c *conn) exchange(data []byte, owned bool) error {
	if len(data) > largeRequestBytes {
		c.turn.expect(len(data) / elementBytes)
		c.turn.Take(c.ctx.Done())
	}
	h, req, err := readHeader(c.server.cfg.Versions, data)
	c.key, c.version = h.key, h.version
	if err != nil {
		return c.refuse(h, err)
	}
	facts, err := inspectBody(req, h.body)
	if err != nil {
		return &frameError{closedMalformed, err}
	}
	if !owned && facts.keeps {
		facts.cost += len(h.body)
		h.body = bytes.Clone(h.body)
	}
	if len(data)+facts.cost > uncountedBytes {
		if err := c.charge(int64(facts.cost)); err != nil {
			return err
		}
	}
	if err := readBody(req, h.body); err != nil {
		return &frameError{closedMalformed, err}
	}
	return c.request(h, req)
}

// charge takes memory for the present request. Meanwhile the connection may lose its place at the
// processor.
func (c *conn) charge(n int64) error {
	c.turn.Block()
	defer c.turn.Unblock()
	deadline := time.Now().Add(c.server.cfg.FrameTimeout)
	if err := c.in.account.acquire(c.ctx, n, deadline); err != nil {
		return &frameError{closedMemory, err}
	}
	return nil
}

// refuse answers an API_VERSIONS request of a version that is not served; for any other request it
// ends the connection without an answer, as Kafka's controller does.
func (c *conn) refuse(h header, err error) error {
	switch {
	case errors.Is(err, ErrUnsupportedVersion) && h.key == apiVersionsKey:
		low, high, _ := c.server.cfg.Versions(apiVersionsKey)
		c.server.count.requests.Add(1)
		return c.write(h.correlationID, unsupportedAPIVersions(low, high))
	case errors.Is(err, ErrUnsupportedVersion):
		return &frameError{closedUnsupportedVersion, err}
	case errors.Is(err, ErrUnknownKey):
		return &frameError{closedUnknownKey, err}
	default:
		return &frameError{closedMalformed, err}
	}
}

// request passes a decoded request to Handle, waits for its reply and writes it.
func (c *conn) request(h header, req kmsg.Request) error {
	if string(h.clientID) != c.caller.ClientID {
		c.caller.ClientID = string(h.clientID)
	}
	c.server.count.requests.Add(1)
	c.noteSASL(h.key)
	correlationID := h.correlationID // the frame's memory may be reused before the reply
	costs, err := c.chargeAnswer(req)
	if err != nil {
		return err
	}
	resp, err := c.ask(req, costs)
	if err != nil {
		return err
	}
	switch {
	case resp == nil:
		return &frameError{closedByHandler, errors.New("the handler ended the connection")}
	case resp.Key() != c.key || resp.GetVersion() != c.version:
		discard(resp)
		return &frameError{closedFault, fmt.Errorf(
			"the reply to key %d version %d is one of key %d version %d",
			c.key, c.version, resp.Key(), resp.GetVersion())}
	}
	return c.write(correlationID, resp)
}

// chargeAnswer takes the memory of Config.Cost, if it is more than a few KiB; costs reports whether
// it is. Such a request works in a turn, which it takes first: memory that is held during the wait
// for a turn would block requests that could run now.
func (c *conn) chargeAnswer(req kmsg.Request) (costs bool, err error) {
	if c.server.cfg.Cost == nil {
		return false, nil
	}
	cost := c.server.cfg.Cost(req)
	if cost <= uncountedBytes {
		return false, nil
	}
	if c.server.cfg.Elements != nil {
		c.turn.expect(c.server.cfg.Elements(req))
	}
	c.turn.Take(c.ctx.Done())
	if err := c.charge(cost); err != nil {
		return false, err
	}
	c.answerBytes = cost
	c.turn.Take(c.ctx.Done()) // the wait may have lost the place
	return true, nil
}

// ask calls Handle and waits for the reply. The connection keeps its place at the processor only
// while Handle works on a request with costs.
func (c *conn) ask(req kmsg.Request, costs bool) (kmsg.Response, error) {
	if c.in.account.own > 0 {
		c.in.account.working.begin(time.Now())
		defer c.in.account.working.end()
	}
	p := &pending{conn: c, key: c.key}
	ctx := c.patience.renew(c.ctx)
	c.asked.Add(1)
	defer c.asked.Add(1)
	if !costs {
		c.turn.Block()
		defer c.turn.Unblock()
	}
	c.server.cfg.Handle(ctx, c.caller, req, p.reply)
	return c.reply()
}

// reply waits for the reply to the request that was passed to Handle.
func (c *conn) reply() (kmsg.Response, error) {
	select {
	case resp := <-c.replies:
		return resp, nil
	default:
	}
	c.turn.Drop()
	select {
	case resp := <-c.replies:
		return resp, nil
	case <-c.ctx.Done():
		return nil, &frameError{closedShutdown, context.Cause(c.ctx)}
	}
}

// pending is one request whose reply is outstanding.
type pending struct {
	conn    *conn
	key     int16
	replied atomic.Bool
}

// reply passes the response to the connection's goroutine. It never blocks: the channel has room
// for the one reply that can be outstanding.
func (p *pending) reply(resp kmsg.Response) {
	if p.replied.Swap(true) {
		p.conn.server.log.Error("a request was answered twice; the second reply is ignored",
			"key", p.key, "client", p.conn.remote, "stack", string(debug.Stack()))
		discard(resp)
		return
	}
	p.conn.replies <- resp
	if p.conn.ctx.Err() != nil {
		p.conn.dropReply()
	}
}

// dropReply discards a reply that came too late, if there is one.
func (c *conn) dropReply() {
	select {
	case resp := <-c.replies:
		discard(resp)
	default:
	}
}

// streamFrame passes a frame of the private stream to its Frame function.
func (c *conn) streamFrame(data []byte, owned bool) error {
	h := header{key: c.server.cfg.StreamKey, version: -1}
	if len(data) >= 8 {
		h.version = int16(binary.BigEndian.Uint16(data[2:]))
		h.correlationID = int32(binary.BigEndian.Uint32(data[4:]))
	}
	c.key, c.version = h.key, h.version
	if h.version != 0 || !h.readRest(data[8:], false) {
		return &frameError{closedMalformed, fmt.Errorf(
			"%w: frame of the private stream, version %d", ErrMalformed, h.version)}
	}
	first := c.stream.Frame == nil
	if first {
		c.stream = c.server.cfg.Stream(c.caller, c.remote)
	}
	body := h.body
	if !owned {
		body = append(make([]byte, 0, len(body)), body...) // not nil, even if empty
	}
	c.server.count.streamFrames.Add(1)
	reply, err := c.stream.Frame(body)
	if err != nil {
		return &frameError{closedStream, fmt.Errorf("private stream: %w", err)}
	}
	if first {
		c.stay()
	}
	if !c.isPeer.Load() {
		c.welcome()
	}
	if reply == nil {
		return nil
	}
	out := newBuffer()
	defer out.free()
	out.b = binary.BigEndian.AppendUint32(append(out.b, 0, 0, 0, 0), uint32(h.correlationID))
	out.b = append(out.b, reply...)
	return c.writeFrame(out.b)
}
