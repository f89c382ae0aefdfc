package security

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/realm"
)

// envelopes wrap a request in the name of a super user. Only those that brokers send count.
func (c *cluster) envelopes(t *testing.T) {
	for _, d := range doors {
		for _, sender := range []struct {
			user string
			want *kerr.Error // of the envelope
		}{
			{realm.Bob, kerr.ClusterAuthorizationFailed},
			{realm.Broker, nil},
		} {
			login := c.r.Login(sender.user, d.Protocol, d.Mechanisms...)
			topic := "enveloped-" + d.Name + "-" + sender.user
			resp, err := c.sendEnvelope(t, login, c.door(d.Name), realm.Admin, topic)
			if err != nil {
				t.Errorf("%s: %v", login.Name, err)
				continue
			}
			if got := kerr.ErrorForCode(resp.ErrorCode); !errors.Is(got, asError(sender.want)) {
				t.Errorf("%s: got %v, want %v", login.Name, got, sender.want)
			}
			if sender.want != nil && len(resp.ResponseData) > 0 {
				t.Errorf("%s: refused, with an answer of %d bytes", login.Name,
					len(resp.ResponseData))
			}
			c.requireTopic(t, topic, sender.want == nil)
		}
	}
}

func asError(e *kerr.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// sendEnvelope asks for a topic in the name of another user.
func (c *cluster) sendEnvelope(
	t *testing.T, login *realm.Login, addr, inTheNameOf, topic string,
) (*kmsg.EnvelopeResponse, error) {
	t.Helper()
	nc, err := login.Connect(t.Context(), addr)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	inner := creation(topic, 1)
	inner.SetVersion(7)
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("inner"))
	req := kmsg.NewPtrEnvelopeRequest()
	req.RequestData = formatter.AppendRequest(nil, inner, 1)[4:]
	req.RequestPrincipal = principal(inTheNameOf)
	req.ClientHostAddress = []byte{127, 0, 0, 1}
	resp, err := realm.Ask(nc, req, 0)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.EnvelopeResponse), nil
}

// principal is Kafka's DefaultPrincipalData of a user, version 0: type, name, no token.
func principal(user string) []byte {
	b := binary.BigEndian.AppendUint16(nil, 0)
	for _, s := range []string{"User", user} {
		b = append(b, byte(len(s)+1))
		b = append(b, s...)
	}
	return append(b, 0, 0)
}

// requireTopic asks the controller whether a topic is there.
func (c *cluster) requireTopic(t *testing.T, topic string, want bool) {
	t.Helper()
	nc, err := c.r.Login(realm.Admin, realm.SSL).Connect(t.Context(), c.door("MTLS"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	resp, err := realm.Ask(nc, creation(topic, 1), 7)
	if err != nil {
		t.Fatal(err)
	}
	code := resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
	if exists := code == kerr.TopicAlreadyExists.Code; exists != want {
		t.Errorf("topic %s exists: %v, want %v (error code %d)", topic, exists, want, code)
	}
}
