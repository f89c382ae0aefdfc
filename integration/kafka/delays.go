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

// delays follows for how long the threads of another process were ready to run and had no
// processor (from /proc: Linux only; elsewhere there are none). It is safe for concurrent use.
type delays struct {
	pid   int
	began time.Time

	mu    sync.Mutex
	looks []delayLook
}

// delayLook is what each thread has waited for a processor, since it began, at one moment.
type delayLook struct {
	at       time.Duration // since began
	ofThread map[string]time.Duration
}

const delayInterval = 10 * time.Millisecond // between two looks

// follow looks until ctx ends.
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

// between is the longest that one thread has waited for a processor from one time to another, or
// a few milliseconds beside it.
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

// worst is the most of between in any stretch of that length.
func (d *delays) worst(stretch time.Duration) (longest time.Duration) {
	for _, look := range d.looks {
		longest = max(longest, d.between(look.at, look.at+stretch))
	}
	return longest
}
