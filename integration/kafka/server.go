package kafka

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const lineMax = 400 // longest part of a log line in a report, in bytes

// Server is a broker or a controller: a program with its own directories that can be stopped,
// killed and restarted. It is killed at the end of its test; if the test failed, the end of its log
// and all its errors are printed. Safe for concurrent use, except for the methods that take a
// testing.TB.
type Server struct {
	Name    string // "broker 1", for messages
	LogPath string // the program's log, over all runs
	outPath string // standard output and error; may be LogPath

	mu      sync.Mutex
	command command
	proc    *process // the last run, nil before the first
	logMark int64    // length of the log when that run began
}

func newServer(t testing.TB, name, logPath, outPath string, c command) *Server {
	s := &Server{Name: name, LogPath: logPath, outPath: outPath, command: c}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.report())
		}
		if p := s.process(); p != nil {
			p.kill()
		}
	})
	return s
}

// Start starts the program, which must not be running. It does not wait until the program is ready.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil && s.proc.alive() {
		t.Fatalf("%s is running already", s.Name)
	}
	s.logMark = 0
	if fi, err := os.Stat(s.LogPath); err == nil {
		s.logMark = fi.Size()
	}
	p, err := startProcess(s.command, s.outPath)
	if err != nil {
		t.Fatalf("start %s: %v", s.Name, err)
	}
	s.proc = p
}

// setCommand changes the command that Start runs.
func (s *Server) setCommand(c command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.command = c
}

// Stop sends SIGTERM, waits for the program's end and returns its exit code.
func (s *Server) Stop(t testing.TB) int {
	t.Helper()
	p := s.process()
	p.terminate()
	select {
	case <-p.done:
	case <-time.After(Patience):
		t.Fatalf("want: %s ends on SIGTERM\n got: it still runs after %v, %s", s.Name, Patience,
			machineLoad())
	}
	return exitCode(p.cmd.ProcessState)
}

// Kill sends SIGKILL and returns when the program is gone.
func (s *Server) Kill() {
	if p := s.process(); p != nil {
		p.kill()
	}
}

// Pause freezes the program (SIGSTOP) until Resume.
func (s *Server) Pause() { s.process().signal(syscall.SIGSTOP) }

// Resume continues a paused program.
func (s *Server) Resume() { s.process().signal(syscall.SIGCONT) }

// Pid is the process id of the last run, 0 before the first.
func (s *Server) Pid() int {
	if p := s.process(); p != nil {
		return p.cmd.Process.Pid
	}
	return 0
}

// Alive reports whether the program runs.
func (s *Server) Alive() bool {
	p := s.process()
	return p != nil && p.alive()
}

// ExitCode is that of the last run, once it has ended; 128 plus the signal's number if a signal
// ended it.
func (s *Server) ExitCode() (code int, ended bool) {
	p := s.process()
	if p == nil || p.alive() {
		return 0, false
	}
	return exitCode(p.cmd.ProcessState), true
}

// WaitExit waits until the program exits by itself and returns its exit code.
func (s *Server) WaitExit(t testing.TB, within time.Duration) int {
	t.Helper()
	p := s.process()
	select {
	case <-p.done:
	case <-time.After(within):
		t.Fatalf("want: %s ends by itself\n got: it still runs after %v, %s", s.Name, within,
			machineLoad())
	}
	return exitCode(p.cmd.ProcessState)
}

// WaitLog waits until the current run has logged a line with text, and returns the time since the
// run began. The test fails at once if the program ends first.
func (s *Server) WaitLog(t testing.TB, within time.Duration, text string) time.Duration {
	t.Helper()
	took, err := s.awaitLog(within, text)
	if err != nil {
		t.Fatal(missed(fmt.Sprintf("%s logs %q", s.Name, text), took, err))
	}
	return took
}

func (s *Server) awaitLog(within time.Duration, text string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	p := s.process()
	err := p.awaitLog(ctx, s.Log, text)
	return time.Since(p.begin), err
}

// Log returns what the current run has logged so far.
func (s *Server) Log() string {
	s.mu.Lock()
	mark := s.logMark
	s.mu.Unlock()
	b, _ := os.ReadFile(s.LogPath)
	return string(b[min(mark, int64(len(b))):])
}

// Matches log lines of level ERROR or FATAL of log4j2, and of slog as text and as JSON.
var errorLine = regexp.MustCompile(`^\[[^]]*\] (ERROR|FATAL) |level=ERROR|"level":"ERROR"`)

// LogErrors returns the ERROR and FATAL lines of the current run.
func (s *Server) LogErrors() []string {
	lines := strings.Split(s.Log(), "\n")
	return slices.DeleteFunc(lines, func(l string) bool { return !errorLine.MatchString(l) })
}

// LogTail returns the last n lines of the log, and of the program's output if that is another file.
func (s *Server) LogTail(n int) string {
	b, _ := os.ReadFile(s.LogPath)
	tail := lastLines(b, n)
	if s.outPath != s.LogPath {
		out, _ := os.ReadFile(s.outPath)
		tail += lastLines(out, n)
	}
	return tail
}

func lastLines(b []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, l := range lines {
		lines[i] = l[:min(len(l), lineMax)]
	}
	return strings.Join(lines, "\n") + "\n"
}

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc
}

func (s *Server) report() string {
	state := "never started"
	if code, ended := s.ExitCode(); ended {
		state = fmt.Sprintf("exited with code %d", code)
	} else if s.Alive() {
		state = "running"
	}
	return fmt.Sprintf("---- %s (%s), errors:\n%s\n---- last lines:\n%s",
		s.Name, state, strings.Join(s.LogErrors(), "\n"), s.LogTail(25))
}

// LogLines returns the lines that all runs have logged.
func (s *Server) LogLines() []string {
	b, _ := os.ReadFile(s.LogPath)
	return strings.Split(string(b), "\n")
}
