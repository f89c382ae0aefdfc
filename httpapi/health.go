package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// NodeState is the raft layer's state of this node.
type NodeState struct {
	Role string // leader, follower, candidate, pre-candidate, learner, stopped
	// Waiting says, in a sentence, why this node is not a member of the quorum and waits; ""
	// when it is one.
	Waiting string
	// Suspended says, in a sentence, why this node takes no part in the quorum that it is a
	// member of; "" when it does.
	Suspended     string
	LeaderID      int32 // -1: nobody
	LeaderEpoch   int32
	LeaderReason  string
	HighWatermark int64
	LogStart      int64
	LogEnd        int64
	SnapshotEnd   int64 // -1: none
	SnapshotEpoch int32
	DiskFull      bool
	Failed        error
	Voters        []VoterState
	Observers     []ObserverState
}

// Health is what /livez and /readyz answer.
type Health struct {
	Status string  `json:"status" enum:"ok,failing" doc:"ok when every check passes or is a warning." example:"ok"`
	State  string  `json:"state" doc:"What this node is in the quorum." example:"leader"`
	Checks []Check `json:"checks" doc:"Every check, in a fixed order."`
}

// Check is one of them.
type Check struct {
	Name    string `json:"name" doc:"Name of the check." example:"leader_known"`
	OK      bool   `json:"ok" doc:"Whether it passes." example:"true"`
	Warning bool   `json:"warning,omitempty" doc:"Whether the node does its part all the same, although the check does not pass." example:"false"`
	Message string `json:"message,omitempty" doc:"Why it does not." example:"no leader is known"`
}

// state is what the node is, for people.
func (n NodeState) state() string {
	switch {
	case n.Failed != nil:
		return "stopped"
	case n.Suspended != "":
		return "suspended"
	case n.Waiting != "":
		return "waiting"
	}
	return n.Role
}

type healthAnswer struct {
	Status int
	Body   Health
}

// stuckAfter is how long the controller's event loop may take for one turn before the process counts as dead.
const stuckAfter = 10 * time.Second

// lagMax is how many records this node's state may be behind the committed log and still be ready.
const lagMax = 1000

// confirmedInput asks /readyz for a round with the quorum.
type confirmedInput struct {
	Quorum bool   `query:"quorum" doc:"Confirm with a majority, too; a standby asks the leader to." example:"false"`
	By     string `header:"X-Yakt-Forwarded-By" hidden:"true"`
}

func (a *API) health() {
	live := localOperation("livez", "Is the process alive?", "Fails only when the process should be restarted: its event loop is stuck, or its disk has failed. It does not depend on there being a leader.")
	a.healthSchema(&live)
	huma.Register(a.huma, live, func(ctx context.Context, _ *struct{}) (*healthAnswer, error) {
		return a.checked(a.liveChecks(ctx)), nil
	})
	ready := localOperation("readyz", "Can the node do its part?", "Names every check. With 503, state says what the node is instead of leader or follower.")
	a.healthSchema(&ready)
	huma.Register(a.huma, ready, func(ctx context.Context, in *confirmedInput) (*healthAnswer, error) {
		return a.checked(a.readyChecks(ctx, in)), nil
	})
}

// localOperation describes an operation about the node itself, outside of /v1.
func localOperation(name, summary, description string) huma.Operation {
	op := describe(http.MethodGet, name, tagQuorum, summary, description)
	op.Path = "/" + name
	return op
}

func (a *API) healthSchema(op *huma.Operation) {
	op.Responses["503"] = &huma.Response{Description: "Some check fails.", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Health"}},
	}}
}

func (a *API) checked(checks []Check) *healthAnswer {
	out := &healthAnswer{Status: http.StatusOK}
	out.Body = Health{Status: "ok", State: a.node().state(), Checks: checks}
	for _, c := range checks {
		if !c.OK && !c.Warning {
			out.Status, out.Body.Status = http.StatusServiceUnavailable, "failing"
		}
	}
	return out
}

// node is the state of this node, which has failed as soon as Fail was called.
func (a *API) node() NodeState {
	n := a.cfg.Node()
	if err := a.failure.Load(); err != nil {
		n.Failed = *err
	}
	return n
}

func check(name string, wrong string) Check {
	return Check{Name: name, OK: wrong == "", Message: wrong}
}

// warning is a check that leaves the node ready.
func warning(name string, wrong string) Check {
	c := check(name, wrong)
	c.Warning = !c.OK
	return c
}

func (a *API) liveChecks(ctx context.Context) []Check {
	if err := a.node().Failed; err != nil { // said at once: the event loop has ended, or may hang
		return []Check{check("event_loop", ""), check("replica", err.Error())}
	}
	wrong := ""
	if stuck := a.pulse.stuck(ctx, a.cfg.Controller.Ping); stuck > stuckAfter {
		wrong = fmt.Sprintf("the controller's event loop has not turned for %v", stuck.Round(time.Second))
	}
	return []Check{check("event_loop", wrong), check("replica", "")}
}

// unreached says why this node has no connection to other voters: a voter that it does not hear, or
// that does not hear it, is often why there is no leader.
func unreached(voters []VoterState) string {
	var why strings.Builder
	for _, v := range voters {
		if !v.Connected && v.LastError != "" {
			fmt.Fprintf(&why, "; no connection to node %d: %s", v.ID, v.LastError)
		}
	}
	return why.String()
}

func (a *API) readyChecks(ctx context.Context, in *confirmedInput) []Check {
	n := a.node()
	leader, lag, disk := "", "", ""
	switch {
	case n.Failed != nil:
		leader = "this node has failed and follows nobody"
	case n.LeaderID < 0:
		leader = "no leader is known; this node is " + n.Role + unreached(n.Voters)
	case n.LeaderID == a.cfg.NodeID && !a.leads():
		leader = "this node was elected and is not active yet"
	}
	img := a.cfg.Controller.Image()
	if behind := n.HighWatermark - img.EndOffset(); behind > lagMax {
		lag = fmt.Sprintf("%d committed records are not applied yet", behind)
	}
	if n.DiskFull {
		disk = "the disk is full: free some space under metadata.log.dir"
	}
	checks := append(a.liveChecks(ctx), check("member", cmp.Or(n.Suspended, n.Waiting)),
		check("leader_known", leader), check("caught_up", lag), check("disk_writable", disk),
		warning("log_readable", unreadable(img, n.LogStart)))
	if !in.Quorum {
		return checks
	}
	wrong := ""
	if err := a.confirmQuorum(ctx, in.By); err != nil {
		wrong = err.Error()
	}
	return append(checks, check(quorumConfirmed, wrong))
}

const quorumConfirmed = "quorum_confirmed"

// confirmQuorum makes sure that a majority is there: the leader by asking it, a standby by asking the
// leader. by is the standby that this node is asked by; "" for a client.
func (a *API) confirmQuorum(ctx context.Context, by string) error {
	switch {
	case a.leads():
		_, err := a.confirmed(ctx)
		return err
	case by != "":
		return noLeader("Node %s took this node for the leader, which it is not.", by)
	}
	return a.forward.confirmQuorum(ctx)
}

// pulse watches an event loop by events that do nothing.
type pulse struct {
	mu    sync.Mutex
	asked time.Time // when the event that is on its way was queued; zero when there is none
}

// pulseTimeout is how long a caller waits to see the loop turn.
const pulseTimeout = 500 * time.Millisecond

// stuck is for how long the loop has not answered; 0 when it does.
func (p *pulse) stuck(ctx context.Context, ping func() <-chan struct{}) time.Duration {
	p.mu.Lock()
	asked := p.asked
	if !asked.IsZero() {
		p.mu.Unlock()
		return time.Since(asked)
	}
	p.asked = time.Now()
	p.mu.Unlock()
	answered := ping()
	done := make(chan struct{})
	go func() {
		<-answered
		p.mu.Lock()
		p.asked = time.Time{}
		p.mu.Unlock()
		close(done)
	}()
	timeout := time.NewTimer(pulseTimeout)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
	case <-ctx.Done():
	}
	return 0
}
