package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxAnswerBytes is the size of the largest answer of a token endpoint.
const maxAnswerBytes = 4 * MaxTokenBytes

// tokenEndpoint asks a token endpoint for tokens.
type tokenEndpoint struct {
	settings  SourceSettings
	client    *http.Client
	assertion *assertion // nil with a client's secret
	now       func() time.Time
}

func newTokenEndpoint(s SourceSettings, o Options) (*tokenEndpoint, error) {
	client, err := newClient(s.Endpoint, s.tls, o)
	if err != nil {
		return nil, err
	}
	if s.Endpoint.Scheme == "http" {
		o.Logger.Warn("secrets and tokens travel to the token endpoint and back without TLS",
			"url", s.Endpoint.Redacted())
	}
	e := &tokenEndpoint{settings: s, client: client, now: o.Now}
	if s.grant != clientSecret {
		if e.assertion, err = newAssertion(s.assertion, o); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// final is a failure that another attempt would not change.
type final struct{ error }

// request asks for a token until an attempt succeeds, fails for good, or the time is up: attempts
// begin within retryBackoffMaxMs, with pauses that double.
func (e *tokenEndpoint) request(ctx context.Context) (string, error) {
	most := time.Duration(e.settings.retryBackoffMaxMs) * time.Millisecond
	begin := e.now()
	for attempt := 1; ; attempt++ {
		text, err := e.attempt(ctx)
		if err == nil {
			return text, nil
		}
		pauseMs := backoffMs(e.settings.retryBackoffMs, attempt)
		pause := min(time.Duration(pauseMs)*time.Millisecond, most-e.now().Sub(begin))
		if _, isFinal := errors.AsType[final](err); isFinal || pause <= 0 {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(pause):
		}
	}
}

// attempt asks once.
func (e *tokenEndpoint) attempt(ctx context.Context) (string, error) {
	timeout := time.Duration(e.settings.connectTimeoutMs + e.settings.readTimeoutMs)
	ctx, cancel := context.WithTimeout(ctx, timeout*time.Millisecond)
	defer cancel()
	body, err := e.form()
	if err != nil {
		return "", final{err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.settings.Endpoint.String(),
		strings.NewReader(body))
	if err != nil {
		return "", final{err}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cache-Control", "no-cache")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if e.settings.grant == clientSecret {
		request.SetBasicAuth(e.encoded(e.settings.clientID),
			e.encoded(e.settings.secret.Reveal()))
	}
	status, answer, err := exchange(e.client, request, maxAnswerBytes)
	if err != nil {
		return "", err
	}
	return readAnswer(status, answer)
}

// form is the body of a request.
func (e *tokenEndpoint) form() (string, error) {
	s := e.settings
	if s.grant == clientSecret {
		body := "grant_type=client_credentials"
		if s.scope != "" {
			body += "&scope=" + e.encoded(s.scope)
		}
		return body, nil
	}
	signed, err := e.assertion.text()
	if err != nil {
		return "", err
	}
	form := url.Values{}
	if s.scope != "" {
		form.Set("scope", s.scope)
	}
	if s.grant == jwtBearer {
		form.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
		form.Set("assertion", signed)
		return form.Encode(), nil
	}
	form.Set("grant_type", "client_credentials")
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", signed)
	if s.clientID != "" {
		form.Set("client_id", s.clientID)
	}
	return form.Encode(), nil
}

// encoded encodes a text where sasl.oauthbearer.header.urlencode asks for it; without it the text
// is sent as the configuration has it, as by Kafka.
func (e *tokenEndpoint) encoded(text string) string {
	if e.settings.urlEncode {
		return url.QueryEscape(text)
	}
	return text
}

// retriable are the client errors (4xx) after which another attempt may succeed.
var retriable = []int{http.StatusRequestTimeout, http.StatusTooManyRequests}

// readAnswer returns the token of an answer.
func readAnswer(status int, answer []byte) (string, error) {
	var fields struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	parsed := json.Unmarshal(answer, &fields) == nil
	if status != http.StatusOK && status != http.StatusCreated {
		err := fmt.Errorf("the token endpoint answers with status %d", status)
		if fields.Error != "" {
			err = fmt.Errorf("%w, error %q (%q)", err, clip(fields.Error),
				clip(fields.Description))
		}
		isClients := status >= 400 && status < 500 && !slices.Contains(retriable, status)
		if isClients || status == http.StatusNotImplemented {
			return "", final{err}
		}
		return "", err
	}
	for _, text := range []string{fields.AccessToken, fields.IDToken} {
		if text = trim(text); parsed && text != "" {
			return text, nil
		}
	}
	return "", final{errors.New("the answer of the token endpoint has no access_token or id_token")}
}
