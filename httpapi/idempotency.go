package httpapi

import (
	"container/list"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Idempotency-Key lets a client repeat a write whose answer it did not get: the active controller
// answers the repetition with the first answer and does nothing. Keys are remembered by the active
// controller alone, in memory, and for a limited time: neither a restart nor a change of the leader
// is survived, after which a repetition is a new request. The keys of each principal are one set,
// so that a client may repeat its request through another node; they should be random.
const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotency-Replayed"
	idempotencyKeyMax = 255 // bytes of a key
)

// Limits of what is remembered.
const (
	keysMax        = 10_000           // keys, including those of requests under way
	keysAge        = 10 * time.Minute // after the answer
	keyAnswersMax  = 8 << 20          // bytes of all answers that are kept
	keyAnswerMax   = 256 << 10        // bytes of one answer; of larger ones only the status is kept
	keyHeaderBytes = 512              // about what a key takes besides its answer's body
)

// fingerprint tells requests with the same key apart: by method, path, query and body.
type fingerprint [sha256.Size]byte

func fingerprintOf(r *http.Request, body []byte) (f fingerprint) {
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.Path, r.URL.Query().Encode()} {
		_, _ = io.WriteString(h, part+"\x00")
	}
	_, _ = h.Write(body)
	h.Sum(f[:0])
	return f
}

// recording is a copy of an answer in the making. A nil one records nothing.
type recording struct {
	body []byte
	lost bool // the body is larger than keyAnswerMax
}

func (r *recording) write(b []byte) {
	switch {
	case r == nil || r.lost:
	case len(r.body)+len(b) > keyAnswerMax:
		r.body, r.lost = nil, true
	default:
		r.body = append(r.body, b...)
	}
}

// keyed is a request with a key: under way until done is closed, then its answer. The fields below
// done are set before it is closed; at and bytes are guarded by keys.mu.
type keyed struct {
	key     string
	request fingerprint
	done    chan struct{}

	forgotten bool // it was not carried out: a repetition is carried out
	status    int
	header    http.Header
	body      []byte
	large     bool // the body was too large to keep
	ended     time.Time

	at    *list.Element // in keys.answered; nil while under way
	bytes int
}

// keys are the idempotency keys that this node remembers as the active controller. It is safe for
// concurrent use.
type keys struct {
	now func() time.Time

	mu       sync.Mutex
	epoch    int32 // of the leadership in which the answers were given
	byKey    map[string]*keyed
	answered list.List // of *keyed, the oldest first
	bytes    int       // kept of their answers
}

func newKeys(now func() time.Time) *keys {
	return &keys{now: now, byKey: map[string]*keyed{}}
}

// claim returns the request with a key, and whether that is new: then the caller carries it out and
// calls finish. It is nil if there are too many keys under way.
func (k *keys) claim(key string, request fingerprint) (entry *keyed, first bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	if e := k.byKey[key]; e != nil {
		return e, false
	}
	if len(k.byKey) >= keysMax && !k.evict() {
		return nil, false
	}
	e := &keyed{key: key, request: request, done: make(chan struct{})}
	k.byKey[key] = e
	return e, true
}

// expire forgets answers that are older than keysAge. The caller holds the lock.
func (k *keys) expire() {
	now := k.now()
	for e := k.answered.Front(); e != nil; e = k.answered.Front() {
		if now.Sub(e.Value.(*keyed).ended) < keysAge {
			return
		}
		k.evict()
	}
}

// evict forgets the oldest answer. It reports whether there was one. The caller holds the lock.
func (k *keys) evict() bool {
	oldest := k.answered.Front()
	if oldest == nil {
		return false
	}
	e := k.answered.Remove(oldest).(*keyed)
	k.bytes -= e.bytes
	delete(k.byKey, e.key)
	return true
}

// finish stores the answer to a request and wakes the repetitions that wait for it. An answer that
// says that nothing was done, and that another attempt may succeed, is not kept.
func (k *keys) finish(e *keyed, status int, header http.Header, body *recording) {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer close(e.done)
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusRequestTimeout:
		e.forgotten = true
		delete(k.byKey, e.key)
		return
	}
	e.status, e.ended, e.header = status, k.now(), http.Header{}
	for _, name := range keptHeaders {
		if v := header.Values(name); len(v) > 0 {
			e.header[name] = v
		}
	}
	e.body, e.large = body.body, body.lost
	e.bytes = len(e.body) + len(e.key) + keyHeaderBytes
	e.at = k.answered.PushBack(e)
	k.bytes += e.bytes
	for k.bytes > keyAnswersMax && k.evict() {
	}
}

// keptHeaders are the headers that belong to an answer's content. Names are canonical.
var keptHeaders = []string{"Content-Type", "X-Yakt-Offset", "X-Yakt-Epoch"}

// lead drops all keys that are not under way if the node's leadership is another than the last
// time: what was answered before may be older than the answers of a leader in between.
func (k *keys) lead(epoch int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.epoch == epoch {
		return
	}
	k.epoch = epoch
	for k.evict() {
	}
}

// once carries out a write by serve, unless a request with the same key was carried out or is under
// way: then it waits for its answer, and gives that.
func (a *API) once(w *reply, r *http.Request, data []byte, serve func()) {
	key := r.Header.Get(idempotencyHeader)
	if key == "" {
		serve()
		return
	}
	if !printable(key, idempotencyKeyMax) {
		writeProblem(w, badField("header."+idempotencyHeader,
			"expected 1 to "+itoa(idempotencyKeyMax)+" visible ASCII characters"))
		return
	}
	request := fingerprintOf(r, data)
	key = caller(r.Context()).Principal + "\n" + key // nobody gets the answers of another
	epoch, _ := a.cfg.Controller.Active()
	a.keys.lead(epoch)
	for {
		e, first := a.keys.claim(key, request)
		switch {
		case e == nil:
			writeProblem(w, tooMany())
		case e.request != request:
			writeProblem(w, newProblem(http.StatusUnprocessableEntity, kerr.InvalidRequest,
				"This Idempotency-Key was used for another request. Use a new key for each request."))
		case first:
			a.firstOf(e, w, serve)
		case !a.awaitAnswer(r.Context(), e):
			writeProblem(w, unknownOutcome())
		case e.forgotten:
			continue
		default:
			e.replay(w)
		}
		return
	}
}

// firstOf carries out the first request with a key. If it ends in a panic, what it did is unknown.
func (a *API) firstOf(e *keyed, w *reply, serve func()) {
	w.record = &recording{}
	ended := false
	defer func() {
		status := w.status
		if !ended && !w.begun {
			status = http.StatusGatewayTimeout
		}
		record := w.record
		w.record = nil
		if !ended {
			record = &recording{lost: true}
		}
		a.keys.finish(e, status, w.Header(), record)
	}()
	serve()
	ended = true
}

// awaitAnswer waits for the answer to another request with the same key, without a turn. It returns
// false if the time is up.
func (a *API) awaitAnswer(ctx context.Context, e *keyed) bool {
	defer turnOf(ctx).pause()()
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	select {
	case <-e.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// replay gives the answer of the first request again.
func (e *keyed) replay(w http.ResponseWriter) {
	h := w.Header()
	h.Set(replayedHeader, "true")
	switch {
	case e.large && e.status == http.StatusOK:
		writeProblem(w, newProblem(http.StatusConflict, kerr.InvalidRequest,
			"The request with this Idempotency-Key was carried out, and its answer was too large to "+
				"keep. Read the state instead."))
		return
	case e.large:
		writeProblem(w, unknownOutcome())
		return
	}
	for name, values := range e.header {
		h[name] = values
	}
	w.WriteHeader(e.status)
	_, _ = w.Write(e.body)
}
