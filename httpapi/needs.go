package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// Every operation over HTTP asks the same authorizer as the Kafka port, for the same operation on
// the same resource as the Kafka request that corresponds to it. What reveals the metadata log as a
// whole, such as records, needs CLUSTER_ACTION, as the FETCH by which brokers read it.

// needs says what a caller must be allowed to do for an operation.
type needs struct {
	// public operations need nothing, and no credentials either.
	public bool
	// grants suffice together. Those on the cluster are checked before an operation begins, the
	// others by the operation itself, which knows the names.
	grants []grant
	inside bool // the operation checks the grants on the cluster, too
	// only: the answer shows only what the caller has the grants for.
	only bool
	text string // what grants cannot say, as a part of the description
}

// grant is an operation on a type of resources, as in an ACL.
type grant struct{ operation, resource int8 }

// String is the grant in the words of ACLs, such as "ALTER on CLUSTER".
func (g grant) String() string {
	return nameOf(aclOperations, 2, g.operation) + " on " + nameOf(aclResources, 2, g.resource)
}

// nameOf is the name of a code, given the code of the first name.
func nameOf(names []string, first, code int8) string {
	if i := int(code - first); i >= 0 && i < len(names) {
		return names[i]
	}
	return itoa(int32(code))
}

// nobody: a public operation.
var nobody = needs{public: true}

func onCluster(operation int8) needs {
	return needs{grants: []grant{{operation, acls.Cluster}}}
}

func onTopic(operations ...int8) needs {
	var n needs
	for _, op := range operations {
		n.grants = append(n.grants, grant{op, acls.Topic})
	}
	return n
}

// filtered is the needs of an operation that shows only what the caller may see.
func filtered(grants ...grant) needs { return needs{grants: grants, only: true} }

// inside is the needs of an operation that checks all grants itself.
func inside(grants ...grant) needs { return needs{grants: grants, inside: true} }

// Needs of several operations.
var (
	showsTopic   = onTopic(acls.Describe).also("configs is empty without DESCRIBE_CONFIGS on TOPIC.")
	changesToken = inside(grant{acls.Alter, acls.Cluster}).
			also("The owner and the renewers of the token need nothing.")
)

// onConfigs is the needs of an operation on the configs of topics, groups, or everything else.
func onConfigs(operation int8) needs {
	return inside(grant{operation, acls.Topic}, grant{operation, acls.Group},
		grant{operation, acls.Cluster}).
		also("A request needs the one for its resource: CLUSTER for brokers and client metrics.")
}

// also adds a sentence.
func (n needs) also(text string) needs {
	n.text = text
	return n
}

// and adds a grant.
func (n needs) and(operation, resource int8) needs {
	n.grants = append(n.grants[:len(n.grants):len(n.grants)], grant{operation, resource})
	return n
}

// onClusterFirst are the operations on the cluster that are checked before an operation begins, as
// a set of bits.
func (n needs) onClusterFirst() (set uint32) {
	if n.only || n.inside {
		return 0
	}
	for _, g := range n.grants {
		if g.resource == acls.Cluster {
			set |= 1 << g.operation
		}
	}
	return set
}

// describe is the needs in words, for the description of the operation.
func (n needs) describe() string {
	if n.public {
		return strings.TrimSpace("It needs no credentials. " + n.text)
	}
	var all []string
	for _, g := range n.grants {
		all = append(all, g.String())
	}
	text := "Needs " + strings.Join(all, " and ") + "."
	if n.only {
		text = "Shows only what the caller has " + strings.Join(all, " and ") + " for."
	}
	return strings.TrimSpace(text + " " + n.text)
}

// needsExtension is the OpenAPI extension with the grants of an operation.
const needsExtension = "x-yakt-needs"

// extension is what needsExtension shows.
func (n needs) extension() any {
	grants := []map[string]string{}
	for _, g := range n.grants {
		grants = append(grants, map[string]string{
			"operation":    nameOf(aclOperations, 2, g.operation),
			"resourceType": nameOf(aclResources, 2, g.resource),
		})
	}
	return map[string]any{"public": n.public, "filters": n.only, "grants": grants}
}

// allows reports whether the sender of a request may act.
func (a *API) allows(ctx context.Context, operation, resource int8, name string) bool {
	return a.cfg.Controller.Allows(caller(ctx), acls.Action{
		Operation: operation, ResourceType: resource, ResourceName: name,
	})
}

func (a *API) allowsOnCluster(ctx context.Context, operation int8) bool {
	return a.cfg.Controller.Allows(caller(ctx), acls.OnCluster(operation))
}

// mayKnow is allows for what an answer shows: a denial is no news for the log.
func (a *API) mayKnow(ctx context.Context, operation, resource int8, name string) bool {
	return a.cfg.Controller.MayKnow(caller(ctx), acls.Action{
		Operation: operation, ResourceType: resource, ResourceName: name,
	})
}

// permit returns why the sender of a request may not act; nil if it may.
func (a *API) permit(ctx context.Context, operation, resource int8, name string) error {
	if a.allows(ctx, operation, resource, name) {
		return nil
	}
	return a.denied(ctx, grant{operation, resource}, name)
}

// permitOnCluster checks the operations of a set, as onClusterFirst makes it.
func (a *API) permitOnCluster(ctx context.Context, set uint32) *Problem {
	for op := int8(0); set>>op != 0; op++ {
		if set&(1<<op) != 0 && !a.allowsOnCluster(ctx, op) {
			return a.denied(ctx, grant{op, acls.Cluster}, acls.ClusterName)
		}
	}
	return nil
}

// permitKnown checks an operation on the cluster for a request to a public path, whose sender may
// lack the credentials that other requests must have.
func (a *API) permitKnown(ctx context.Context, operation int8) *Problem {
	if a.cfg.Auth.Required && caller(ctx).Principal == protocol.Anonymous {
		return a.unauthorized("This request needs credentials: " + a.proofs() + ".")
	}
	return a.permitOnCluster(ctx, 1<<operation)
}

// Guard returns a handler that passes on only requests whose senders may do an operation on the
// cluster, for what a node serves beside this API.
func (a *API) Guard(next http.Handler, operation int8) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.answersTo(r.Host) {
			a.refuseUnread(w, r, misnamed(r))
			return
		}
		r, problem := a.authenticated(known(r, nil))
		if problem == nil {
			problem = a.permitKnown(r.Context(), operation)
		}
		if problem != nil {
			a.refuseUnread(w, r, problem)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// deniedCodes are Kafka's errors for what one may not do to a resource.
var deniedCodes = map[int8]*kerr.Error{
	acls.Topic: kerr.TopicAuthorizationFailed, acls.Group: kerr.GroupAuthorizationFailed,
	acls.Cluster:         kerr.ClusterAuthorizationFailed,
	acls.DelegationToken: kerr.DelegationTokenAuthorizationFailed,
	acls.User:            kerr.ClusterAuthorizationFailed,
}

// denied is the answer to a request whose sender lacks a grant. It is the same whether or not the
// resource exists.
func (a *API) denied(ctx context.Context, g grant, name string) *Problem {
	if !a.cfg.Controller.KnowsACLs() {
		return noLeader("This node has just started and does not know the ACLs yet. Try again.")
	}
	what := strings.ToLower(nameOf(aclResources, 2, g.resource))
	return newProblem(http.StatusForbidden, deniedCodes[g.resource], "%s", fmt.Sprintf(
		"%s at %s is not allowed to %s the %s %.300q. An administrator may allow it with add_acl.",
		caller(ctx).Principal, caller(ctx).ClientAddr,
		nameOf(aclOperations, 2, g.operation), strings.ReplaceAll(what, "_", " "), name))
}

// permitTopic checks operations on a topic that a request names. A topic that the sender may not
// DESCRIBE is as if it did not exist: the name is refused whether it does or not, and the id is
// unknown.
func (a *API) permitTopic(ctx context.Context, ref TopicRef, operations ...int8) error {
	if !a.cfg.Controller.HasAuthorizer() {
		return nil
	}
	name := ref.Name
	if name == "" {
		t, err := ref.find(a.cfg.Controller.Image())
		if err != nil || !a.mayKnow(ctx, acls.Describe, acls.Topic, t.Name) {
			return problemOf(noTopicID(ref.TopicUUID))
		}
		name = t.Name
	}
	for _, op := range operations {
		if err := a.permit(ctx, op, acls.Topic, name); err != nil {
			return err
		}
	}
	return nil
}

// sees returns whether the sender of a request may see a topic. The same topic is often asked for
// several times in a row.
func (a *API) sees(ctx context.Context) func(topic string) bool {
	last, seen := "", false
	return func(topic string) bool {
		if topic != last {
			last, seen = topic, a.mayKnow(ctx, acls.Describe, acls.Topic, topic)
		}
		return seen
	}
}

// permitConfigs checks an operation on the configs of a resource.
func (a *API) permitConfigs(ctx context.Context, operation int8, of ConfigResourceArgs) error {
	switch of.Type {
	case "topic":
		return a.permit(ctx, operation, acls.Topic, of.Name)
	case "group":
		return a.permit(ctx, operation, acls.Group, of.Name)
	}
	return a.permit(ctx, operation, acls.Cluster, acls.ClusterName)
}
