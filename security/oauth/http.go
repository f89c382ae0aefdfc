package oauth

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/yakt/yakt/security/certs"
)

const (
	connectTimeout  = 10 * time.Second
	maxHeaderBytes  = 32 << 10
	maxRedirections = 3
)

// newClient makes the HTTP client for one URL of the configuration. It uses no proxy, keeps no
// connection, and leaves the scheme and the host of the URL for no redirection.
func newClient(u *url.URL, settings certs.Settings, o Options) (*http.Client, error) {
	transport := o.Transport
	if transport == nil {
		dialer := &net.Dialer{Timeout: connectTimeout}
		plain := &http.Transport{
			DialContext:            dialer.DialContext,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxHeaderBytes,
		}
		if u.Scheme == "https" {
			store, err := certs.Open(settings, certs.Options{
				Listener: "OAUTHBEARER", Use: certs.ForClient, Logger: o.Logger, Now: o.Now,
			})
			if err != nil {
				return nil, fmt.Errorf("an option of %s: %w", keyJaas, err)
			}
			plain.DialTLSContext = dialTLS(dialer, store, o.Now)
		}
		transport = plain
	}
	return &http.Client{Transport: transport, CheckRedirect: stayOnHost}, nil
}

// dialTLS connects with what the stores hold at that time.
func dialTLS(dialer *net.Dialer, store *certs.Store, now func() time.Time,
) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		store.Poll(now())
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(conn, store.Client(host))
		if err := secured.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secured, nil
	}
}

// stayOnHost refuses redirections to other hosts, of POST requests, which carry secrets, and more
// than a few.
func stayOnHost(next *http.Request, before []*http.Request) error {
	first := before[0]
	if first.Method != http.MethodGet || next.URL.Scheme != first.URL.Scheme ||
		next.URL.Host != first.URL.Host {
		return fmt.Errorf("the server redirects to %s, which is not followed; "+
			"configure the URL that answers", next.URL.Redacted())
	}
	if len(before) > maxRedirections {
		return fmt.Errorf("more than %d redirections", maxRedirections)
	}
	return nil
}

// exchange sends a request and reads the answer, of at most most bytes.
func exchange(
	client *http.Client, request *http.Request, most int64,
) (status int, body []byte, err error) {
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return 0, nil, err
	}
	if int64(len(body)) > most {
		return 0, nil, fmt.Errorf("the answer is larger than %d bytes", most)
	}
	return response.StatusCode, body, nil
}
