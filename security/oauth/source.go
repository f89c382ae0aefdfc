package oauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/yakt/yakt/limits"
)

const (
	// refreshRetryInterval is the time from a refresh that failed to the next one, as in Kafka.
	refreshRetryInterval = 10 * time.Second
	// failureInterval is how long a failure is the answer to everyone who needs a token.
	failureInterval = time.Second
)

// Source has tokens for this node. It is safe for concurrent use. Close ends what it does in the
// background.
type Source struct {
	settings SourceSettings
	now      func() time.Time
	random   func() float64
	logger   *slog.Logger
	pace     limits.Pace
	file     *watched[ownToken] // nil for a token endpoint
	endpoint *tokenEndpoint     // nil for a file

	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	token   ownToken
	after   time.Time // when token is replaced; or, after a failure, when the next try may be
	flight  *flight   // the request under way
	failed  *flight   // the last one, if it failed
	refused time.Time // when a server has refused a token that was then replaced
	ended   sync.WaitGroup
}

// flight is one request for a token. The other fields are set before done is closed.
type flight struct {
	done chan struct{}
	err  error
	end  time.Time
}

// ownToken is a token of this node.
type ownToken struct {
	text            string
	issued, expires time.Time
}

// NewSource makes a source. A token in a file is read now and when the file changes; others are
// asked for when they are needed.
func NewSource(s SourceSettings, o Options) (*Source, error) {
	if s.Endpoint == nil {
		return nil, errors.New("oauth: the settings are without a token endpoint")
	}
	o = o.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	source := &Source{
		settings: s, now: o.Now, random: rand.Float64, logger: o.Logger, ctx: ctx, cancel: cancel,
	}
	var err error
	if s.Endpoint.Scheme == "file" {
		source.file = &watched[ownToken]{
			path: s.Endpoint.Path, secret: true, parse: source.read,
			most: MaxTokenBytes + 1024, logger: o.Logger,
		}
		err = source.file.open(o.Now())
	} else {
		source.endpoint, err = newTokenEndpoint(s, o)
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%s: %w", keyEndpoint, err)
	}
	return source, nil
}

// Close ends the requests under way and waits for their end.
func (s *Source) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.ended.Wait()
}

// Token returns a token that has not expired. It waits only if it has none: a token that is near
// its end is replaced in the background. Errors do not hold a token or a secret.
func (s *Source) Token(ctx context.Context) (string, error) {
	if s.file != nil {
		return s.fromFile()
	}
	for range 2 { // the second time after the end of a request
		s.mu.Lock()
		now := s.now()
		usable := s.token.text != "" && now.Before(s.token.expires)
		if usable && now.Before(s.after) {
			defer s.mu.Unlock()
			return s.token.text, nil
		}
		f := s.start(now)
		text := s.token.text
		s.mu.Unlock()
		if usable {
			return text, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("while waiting for a token: %w", ctx.Err())
		case <-f.done:
		}
		if f.err != nil {
			return "", f.err
		}
	}
	return "", errors.New("the token endpoint gives tokens that have expired: compare the clocks")
}

// Refused says that a server has not taken a token, for which an expired one is not the only
// reason: the issuer may have withdrawn its key. The next Token gets a new one. As a server can
// refuse every token, that happens at most once in refreshRetryInterval.
func (s *Source) Refused(text string) {
	if s.file != nil {
		s.file.checkSoon()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if text == s.token.text && (now.Sub(s.refused) >= refreshRetryInterval ||
		now.Before(s.refused)) {
		s.token, s.refused = ownToken{}, now
	}
}

func (s *Source) fromFile() (string, error) {
	now := s.now()
	token := s.file.get(now)
	skew := time.Duration(s.settings.skewSeconds) * time.Second
	if !now.Add(-skew).Before(token.expires) {
		return "", fmt.Errorf("the token in %s expired at %s; put a new one into the file",
			s.file.path, token.expires.UTC().Format(time.RFC3339))
	}
	return token.text, nil
}

// start begins a request for a token unless one is under way or has just failed. The caller holds
// the lock.
func (s *Source) start(now time.Time) *flight {
	if s.flight != nil {
		return s.flight
	}
	if s.failed != nil && now.Sub(s.failed.end) < failureInterval && !now.Before(s.failed.end) {
		return s.failed
	}
	f := &flight{done: make(chan struct{})}
	if s.ctx.Err() != nil {
		f.err = errors.New("the source of tokens is closed")
		close(f.done)
		return f
	}
	s.flight = f
	s.ended.Go(func() {
		token, err := s.request()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finish(f, token, err)
	})
	return f
}

// finish takes over what a request has brought. The caller holds the lock.
func (s *Source) finish(f *flight, token ownToken, err error) {
	now := s.now()
	s.flight, s.failed, f.err, f.end = nil, nil, err, now
	if err == nil {
		s.token = token
		s.after = s.settings.refresh.at(now, token.issued, token.expires, s.random())
	} else {
		s.failed = f
		s.after = now.Add(refreshRetryInterval)
		if since, _, due := s.pace.Add(); due && s.ctx.Err() == nil {
			s.logger.Warn("no token from the token endpoint", "url",
				s.settings.Endpoint.Redacted(), "err", err, "failures", since)
		}
	}
	close(f.done)
}

// request asks the endpoint for a token.
func (s *Source) request() (ownToken, error) {
	text, err := s.endpoint.request(s.ctx)
	if err != nil {
		return ownToken{}, err
	}
	token, err := s.read([]byte(text))
	if err != nil {
		return ownToken{}, fmt.Errorf("the token of the token endpoint: %w", err)
	}
	return token, nil
}

// read checks the form of a token of our own. Its signature is for the peers to check.
func (s *Source) read(content []byte) (ownToken, error) {
	t := ownToken{text: trim(string(content))}
	parts := strings.Split(t.text, ".")
	if len(parts) != 3 || len(t.text) > MaxTokenBytes ||
		strings.ContainsFunc(t.text, func(r rune) bool { return !inToken(r) }) {
		return ownToken{}, errors.New("not a signed token (JWT)")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ownToken{}, errors.New("not a signed token (JWT)")
	}
	object, err := decodeObject(payload)
	if err != nil {
		return ownToken{}, fmt.Errorf("its claims: %w", err)
	}
	c := claims(object)
	exp, hasExp, err1 := c.seconds("exp")
	iat, hasIat, err2 := c.seconds("iat")
	_, err3 := c.subject(s.settings.subClaim)
	if err := errors.Join(err1, err2, err3, c.checkScopes(s.settings.scopeClaim)); err != nil {
		return ownToken{}, err
	}
	if !hasExp {
		return ownToken{}, errors.New("there is no expiration time (exp)")
	}
	t.issued, t.expires = s.now(), time.Unix(exp, 0)
	if hasIat {
		t.issued = time.Unix(iat, 0)
	}
	return t, nil
}
