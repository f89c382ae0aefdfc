package httpapi

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"testing"
)

// TestServices checks how each path is served.
func TestServices(t *testing.T) {
	t.Parallel()
	a := New(Config{Logger: slog.New(slog.DiscardHandler)})
	want := services{
		"/livez": {kind: healthKind}, "/readyz": {kind: healthKind},
		"/v1/status": {kind: localKind}, "/v1/snapshot": {kind: localKind},
		"/v1/loggers": {kind: localKind}, "/v1/set_log_level": {kind: localKind},
		"/v1/quorum":      {kind: readKind},
		"/v1/features":    {kind: readKind},
		"/v1/records":     {kind: readKind, waits: true},
		"/v1/client_mgmt": {kind: readKind, waits: true, streams: true},
		"/v1/broker_mgmt": {kind: writeKind, waits: true, streams: true},
	}
	for _, name := range []string{"get_all_active_brokers", "get_broker_by_id",
		"get_topic_by_name", "get_topic_by_id", "topics", "partitions", "brokers", "what_if",
		"describe_configs"} {
		want["/v1/"+name] = service{kind: readKind}
	}
	for _, name := range []string{"list_quotas", "list_users", "list_tokens", "list_acls"} {
		want["/v1/"+name] = service{kind: readKind}
	}
	for _, name := range []string{
		"register", "register_broker_change", "unregister_broker", "create_topic",
		"create_partition", "add_replica", "remove_replica", "register_producer",
		"delete_topic", "reassign_partitions", "cancel_reassignments", "elect_leaders",
		"update_features",
		"alter_quota", "set_user_credential", "delete_user_credential", "create_token",
		"renew_token", "expire_token", "add_acl", "remove_acl",
		"alter_configs", "heal",
	} {
		want["/v1/"+name] = service{kind: writeKind, conditional: true}
	}
	for path, served := range a.services {
		served.needs = 0 // see TestNeeds
		if served != want[path] {
			t.Errorf("%s: got %v, want %v", path, served, want[path])
		}
	}
	described := slices.Sorted(maps.Keys(a.OpenAPI().Paths))
	if served := slices.Sorted(maps.Keys(a.services)); !slices.Equal(served, described) {
		t.Errorf("served: %v, described: %v", served, described)
	}
}

// TestMethodsOfAPathAgree checks that a path cannot be a read by one method and a write by another.
func TestMethodsOfAPathAgree(t *testing.T) {
	t.Parallel()
	a := New(Config{Logger: slog.New(slog.DiscardHandler)})
	defer func() {
		if recover() == nil {
			t.Error("a path with two kinds was accepted")
		}
	}()
	serve := func(context.Context, *struct{}) (*struct{}, error) { return nil, nil }
	handle(a, operation{
		kind: writeKind, name: "status", method: http.MethodPost, needs: nobody,
	}, serve)
}

// TestFieldExamplesAreUsed checks that each example belongs to a field, with a comment.
func TestFieldExamplesAreUsed(t *testing.T) {
	t.Parallel()
	docs := readFieldDocs()
	for field := range fieldExamples {
		if docs[field] == "" {
			t.Errorf("there is no documented field %s", field)
		}
	}
}
