package httpapi

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"golang.org/x/sync/semaphore"
)

// lingerTimeout is how long a client that was refused in the middle of its body may go on
// sending: a connection that is closed on unread bytes is reset, and the client might lose the
// answer.
const lingerTimeout = 500 * time.Millisecond

// body is a request's body, in memory.
type body struct {
	bytes   []byte
	release func()
}

// readBody reads the body of a request, whatever its method and path, within its limits of size
// and time, and puts it back for the operation. With a problem the connection is closed behind
// the answer: what is left of the body is not waited for.
func (a *API) readBody(
	w http.ResponseWriter, r *http.Request, bodies *semaphore.Weighted,
) (body, *Problem) {
	if r.Body == nil || r.Body == http.NoBody {
		return body{release: func() {}}, nil
	}
	switch ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); ct {
	case "", "application/x-www-form-urlencoded": // what curl -d says unless told otherwise
		r.Header.Set("Content-Type", "application/json")
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(a.cfg.BodyTimeout))
	b, problem := a.takeBody(w, r, bodies)
	if problem == nil {
		_ = control.SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(b.bytes))
		r.ContentLength = int64(len(b.bytes))
		return b, nil
	}
	w.Header().Set("Connection", "close")
	if problem.Status != http.StatusRequestTimeout {
		_ = control.SetReadDeadline(time.Now().Add(min(lingerTimeout, a.cfg.BodyTimeout)))
	}
	return b, problem
}

// takeBody reads a body. One that grows beyond bodySmall needs a share of bodies, which release
// gives back.
func (a *API) takeBody(
	w http.ResponseWriter, r *http.Request, bodies *semaphore.Weighted,
) (body, *Problem) {
	b := body{release: func() {}}
	if r.ContentLength > bodyMax {
		return b, tooLarge()
	}
	limited := http.MaxBytesReader(w, r.Body, bodyMax)
	data, err := io.ReadAll(io.LimitReader(limited, bodySmall))
	if err == nil && len(data) == bodySmall {
		if !bodies.TryAcquire(bodyMax) {
			return b, newProblem(http.StatusServiceUnavailable, kerr.RequestTimedOut,
				"Too many large requests at a time. Try again in a moment.").retry("1")
		}
		b.release = func() { bodies.Release(bodyMax) }
		var rest []byte
		rest, err = io.ReadAll(limited)
		data = append(data, rest...)
	}
	if err != nil {
		b.release()
		return body{release: func() {}}, a.bodyProblem(err)
	}
	b.bytes = data
	return b, nil
}

func tooLarge() *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, kerr.MessageTooLarge,
		"The request's body is larger than %d bytes. Split the request.", bodyMax)
}

func (a *API) bodyProblem(err error) *Problem {
	var (
		large *http.MaxBytesError
		slow  net.Error
	)
	switch {
	case errors.As(err, &large):
		return tooLarge()
	case errors.As(err, &slow) && slow.Timeout():
		return newProblem(http.StatusRequestTimeout, kerr.RequestTimedOut,
			"The request's body did not arrive within %v.", a.cfg.BodyTimeout)
	}
	return newProblem(http.StatusBadRequest, kerr.InvalidRequest,
		"The request's body cannot be read: %v.", err)
}
