package oauth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/yakt/yakt/limits"
)

const (
	// expeditedInterval is the least time between two downloads that unknown key ids cause.
	expeditedInterval = 10 * time.Second
	// minInterval is the least time between two downloads, whatever the keys say.
	minInterval = 100 * time.Millisecond
	// downloadTimeout is the time for one download.
	downloadTimeout = 20 * time.Second
)

// download is a JWKS at a URL. One goroutine downloads it; everybody else reads what it has got.
type download struct {
	url      string
	client   *http.Client
	settings Settings
	logger   *slog.Logger
	pace     limits.Pace

	keys   atomic.Pointer[keySet]
	wanted chan struct{} // holds one element once a key was missing
	cancel context.CancelFunc
	done   chan struct{}
}

// downloadKeys starts the goroutine.
func downloadKeys(s Settings, o Options) (*download, error) {
	client, err := newClient(s.JWKS, s.tls, o)
	if err != nil {
		return nil, err
	}
	if s.JWKS.Scheme == "http" {
		o.Logger.Warn("the JWKS is downloaded without TLS: everyone on the way can replace its "+
			"keys and be anyone", "url", s.JWKS.Redacted())
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &download{
		url: s.JWKS.String(), client: client, settings: s, logger: o.Logger,
		wanted: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	go d.run(ctx)
	return d, nil
}

func (d *download) current(time.Time) *keySet { return d.keys.Load() }

func (d *download) missing() {
	select {
	case d.wanted <- struct{}{}:
	default: // already wanted
	}
}

func (d *download) close() {
	d.cancel()
	<-d.done
}

// run downloads the JWKS: at once, in the regular interval, earlier after a failure, and earlier if
// a key is missing.
func (d *download) run(ctx context.Context) {
	defer close(d.done)
	failures := 0
	for {
		if err := d.refresh(ctx); ctx.Err() != nil {
			return
		} else if err == nil {
			failures = 0
		} else {
			failures++
			d.warn(err)
		}
		if !d.wait(ctx, d.interval(failures)) {
			return
		}
	}
}

// interval is the time to the next download after a number of failures since the last success.
func (d *download) interval(failures int) time.Duration {
	ms := d.settings.RefreshMs
	if failures > 0 {
		ms = min(backoffMs(d.settings.RetryBackoffMs, failures), d.settings.RetryBackoffMaxMs, ms)
	}
	return max(time.Duration(ms)*time.Millisecond, minInterval)
}

// backoffMs doubles an interval with each failure after the first.
func backoffMs(firstMs int64, failures int) int64 { return firstMs << min(failures-1, 20) }

// wait waits for an interval. A missing key ends it, though not before expeditedInterval.
func (d *download) wait(ctx context.Context, interval time.Duration) bool {
	regular := time.NewTimer(interval)
	defer regular.Stop()
	expedited := time.NewTimer(expeditedInterval)
	defer expedited.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-regular.C:
		return true
	case <-expedited.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-regular.C:
	case <-d.wanted:
	}
	return true
}

// refresh downloads the JWKS once. After a failure the keys stay what they were.
func (d *download) refresh(ctx context.Context) error {
	select {
	case <-d.wanted: // this download will tell
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return err
	}
	status, document, err := exchange(d.client, request, MaxJWKSBytes)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the server answers with status %d", status)
	}
	set, err := parseKeys(document)
	if err != nil {
		return err
	}
	if old := d.keys.Swap(set); old == nil || len(old.keys) != len(set.keys) {
		logKeys(d.logger, d.url, set)
	}
	return nil
}

func (d *download) warn(err error) {
	if since, _, due := d.pace.Add(); due {
		d.logger.Warn("the JWKS cannot be downloaded", "url", d.url, "err", err,
			"failures", since, "keys_from_before", d.keys.Load() != nil)
	}
}
