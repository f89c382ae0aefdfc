package controller

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// Every way into the controller passes refusal: Handle, for direct and forwarded requests, and Do
// and DoNext, for callers in this process. It runs before a request is queued or read, on any node,
// so a standby refuses what the active controller would refuse.
//
// Decisions are made from the committed image, on the goroutine of the caller. A change of ACLs
// therefore takes effect on a node when that node has replayed its commit, as in Kafka: a request
// that is sent after the answer to the change, to the node that gave the answer, finds it in
// effect. On other nodes it may take effect a little later, and a request that was decided before
// the commit may be carried out after it.
//
// A node that has just started authorizes nobody but super users until it has caught up once with
// what the quorum had committed: its disk may hold ACLs that are removed, and lack some that deny.
// Others get Kafka's answer meanwhile, UNKNOWN_SERVER_ERROR, which clients repeat.
//
// Differs from Kafka: its message for a request that needs an operation on the cluster describes
// the request by its connection and buffers; ours names the API.

// authorization is what a row of the table says about who may send the request.
type authorization struct {
	// scope is what is authorized; every row has one.
	scope scope
	// operation on the cluster without which the request is refused, and the refusal.
	operation int8
	denied    *protocol.Error
	// decide makes the decisions about the resources that a write request names, before it is
	// queued. It reports whether anything of the request is left to be done.
	decide func(*rights, kmsg.Request) (some bool)
}

// scope is what the authorization of a request is about.
type scope uint8

const (
	undecided      scope = iota
	wholeRequest         // one operation on the cluster
	eachResource         // each resource that the request names, by the handler
	tokenOwners          // the owner of a delegation token, which the handler compares with the sender
	everyoneServed       // nothing: the request needs no authorization
)

// needs sets the operation on the cluster that the sender of a request needs.
func (a *api) needs(operation int8) *api {
	a.who = authorization{scope: wholeRequest, operation: operation,
		denied: needsPermission(a.name, operation)}
	return a
}

func needsPermission(request string, operation int8) *protocol.Error {
	return protocol.Errorf(kerr.ClusterAuthorizationFailed,
		"Request %s needs %v permission.", request, kmsg.ACLOperation(operation))
}

// saying sets the message of the refusal, where Kafka's is another: "" is none.
func (a *api) saying(message string) *api {
	a.who.denied = &protocol.Error{Kafka: kerr.ClusterAuthorizationFailed, Message: message}
	return a
}

// deciding says that a write request is authorized resource by resource, and how.
func deciding[Q kmsg.Request](a *api, decide func(*rights, Q) (some bool)) *api {
	a.who = authorization{scope: eachResource,
		decide: func(r *rights, req kmsg.Request) bool { return decide(r, req.(Q)) }}
	return a
}

// forEach says that a request is authorized resource by resource, by its handler.
func (a *api) forEach() *api {
	a.who = authorization{scope: eachResource}
	return a
}

// forOwners says that the handler compares the sender with the owner of a delegation token.
func (a *api) forOwners() *api {
	a.who = authorization{scope: tokenOwners}
	return a
}

// forAnyone says that a request needs no authorization.
func (a *api) forAnyone() *api {
	a.who = authorization{scope: everyoneServed}
	return a
}

// The sentences of Kafka for its codes (Errors).
const (
	clusterDenied = "Cluster authorization failed."
	topicDenied   = "Topic authorization failed."
	groupDenied   = "Group authorization failed."
)

var (
	errClusterDenied = protocol.Errorf(kerr.ClusterAuthorizationFailed, clusterDenied)
	errTopicDenied   = protocol.Errorf(kerr.TopicAuthorizationFailed, topicDenied)
	errGroupDenied   = protocol.Errorf(kerr.GroupAuthorizationFailed, groupDenied)
)

// Allows decides whether the sender of a request may act, by the entries that this node knows to be
// committed. Without an authorizer everything is allowed.
func (c *Controller) Allows(caller protocol.Caller, act acls.Action) bool {
	r := c.rightsOf(caller)
	return r == nil || c.hasACLs() && r.allow(act)
}

// MayKnow decides as Allows does whether an answer shows something, and logs nothing.
func (c *Controller) MayKnow(caller protocol.Caller, act acls.Action) bool {
	r := c.rightsOf(caller)
	return r == nil || c.hasACLs() && r.mayKnow(act)
}

// rights decides what the sender of a request may do, by the entries of one committed image. Nil
// rights allow everything: there is no authorizer, the sender is a super user, or the operation is
// this controller's own. They belong to one goroutine after the other: that of the caller, then the
// core's.
type rights struct {
	c      *Controller
	img    *metadata.Image
	caller protocol.Caller
	// request is its name, for the log; "" where there is none.
	request string
	taken   map[acls.Action]bool // decisions made ahead
}

func (c *Controller) rightsOf(caller protocol.Caller) *rights {
	if c.cfg.Authorizer == nil || c.cfg.Authorizer.IsSuper(caller.Principal) {
		return nil
	}
	return &rights{c: c, img: c.Image(), caller: caller}
}

// allow decides about one action, and logs the decision.
func (r *rights) allow(act acls.Action) bool {
	if r == nil {
		return true
	}
	if allowed, ok := r.taken[act]; ok {
		return allowed
	}
	d := r.c.cfg.Authorizer.Decide(r.img, r.caller.Principal, r.caller.ClientAddr, act)
	if d.Allowed || !isAlternative(act) {
		r.c.denials.note(r.caller, r.request, act, d)
	}
	return d.Allowed
}

// mayKnow decides about one action without a line in the log: whether an answer shows something.
func (r *rights) mayKnow(act acls.Action) bool {
	if r == nil {
		return true
	}
	if allowed, ok := r.taken[act]; ok {
		return allowed
	}
	return r.c.cfg.Authorizer.Allows(r.img, r.caller.Principal, r.caller.ClientAddr, act)
}

func (r *rights) onCluster(operation int8) bool { return r.allow(acls.OnCluster(operation)) }

func (r *rights) onTopic(operation int8, name string) bool {
	return r.allow(acls.Action{Operation: operation, ResourceType: acls.Topic, ResourceName: name})
}

// someTopic decides whether the operation is allowed on any topic, whether it exists or not.
func (r *rights) someTopic(operation int8) bool {
	if r == nil {
		return true
	}
	allowed := r.c.cfg.Authorizer.AllowsAny(r.img, r.caller.Principal, r.caller.ClientAddr, operation,
		acls.Topic)
	r.c.denials.note(r.caller, r.request, acls.Action{Operation: operation,
		ResourceType: acls.Topic, ResourceName: "of any name"}, acls.Decision{Allowed: allowed})
	return allowed
}

// take decides about an action ahead.
func (r *rights) take(act acls.Action) bool {
	allowed, known := r.taken[act]
	if !known {
		allowed = r.allow(act)
		r.taken[act] = allowed
	}
	return allowed
}

func (r *rights) takeTopic(operation int8, name string) bool {
	return r.take(acls.Action{Operation: operation, ResourceType: acls.Topic, ResourceName: name})
}

// operations are the operations that are allowed on a resource, as bits.
func (r *rights) operations(resourceType int8, name string) (bits int32) {
	if r == nil {
		var none *acls.Authorizer
		return none.AuthorizedOperations(nil, "", "", resourceType, name)
	}
	return r.c.cfg.Authorizer.AuthorizedOperations(r.img, r.caller.Principal, r.caller.ClientAddr,
		resourceType, name)
}

// clusterOperations are the bits for the cluster, none to who may not describe it.
func (r *rights) clusterOperations() int32 {
	if !r.mayKnow(acls.OnCluster(acls.Describe)) {
		return 0
	}
	return r.operations(acls.Cluster, acls.ClusterName)
}

// refusal is the answer to a request that no node carries out for this sender; nil for others.
func (c *Controller) refusal(a *api, caller protocol.Caller, req kmsg.Request) kmsg.Response {
	if a.who.scope == everyoneServed {
		return nil
	}
	r := c.rightsOf(caller)
	if r != nil && !c.hasACLs() {
		return a.fail(req, errNoACLsYet)
	}
	if r != nil {
		r.request = a.name
	}
	if a.refuse != nil {
		if resp := a.refuse(c, caller, req); resp != nil {
			return resp
		}
	}
	if a.who.scope == wholeRequest && !r.onCluster(a.who.operation) {
		c.warnOfReplica(caller, req)
		return a.fail(req, a.who.denied)
	}
	return nil
}

// warnOfReplica logs that a replica may not read the metadata log. The answer does not tell the
// replica so: see fetch.
func (c *Controller) warnOfReplica(caller protocol.Caller, req kmsg.Request) {
	id := int32(-1)
	switch r := req.(type) {
	case *kmsg.FetchRequest:
		id = fetchReplica(r)
	case *kmsg.FetchSnapshotRequest:
		id = r.ReplicaID
	}
	if id < 0 {
		return
	}
	if since, _, due := c.strayReplicas.Add(); due {
		c.cfg.Logger.Warn("a replica may not read the metadata log, and tries again and again: make "+
			"its principal a super user, or allow it CLUSTER_ACTION on the cluster",
			"replica", id, "principal", caller.Principal, "client", caller.ClientAddr,
			"refused", since)
	}
}

// unknownOffset stands for an offset that is not known yet.
const unknownOffset = -1

var errNoACLsYet = protocol.Errorf(kerr.UnknownServerError,
	"This node has just started and does not know the ACLs yet; try again.")

// KnowsACLs reports whether decisions about others than super users can be made: without an
// authorizer, or once this node has caught up.
func (c *Controller) KnowsACLs() bool { return c.cfg.Authorizer == nil || c.hasACLs() }

// hasACLs reports whether this node has caught up once since its start, so that its ACLs count.
func (c *Controller) hasACLs() bool {
	from := c.aclsFrom.Load()
	if from == unknownOffset {
		var ok bool
		if from, ok = c.cfg.Log.CaughtUp(); !ok {
			return false
		}
		c.aclsFrom.Store(from)
	}
	return c.Image().EndOffset() >= from
}

// refuseChange returns why the sender may not change the cluster in a way for which Kafka has no
// request; nil if it may.
func (c *Controller) refuseChange(name string, caller protocol.Caller) error {
	if !c.Allows(caller, acls.OnCluster(acls.Alter)) {
		return needsPermission(name, acls.Alter)
	}
	return nil
}

// grant returns the rights for a write request, with its decisions made. Without some, nothing of
// the request is allowed.
func (c *Controller) grant(
	a *api, caller protocol.Caller, req kmsg.Request,
) (r *rights, some bool) {
	r = c.rightsOf(caller)
	if r == nil || a.who.decide == nil {
		return r, true
	}
	r.request, r.taken = a.name, make(map[acls.Action]bool)
	return r, a.who.decide(r, req)
}

// nothingAllowed answers a write request of which nothing is allowed. Such an answer depends on no
// state but the one that the decisions were made from, so any node gives it, and the core is not
// troubled.
func (c *Controller) nothingAllowed(a *api, o op, req kmsg.Request) kmsg.Response {
	cfg := c.cfg
	o.now = cfg.Clock.Now()
	random := splitMix(o.now.UnixNano())
	cfg.Logger, cfg.Random = slog.New(slog.DiscardHandler), &random
	core := newCore(&cfg)
	core.committed, core.working = o.rights.img, o.rights.img
	res := a.write(core, o, req)
	if len(res.records) > 0 || res.more != nil {
		c.cfg.Logger.Error("a request of which nothing is allowed would have changed something",
			"api", a.name)
		return a.fail(req, errFault)
	}
	return res.response
}

// splitMix is a source of numbers for answers that change nothing, in which they order results and
// name what will not exist. The core's own source belongs to its goroutine. (Steele, Lea, Flood:
// Fast splittable pseudorandom number generators, 2014)
type splitMix uint64

// Uint64 returns the next number.
func (s *splitMix) Uint64() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
