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

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// NodeState is the part of the log's status (raftlog.Status) that the HTTP API shows.
type NodeState struct {
	Role string // leader, follower, candidate, pre-candidate, learner or stopped
	// Waiting is a sentence that says why this node is not a member of the quorum and waits to
	// become one; "" if it is a member.
	Waiting string
	// Suspended is a sentence that says why this node, a member, takes no part in the quorum; "" if
	// it takes part.
	Suspended     string
	LeaderID      int32 // -1 if there is no leader
	LeaderEpoch   int32
	LeaderReason  string // why leadership last changed
	HighWatermark int64
	LogStart      int64
	LogEnd        int64
	SnapshotEnd   int64 // offset after the newest snapshot; -1 if there is none
	SnapshotEpoch int32
	DiskFull      bool
	Failed        error // why the raft layer has stopped; nil if it has not
	Voters        []VoterState
	Observers     []ObserverState
	Certificates  []Certificate // of all listeners; none without TLS
}

// Health is the answer of /livez and /readyz.
type Health struct {
	// ok if every check passes or is a warning.
	Status string `json:"status" enum:"ok,failing" example:"ok"`
	// State of this node in the quorum: its raft role, or suspended, waiting or stopped.
	State string `json:"state" example:"leader"`
	// Every check, in a fixed order.
	Checks []Check `json:"checks"`
}

// Check is one check of a node's health.
type Check struct {
	// Name of the check.
	Name string `json:"name" example:"leader_known"`
	// Whether the check passes.
	OK bool `json:"ok" example:"true"`
	// Whether the check fails and the node works nevertheless.
	Warning bool `json:"warning,omitempty" example:"false"`
	// Why the check fails.
	Message string `json:"message,omitempty" example:"no leader is known"`
}

// state is the node's state in one word.
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

// healthAnswer is 200 or 503: load balancers look at the status alone.
type healthAnswer struct {
	Status int
	Body   Health
}

// stuckAfter is how long the controller's event loop may take for one event before the process
// counts as dead.
const stuckAfter = 10 * time.Second

// lagMax is how many committed records a ready node may not yet have applied.
const lagMax = 1000

// confirmedInput is the input of readyz.
type confirmedInput struct {
	// Also confirm with a majority that there is a leader; a standby asks the leader to.
	Quorum bool   `query:"quorum" example:"false"`
	By     string `header:"X-Yakt-Forwarded-By" hidden:"true"`
}

func (a *API) health() {
	handle(a, a.healthCheck(operation{
		name: "livez", summary: "Is the process alive?",
		text: "Fails only if the process should be restarted: its event loop is stuck, or its disk has " +
			"failed. It does not depend on a leader.",
	}), func(ctx context.Context, _ *struct{}) (*healthAnswer, error) {
		return a.checked(ctx, a.liveChecks(ctx)), nil
	})
	handle(a, a.healthCheck(operation{
		name: "readyz", summary: "Is the node ready?",
		text: "Lists every check. If one fails the status is 503, and state says why the node is " +
			"neither leader nor follower, if it is not. quorum needs DESCRIBE on CLUSTER.",
	}), func(ctx context.Context, in *confirmedInput) (*healthAnswer, error) {
		if in.Quorum && in.By == "" {
			if problem := a.permitHealth(ctx); problem != nil {
				return nil, problem
			}
		}
		return a.checked(ctx, a.readyChecks(ctx, in)), nil
	})
}

// healthCheck completes the description of a health check.
func (a *API) healthCheck(o operation) operation {
	o.kind, o.tag, o.needs = healthKind, tagQuorum, nobody.also(
		"Without DESCRIBE on CLUSTER the checks have no messages.")
	o.responses = map[string]*huma.Response{"503": {
		Description: "A check fails.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Health"}},
		},
	}}
	return o
}

// permitHealth checks whether the sender of a request may see more of a node's health than whether
// it works.
func (a *API) permitHealth(ctx context.Context) *Problem {
	return a.permitKnown(ctx, acls.Describe)
}

func (a *API) checked(ctx context.Context, checks []Check) *healthAnswer {
	out := &healthAnswer{Status: http.StatusOK}
	out.Body = Health{Status: "ok", State: a.node().state(), Checks: checks}
	anonymous := a.cfg.Auth.Required && caller(ctx).Principal == protocol.Anonymous
	if !tunnelled(ctx) && (anonymous ||
		!a.mayKnow(ctx, acls.Describe, acls.Cluster, acls.ClusterName)) {
		for i := range checks {
			checks[i].Message = ""
		}
	}
	for _, c := range checks {
		if !c.OK && !c.Warning {
			out.Status, out.Body.Status = http.StatusServiceUnavailable, "failing"
		}
	}
	return out
}

// node is the state of this node. It has failed from the call of Fail on.
func (a *API) node() NodeState {
	n := a.cfg.Node()
	if err := a.failure.Load(); err != nil {
		n.Failed = *err
	}
	return n
}

// check is a check that passes if failure is "".
func check(name, failure string) Check {
	return Check{Name: name, OK: failure == "", Message: failure}
}

// warning is a check whose failure leaves the node ready.
func warning(name, failure string) Check {
	c := check(name, failure)
	c.Warning = !c.OK
	return c
}

func (a *API) liveChecks(ctx context.Context) []Check {
	if err := a.node().Failed; err != nil { // without a ping: the event loop has ended, or may hang
		return []Check{check("event_loop", ""), check("replica", err.Error())}
	}
	failure := ""
	if stuck := a.pulse.stuck(ctx, a.cfg.Controller.Ping); stuck > stuckAfter {
		failure = fmt.Sprintf("the controller's event loop has not answered for %v",
			stuck.Round(time.Second))
	}
	return []Check{check("event_loop", failure), check("replica", "")}
}

// unreached lists the voters to which this node has no connection, with the reasons: a missing
// connection is often why there is no leader.
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
		leader = "this node has failed and follows no leader"
	case n.LeaderID < 0:
		leader = "no leader is known; this node is " + n.Role + unreached(n.Voters)
	case n.LeaderID == a.cfg.NodeID && !a.leads():
		leader = "this node has been elected and is not active yet"
	}
	img := a.cfg.Controller.Image()
	if behind := n.HighWatermark - img.EndOffset(); behind > lagMax {
		lag = fmt.Sprintf("%d committed records are not applied yet", behind)
	}
	if n.DiskFull {
		disk = "the disk is full: free space on the disk of metadata.log.dir"
	}
	checks := append(a.liveChecks(ctx), check("member", cmp.Or(n.Suspended, n.Waiting)),
		check("leader_known", leader), check("caught_up", lag), check("disk_writable", disk),
		warning("log_readable", unreadable(img, n.LogStart)))
	if len(n.Certificates) > 0 {
		checks = append(checks, warning("certificates_valid", expiring(n.Certificates, a.now())))
	}
	if !in.Quorum {
		return checks
	}
	failure := ""
	if err := a.confirmQuorum(ctx, in.By); err != nil {
		failure = err.Error()
	}
	return append(checks, check(quorumConfirmed, failure))
}

// quorumConfirmed is the name of the check that readyz adds for the parameter quorum.
const quorumConfirmed = "quorum_confirmed"

// confirmQuorum returns nil if a majority confirms the leader: the leader asks the majority, a
// standby asks the leader. by is the standby that asks this node; "" for a client.
func (a *API) confirmQuorum(ctx context.Context, by string) error {
	switch {
	case a.leads():
		_, err := a.confirmed(ctx)
		return err
	case by != "":
		return noLeader("Node %s asked a node that does not lead.", by)
	}
	return a.forward.confirmQuorum(ctx)
}

// pulse watches an event loop with events that do nothing, one at a time.
type pulse struct {
	mu    sync.Mutex
	asked time.Time // when the event in the queue was queued; zero if there is none
}

// pulseTimeout is how long a caller waits for the loop to answer.
const pulseTimeout = 500 * time.Millisecond

// stuck returns for how long the loop has not answered; 0 if no answer was missing before the call.
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
