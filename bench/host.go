package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
)

// host stands in for a test: integration/kafka takes folders from it, registers cleanups with it
// and reports failures to it. It has the methods of testing.TB that integration/kafka calls. A
// failure ends the work that guard runs, so the methods must be called on guard's goroutine.
type host struct {
	testing.TB // nil; for the methods that nobody calls
	ctx        context.Context
	dir        string // for temporary folders
	log        func(string)
	cleanups   []func()
	failure    error
}

// ended is the value with which fail panics and guard recovers.
type ended struct{}

// guard runs work to its end or first failure, ends the context, and then runs the cleanups in
// reverse order.
func (h *host) guard(ctx context.Context, work func()) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	h.ctx = ctx
	defer func() {
		cancel()
		for len(h.cleanups) > 0 {
			last := h.cleanups[len(h.cleanups)-1]
			h.cleanups = h.cleanups[:len(h.cleanups)-1]
			last()
		}
		err = h.failure
	}()
	defer func() {
		if p := recover(); p != nil && p != (ended{}) {
			panic(p)
		}
	}()
	work()
	return nil
}

func (h *host) fail(err error) {
	if h.failure == nil {
		h.failure = err
	}
	panic(ended{})
}

// check ends the work if err is set.
func (h *host) check(err error) {
	if err != nil {
		h.fail(err)
	}
}

func (h *host) Helper()                           {}
func (h *host) Fatal(args ...any)                 { h.fail(errors.New(fmt.Sprint(args...))) }
func (h *host) Fatalf(format string, args ...any) { h.fail(fmt.Errorf(format, args...)) }
func (h *host) Errorf(format string, args ...any) { h.fail(fmt.Errorf(format, args...)) }
func (h *host) Name() string                      { return "bench" }
func (h *host) Failed() bool                      { return h.failure != nil }
func (h *host) Log(args ...any)                   { h.log(fmt.Sprint(args...)) }
func (h *host) Cleanup(f func())                  { h.cleanups = append(h.cleanups, f) }
func (h *host) Context() context.Context          { return h.ctx }

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp(h.dir, "yakt-bench-")
	h.check(err)
	h.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
