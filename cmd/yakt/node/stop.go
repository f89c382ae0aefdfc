package node

import (
	"context"
	"errors"
	"time"
)

// lastAnswers is how long the clients of a node that has failed may take answers that are
// ready. Then their connections are closed, so that they ask another node.
const lastAnswers = 100 * time.Millisecond

// fail takes this node out of service for the first reason why it must stop: what it has in
// memory, or its disk, cannot be trusted any more. From here on it neither leads nor answers,
// and /livez and /readyz name the reason. It waits for nothing: the disk may hang, and the
// caller may be one of the goroutines that are to end.
func (n *Node) fail(err error) {
	n.failOnce.Do(func() {
		n.logger.Error("this node stops: it cannot go on without a guess", "err", err)
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

// Failed yields the reason when the node must stop being a replica. It is out of service then;
// the process is to exit soon, whether Stop returns or not.
func (n *Node) Failed() <-chan error { return n.failed }

// Stop hands leadership over, lets replies go out and closes everything. ctx bounds the
// courtesy, not the closing, which takes as long as the disk does.
func (n *Node) Stop(ctx context.Context) error {
	n.stopOnce.Do(func() {
		start := time.Now()
		n.log.HandOver(ctx)
		n.api.Close()
		n.passed.drain(ctx) // the tunnels end with the log
		n.stopErr = errors.Join(n.log.Stop(ctx), n.server.Shutdown(ctx), n.http.drain(ctx))
		n.controller.Stop()
		n.passage.close()
		n.debug.close()
		n.http.close()
		n.storage.close()
		n.logger.Info("stopped", "took", time.Since(start).Round(time.Millisecond))
	})
	return n.stopErr
}
