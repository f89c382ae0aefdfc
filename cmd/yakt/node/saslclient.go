package node

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/security"
)

// authenticationsMax bounds the messages of one authentication; no mechanism needs as many.
const authenticationsMax = 16

// saslClient authenticates this node on connections that it has opened.
type saslClient struct {
	conn          net.Conn
	format        *kmsg.RequestFormatter
	correlationID int32
}

// authenticate holds the conversation by which Kafka's controllers authenticate at each other:
// SASL_HANDSHAKE, and SASL_AUTHENTICATE until the mechanism is done. It returns for how long the
// other end takes this authentication; 0: for ever. The caller bounds the time.
func authenticate(conn net.Conn, clientID string, d security.Dialogue) (time.Duration, error) {
	c := &saslClient{conn: conn, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))}
	if err := c.handshake(d.Mechanism()); err != nil {
		return 0, err
	}
	var message []byte
	var lifetime time.Duration
	for range authenticationsMax {
		reply, done, err := d.Step(message)
		if err != nil {
			return 0, err
		}
		if done {
			return lifetime, nil
		}
		if message, lifetime, err = c.send(reply); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("the other end does not finish the authentication")
}

// request sends a request and returns the response of the same version.
func (c *saslClient) request(req kmsg.Request) (kmsg.Response, error) {
	c.correlationID++
	if _, err := c.conn.Write(c.format.AppendRequest(nil, req, c.correlationID)); err != nil {
		return nil, err
	}
	body, err := readResponse(c.conn, c.correlationID)
	if err != nil {
		return nil, err
	}
	return decodeResponse(req, body)
}

func (c *saslClient) handshake(mechanism string) error {
	req := kmsg.NewSASLHandshakeRequest()
	req.Version, req.Mechanism = 1, mechanism
	resp, err := c.request(&req)
	if err != nil {
		return fmt.Errorf("the other end does not answer a SASL handshake (does its listener have "+
			"another protocol?): %w", err)
	}
	answer := resp.(*kmsg.SASLHandshakeResponse)
	switch err := kerr.ErrorForCode(answer.ErrorCode); {
	case err == nil:
		return nil
	case errors.Is(err, kerr.IllegalSaslState):
		return errors.New("the other end's listener does not take SASL, and this node's does: " +
			"give both one protocol in listener.security.protocol.map")
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return fmt.Errorf("the other end does not take %s (sasl.mechanism.controller.protocol) but %s: "+
			"add it to sasl.enabled.mechanisms there", mechanism,
			strings.Join(answer.SupportedMechanisms, ", "))
	default:
		return fmt.Errorf("the other end refuses the SASL handshake: %w", err)
	}
}

func (c *saslClient) send(message []byte) (reply []byte, lifetime time.Duration, err error) {
	req := kmsg.NewSASLAuthenticateRequest()
	req.Version, req.SASLAuthBytes = 2, message
	resp, err := c.request(&req)
	if err != nil {
		return nil, 0, err
	}
	answer := resp.(*kmsg.SASLAuthenticateResponse)
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		said := ""
		if answer.ErrorMessage != nil {
			said = ": " + *answer.ErrorMessage
		}
		return nil, 0, fmt.Errorf("the other end refuses this node's credentials (sasl.jaas.config)%s",
			said)
	}
	return answer.SASLAuthBytes, time.Duration(answer.SessionLifetimeMillis) * time.Millisecond, nil
}
