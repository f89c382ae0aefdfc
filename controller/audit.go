package controller

import (
	"errors"
	"log/slog"
	"reflect"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// audit logs what administrators and clients change: who, from where, by what, and with what
// result, once the answer is known. Every operation passes start, and those that need no turn of
// the core pass admit, so none can be forgotten.
//
// A change is a line at the level INFO. So is an attempt that failed and changed nothing, but equal
// ones are logged once a minute. A success that changed nothing, such as the validation of a
// request, is logged at DEBUG.
type audit struct {
	logger *slog.Logger
	failed *paced[failedAttempt]
}

// failedAttempt is what makes two failures equal.
type failedAttempt struct{ principal, host, api, result string }

func newAudit(logger *slog.Logger, now func() time.Time) *audit {
	return &audit{logger, newPaced[failedAttempt](now)}
}

// follow logs the outcome of an operation whose reply and fail are set.
func (a *audit) follow(p *pendingOp) {
	reply, fail := p.reply, p.fail
	p.reply = func(resp kmsg.Response, refusal error) {
		a.ended(p, resultOf(resp, refusal))
		reply(resp, refusal)
	}
	p.fail = func(err *protocol.Error) {
		a.ended(p, nameOfError(err))
		fail(err)
	}
}

func (a *audit) ended(p *pendingOp, result string) {
	attrs := append(senderAttrs(p.op.caller), "api", p.name)
	if p.what != nil {
		attrs = append(attrs, "what", p.what())
	}
	if p.end > 0 {
		a.logger.Info("changed", append(attrs, "offset", p.first, "end", p.end, "result", result)...)
		return
	}
	a.unchanged(p.op.caller, p.name, result, attrs)
}

// unchanged logs an operation that has written nothing.
func (a *audit) unchanged(caller protocol.Caller, api, result string, attrs []any) {
	attrs = append(attrs, "result", result)
	if result == resultOK {
		a.logger.Debug("nothing to change", attrs...)
		return
	}
	count, _, due := a.failed.add(failedAttempt{
		kept(caller.Principal), caller.ClientAddr, api, result,
	})
	if due {
		a.logger.Info("not changed", append(attrs, "count", count)...)
	}
}

// quick logs a request that the caller's goroutine has answered: a change of this node only, which
// has no offset.
func (a *audit) quick(
	caller protocol.Caller, api string, req kmsg.Request, resp kmsg.Response,
) {
	attrs := append(senderAttrs(caller), "api", api, "what", about(req))
	if result := resultOf(resp, nil); result != resultOK {
		a.unchanged(caller, api, result, attrs)
		return
	}
	a.logger.Info("changed", append(attrs, "result", resultOK)...)
}

const resultOK = "ok"

// resultOf is the result of an operation: ok, or the first error in its response. Of a response in
// parts only the first part is read, which no one else reads yet.
func resultOf(resp kmsg.Response, refusal error) string {
	switch {
	case refusal != nil:
		return nameOfError(refusal)
	case resp == nil:
		return resultOK
	}
	if parts, ok := resp.(*inParts); ok {
		if parts.refused != nil {
			return nameOfError(parts.refused)
		}
		_, next := parts.Parts()
		next()
		resp = parts.Response
	}
	result := resultOK
	hasErrorCode(reflect.ValueOf(resp), func(code int16) bool {
		if code != 0 {
			result = codeName(code)
		}
		return code != 0
	})
	return result
}

func codeName(code int16) string {
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Message
	}
	return kerr.UnknownServerError.Message
}

// nameOfError is the name of an error's code, or a text of bounded length without one.
func nameOfError(err error) string {
	var known *protocol.Error
	if errors.As(err, &known) && known.Kafka != nil {
		return known.Kafka.Message
	}
	return kept(err.Error())
}
