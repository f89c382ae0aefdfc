package kafka

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// GoodClient asks a controller for little, all the time, and notes how long each answer took. It
// asks a second, idle controller the same: what that one takes is the machine's own and is
// subtracted. It is a process of its own, so that no work of the test's delays it.
type GoodClient struct {
	t      testing.TB
	cmd    *exec.Cmd
	in     io.WriteCloser
	report *strings.Builder
}

// Waits are those of a good client, less what an idle controller took at the same time.
type Waits struct {
	Count         int
	P99, Longest  time.Duration
	LongestOf     string        // the kind of request that waited longest
	LongestAsSeen time.Duration // with what the idle controller took
	Failed        []string      // requests that were refused or lost, some of them
	Failures      int
}

func (w Waits) String() string {
	s := fmt.Sprintf("%d requests, p99 %v, longest %v (%s; %v as seen)", w.Count,
		w.P99.Round(time.Millisecond), w.Longest.Round(time.Millisecond), w.LongestOf,
		w.LongestAsSeen.Round(time.Millisecond))
	if w.Failures > 0 {
		s += fmt.Sprintf(", %d failed: %s", w.Failures, strings.Join(w.Failed, "; "))
	}
	return s
}

const (
	goodClientEnv    = "YAKT_TEST_GOOD_CLIENT" // "host:port host:port": whom it asks, and the idle one
	goodBroker       = 990
	goodInterval     = 20 * time.Millisecond // between two requests of a kind
	goodRequestMax   = time.Minute
	failuresReported = 3
)

// StartGoodClient starts a client of two controllers that lead. Stop must be called.
func StartGoodClient(t testing.TB, addr, idleAddr string) *GoodClient {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	g := &GoodClient{t: t, cmd: exec.Command(self), report: new(strings.Builder)}
	g.cmd.Env = append(os.Environ(), goodClientEnv+"="+addr+" "+idleAddr)
	g.cmd.Stdout, g.cmd.Stderr = g.report, os.Stderr
	if g.in, err = g.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := spawn(g.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.in.Close() })
	return g
}

// Stop ends the client. Requests that have no answer yet are counted with what they waited.
func (g *GoodClient) Stop() Waits {
	g.t.Helper()
	if err := errors.Join(g.in.Close(), g.cmd.Wait()); err != nil {
		g.t.Fatalf("good client: %v", err)
	}
	var told [2][]wait
	if err := json.Unmarshal([]byte(g.report.String()), &told); err != nil {
		g.t.Fatalf("good client: %v", err)
	}
	return compare(told[0], told[1])
}

// wait is one request of a good client; times are since it began.
type wait struct {
	Kind           string
	Due, Sent, End time.Duration // Due: when it was to be sent
	Err            string
}

// compare subtracts from each wait the longest one of the same kind that the idle controller's
// client had at the same time, counted from when it was due: a machine that is late for one is
// late for the other.
func compare(waits, idle []wait) (w Waits) {
	var took []time.Duration
	for _, one := range waits {
		if one.Err != "" {
			if w.Failures++; w.Failures <= failuresReported {
				w.Failed = append(w.Failed, one.Kind+": "+one.Err)
			}
		}
		seen := one.End - one.Sent
		less := max(0, seen-longestBeside(one, idle))
		if took = append(took, less); less >= w.Longest {
			w.Longest, w.LongestOf, w.LongestAsSeen = less, one.Kind, seen
		}
	}
	slices.Sort(took)
	if w.Count = len(took); w.Count > 0 {
		w.P99 = took[w.Count*99/100]
	}
	return w
}

func longestBeside(one wait, idle []wait) (longest time.Duration) {
	for _, other := range idle {
		if other.Kind == one.Kind && other.Due <= one.End && one.Sent <= other.End {
			longest = max(longest, other.End-other.Due)
		}
	}
	return longest
}

// goodClientMain is the process of a GoodClient: it asks until its standard input ends.
func goodClientMain(addrs string) (exitCode int) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	var (
		told [2][]wait
		wg   sync.WaitGroup
	)
	began := time.Now()
	for i, addr := range strings.Fields(addrs) {
		wg.Go(func() { told[i] = askAll(ctx, addr, began) })
	}
	wg.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// askAll asks one controller for all kinds of things until ctx ends.
func askAll(ctx context.Context, addr string, began time.Time) (waits []wait) {
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for kind, next := range goodKinds(ctx, addr) {
		wg.Go(func() {
			of := askOne(ctx, addr, kind, next, began)
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, of...)
		})
	}
	wg.Wait()
	slices.SortFunc(waits, func(a, b wait) int { return cmp.Compare(a.Sent, b.Sent) })
	return waits
}

// goodKinds are the requests by kind; each function makes the n-th.
func goodKinds(ctx context.Context, addr string) map[string]func(n int) kmsg.Request {
	epoch, err := RegisterFake(ctx, addr, goodBroker)
	if err != nil {
		epoch = -1 // and its heartbeats will fail
	}
	life := time.Now().UnixNano()
	return map[string]func(n int) kmsg.Request{
		"versions": func(int) kmsg.Request { return Versions() },
		"heartbeat": func(int) kmsg.Request {
			beat := kmsg.NewPtrBrokerHeartbeatRequest()
			beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = goodBroker, epoch, epoch
			return WithVersion(beat, 1)
		},
		"metadata": func(n int) kmsg.Request {
			topic := kmsg.NewMetadataRequestTopic()
			name := goodTopic(life, max(0, n-1))
			topic.Topic = &name
			req := kmsg.NewPtrMetadataRequest()
			req.Topics = append(req.Topics, topic)
			return WithVersion(req, 12)
		},
		"create": func(n int) kmsg.Request {
			topic := kmsg.NewCreateTopicsRequestTopic()
			topic.Topic, topic.NumPartitions, topic.ReplicationFactor = goodTopic(life, n), 1, 1
			req := kmsg.NewPtrCreateTopicsRequest()
			req.Topics, req.TimeoutMillis = append(req.Topics, topic), int32(goodRequestMax.Milliseconds())
			return WithVersion(req, 7)
		},
	}
}

// WithVersion sets the version of a request.
func WithVersion[R kmsg.Request](req R, version int16) R {
	req.SetVersion(version)
	return req
}

// Versions is an ApiVersions request of the newest version.
func Versions() kmsg.Request {
	req := WithVersion(kmsg.NewPtrApiVersionsRequest(), 4)
	req.ClientSoftwareName, req.ClientSoftwareVersion = "good", "1"
	return req
}

func goodTopic(life int64, n int) string { return fmt.Sprintf("good-%d-%d", life, n) }

// askOne asks for one kind of thing, each time on a new connection if that is versions.
func askOne(ctx context.Context, addr, kind string, next func(int) kmsg.Request, began time.Time) (waits []wait) {
	c := &goodConn{addr: addr, perRequest: kind == "versions"}
	defer c.close()
	due := time.Since(began)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return waits
		case <-time.After(due - time.Since(began)):
		}
		req, sent := next(n), time.Since(began)
		err := c.ask(ctx, req)
		if end := time.Since(began); ctx.Err() == nil || err == nil || end-sent > goodInterval {
			waits = append(waits, wait{kind, due, sent, end, describe(err, ctx.Err() != nil)})
		}
		due = max(due+goodInterval, time.Since(began))
	}
}

// describe is what is wrong with an answer; one that the client did not wait for may be right.
func describe(err error, ended bool) string {
	if err == nil || ended {
		return ""
	}
	return err.Error()
}
