package httpapi

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
)

// ACL is an access control entry, in Kafka's words.
type ACL struct {
	// Type of the resource.
	ResourceType string `json:"resourceType" enum:"TOPIC,GROUP,CLUSTER,TRANSACTIONAL_ID,DELEGATION_TOKEN,USER" example:"TOPIC"`
	// Name of the resource, or a prefix of names.
	ResourceName string `json:"resourceName" minLength:"1" maxLength:"32767" example:"orders"`
	// LITERAL: exactly this name, or all for *. PREFIXED: all names that begin with it.
	PatternType string `json:"patternType" enum:"LITERAL,PREFIXED" example:"LITERAL"`
	// Who, as Type:name.
	Principal string `json:"principal" minLength:"1" maxLength:"32767" example:"User:alice"`
	// From where: an address, a range of addresses, or * for everywhere.
	Host string `json:"host" minLength:"1" maxLength:"255" example:"*"`
	// Operation that is allowed or denied.
	Operation string `json:"operation" enum:"ALL,READ,WRITE,CREATE,DELETE,ALTER,DESCRIBE,CLUSTER_ACTION,DESCRIBE_CONFIGS,ALTER_CONFIGS,IDEMPOTENT_WRITE,CREATE_TOKENS,DESCRIBE_TOKENS,TWO_PHASE_COMMIT" example:"READ"`
	// Whether the operation is allowed or denied.
	Permission string `json:"permission" enum:"ALLOW,DENY" example:"ALLOW"`
}

// Names of Kafka's codes, which begin at 2 or, for patterns, at 3.
var (
	aclResources = []string{
		"TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN", "USER",
	}
	aclPatterns   = []string{"LITERAL", "PREFIXED"}
	aclOperations = []string{
		"ALL", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "CLUSTER_ACTION",
		"DESCRIBE_CONFIGS", "ALTER_CONFIGS", "IDEMPOTENT_WRITE", "CREATE_TOKENS",
		"DESCRIBE_TOKENS", "TWO_PHASE_COMMIT",
	}
	aclPermissions = []string{"DENY", "ALLOW"}
)

// codeOf is the code of a name, given the code of the first one; 0 for an unknown name.
func codeOf(names []string, first int8, name string) int8 {
	for i, n := range names {
		if n == name {
			return first + int8(i)
		}
	}
	return 0
}

func (a *API) acls() {
	handle(a, operation{
		kind: readKind, name: "list_acls", tag: tagIdentities,
		needs:    onCluster(acls.Describe),
		summary:  "List the ACLs",
		text:     "Needs an authorizer; otherwise SECURITY_DISABLED.",
		statuses: []int{409},
	}, a.listACLs)
	handle(a, operation{
		kind: writeKind, name: "add_acl", tag: tagIdentities,
		needs:   onCluster(acls.Alter),
		summary: "Add an ACL",
		text:    "What exists already is no error. Needs an authorizer; otherwise SECURITY_DISABLED.",
	}, a.addACL)
	handle(a, operation{
		kind: writeKind, name: "remove_acl", tag: tagIdentities,
		needs:   onCluster(acls.Alter),
		summary: "Remove an ACL",
		text: "The ACL that is exactly so; it need not exist. Needs an authorizer; otherwise " +
			"SECURITY_DISABLED.",
	}, a.removeACL)
}

func (a *API) listACLs(ctx context.Context, in *StateParams) (*stateAnswer[[]ACL], error) {
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	if !a.cfg.Controller.HasAuthorizer() {
		return nil, kafkaProblem(kerr.SecurityDisabled, "No Authorizer is configured.")
	}
	if err := afford(ctx, int64(img.ACLCount())*entryBytes); err != nil {
		return nil, err
	}
	all := []ACL{}
	for _, e := range img.ACLs() {
		all = append(all, ACL{
			aclResources[e.ResourceType-2], e.ResourceName, aclPatterns[e.PatternType-3],
			e.Principal, e.Host, aclOperations[e.Operation-2], aclPermissions[e.PermissionType-2],
		})
	}
	return &stateAnswer[[]ACL]{stateOf(img), all}, nil
}

func (a *API) addACL(ctx context.Context, in *struct {
	WriteParams
	Body ACL
}) (*answer[ACL], error) {
	b := &in.Body
	req := kmsg.NewPtrCreateACLsRequest()
	req.Version = 3
	req.Creations = []kmsg.CreateACLsRequestCreation{{
		ResourceType: kmsg.ACLResourceType(codeOf(aclResources, 2, b.ResourceType)),
		ResourceName: b.ResourceName,
		ResourcePatternType: kmsg.ACLResourcePatternType(
			codeOf(aclPatterns, 3, b.PatternType)),
		Principal: b.Principal, Host: b.Host,
		Operation:      kmsg.ACLOperation(codeOf(aclOperations, 2, b.Operation)),
		PermissionType: kmsg.ACLPermissionType(codeOf(aclPermissions, 2, b.Permission)),
	}}
	outcome, err := a.do(ctx, sameRequest("add_acl", in.DryRun, req))
	if err != nil {
		return nil, problemOf(err)
	}
	for _, r := range outcome.Response.(*kmsg.CreateACLsResponse).Results {
		if err := codeProblem(r.ErrorCode, r.ErrorMessage); err != nil {
			return nil, err
		}
	}
	return &answer[ACL]{headersOf(outcome.Image), *b}, nil
}

func (a *API) removeACL(ctx context.Context, in *struct {
	WriteParams
	Body ACL
}) (*answer[ACL], error) {
	b := &in.Body
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Version = 3
	req.Filters = []kmsg.DeleteACLsRequestFilter{{
		ResourceType: kmsg.ACLResourceType(codeOf(aclResources, 2, b.ResourceType)),
		ResourceName: &b.ResourceName,
		ResourcePatternType: kmsg.ACLResourcePatternType(
			codeOf(aclPatterns, 3, b.PatternType)),
		Principal: &b.Principal, Host: &b.Host,
		Operation:      kmsg.ACLOperation(codeOf(aclOperations, 2, b.Operation)),
		PermissionType: kmsg.ACLPermissionType(codeOf(aclPermissions, 2, b.Permission)),
	}}
	outcome, err := a.do(ctx, sameRequest("remove_acl", in.DryRun, req))
	if err != nil {
		return nil, problemOf(err)
	}
	for _, r := range outcome.Response.(*kmsg.DeleteACLsResponse).Results {
		if err := codeProblem(r.ErrorCode, r.ErrorMessage); err != nil {
			return nil, err
		}
	}
	return &answer[ACL]{headersOf(outcome.Image), *b}, nil
}

// sameRequest is an operation whose request does not depend on the state.
func sameRequest(name string, dry bool, req kmsg.Request) controller.Operation {
	return controller.Operation{
		Name: name, DryRun: dry, Ahead: req,
		Make: func(*metadata.Image) (kmsg.Request, error) { return req, nil },
	}
}
