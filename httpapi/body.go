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

// lingerTimeout is how long a client whose body was refused may continue to send it. Closing a
// connection with unread bytes resets it, and the client might lose the answer.
const lingerTimeout = 500 * time.Millisecond

// readBody reads the body of a request of any method and path, within the limits of size and time,
// and puts it back for the operation. If it returns a problem, an HTTP/1 connection is closed after
// the answer, without waiting for the rest of the body.
func (a *API) readBody(w *reply, r *http.Request, taken *share) ([]byte, *Problem) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	switch ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); ct {
	case "", "application/x-www-form-urlencoded": // curl -d without a header
		r.Header.Set("Content-Type", "application/json")
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(a.cfg.BodyTimeout))
	data, problem := a.limitedBody(w, r, taken)
	if problem == nil {
		_ = control.SetReadDeadline(time.Time{})
		r.Body = io.NopCloser(bytes.NewReader(data))
		r.ContentLength = int64(len(data))
		return data, nil
	}
	if r.ProtoMajor == 1 { // an HTTP/2 connection has other streams, and this one ends by itself
		w.Header().Set("Connection", "close")
	}
	if problem.Status != http.StatusRequestTimeout {
		_ = control.SetReadDeadline(time.Now().Add(min(lingerTimeout, a.cfg.BodyTimeout)))
	}
	return nil, problem
}

// limitedBody reads a body. If it is larger than bodySmall it takes memory from the budget: the
// largest size of a body while it arrives, and after that the size of the decoded body.
func (a *API) limitedBody(w *reply, r *http.Request, taken *share) ([]byte, *Problem) {
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

// valueBytes is roughly the memory of a decoded JSON value, beyond its text. A body is decoded
// twice.
const valueBytes = 100

// decodedBytes is a rough upper bound of the memory of a body with its decoded values.
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

// bodyProblem is the answer to a body that could not be read.
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
