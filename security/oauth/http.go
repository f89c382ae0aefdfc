package oauth

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/yakt/yakt/protocol"
)

const (
	connectTimeout  = 10 * time.Second
	maxHeaderBytes  = 32 << 10
	maxRedirections = 3
)

// newClient makes the HTTP client for one URL of the configuration. It uses no proxy, keeps no
// connection, and leaves the scheme and the host of the URL for no redirection.
func newClient(
	u *url.URL, tlsKeys map[string]protocol.Password, o Options,
) (*http.Client, error) {
	transport := o.Transport
	if transport == nil {
		config, err := tlsConfig(u, tlsKeys)
		if err != nil {
			return nil, err
		}
		transport = &http.Transport{
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig:        config,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxHeaderBytes,
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: stayOnHost}, nil
}

// tlsConfig is how the server of a URL is recognized.
func tlsConfig(u *url.URL, keys map[string]protocol.Password) (*tls.Config, error) {
	if u.Scheme == "https" && len(keys) != 0 {
		return nil, errors.New("ssl.* options in the JAAS entry of OAUTHBEARER are not supported")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}, nil
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
