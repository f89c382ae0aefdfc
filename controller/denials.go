package controller

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// denials logs the decisions of the authorizer: what is denied at the level INFO, paced; what is
// allowed at DEBUG, each decision. Decisions that only choose how a request is authorized or what
// an answer tells are not logged, as in Kafka.
type denials struct {
	logger *slog.Logger
	paced  *paced[denial]
}

// denial is what makes two denials equal. Its texts are cut.
type denial struct {
	principal, host, resource     string
	operation, resourceType       int8
	listener, request             string
	forwarded, tokenAuthenticated bool
}

func newDenials(logger *slog.Logger, now func() time.Time) *denials {
	return &denials{logger, newPaced[denial](now)}
}

// keptBytes bounds each text of a denial that is remembered.
const keptBytes = 128

func kept(text string) string { return strings.Clone(text[:min(len(text), keptBytes)]) }

// note logs a decision about a request; the name of the request may be empty.
func (d *denials) note(
	caller protocol.Caller, request string, act acls.Action, decision acls.Decision,
) {
	if decision.Allowed {
		if d.logger.Enabled(context.Background(), slog.LevelDebug) {
			d.logger.Debug("allowed", d.attrs(caller, request, act, decision)...)
		}
		return
	}
	count, same, due := d.paced.add(denial{
		kept(caller.Principal), caller.ClientAddr, kept(act.ResourceName), act.Operation,
		act.ResourceType, caller.Listener, request, caller.Forwarded, caller.TokenAuthenticated,
	})
	switch {
	case !due:
	case !same:
		d.logger.Info("denied, and many others that are not listed",
			append(d.attrs(caller, request, act, decision), "count", count)...)
	default:
		d.logger.Info("denied", append(d.attrs(caller, request, act, decision), "count", count)...)
	}
}

func (d *denials) attrs(
	caller protocol.Caller, request string, act acls.Action, decision acls.Decision,
) []any {
	attrs := append(senderAttrs(caller), "operation", act.String(), "why", decision.Why())
	if request != "" {
		attrs = append(attrs, "request", request)
	}
	return attrs
}

// senderAttrs says in a log who has sent a request, and from where.
func senderAttrs(caller protocol.Caller) []any {
	attrs := []any{
		"by", kept(caller.Principal), "from", caller.ClientAddr, "listener", caller.Listener,
	}
	if caller.Operator != "" {
		attrs = append(attrs, "operator", kept(caller.Operator))
	}
	if caller.Forwarded {
		attrs = append(attrs, "forwarded", true)
	}
	if caller.TokenAuthenticated {
		attrs = append(attrs, "token", true)
	}
	return attrs
}

// isAlternative reports whether another decision follows if an action is denied, which is logged
// then: whoever may create, delete or produce idempotently to all topics needs no other right.
func isAlternative(act acls.Action) bool {
	return act.ResourceType == acls.Cluster && (act.Operation == acls.Create ||
		act.Operation == acls.Delete || act.Operation == acls.IdempotentWrite)
}
