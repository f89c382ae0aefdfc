package node

import (
	"context"
	"errors"
	"time"
)

// lastAnswers is how long a failed node keeps connections open for answers that are ready. Then it
// closes them, so that clients turn to another node.
const lastAnswers = 100 * time.Millisecond

// fail takes this node out of service for the first reason why it must stop: its memory or its disk
// can no longer be trusted. From then on it neither leads nor answers, and /livez and /readyz name
// the reason. It does not wait for anything: the disk may hang, and the caller may be one of the
// goroutines that must end.
func (n *Node) fail(err error) {
	n.failOnce.Do(func() {
		n.logger.Error("stopping: this replica can no longer trust its state", "err", err)
		n.api.Fail(err)
		n.log.Fail(err)
		n.controller.Depose()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
			defer cancel()
			_ = n.server.Shutdown(ctx)
		}()
		n.failed <- err
	})
}

// Failed receives the reason, once, when the node can no longer be a replica. It is out of service
// then, and the process must exit soon, whether or not Stop returns.
func (n *Node) Failed() <-chan error { return n.failed }

// Stop hands over leadership, waits until answers have been sent and closes everything. ctx bounds
// the hand-over and the waiting but not the closing, which takes as long as the disk does. Further
// calls wait for the first and return its error.
func (n *Node) Stop(ctx context.Context) error {
	n.stopOnce.Do(func() {
		start := time.Now()
		n.log.HandOver(ctx)
		n.api.Close()
		n.tunnelled.drain(ctx) // the tunnels end with the log
		n.stopErr = errors.Join(n.log.Stop(ctx), n.server.Shutdown(ctx), n.http.drain(ctx))
		n.controller.Stop()
		n.forwarder.close()
		n.debug.close()
		n.http.close()
		n.guard.close()
		n.storage.close()
		n.logger.Info("stopped", "took", time.Since(start).Round(time.Millisecond))
	})
	return n.stopErr
}
