package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"
)

// delays records how long the threads of another process were runnable but had no processor (from
// /proc on Linux; elsewhere always none). Safe for concurrent use.
type delays struct {
	pid   int
	began time.Time

	mu    sync.Mutex
	looks []delayLook
}

// delayLook is one sample: the total time that each thread has waited for a processor.
type delayLook struct {
	at       time.Duration // since the process began
	ofThread map[string]time.Duration
}

const delayInterval = 10 * time.Millisecond // between two samples

// follow samples until ctx ends.
func (d *delays) follow(ctx context.Context) {
	ticks := time.NewTicker(delayInterval)
	defer ticks.Stop()
	for {
		d.look()
		select {
		case <-ctx.Done():
			d.look()
			return
		case <-ticks.C:
		}
	}
}

func (d *delays) look() {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", d.pid))
	look := delayLook{time.Since(d.began), make(map[string]time.Duration, len(files))}
	for _, file := range files {
		var ran, waited int64
		text, _ := os.ReadFile(file)
		if _, err := fmt.Sscan(string(text), &ran, &waited); err == nil {
			look.ofThread[file] = time.Duration(waited)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looks = append(d.looks, look)
}

// between is the longest that any thread waited for a processor in an interval, give or take a few
// milliseconds.
func (d *delays) between(from, to time.Duration) (longest time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := sort.Search(len(d.looks), func(i int) bool { return d.looks[i].at > from }) - 1
	last := sort.Search(len(d.looks), func(i int) bool { return d.looks[i].at >= to })
	if first < 0 || last >= len(d.looks) {
		first, last = max(first, 0), min(last, len(d.looks)-1)
	}
	if last < 0 {
		return 0
	}
	for thread, waited := range d.looks[last].ofThread {
		longest = max(longest, waited-d.looks[first].ofThread[thread])
	}
	return longest
}

// worst is the largest value of between for any interval of that length.
func (d *delays) worst(stretch time.Duration) (longest time.Duration) {
	for _, look := range d.looks {
		longest = max(longest, d.between(look.at, look.at+stretch))
	}
	return longest
}
