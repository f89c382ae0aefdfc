package kafka

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// GoodClient sends a controller small requests all the time and records how long each answer took.
// It sends a second, idle controller the same requests, and the idle one's times, which the machine
// causes, are subtracted. It is a process of its own so that the test's work does not delay it.
type GoodClient struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Waits are the waiting times of a good client, less those for an idle controller at the same time,
// and less the time in which the controller had work and no processor.
type Waits struct {
	Count         int
	P99, Longest  time.Duration
	LongestOf     string                   // kind of the request that waited longest
	Of            map[string]time.Duration // longest wait by kind
	LongestAsSeen time.Duration            // without the subtraction
	Failed        []string                 // some of the refused or lost requests
	Failures      int
	// Unscheduled is the longest time within a tenth of a second in which the controller had work
	// and no processor.
	Unscheduled time.Duration
}

// String is a phrase for the test log.
func (w Waits) String() string {
	s := fmt.Sprintf("%d requests, p99 %v, longest %v (%s; %v as seen)", w.Count,
		w.P99.Round(time.Millisecond), w.Longest.Round(time.Millisecond), w.LongestOf,
		w.LongestAsSeen.Round(time.Millisecond))
	for _, kind := range slices.Sorted(maps.Keys(w.Of)) {
		s += fmt.Sprintf(", %s %v", kind, w.Of[kind].Round(time.Millisecond))
	}
	s += fmt.Sprintf(", %v without a processor", w.Unscheduled.Round(time.Millisecond))
	if w.Failures > 0 {
		s += fmt.Sprintf(", %d failed: %s", w.Failures, strings.Join(w.Failed, "; "))
	}
	return s
}

const (
	// JSON of [2]Asked: the controller, then the idle one
	goodClientEnv    = "YAKT_TEST_GOOD_CLIENT"
	goodBroker       = 990
	goodInterval     = 20 * time.Millisecond // between two requests of a kind
	goodRequestMax   = time.Minute
	failuresReported = 3
	largeTopics      = 1000 // makes a request of some 30 KiB

	unscheduledStretch = 100 * time.Millisecond
)

// Asked is a controller that a good client sends requests to: host:port of its two listeners, and
// its process. With Key, a PEM file, the client connects by TLS and presents the certificate in
// that file; it trusts those in Trusted.
type Asked struct {
	Addr, HTTPAddr string
	Pid            int
	Key, Trusted   string
}

// tls is the client's configuration, nil without TLS.
func (a Asked) tls() (*tls.Config, error) {
	if a.Key == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(a.Key, a.Key)
	if err != nil {
		return nil, err
	}
	trusted, err := os.ReadFile(a.Trusted)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: x509.NewCertPool(),
		ServerName: "localhost"}
	c.RootCAs.AppendCertsFromPEM(trusted)
	return c, nil
}

// report is the result that the client's process prints at its end.
type report struct {
	Asked, Idle []wait
	Unscheduled time.Duration
}

// StartGoodClient starts a client of two leading controllers. The caller must call Stop.
func StartGoodClient(t testing.TB, asked, idle Asked) *GoodClient {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	both, err := json.Marshal([2]Asked{asked, idle})
	if err != nil {
		t.Fatal(err)
	}
	g := &GoodClient{t: t, cmd: exec.Command(self)}
	g.cmd.Env = append(os.Environ(), goodClientEnv+"="+string(both))
	g.cmd.Stderr = os.Stderr
	in, err1 := g.cmd.StdinPipe()
	out, err2 := g.cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	g.in, g.out = in, bufio.NewReader(out)
	if err := spawn(g.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.in.Close() })
	if _, err := g.out.ReadString('\n'); err != nil {
		t.Fatalf("good client: %v", err)
	}
	return g
}

// Stop ends the client. Requests still unanswered count with the time they have waited.
func (g *GoodClient) Stop() Waits {
	g.t.Helper()
	var result report
	err := g.in.Close()
	if err = errors.Join(err, json.NewDecoder(g.out).Decode(&result), g.cmd.Wait()); err != nil {
		g.t.Fatalf("good client: %v", err)
	}
	w := compare(result.Asked, result.Idle)
	w.Unscheduled = result.Unscheduled
	return w
}

// wait is one request of a good client; its times count from the client's start.
type wait struct {
	Kind           string
	Due, Sent, End time.Duration // Due: when it should have been sent
	Unscheduled    time.Duration // the controller's, between Sent and End
	Err            string
}

// compare subtracts from each wait the longest wait of the same kind for the idle controller at the
// same time, counted from when it was due: a machine that is late for one is late for the other.
func compare(waits, idle []wait) (w Waits) {
	var took []time.Duration
	w.Of = map[string]time.Duration{}
	for _, one := range waits {
		if one.Err != "" {
			if w.Failures++; w.Failures <= failuresReported {
				w.Failed = append(w.Failed, one.Kind+": "+one.Err)
			}
		}
		seen := one.End - one.Sent
		less := max(0, seen-longestBeside(one, idle)-one.Unscheduled)
		w.Of[one.Kind] = max(w.Of[one.Kind], less)
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

// goodClientMain is the main function of a GoodClient's process: it runs until its standard input
// ends.
func goodClientMain(asked string) (exitCode int) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	var (
		both   [2]Asked
		result report
		wg     sync.WaitGroup
	)
	err := json.Unmarshal([]byte(asked), &both)
	var questions [2]map[string]question
	for i, one := range both {
		questions[i] = goodQuestions(ctx, one)
	}
	fmt.Println("ready")
	began := time.Now()
	late := &delays{pid: both[0].Pid, began: began}
	wg.Go(func() { late.follow(ctx) })
	wg.Go(func() { result.Asked = askAll(ctx, questions[0], began) })
	wg.Go(func() { result.Idle = askAll(ctx, questions[1], began) })
	wg.Wait()
	for i, one := range result.Asked {
		result.Asked[i].Unscheduled = late.between(one.Sent, one.End)
	}
	result.Unscheduled = late.worst(unscheduledStretch)
	if err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(result)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// askAll sends requests of all kinds to one controller until ctx ends.
func askAll(ctx context.Context, questions map[string]question, began time.Time) (waits []wait) {
	var (
		mu sync.Mutex
		wg sync.WaitGroup
	)
	for kind, ask := range questions {
		wg.Go(func() {
			of := askOne(ctx, kind, ask, began)
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, of...)
		})
	}
	wg.Wait()
	slices.SortFunc(waits, func(a, b wait) int { return cmp.Compare(a.Sent, b.Sent) })
	return waits
}

// askOne repeats requests of one kind.
func askOne(ctx context.Context, kind string, ask question, began time.Time) (waits []wait) {
	due := time.Since(began)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return waits
		case <-time.After(due - time.Since(began)):
		}
		sent := time.Since(began)
		err := ask(ctx, n)
		if end := time.Since(began); ctx.Err() == nil || err == nil || end-sent > goodInterval {
			problem := describe(err, ctx.Err() != nil)
			waits = append(waits, wait{Kind: kind, Due: due, Sent: sent, End: end, Err: problem})
		}
		due = max(due+goodInterval, time.Since(began))
	}
}

// describe says what is wrong with an answer; an answer that the client did not wait for may be
// correct.
func describe(err error, ended bool) string {
	if err == nil || ended {
		return ""
	}
	return err.Error()
}
