package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
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
)

// serverDefault is where `yakt start` without a configuration serves HTTP.
const serverDefault = "127.0.0.1:8093"

// client sends the requests of one command to a node's HTTP API.
type client struct {
	access
	output  string        // table or json
	timeout time.Duration // for one answer; 0: no limit
	dryRun  bool          // changes are only checked
	yes     bool          // destructive changes need no confirmation
	out     io.Writer     // what the command was asked for
	errOut  io.Writer     // progress, warnings and errors
	in      io.Reader     // where a password is asked for; nil: nowhere

	authorization string            // of requests; "" without credentials
	through       http.RoundTripper // nil until the first request
}

// flags adds the flags of every command that talks to a node.
func (c *client) flags(cmd *cobra.Command) {
	c.access.flags(cmd)
	f := cmd.PersistentFlags()
	f.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long to wait for an answer")
	outputFlag(cmd, &c.output)
	cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		c.out, c.errOut, c.in = cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd.InOrStdin()
		return checkOutput(c.output)
	}
}

// ask sends a GET and decodes the answer. what names the work for the person who waits for it.
func (c *client) ask(ctx context.Context, what, path string, query url.Values, answer any) error {
	if err := c.prepare(); err != nil {
		return err
	}
	return progress(c.errOut, what, func() error { return c.get(ctx, path, query, answer) })
}

// get is ask without progress, for requests that are meant to wait for changes.
func (c *client) get(ctx context.Context, path string, query url.Values, answer any) error {
	resp, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	return c.decode(resp, answer)
}

// change sends a change as JSON, for a check only with --dry-run, and decodes the answer. what says
// what is being done.
func (c *client) change(ctx context.Context, what, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r := request{method: http.MethodPost, path: path, body: data}
	if c.dryRun {
		r.query = url.Values{"dryRun": {"true"}}
	}
	if err := c.prepare(); err != nil {
		return err
	}
	err = progress(c.errOut, what, func() error {
		resp, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		return c.decode(resp, answer)
	})
	if err == nil && c.dryRun {
		fmt.Fprintln(c.errOut, "yakt: nothing was changed: this is what would be (--dry-run)")
	}
	return err
}

// request is what every server is asked until one answers.
type request struct {
	method, path string
	query        url.Values
	body         []byte // JSON; nil without one
}

// http is the request to the API at an address.
func (r request) http(ctx context.Context, at *url.URL) (*http.Request, error) {
	to := *at
	to.Path, to.RawQuery = at.Path+r.path, r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, to.String(), bytes.NewReader(r.body))
	if err == nil && r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// decode reads a good answer and closes its body.
func (c *client) decode(resp *http.Response, answer any) error {
	defer resp.Body.Close()
	host := resp.Request.URL.Host
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return c.noAnswer(host, resp.Request.Method, err)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the answer of %s cannot be read (%w): is it a YAKt node of this release?",
			host, err)
	}
	return nil
}

// send tries the servers in turn and returns the first good answer, whose body the caller closes.
// Only a server that cannot be reached, or has no leader, is followed by the next.
func (c *client) send(ctx context.Context, r request) (*http.Response, error) {
	if err := c.prepare(); err != nil {
		return nil, err
	}
	var last error
	for server := range strings.SplitSeq(c.servers, ",") {
		resp, err := c.try(ctx, server, r)
		if err == nil {
			return resp, nil
		}
		last = err
		e, ok := errors.AsType[*exitError](err)
		if !ok || e.code != exitUnavailable {
			break
		}
	}
	return nil, last
}

func (c *client) try(ctx context.Context, server string, r request) (*http.Response, error) {
	at, err := c.serverURL(server)
	if err != nil {
		return nil, err
	}
	if err := inClear(at, c.authorization); err != nil {
		return nil, err
	}
	req, err := r.http(ctx, at)
	if err != nil {
		return nil, err
	}
	if c.authorization != "" {
		req.Header.Set("Authorization", c.authorization)
	}
	h := &http.Client{Timeout: c.timeout, Transport: c.through, CheckRedirect: notElsewhere}
	resp, err := h.Do(req)
	if err != nil {
		return nil, c.noAnswer(at.Host, r.method, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// prepare reads the settings of access before the first request, and asks for a password if it has
// to: before progress is shown.
func (c *client) prepare() (err error) {
	if c.through != nil {
		return nil
	}
	if c.access, err = c.resolved(); err != nil {
		return err
	}
	for server := range strings.SplitSeq(c.servers, ",") { // before a password is asked for
		if _, err := c.serverURL(server); err != nil {
			return err
		}
	}
	if c.authorization, err = c.access.authorization(c.in, c.errOut); err != nil {
		return err
	}
	c.through, err = c.transport()
	return err
}

// notElsewhere keeps requests, and what they say about the client, at the servers that were named.
func notElsewhere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// withPort adds the default port to a host without one.
func withPort(host string) string {
	_, port, _ := net.SplitHostPort(serverDefault)
	if _, given, err := net.SplitHostPort(host); err == nil && given != "" {
		return host
	}
	return net.JoinHostPort(strings.Trim(strings.TrimSuffix(host, ":"), "[]"), port)
}

// noAnswer is the error for a missing or incomplete answer. A change that may have arrived is not
// sent to another server: its outcome is unknown.
func (c *client) noAnswer(host, method string, err error) error {
	why := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		why = u.Err // without the path of the operation
	}
	again := "try again"
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		why, again = fmt.Errorf("it took more than %v", c.timeout), "allow more by --timeout"
	}
	op, ok := errors.AsType[*net.OpError](err)
	if advice := adviceOnTLS(err); advice != "" {
		return &exitError{exitUnavailable, fmt.Errorf("cannot speak to %s: %w; %s", host, why, advice)}
	}
	switch {
	case ok && op.Op == "dial":
		return &exitError{exitUnavailable, fmt.Errorf("cannot reach %s: %w; is a node running there? "+
			"Name another one by --server", host, op.Err)}
	case method != http.MethodGet:
		return &exitError{exitUnknown, fmt.Errorf("%s did not answer in full: %w; it is not known "+
			"whether the change was carried out: look before you try again", host, why)}
	}
	return &exitError{
		exitUnavailable, fmt.Errorf("%s did not answer in full: %w; %s", host, why, again),
	}
}

// adviceOnTLS says what to do about a TLS handshake that failed; "" if none did. Nothing was asked
// then.
func adviceOnTLS(err error) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		header    tls.RecordHeaderError
		alert     tls.AlertError
		invalid   *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &authority):
		return "name the authority that signs the nodes' certificates by --tls-ca"
	case errors.As(err, &name):
		return "use a name that is in the node's certificate, or name one by --tls-server-name"
	case errors.As(err, &invalid):
		return "the node needs another certificate"
	case errors.As(err, &header), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "it serves HTTP without TLS there: use http://"
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls: "):
		return "it refuses this client's TLS: give a certificate that it trusts by --tls-cert and " +
			"--tls-key"
	}
	return ""
}

// progressAfter is how long a request runs before its progress is shown, and how often that is
// updated.
const progressAfter = time.Second

// progress runs f. If w is a terminal and f takes long, it shows what is being done.
func progress(w io.Writer, what string, f func() error) error {
	if !terminal(w) {
		return f()
	}
	return showProgress(w, what, f)
}

func showProgress(w io.Writer, what string, f func() error) error {
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
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too, but no terminal
	return err != nil || !os.SameFile(info, null)
}
