package httpapi_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// authorized are the settings of a node where User:root may do everything, and clients without
// credentials are User:ANONYMOUS to the authorizer, as everyone is.
var authorized = []string{
	"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	"super.users=User:root", "delegation.token.secret.key=secret",
}

var root = protocol.Caller{Principal: "User:root", ClientAddr: "127.0.0.1", Forwarded: true}

// aclGrant is what the OpenAPI document says that an operation needs.
type aclGrant struct{ operation, resource string }

// codes of Kafka by name, as kmsg parses them.
func (g aclGrant) codes(t *testing.T) (kmsg.ACLOperation, kmsg.ACLResourceType, string) {
	op, err := kmsg.ParseACLOperation(g.operation)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := kmsg.ParseACLResourceType(g.resource)
	if err != nil {
		t.Fatal(err)
	}
	if g.resource == "CLUSTER" {
		return op, resource, "kafka-cluster"
	}
	return op, resource, "*"
}

// grant allows User:ANONYMOUS what grants say, on all resources.
func (s *server) grant(t *testing.T, grants ...aclGrant) {
	t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	req.Version = 3
	for _, g := range grants {
		c := kmsg.NewCreateACLsRequestCreation()
		c.Operation, c.ResourceType, c.ResourceName = g.codes(t)
		c.ResourcePatternType, c.PermissionType = kmsg.ACLResourcePatternTypeLiteral,
			kmsg.ACLPermissionTypeAllow
		c.Principal, c.Host = protocol.Anonymous, "*"
		req.Creations = append(req.Creations, c)
	}
	outcome, err := s.node.Controller().Do(t.Context(), root, req)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range outcome.Response.(*kmsg.CreateACLsResponse).Results {
		if r.ErrorCode != 0 {
			t.Fatalf("granting %v: error %d %v", grants, r.ErrorCode, r.ErrorMessage)
		}
	}
}

// revokeAll removes all ACLs.
func (s *server) revokeAll(t *testing.T) {
	t.Helper()
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Version = 3
	f := kmsg.NewDeleteACLsRequestFilter()
	f.ResourceType, f.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	f.Operation, f.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	req.Filters = append(req.Filters, f)
	if _, err := s.node.Controller().Do(t.Context(), root, req); err != nil {
		t.Fatal(err)
	}
}

// described is one operation of the OpenAPI document.
type described struct {
	method, path string
	body         any
	public       bool
	filters      bool
	grants       []aclGrant
}

// operations are all operations of a node's OpenAPI document, each with a request that it accepts.
// Changes are dry runs where they can be.
func (s *server) operations(t *testing.T) []described {
	t.Helper()
	var all []described
	paths := s.get("/openapi.json")["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for method, op := range paths[path].(object) {
			op := op.(object)
			needs, decided := op["x-yakt-needs"].(object)
			if !decided {
				t.Fatalf("%s %s: it is not decided who may use it", method, path)
			}
			d := described{
				method: strings.ToUpper(method), path: path + queryOf(op), body: bodyExample(op),
				public: needs["public"].(bool), filters: needs["filters"].(bool),
			}
			for _, g := range needs["grants"].([]any) {
				g := g.(object)
				d.grants = append(d.grants,
					aclGrant{g["operation"].(string), g["resourceType"].(string)})
			}
			all = append(all, d)
		}
	}
	return all
}

func queryOf(op object) string {
	q := url.Values{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := p.(object)
		name := p["name"].(string)
		switch required, _ := p["required"].(bool); {
		case name == "dryRun":
			q.Set(name, "true")
		case p["in"] == "query" && required:
			examples, _ := p["schema"].(object)["examples"].([]any)
			if list, ok := examples[0].([]any); ok {
				q.Set(name, fmt.Sprint(list[0]))
				continue
			}
			q.Set(name, fmt.Sprint(examples[0]))
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func bodyExample(op object) any {
	body, ok := op["requestBody"].(object)
	if !ok {
		return nil
	}
	media := body["content"].(object)["application/json"].(object)
	if examples, ok := media["examples"].(object); ok {
		return examples["1"].(object)["value"]
	}
	if example := media["example"]; example != nil {
		return example
	}
	return object{}
}

// TestEveryOperationIsAuthorized: no operation of the OpenAPI document works without what it says
// that it needs, and each does with that. One that filters shows nothing, and then something.
func TestEveryOperationIsAuthorized(t *testing.T) {
	t.Parallel()
	s := startOne(t, authorized...)
	s.grant(t, aclGrant{"ALL", "CLUSTER"}, aclGrant{"ALL", "TOPIC"}, aclGrant{"ALL", "USER"})
	s.alive(1)
	s.post("/v1/create_topic", object{"name": "orders", "numPartitions": 1})
	s.post("/v1/create_token", object{"owner": "User:alice"})
	s.revokeAll(t)
	for _, d := range s.operations(t) {
		status, denied := s.request(d.method, d.path, d.body)
		what := d.method + " " + d.path
		switch unknown := strings.Contains(d.path, "topicUUID="); {
		case d.public:
			if status == http.StatusUnauthorized || status == http.StatusForbidden {
				t.Errorf("%s, which is public: %d %s", what, status, denied)
			}
			continue
		case len(d.grants) == 0:
			t.Errorf("%s needs nothing", what)
		case unknown && status != http.StatusNotFound,
			!unknown && !d.filters && status != http.StatusForbidden,
			d.filters && status != http.StatusOK,
			strings.Contains(string(denied), "TopicRecord"):
			t.Errorf("%s without %v: %d %s", what, d.grants, status, denied)
		}
		s.grant(t, d.grants...)
		status, allowed := s.request(d.method, d.path, d.body)
		if status == http.StatusUnauthorized || status == http.StatusForbidden ||
			status >= http.StatusInternalServerError || d.filters && len(allowed) <= len(denied) {
			t.Errorf("%s with %v: %d %s", what, d.grants, status, allowed)
		}
		s.revokeAll(t)
	}
}

// TestHiddenTopics: whoever may not describe a topic does not learn whether it exists.
func TestHiddenTopics(t *testing.T) {
	t.Parallel()
	s := startOne(t, authorized...)
	s.grant(t, aclGrant{"ALL", "CLUSTER"}, aclGrant{"ALL", "TOPIC"})
	s.alive(1)
	id := s.post("/v1/create_topic", object{
		"name": "secret", "numPartitions": 1, "configs": object{"retention.ms": "1"},
	})["topicUUID"].(string)
	s.revokeAll(t)
	const nowhere = "Jb1aPjOFQJ2pUL4xzHq1Lg"
	for what, pair := range map[string][2]func() (int, []byte){
		"by name": {
			func() (int, []byte) { return s.request("GET", "/v1/get_topic_by_name?name=secret", nil) },
			func() (int, []byte) { return s.request("GET", "/v1/get_topic_by_name?name=absent", nil) },
		},
		"by id": {
			func() (int, []byte) { return s.request("GET", "/v1/get_topic_by_id?topicUUID="+id, nil) },
			func() (int, []byte) {
				return s.request("GET", "/v1/get_topic_by_id?topicUUID="+nowhere, nil)
			},
		},
		"deletion by name": {
			func() (int, []byte) { return s.request("POST", "/v1/delete_topic", object{"name": "secret"}) },
			func() (int, []byte) { return s.request("POST", "/v1/delete_topic", object{"name": "absent"}) },
		},
		"deletion by id": {
			func() (int, []byte) { return s.request("POST", "/v1/delete_topic", object{"topicUUID": id}) },
			func() (int, []byte) {
				return s.request("POST", "/v1/delete_topic", object{"topicUUID": nowhere})
			},
		},
		"partition by id": {
			func() (int, []byte) {
				return s.request("POST", "/v1/create_partition", object{"topicUUID": id})
			},
			func() (int, []byte) {
				return s.request("POST", "/v1/create_partition", object{"topicUUID": nowhere})
			},
		},
	} {
		status, there := pair[0]()
		other, absent := pair[1]()
		clean := strings.NewReplacer("secret", "X", "absent", "X", id, "X", nowhere, "X")
		a, b := decode[object](t, there), decode[object](t, absent)
		if status != other || a["code"] != b["code"] ||
			clean.Replace(a["detail"].(string)) != clean.Replace(b["detail"].(string)) {
			t.Errorf("%s: %d %s and %d %s", what, status, there, other, absent)
		}
	}
	s.grant(t, aclGrant{"DESCRIBE", "TOPIC"})
	shown := s.get("/v1/get_topic_by_name?name=secret")
	if shown["configsHidden"] != true || len(shown["configs"].(object)) != 0 {
		t.Errorf("without DESCRIBE_CONFIGS: %v", shown)
	}
	s.grant(t, aclGrant{"DESCRIBE_CONFIGS", "TOPIC"})
	shown = s.get("/v1/get_topic_by_name?name=secret")
	if shown["configsHidden"] != nil || shown["configs"].(object)["retention.ms"] != "1" {
		t.Errorf("with DESCRIBE_CONFIGS: %v", shown)
	}
}

// TestNobodyHasTokensUnauthenticated: an anonymous client needs an ACL for tokens of its own, too.
func TestNobodyHasTokensUnauthenticated(t *testing.T) {
	t.Parallel()
	s := startOne(t, authorized...)
	s.revokeAll(t)
	status, text := s.request("POST", "/v1/create_token", object{"owner": "User:ANONYMOUS"})
	if status != http.StatusForbidden {
		t.Errorf("%d %s", status, text)
	}
}

// TestAStreamEndsWithItsPermission: a stream is over when its client may not have it any more.
func TestAStreamEndsWithItsPermission(t *testing.T) {
	t.Parallel()
	s := startOne(t, authorized...)
	s.grant(t, aclGrant{"ALL", "CLUSTER"}, aclGrant{"ALL", "TOPIC"})
	s.alive(1)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/client_mgmt", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	s.revokeAll(t)
	change := kmsg.NewPtrCreateTopicsRequest()
	change.Version, change.TimeoutMillis = 7, 10_000
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "hidden", 1, 1
	change.Topics = append(change.Topics, topic)
	if _, err := s.node.Controller().Do(t.Context(), root, change); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the stream ended with %v", err)
	} else if strings.Contains(string(text), "hidden") {
		t.Errorf("the stream goes on: %s", text)
	}
}
