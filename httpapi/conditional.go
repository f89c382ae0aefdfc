package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// The ETag of an answer is the offset and the epoch of the last record that its state contains. A
// later state in which nothing has changed, because the log has only NoOpRecords and control
// records since, matches it too: a quorum that is idle writes two NoOpRecords a second. What an
// answer shows depends on who asks, so the ETag of a client with a name matches only for this client.

// tag is an ETag: the position of a state.
type tag struct {
	offset int64
	epoch  int32
	owner  string // of boundTag; "" in tags that the API makes itself
}

func tagOf(img *metadata.Image) tag { return tag{offset: img.EndOffset() - 1, epoch: img.Epoch()} }

// ownerOf is the part of an ETag that stands for a principal; "" for an anonymous one.
func ownerOf(principal string) string {
	if principal == protocol.Anonymous {
		return ""
	}
	sum := sha256.Sum256([]byte(principal))
	return hex.EncodeToString(sum[:6])
}

// boundTag adds a principal to an ETag, unless it has one.
func boundTag(text, principal string) string {
	t, ok := parseTag(text, false)
	owner := ownerOf(principal)
	if !ok || t.owner != "" || owner == "" {
		return text
	}
	return strings.TrimSuffix(text, `"`) + "-" + owner + `"`
}

// String is the ETag as it stands in a header.
func (t tag) String() string { return fmt.Sprintf(`"%d-%d"`, t.offset, t.epoch) }

// gzipSuffix distinguishes the ETag of an answer in gzip: strong tags are of bytes.
const gzipSuffix = "-gzip"

func gzipTag(t string) string { return strings.TrimSuffix(t, `"`) + gzipSuffix + `"` }

// parseTag reads an ETag of this API; ok is false for any other text. A weak tag is accepted only
// where a comparison may be weak.
func parseTag(s string, weak bool) (t tag, ok bool) {
	if weak {
		s = strings.TrimPrefix(s, "W/")
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return t, false
	}
	offset, epoch, _ := strings.Cut(strings.TrimSuffix(s[1:len(s)-1], gzipSuffix), "-")
	epoch, t.owner, _ = strings.Cut(epoch, "-")
	n, err := strconv.ParseInt(offset, 10, 64)
	if err != nil || n < 0 {
		return t, false
	}
	e, err := strconv.ParseInt(epoch, 10, 32)
	t.offset, t.epoch = n, int32(e)
	return t, err == nil
}

// tagsMax bounds the ETags that are compared in one header.
const tagsMax = 16

// parseTags reads a list of ETags; any is true for "*".
func parseTags(header string, weak bool) (tags []tag, any bool) {
	if strings.TrimSpace(header) == "*" {
		return nil, true
	}
	for part := range strings.SplitSeq(header, ",") {
		if t, ok := parseTag(strings.TrimSpace(part), weak); ok && len(tags) < tagsMax {
			tags = append(tags, t)
		}
	}
	return tags, false
}

// conditions are the preconditions of a request: the values of its headers, "" for none.
type conditions struct {
	ifMatch, ifNoneMatch string
}

// conditionsKey is the context key of a request's conditions.
type conditionsKey struct{}

// conditional puts the preconditions of a request into its context. Only reads by GET have
// If-None-Match, and only writes have If-Match.
func conditional(r *http.Request, k kind) *http.Request {
	c := conditions{}
	switch {
	case k == writeKind:
		c.ifMatch = r.Header.Get("If-Match")
	case k == readKind && r.Method == http.MethodGet:
		c.ifNoneMatch = r.Header.Get("If-None-Match")
	}
	if c == (conditions{}) {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), conditionsKey{}, c))
}

func conditionsOf(ctx context.Context) conditions {
	c, _ := ctx.Value(conditionsKey{}).(conditions)
	return c
}

// notModified is the answer to a read whose caller has the same state already.
type notModified struct{ tag tag }

// Error is part of error.
func (n *notModified) Error() string { return "not modified" }

// GetStatus is the HTTP status; huma calls it.
func (n *notModified) GetStatus() int { return http.StatusNotModified }

// GetHeaders adds the ETag that the caller has; huma calls it.
func (n *notModified) GetHeaders() http.Header {
	return http.Header{"Etag": {n.tag.String()}}
}

// unchanged returns an error that answers 304 if the request has an ETag of the image's state.
func (a *API) unchanged(ctx context.Context, img *metadata.Image) error {
	header := conditionsOf(ctx).ifNoneMatch
	if header == "" {
		return nil
	}
	tags, any := parseTags(header, true)
	if any {
		return &notModified{tagOf(img)}
	}
	for _, t := range tags {
		if same, _ := a.sameState(ctx, t, img); same {
			return &notModified{t}
		}
	}
	return nil
}

// sameState reports whether a tag is of the image's state, and the end offset up to which nothing
// has changed.
func (a *API) sameState(ctx context.Context, t tag, img *metadata.Image) (same bool, end int64) {
	if t.owner != ownerOf(caller(ctx).Principal) {
		return false, 0
	}
	if t.offset == img.EndOffset()-1 {
		return t.epoch == img.Epoch(), img.EndOffset()
	}
	if t.offset >= img.EndOffset() || t.epoch > img.Epoch() {
		return false, 0
	}
	end, same = a.cfg.Controller.Unchanged(ctx, t.offset)
	return same && end >= img.EndOffset(), end
}

// precondition returns the check of a write's If-Match for the controller's newest state; nil
// without one. It fails early if the state has changed already.
func (a *API) precondition(ctx context.Context) (func(*metadata.Image) error, error) {
	header := conditionsOf(ctx).ifMatch
	if header == "" {
		return nil, nil
	}
	tags, any := parseTags(header, false)
	if any {
		return nil, nil
	}
	for _, t := range tags {
		if same, end := a.sameState(ctx, t, a.cfg.Controller.Image()); same {
			return unchangedFrom(end, header), nil
		}
	}
	return nil, changedSince(header)
}

// unchangedFrom returns the check that nothing has changed from an end offset on, up to which
// nothing had. The newest state may have NoOpRecords that are not even committed.
func unchangedFrom(end int64, header string) func(*metadata.Image) error {
	return func(newest *metadata.Image) error {
		if newest.ChangeEnd() > end {
			return changedSince(header)
		}
		return nil
	}
}

func changedSince(header string) *Problem {
	return newProblem(http.StatusPreconditionFailed, kerr.InvalidUpdateVersion,
		"The cluster's state has changed since the answer with the ETag %s, and nothing was done. "+
			"Read the state again.", header)
}

// do carries out an operation of the controller within the time of one write, and holds no turn
// while it waits. It checks the request's If-Match in the same turn of the core.
func (a *API) do(ctx context.Context, op controller.Operation) (controller.Outcome, error) {
	return a.doFor(ctx, caller(ctx), op)
}

// doAs is do for a principal that a broker would have authenticated.
func (a *API) doAs(
	ctx context.Context, principal string, op controller.Operation,
) (controller.Outcome, error) {
	c := caller(ctx)
	if c.Principal != principal {
		c.Operator = c.Principal
	}
	c.Principal, c.Forwarded = principal, true
	return a.doFor(ctx, c, op)
}

func (a *API) doFor(
	ctx context.Context, caller protocol.Caller, op controller.Operation,
) (controller.Outcome, error) {
	check, err := a.precondition(ctx)
	if err != nil {
		return controller.Outcome{}, err
	}
	if check != nil {
		op.Make = checked(check, op.Make)
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	defer turnOf(ctx).pause()()
	return a.cfg.Controller.DoNext(ctx, caller, op)
}

// maker makes a request from the newest state; see controller.Operation.
type maker = func(*metadata.Image) (kmsg.Request, error)

// checked is make after a check.
func checked(check func(*metadata.Image) error, make maker) maker {
	return func(img *metadata.Image) (kmsg.Request, error) {
		if err := check(img); err != nil {
			return nil, err
		}
		return make(img)
	}
}
