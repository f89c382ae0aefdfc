package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/protocol"
)

// TestProblemsOfErrors checks the status and the code that each kind of error is answered with, and
// whether the answer promises that nothing was done.
func TestProblemsOfErrors(t *testing.T) {
	t.Parallel()
	own := newProblem(http.StatusConflict, kerr.InvalidPartitions, "own")
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		detail string
		retry  bool
	}{
		"the API's own": {fmt.Errorf("make: %w", own), 409, "INVALID_PARTITIONS", "own", false},
		"the controller's": {protocol.Errorf(kerr.TopicAlreadyExists, "It exists"), 409,
			"TOPIC_ALREADY_EXISTS", "It exists. Choose another name", false},
		"not active": {controller.ErrNotActive, 503, "NOT_CONTROLLER", "nothing was done", true},
		"too busy":   {controller.ErrNotTried, 503, "REQUEST_TIMED_OUT", "nothing was done", true},
		"unknown": {controller.ErrUnknownOutcome, 504, "REQUEST_TIMED_OUT",
			"It is unknown whether", false},
		"a fault": {errors.New("a bug"), 500, "UNKNOWN_SERVER_ERROR", "a bug", false},
	} {
		p := problemOf(c.err)
		if p.Status != c.status || p.Code != c.code || !strings.Contains(p.Detail, c.detail) ||
			(p.GetHeaders().Get("Retry-After") != "") != c.retry {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// TestProblemsOfCodes checks the answers to error codes in Kafka's responses.
func TestProblemsOfCodes(t *testing.T) {
	t.Parallel()
	if err := codeProblem(0, nil); err != nil {
		t.Errorf("code 0: %v", err)
	}
	message := "Really?"
	for code, want := range map[int16]Problem{
		kerr.InvalidConfig.Code: {Status: 400, Code: "INVALID_CONFIG", Detail: message},
		kerr.ThrottlingQuotaExceeded.Code: {
			Status: 429, Code: "THROTTLING_QUOTA_EXCEEDED",
			Detail: message + " Try again later, or raise the quota.",
		},
		32_000: {
			Status: 500, Code: "UNKNOWN_SERVER_ERROR",
			Detail: message + " See the log of the active controller.",
		},
	} {
		var p *Problem
		if !errors.As(codeProblem(code, &message), &p) || p.Status != want.Status ||
			p.Code != want.Code || p.Error() != want.Detail {
			t.Errorf("code %d: %+v", code, p)
		}
		if p := codeProblem(code, nil); p == nil || p.Error() == "" {
			t.Errorf("code %d without a message: %v", code, p)
		}
	}
}

// TestProblemsOfHuma checks how huma's errors are translated, and that their number is bounded.
func TestProblemsOfHuma(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		status int
		code   string
	}{
		422: {400, "INVALID_REQUEST"}, 400: {400, "INVALID_REQUEST"}, 415: {415, "INVALID_REQUEST"},
		408: {408, "REQUEST_TIMED_OUT"}, 413: {413, "MESSAGE_TOO_LARGE"},
		500: {500, "UNKNOWN_SERVER_ERROR"},
	} {
		setHuma()
		p, ok := huma.NewError(status, "text", nil).(*Problem)
		if !ok || p.Status != want.status || p.Code != want.code || p.Detail != "text" {
			t.Errorf("%d: %+v", status, p)
		}
	}
	errs := make([]error, 1000)
	for i := range errs {
		errs[i] = errors.New("bad")
	}
	p := humaProblem(http.StatusUnprocessableEntity, "", errs)
	if len(p.Errors) != fieldProblemsMax || p.Errors[0] != (FieldProblem{"request", "bad"}) {
		t.Errorf("%d fields, the first %v", len(p.Errors), p.Errors[0])
	}
}
