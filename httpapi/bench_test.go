package httpapi_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The watchers of a benchmark run in another process, since one process may not open enough files
// for both ends of their connections. It is this test program with an order in its environment.
const watchersEnv = "YAKT_TEST_WATCHERS"

func TestMain(m *testing.M) {
	if order := os.Getenv(watchersEnv); order != "" {
		if err := watch(order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// watchOrder is the order for the process of the watchers.
type watchOrder struct {
	Addr, Topic    string
	Offset         int64
	Polls, Streams int
}

// watch opens connections, waits until each has received the topic, and prints the times of
// receipt, in Unix nanoseconds.
func watch(text string) error {
	var o watchOrder
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	times := make([]int64, o.Polls+o.Streams)
	errs := make([]error, len(times))
	var wg sync.WaitGroup
	for i := range times {
		w, err := o.dial(i >= o.Polls)
		if err != nil {
			return err
		}
		defer w.Close()
		wg.Go(func() { times[i], errs[i] = w.await(o.Topic) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(times)
}

// watcher is a connection with a request that waits for a change.
type watcher struct {
	net.Conn
	stream bool
}

func (o *watchOrder) dial(stream bool) (watcher, error) {
	c, err := net.Dial("tcp", o.Addr)
	if err != nil {
		return watcher{}, fmt.Errorf("%w; may this process open enough files (ulimit -n)?", err)
	}
	accept := "application/json"
	if stream {
		accept = "text/event-stream"
	}
	_, err = fmt.Fprintf(c, "GET /v1/client_mgmt?wait=60s&offset=%d HTTP/1.1\r\n"+
		"Host: x\r\nAccept: %s\r\n\r\n", o.Offset, accept)
	return watcher{c, stream}, err
}

// await reads until the watcher receives a topic, and returns the time.
func (w watcher) await(topic string) (at int64, err error) {
	_ = w.SetReadDeadline(time.Now().Add(2 * waitMax))
	in := bufio.NewReaderSize(w, 1024)
	if !w.stream {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(body), topic) {
			err = fmt.Errorf("woken by %s", body)
		}
		return time.Now().UnixNano(), err
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil || strings.Contains(line, topic) {
			return time.Now().UnixNano(), err
		}
	}
}

// BenchmarkWatchers measures how long a new topic takes to reach 10,000 long polls and 200 streams
// that wait at one node. The process of the watchers shares the machine's processors with the node.
func BenchmarkWatchers(b *testing.B) {
	const polls, streams = 10_000, 200
	s := startOne(b, fmt.Sprintf("yakt.http.max.connections=%d",
		3*(polls+streams))) // one address may use half
	s.alive(1)
	var perWatcher float64
	var create time.Duration
	var times []int64
	for i := range b.N {
		order := watchOrder{strings.TrimPrefix(s.url, "http://"), fmt.Sprintf("bench-%d", i),
			s.node.Controller().Image().EndOffset() - 1, polls, streams}
		before := used()
		arrived := s.startWatchers(order)
		s.watchers(polls + streams)
		perWatcher = float64(used()-before) / (polls + streams) / 1024
		began := time.Now()
		s.post("/v1/create_topic", object{"name": order.Topic})
		create = time.Since(began)
		times = <-arrived
		for i := range times {
			times[i] -= began.UnixNano()
		}
		slices.Sort(times)
		if len(times) == 0 {
			b.FailNow()
		}
	}
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	b.ReportMetric(perWatcher, "KiB/watcher")
	b.ReportMetric(ms(create.Nanoseconds()), "ms-create")
	b.ReportMetric(ms(times[0]), "ms-first")
	b.ReportMetric(ms(times[len(times)/2]), "ms-median")
	b.ReportMetric(ms(times[len(times)-1]), "ms-last")
	b.ReportMetric(0, "ns/op")
}

// startWatchers starts the process of the watchers. The channel receives the times that it prints.
func (s *server) startWatchers(o watchOrder) <-chan []int64 {
	s.t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), watchersEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	arrived := make(chan []int64, 1)
	go func() {
		var times []int64
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &times)
		}
		if err != nil {
			s.t.Errorf("the watchers: %v", err)
		}
		arrived <- times
	}()
	return arrived
}

// used is the memory of the process for objects and stacks, in bytes.
func used() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
