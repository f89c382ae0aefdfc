package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const profileSeconds = 3

// profiles collects processor profiles of YAKt's nodes while loads run; a nil one collects nothing.
type profiles struct {
	dir string
	n   int // taken so far
}

// debugAddr finds in a node's log where its debug listener is.
var debugAddr = regexp.MustCompile(`msg="debug listener"[^\n]* addr=(\S+)`)

// begin takes profiles of the leader and of a follower in the first seconds of a load; the returned function waits for them.
func (p *profiles) begin(r *run, what string) (wait func()) {
	if p == nil || r.system.key != ours || strings.HasPrefix(what, "warming") {
		return func() {}
	}
	lead := r.leader().ID
	follower := firstControllerID + (lead-firstControllerID+1)%controllers
	leads, follows := p.take(r, lead, what+" leader"), p.take(r, follower, what+" follower")
	return func() { leads(); follows() }
}

// take takes a profile of one node.
func (p *profiles) take(r *run, node int32, what string) (wait func()) {
	m := debugAddr.FindStringSubmatch(r.quorum.Node(node).Log())
	if m == nil {
		r.progress.say("no profile: the node has no debug listener")
		return func() {}
	}
	p.n++
	file := filepath.Join(p.dir, fmt.Sprintf("%02d-%s.pprof", p.n, strings.ReplaceAll(what, " ", "-")))
	return r.goUntilDoneOrWait(func(ctx context.Context) {
		url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", m[1], profileSeconds)
		if err := download(ctx, url, file); err != nil {
			r.progress.say("no profile: " + err.Error())
		}
	})
}

// goUntilDoneOrWait is goUntilDone whose returned function lets f come to its own end.
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
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	return os.WriteFile(file, body, 0o644)
}
