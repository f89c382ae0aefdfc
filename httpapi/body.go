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
)

// lingerTimeout is how long a client that was refused in the middle of its body may go on
// sending: a connection that is closed on unread bytes is reset, and the client might lose the
// answer.
const lingerTimeout = 500 * time.Millisecond

// readBody reads the body of a request, whatever its method and path, within its limits of size
// and time, and puts it back for the operation. With a problem an HTTP/1 connection is closed behind
// the answer: what is left of the body is not waited for.
func (a *API) readBody(w *reply, r *http.Request, taken *share) ([]byte, *Problem) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	switch ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); ct {
	case "", "application/x-www-form-urlencoded": // what curl -d says unless told otherwise
		r.Header.Set("Content-Type", "application/json")
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(a.cfg.BodyTimeout))
	data, problem := a.takeBody(w, r, taken)
	if problem == nil {
		_ = control.SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(data))
		r.ContentLength = int64(len(data))
		return data, nil
	}
	if r.ProtoMajor == 1 { // a stream of HTTP/2 ends by itself, and others share its connection
		w.Header().Set("Connection", "close")
	}
	if problem.Status != http.StatusRequestTimeout {
		_ = control.SetReadDeadline(time.Now().Add(min(lingerTimeout, a.cfg.BodyTimeout)))
	}
	return nil, problem
}

// takeBody reads a body. One that grows beyond bodySmall takes of the budget: what it may become
// while it arrives, and what it is decoded to once it has.
func (a *API) takeBody(w *reply, r *http.Request, taken *share) ([]byte, *Problem) {
	if r.ContentLength > bodyMax {
		return nil, tooLarge()
	}
	limited := http.MaxBytesReader(w, r.Body, bodyMax)
	data, err := io.ReadAll(io.LimitReader(limited, bodySmall))
	if err != nil {
		return nil, a.bodyProblem(w, err)
	}
	if len(data) < bodySmall {
		return data, nil
	}
	if problem := taken.take(bodyMax); problem != nil {
		return nil, problem
	}
	rest, err := io.ReadAll(limited)
	if err != nil {
		return nil, a.bodyProblem(w, err)
	}
	data = append(data, rest...)
	return data, taken.take(max(0, decodedBytes(data)-bodyMax))
}

// valueBytes is what a JSON value takes once it is decoded, twice, beyond its own bytes, about.
const valueBytes = 100

// decodedBytes is what a body takes, as it is and decoded, at most and about.
func decodedBytes(data []byte) int64 {
	values := 1
	for _, opening := range []string{",", "[", "{"} {
		values += bytes.Count(data, []byte(opening))
	}
	return int64(len(data)) + int64(min(values, valuesMax))*valueBytes
}

func tooLarge() *Problem {
	return newProblem(http.StatusRequestEntityTooLarge, kerr.MessageTooLarge,
		"The request's body is larger than %d bytes. Split the request.", bodyMax)
}

func (a *API) bodyProblem(w *reply, err error) *Problem {
	var (
		large *http.MaxBytesError
		slow  net.Error
	)
	switch {
	case w.cut.Load():
		return tooMany()
	case errors.As(err, &large):
		return tooLarge()
	case errors.As(err, &slow) && slow.Timeout():
		return newProblem(http.StatusRequestTimeout, kerr.RequestTimedOut,
			"The request's body did not arrive within %v.", a.cfg.BodyTimeout)
	}
	return newProblem(http.StatusBadRequest, kerr.InvalidRequest,
		"The request's body cannot be read: %v.", err)
}
