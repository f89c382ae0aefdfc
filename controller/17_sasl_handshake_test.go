package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSASLOutsideAnAuthentication(t *testing.T) {
	t.Parallel()
	c, _ := newReadController(t)
	eachVersion(t, 17, func(t *testing.T, v int16) {
		req := kmsg.NewPtrSASLHandshakeRequest()
		req.Mechanism = "PLAIN"
		resp := ask[*kmsg.SASLHandshakeResponse](t, c, controllerCaller, req, v)
		if resp.ErrorCode != 34 || len(resp.SupportedMechanisms) != 0 {
			t.Errorf("v%d: %+v", v, resp)
		}
	})
	eachVersion(t, 36, func(t *testing.T, v int16) {
		req := kmsg.NewPtrSASLAuthenticateRequest()
		req.SASLAuthBytes = []byte("\x00alice\x00secret")
		resp := ask[*kmsg.SASLAuthenticateResponse](t, c, controllerCaller, req, v)
		if resp.ErrorCode != 34 || resp.ErrorMessage == nil || *resp.ErrorMessage !=
			"SaslAuthenticate request received after successful authentication" ||
			len(resp.SASLAuthBytes) != 0 || resp.SessionLifetimeMillis != 0 {
			t.Errorf("v%d: %+v", v, resp)
		}
	})
}
