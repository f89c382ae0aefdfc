package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// command is a program to run, with its arguments and its whole environment.
type command struct{ argv, env []string }

// ToolResult is the output of a finished program. ExitCode is 128 plus the signal's number if a
// signal ended it.
type ToolResult struct {
	Stdout, Stderr string
	ExitCode       int
	Took           time.Duration
}

// run runs the program to its end; err is set if it could not run or ctx ended, not for an exit
// code.
func (c command) run(ctx context.Context) (ToolResult, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &stdout, &stderr
	begin := time.Now()
	if err := spawn(cmd); err != nil {
		return ToolResult{}, err
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	stop()
	res := ToolResult{stdout.String(), stderr.String(), exitCode(cmd.ProcessState),
		time.Since(begin)}
	if ctx.Err() != nil {
		return res, fmt.Errorf("not finished after %v: %w", res.Took.Round(time.Millisecond),
			ctx.Err())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return res, err
	}
	return res, nil
}

// spawner runs functions on one OS thread that lives as long as the process: the kernel sends a
// child its parent-death signal when the *thread* that started it ends.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// spawn starts cmd so that it dies with the test process.
func spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	spawner() <- func() { started <- cmd.Start() }
	return <-started
}

// process is a child in the background. Safe for concurrent use.
type process struct {
	cmd   *exec.Cmd
	begin time.Time
	done  chan struct{} // closed once it has been waited for
}

// startProcess starts the program with both its outputs appended to outPath.
func startProcess(c command, outPath string) (*process, error) {
	out, err := os.OpenFile(outPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, out, out
	p := &process{cmd: cmd, begin: time.Now(), done: make(chan struct{})}
	if err := spawn(cmd); err != nil {
		return nil, err
	}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig syscall.Signal) { p.cmd.Process.Signal(sig) }

func (p *process) terminate() { p.signal(syscall.SIGTERM) }

// kill ends the process at once and returns when it is gone. It also ends a stopped (SIGSTOP)
// process.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// awaitLog waits until log holds text, the process ends, or ctx does.
func (p *process) awaitLog(ctx context.Context, log func() string, text string) error {
	return poll(ctx, func() error {
		alive := p.alive() // read first: a dead process has written its whole log
		if strings.Contains(log(), text) {
			return nil
		}
		if !alive {
			return final(fmt.Errorf("exited with code %d before it logged %q",
				exitCode(p.cmd.ProcessState), text))
		}
		return fmt.Errorf("has not logged %q", text)
	})
}

func exitCode(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}
