package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

const profileSeconds = 3

// profiles collects processor and allocation profiles of YAKt's nodes during loads; a nil one
// collects nothing.
type profiles struct {
	dir string
	n   int // taken so far
}

// debugAddr finds the address of a node's debug listener in its log.
var debugAddr = regexp.MustCompile(`msg="debug listener"[^\n]* addr=(\S+)`)

// begin takes profiles of the leader and of a follower in the first seconds of a load; the returned
// function waits for them.
func (p *profiles) begin(r *run, what string) (wait func()) {
	if p == nil || r.system.key != ours || strings.HasPrefix(what, "warming") {
		return func() {}
	}
	lead := r.leader().ID
	follower := firstControllerID + (lead-firstControllerID+1)%controllers
	leads, follows := p.capture(r, lead, what+" leader"), p.capture(r, follower, what+" follower")
	return func() { leads(); follows() }
}

// capture takes a profile of each kind of one node.
func (p *profiles) capture(r *run, node int32, what string) (wait func()) {
	m := debugAddr.FindStringSubmatch(r.quorum.Node(node).Log())
	if m == nil {
		r.progress.say("no profile: the node has no debug listener")
		return func() {}
	}
	p.n++
	file := filepath.Join(p.dir, fmt.Sprintf("%02d-%s", p.n, strings.ReplaceAll(what, " ", "-")))
	kind := func(name, suffix string) (wait func()) {
		return r.goUntilDoneOrWait(func(ctx context.Context) {
			url := fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", m[1], name, profileSeconds)
			if err := download(ctx, url, file+suffix+".pprof"); err != nil {
				r.progress.say("no profile: " + err.Error())
			}
		})
	}
	processor, allocations := kind("profile", ""), kind("allocs", "-allocs")
	return func() { processor(); allocations() }
}

// goUntilDoneOrWait is goUntilDone whose returned function waits for f instead of ending it.
func (r *run) goUntilDoneOrWait(f func(ctx context.Context)) (wait func()) {
	done := make(chan struct{})
	r.goUntilDone(func(ctx context.Context) {
		defer close(done)
		f(ctx)
	})
	return func() { <-done }
}

func download(ctx context.Context, url, file string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*profileSeconds*time.Second)
	defer cancel()
	body, err := kafka.Get(ctx, url)
	if err != nil {
		return err
	}
	return os.WriteFile(file, body, 0o644)
}
