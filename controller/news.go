package controller

import (
	"context"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/protocol"
)

// NewsSince returns everything committed after offset, the last one that the reader has; see
// feed.Feed.Since. It contains at least the state of Image when it is called, unless ctx ends.
func (c *Controller) NewsSince(ctx context.Context, offset int64) feed.News {
	return c.feed.Since(ctx, offset, c.Image().EndOffset())
}

// Unchanged reports whether nothing but NoOpRecords and control records was committed after offset,
// and up to which end offset that holds; see feed.Feed.Unchanged.
func (c *Controller) Unchanged(ctx context.Context, offset int64) (end int64, ok bool) {
	return c.feed.Unchanged(ctx, offset, c.Image().EndOffset())
}

// OffsetBefore returns the offset of the last record older than a time; see feed.Feed.OffsetBefore.
func (c *Controller) OffsetBefore(timestampMs int64) (offset int64, ok bool) {
	return c.feed.OffsetBefore(timestampMs)
}

// Await blocks until a record for the audience is committed after offset; see feed.Feed.Await.
func (c *Controller) Await(ctx context.Context, audience feed.Audience, offset int64) error {
	return c.feed.Await(ctx, audience, offset)
}

// Waiting is how many calls of Await are blocked.
func (c *Controller) Waiting() int { return c.feed.Waiting() }

// Ping queues an event that does nothing. The channel is closed when the core's goroutine reaches
// the event, or never will.
func (c *Controller) Ping() <-chan struct{} {
	done := make(chan struct{})
	answered := func() { close(done) }
	if !c.queue.addLog(event{name: "ping", run: answered,
		drop: func(*protocol.Error) { answered() }}) {
		answered()
	}
	return done
}
