package kafka

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const healthTimeout = 5 * time.Second

// Ready requests a node's /readyz: nil if it answers 200, else an error with the whole answer.
func (q *Controllers) Ready(ctx context.Context, id int32) error {
	_, err := q.Health(ctx, id)
	return err
}

// Health returns the body of a node's /readyz, with an error if the status is not 200.
func (q *Controllers) Health(ctx context.Context, id int32) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	body, err = Get(ctx, "http://"+q.HTTPAddr(id)+"/readyz")
	if err != nil {
		err = fmt.Errorf("node %d: %w", id, err)
	}
	return body, err
}

// Get requests a URL and returns the body of the answer, with an error that contains the body if
// the status is not 200. ctx bounds the request.
func Get(ctx context.Context, url string) (body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
}
