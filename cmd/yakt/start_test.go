package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestNothingThatHangsKeepsTheProcess ends nodes that close at once, slowly, with an error, and
// never.
func TestNothingThatHangsKeepsTheProcess(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	for name, c := range map[string]struct {
		end     func(context.Context) error
		takes   time.Duration
		is      error
		stopped bool // the process ends although the node does not
	}{
		"at once":  {func(context.Context) error { return nil }, 0, nil, false},
		"an error": {func(context.Context) error { return broken }, 0, broken, false},
		"uses its courtesy": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, 2 * time.Second, context.DeadlineExceeded, false},
		"closes slowly": {func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(900 * time.Millisecond)
			return nil
		}, 2900 * time.Millisecond, nil, false},
		"hangs": {func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Hour)
			return nil
		}, 3 * time.Second, nil, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := stop(c.end, 2*time.Second, time.Second)
			var exit *exitError
			stopped := errors.As(err, &exit) && exit.code == exitStopped
			took := time.Since(began)
			if took != c.takes || stopped != c.stopped || !stopped && !errors.Is(err, c.is) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			time.Sleep(2 * time.Hour) // in the bubble's time: what hangs ends with the test
		})
	}
}

// TestStopSignals: a closed terminal stops a node as SIGTERM does, unless nohup has it ignored.
func TestStopSignals(t *testing.T) {
	t.Parallel()
	none := func(os.Signal) bool { return false }
	nohup := func(s os.Signal) bool { return s == syscall.SIGHUP }
	all := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}
	if got := stopSignals(none); !slices.Equal(got, all) {
		t.Errorf("in a terminal: %v", got)
	}
	if got := stopSignals(nohup); !slices.Equal(got, all[:2]) {
		t.Errorf("under nohup: %v", got)
	}
}

// TestAProcessStopsInOrder ends real processes by each signal.
func TestAProcessStopsInOrder(t *testing.T) {
	t.Parallel()
	// A process that is started under nohup ignores SIGHUP: not so if the test handles it.
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(handled) })
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			cmd := program(t, "start", "--override", "listeners=CONTROLLER://127.0.0.1:0",
				"--override", "yakt.http.listeners=127.0.0.1:0")
			log, err := cmd.StderrPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			var last string
			for lines := bufio.NewScanner(log); lines.Scan(); {
				last = lines.Text()
				if strings.Contains(last, "msg=serving") {
					_ = cmd.Process.Signal(s)
				}
			}
			if err := cmd.Wait(); err != nil || !strings.Contains(last, "msg=stopped") {
				t.Errorf("%v; the last line is %s", err, last)
			}
		})
	}
}

// TestWelcomeCanBePasted runs the commands of the welcome text, with the programs of Kafka replaced
// by stand-ins that print their arguments.
func TestWelcomeCanBePasted(t *testing.T) {
	t.Parallel()
	text := broker("127.0.0.1:9093", "7_05x8AOSXy5FAzj7yvrRw", "CONTROLLER")
	home, dir := t.TempDir(), t.TempDir()
	fakePrograms(t, filepath.Join(home, "kafka_2.13-4.4.0", "bin"), kafkaPrograms...)
	_, script, _ := strings.Cut(text, "\n\n")
	first, second, _ := strings.Cut(script, "Then, in a third terminal:\n")
	out := shell(t, dir, first, "HOME="+home) + shell(t, dir, second, "HOME="+home)
	contains(t, out, "kafka-storage.sh format --ignore-formatted --cluster-id 7_05x8AOSXy5FAzj7yvrRw",
		"kafka-server-start.sh broker.properties\n", "kafka-topics.sh --bootstrap-server",
		"kafka-metadata-quorum.sh --bootstrap-controller 127.0.0.1:9093 ")
	written, err := os.ReadFile(filepath.Join(dir, "broker.properties"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "\n"+string(written), "\nprocess.roles=broker\n",
		"\ncontroller.quorum.bootstrap.servers=127.0.0.1:9093\n", "\ntransaction.state.log.min.isr=1\n")
}

// TestWelcomeNamesWhatIsServed: the HTTP port and the page about it are in what a new user reads.
func TestWelcomeNamesWhatIsServed(t *testing.T) {
	t.Parallel()
	contains(t, httpLine("127.0.0.1:8093")+look("bin/yakt", "127.0.0.1:8093"),
		"http://127.0.0.1:8093/docs", "bin/yakt quorum status --server 127.0.0.1:8093")
	contains(t, httpLine(""), "set yakt.http.listeners")
	if look("bin/yakt", "") != "" {
		t.Error("a node without HTTP cannot be asked")
	}
}
