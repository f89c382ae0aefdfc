package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yakt/yakt/httpapi"
)

// serverDefault is where `yakt start` without a configuration serves HTTP.
const serverDefault = "http://127.0.0.1:8093"

// client asks a node over HTTP on behalf of one command.
type client struct {
	servers string
	output  string
	timeout time.Duration
	out     io.Writer
	errOut  io.Writer
}

// flags adds the flags that every command has which asks a node.
func (c *client) flags(cmd *cobra.Command) {
	server := os.Getenv("YAKT_SERVER")
	if server == "" {
		server = serverDefault
	}
	f := cmd.PersistentFlags()
	f.StringVar(&c.servers, "server", server, "HTTP address of a node, or several with commas: the next is asked when one cannot be reached (environment: YAKT_SERVER)")
	f.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
	outputFlag(cmd, &c.output)
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		c.out, c.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
		return checkOutput(c.output)
	}
}

// call sends one request and decodes its answer. what says what is being done, for the one who waits.
func (c *client) call(ctx context.Context, what, method, path string, query url.Values, body, answer any) error {
	return progress(c.errOut, what, func() error {
		resp, err := c.send(ctx, method, path, query, body)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
			return fmt.Errorf("the answer of %s was cut off or is not JSON: %w; try again", resp.Request.URL.Host, err)
		}
		return nil
	})
}

// send tries the servers in turn and returns the first good answer. Its body is to be closed.
func (c *client) send(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	var last error
	for _, server := range strings.Split(c.servers, ",") {
		resp, err := c.try(ctx, server, method, path, query, body != nil, data)
		if err == nil {
			return resp, nil
		}
		last = err
		var e *exitError
		if !errors.As(err, &e) || e.code != exitUnavailable {
			break
		}
	}
	return nil, last
}

func (c *client) try(ctx context.Context, server, method, path string, query url.Values, hasBody bool, data []byte) (*http.Response, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	at, err := url.Parse(strings.TrimRight(strings.TrimSpace(server), "/") + path)
	if err != nil || at.Host == "" {
		return nil, &exitError{exitUsage, fmt.Errorf("--server %q is not an address such as %s", server, serverDefault)}
	}
	at.RawQuery = query.Encode()
	var reader io.Reader
	if hasBody {
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), reader)
	if err != nil {
		return nil, err
	}
	if hasBody {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Timeout: c.timeout}).Do(req)
	if err != nil {
		return nil, unreachable(at.Host, method, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// unreachable says why there was no answer. A change that may have arrived is not tried elsewhere.
func unreachable(host, method string, err error) error {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return &exitError{exitUnavailable, fmt.Errorf("cannot reach %s: %w; is a node running there? Name another one by --server", host, op.Err)}
	case method != http.MethodGet:
		return &exitError{exitUnknown, fmt.Errorf("%s did not answer: %w; whether it was done is not known: look before you try again", host, err)}
	}
	return &exitError{exitUnavailable, fmt.Errorf("%s did not answer: %w; try again", host, err)}
}

// refusal turns a problem document into what the command says and exits with.
func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var p httpapi.Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return fmt.Errorf("%s answered %s: is it a YAKt node?", resp.Request.URL.Host, resp.Status)
	}
	code := exitFailed
	switch resp.StatusCode {
	case http.StatusServiceUnavailable:
		code = exitUnavailable
	case http.StatusGatewayTimeout:
		code = exitUnknown
	}
	return &exitError{code, fmt.Errorf("%s: %s", p.Code, p.Detail)}
}

// progressAfter is how long something may take before it is shown that it still goes on.
const progressAfter = time.Second

// progress runs f, and tells a terminal what is going on when that takes long.
func progress(w io.Writer, what string, f func() error) error {
	if !terminal(w) {
		return f()
	}
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- f() }()
	ticks := time.NewTicker(progressAfter)
	defer ticks.Stop()
	shown := false
	for {
		select {
		case err := <-done:
			if shown {
				fmt.Fprint(w, "\r\x1b[K")
			}
			return err
		case <-ticks.C:
			fmt.Fprintf(w, "\r\x1b[K%s: %v", what, time.Since(began).Round(time.Second))
			shown = true
		}
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
