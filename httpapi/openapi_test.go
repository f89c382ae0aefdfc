package httpapi_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOpenAPIIsComplete checks that every operation of the contract is described, and that every
// field has a description, an example and, in a request, bounds.
func TestOpenAPIIsComplete(t *testing.T) {
	s := startOne(t)
	doc := s.get("/openapi.json")
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v", doc["openapi"])
	}
	paths := doc["paths"].(object)
	for _, name := range strings.Fields(`register get_all_active_brokers get_broker_by_id create_topic
		get_topic_by_name create_partition add_replica remove_replica register_producer
		register_broker_change unregister_broker broker_mgmt client_mgmt status quorum records
		snapshot`) {
		if paths["/v1/"+name] == nil {
			t.Errorf("/v1/%s is not described", name)
		}
	}
	ids := map[string]bool{}
	for path, item := range paths {
		for method, op := range item.(object) {
			op := op.(object)
			if id := op["operationId"].(string); ids[id] || op["summary"] == "" ||
				op["description"] == "" {
				t.Errorf("%s %s: operationId %s comes twice, or summary or description is missing",
					method, path, id)
			}
			ids[op["operationId"].(string)] = true
			params, _ := op["parameters"].([]any)
			for _, p := range params {
				p := p.(object)
				checkSchema(t, path+" "+p["name"].(string), p["schema"].(object),
					p["in"] == "query")
			}
		}
	}
	for name, schema := range doc["components"].(object)["schemas"].(object) {
		schema := schema.(object)
		request := strings.HasSuffix(name, "Args") ||
			slices.Contains([]string{"Since", "HeartbeatBody", "InSync", "Listener"}, name)
		properties, _ := schema["properties"].(object)
		for field, p := range properties {
			checkSchema(t, name+"."+field, p.(object), request)
		}
		if len(properties) > 0 && schema["additionalProperties"] != false {
			t.Errorf("%s takes unknown fields", name)
		}
	}
}

// checkSchema checks one field. A field of a request must have bounds.
func checkSchema(t *testing.T, name string, s object, request bool) {
	t.Helper()
	if s["description"] == nil {
		t.Errorf("%s has no description", name)
	}
	kind := s["type"]
	ref := s["$ref"] != nil || kind == "object" || kind == nil
	if items, ok := s["items"].(object); ok && items["$ref"] != nil {
		ref = true
	}
	if s["examples"] == nil && !ref {
		t.Errorf("%s has no example", name)
	}
	if !request || s["enum"] != nil || s["pattern"] != nil {
		return
	}
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return s[k] != nil })
	}
	switch {
	case kind == "integer" && (!has("minimum") || !has("maximum")), kind == "string" &&
		!has("maxLength"), kind == "array" && !has("maxItems"):
		t.Errorf("%s (%v) has no bounds", name, kind)
	}
}

func TestDocsPageAsksNobodyElse(t *testing.T) {
	s := startOne(t)
	elsewhere := regexp.MustCompile(`https?://|//[a-z]+\.`)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		resp := s.do(http.MethodGet, path, nil)
		resp.Body.Close()
		status, body := s.request(http.MethodGet, path, nil)
		if status != http.StatusOK || elsewhere.Match(body) ||
			!strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d, policy %q, names another place: %q", path, status,
				resp.Header.Get("Content-Security-Policy"), elsewhere.Find(body))
		}
	}
}
