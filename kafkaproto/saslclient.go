package kafkaproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/security"
)

const (
	// clientFrameBytes bounds an answer of a server that has not proved yet who it is.
	clientFrameBytes = 512 << 10
	// clientRounds bounds the messages of a dialogue.
	clientRounds = 16
)

// Authenticate authenticates the client of a connection to a Kafka server by SASL: SASL_HANDSHAKE
// version 1, and then the dialogue's messages in SASL_AUTHENTICATE requests. Nothing else may have
// been sent, except requests whose answers have been read. lifetime is the time after which the
// server closes the connection unless the client authenticates again; 0: never. The caller sets
// the connection's deadline, and must close the connection after an error. An error of type
// *SASLError is the server's refusal.
func Authenticate(
	nc net.Conn, clientID string, dialogue security.Dialogue,
) (lifetime time.Duration, err error) {
	a := saslClient{nc: nc, clientID: clientID}
	if err := a.handshake(dialogue.Mechanism()); err != nil {
		return 0, err
	}
	var answer []byte
	for range clientRounds {
		message, done, err := dialogue.Step(answer)
		if done || err != nil {
			return lifetime, err
		}
		req := kmsg.NewPtrSASLAuthenticateRequest()
		req.Version, req.SASLAuthBytes = 2, message
		resp := kmsg.NewPtrSASLAuthenticateResponse()
		if err := a.call(req, resp); err != nil {
			return 0, err
		}
		if resp.ErrorCode != 0 {
			return 0, &SASLError{Code: resp.ErrorCode, Message: deref(resp.ErrorMessage)}
		}
		answer = resp.SASLAuthBytes
		lifetime = time.Duration(resp.SessionLifetimeMillis) * time.Millisecond
	}
	return 0, errors.New("the server does not end the SASL dialogue")
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// SASLError is a server's refusal to authenticate this client.
type SASLError struct {
	Code       int16
	Message    string
	Mechanisms []string // those that the server enables, for an unsupported mechanism
}

// Error names the code and says what to do about it.
func (e *SASLError) Error() string {
	switch e.Code {
	case errUnsupportedMechanism:
		return fmt.Sprintf("the server does not enable this SASL mechanism, but %v", e.Mechanisms)
	case errIllegalSASLState:
		return "the server's listener has no SASL: use the security protocol that it has " +
			"(ILLEGAL_SASL_STATE)"
	case errAuthenticationFailed:
		return fmt.Sprintf("the server refuses the authentication: %.200q", e.Message)
	}
	return fmt.Sprintf("the server refuses the authentication with error code %d: %.200q", e.Code,
		e.Message)
}

// saslClient sends requests one by one.
type saslClient struct {
	nc       net.Conn
	clientID string
	requests int32
}

func (a *saslClient) handshake(mechanism string) error {
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Version, req.Mechanism = 1, mechanism
	resp := kmsg.NewPtrSASLHandshakeResponse()
	if err := a.call(req, resp); err != nil {
		return err
	}
	if resp.ErrorCode != 0 {
		return &SASLError{Code: resp.ErrorCode, Mechanisms: resp.SupportedMechanisms}
	}
	return nil
}

// call sends a request and reads its response.
func (a *saslClient) call(req kmsg.Request, resp kmsg.Response) error {
	a.requests++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(a.clientID)).
		AppendRequest(nil, req, a.requests)
	if _, err := a.nc.Write(frame); err != nil {
		return err
	}
	answer, err := a.read()
	if err != nil {
		return err
	}
	resp.SetVersion(req.GetVersion())
	if len(answer) < 4 || int32(binary.BigEndian.Uint32(answer)) != a.requests {
		return fmt.Errorf("the answer to %s is not a Kafka server's", kmsg.NameForKey(req.Key()))
	}
	body := answer[4:]
	if resp.IsFlexible() {
		w := walker{src: body}
		if !w.tags(noKnownTags) {
			return fmt.Errorf("the answer to %s is malformed", kmsg.NameForKey(req.Key()))
		}
		body = w.src
	}
	return resp.ReadFrom(body)
}

// read reads a frame, into memory that grows with what arrives.
func (a *saslClient) read() ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(a.nc, length[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the server closed the connection during the "+
				"authentication, or is not one for SASL: %w", err)
		}
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > clientFrameBytes {
		return nil, fmt.Errorf("the server answers with %d bytes: it is not a Kafka server, or it "+
			"expects TLS", n)
	}
	var answer bytes.Buffer
	if _, err := io.CopyN(&answer, a.nc, n); err != nil {
		return nil, err
	}
	return answer.Bytes(), nil
}
