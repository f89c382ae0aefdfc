package integration

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

// outcome is the fate of a node that is started on a modified directory.
type outcome string

const (
	refused outcome = "refused"    // it exited with one sentence that gives the reason
	same    outcome = "same state" // it is ready and knows everything acknowledged
	aside   outcome = "aside"      // it runs, and /readyz says that it takes no part
	differs outcome = "differs"    // it is ready and lacks something: must never happen
)

// asideAfter is how long a node may be unready before that counts as its final state.
const asideAfter = 3 * time.Second

// startMutated starts a node that may refuse to start. If its quorum has several nodes, there must
// already be a leader.
func startMutated(t *testing.T, q *kafka.Controllers, id int32, creator *kafka.Creator) outcome {
	t.Helper()
	q.Start(t, id)
	return awaitOutcome(t, q, id, creator)
}

func awaitOutcome(
	t *testing.T, q *kafka.Controllers, id int32, creator *kafka.Creator,
) (got outcome) {
	t.Helper()
	begin := time.Now()
	kafka.Eventually(t, kafka.Patience, "the node ends, is ready or is not", func() error {
		if code, ended := q.Node(id).ExitCode(); ended {
			if log := q.Node(id).Log(); code == 0 || code > 128 ||
				!strings.Contains(log, "yakt: ") || strings.Contains(log, "goroutine ") {
				t.Errorf("node %d ended with exit code %d:\n%s", id, code, log)
			}
			got = refused
			return nil
		}
		ready := q.Ready(t.Context(), id)
		if ready != nil && time.Since(begin) < asideAfter &&
			!strings.Contains(ready.Error(), "suspended") {
			return ready
		}
		missing, err := creator.Missing(t.Context(), id)
		switch {
		case ready != nil:
			got = aside
		case missing == 0 && err == nil:
			got = same
		case time.Since(begin) < asideAfter: // it follows the leader
			return errors.New("it lacks something")
		default:
			got = differs
		}
		return nil
	})
	return got
}

// requireAllReady waits until every node reports that it is ready, which requires a leader that it
// knows.
func requireAllReady(t *testing.T, q *kafka.Controllers) {
	t.Helper()
	kafka.Eventually(t, returnMax, "all nodes are ready", func() error {
		var errs []error
		for _, id := range q.Nodes() {
			errs = append(errs, q.Ready(t.Context(), id))
		}
		return errors.Join(errs...)
	})
}
