package httpapi_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/yakt/yakt/httpapi"
)

const documentURL = "https://yakt.test/openapi.json"

// document is the OpenAPI document, as a program reads it.
func document(t *testing.T) object {
	t.Helper()
	text, err := json.Marshal(httpapi.New(httpapi.Config{Version: "1.0.0"}).OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(object)
}

// TestOpenAPIIsValid validates the document with the OpenAPI Initiative's schema of version 3.1
// (Apache License 2.0).
func TestOpenAPIIsValid(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("testdata/openapi-3.1-schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document(t)); err != nil {
		t.Error(err)
	}
}

// media is one content of a body or an answer, with the JSON pointer to it.
type media struct {
	at     string
	schema any
	values []any // its examples
}

// contents returns all contents of an operation, those of its body first.
func contents(at string, op object) (all []media) {
	add := func(at string, holder any) {
		content, _ := holder.(object)["content"].(object)
		for kind, m := range content {
			m := m.(object)
			found := media{at: at + "/content/" + strings.ReplaceAll(kind, "/", "~1"),
				schema: m["schema"]}
			if e, ok := m["example"]; ok {
				found.values = append(found.values, e)
			}
			examples, _ := m["examples"].(object)
			for _, key := range slices.Sorted(maps.Keys(examples)) {
				found.values = append(found.values, examples[key].(object)["value"])
			}
			all = append(all, found)
		}
	}
	if body, ok := op["requestBody"]; ok {
		add(at+"/requestBody", body)
	}
	for status, r := range op["responses"].(object) {
		add(at+"/responses/"+status, r)
	}
	return all
}

// eachOperation calls f with every operation and the JSON pointer to it.
func eachOperation(doc object, f func(path, method, at string, op object)) {
	for path, item := range doc["paths"].(object) {
		for method, op := range item.(object) {
			f(path, method, "/paths/"+strings.ReplaceAll(path, "/", "~1")+"/"+method, op.(object))
		}
	}
}

// TestExamplesFitTheirSchemas validates every example, including those of errors.
func TestExamplesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	doc := document(t)
	c := jsonschema.NewCompiler()
	if err := c.AddResource(documentURL, doc); err != nil {
		t.Fatal(err)
	}
	n := 0
	eachOperation(doc, func(_, _, at string, op object) {
		for _, m := range contents(at, op) {
			schema, err := c.Compile(documentURL + "#" + m.at + "/schema")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range m.values {
				n++
				if err := schema.Validate(v); err != nil {
					t.Errorf("%s: %v", m.at, err)
				}
			}
		}
	})
	if n < 100 {
		t.Errorf("there are %d examples only", n)
	}
}

// TestExamplesAreServed sends every example of a request to a node. The node may find nothing to
// do, but must accept the form of the request, and its answer must have the form of the example.
func TestExamplesAreServed(t *testing.T) {
	t.Parallel()
	s := startOne(t, "delegation.token.secret.key=k")
	for id := 1; id <= 3; id++ {
		s.alive(id)
	}
	s.post("/v1/alter_quota", object{"entity": object{"user": "a", "clientId": "c"},
		"set": object{"producer_byte_rate": 1}})
	s.post("/v1/set_user_credential", object{"user": "a", "mechanism": "SCRAM-SHA-256",
		"iterations": 4096, "password": "p"})
	s.post("/v1/create_token", object{"owner": "User:a"})
	s.post("/v1/create_topic", object{"name": "orders", "assignments": [][]int{{1, 2}}})
	eachOperation(document(t), func(path, method, at string, op object) {
		requests, answer := []any{nil}, any(nil)
		for _, m := range contents(at, op) {
			switch {
			case strings.Contains(m.at, "/requestBody/"):
				requests = m.values
			case strings.HasSuffix(m.at, "/responses/200/content/application~1json") &&
				len(m.values) > 0:
				answer = m.values[0]
			}
		}
		for _, body := range requests {
			status, got := s.request(strings.ToUpper(method), path+requiredQuery(op), body)
			switch {
			case status == http.StatusOK && answer != nil:
				sameForm(t, at, decode[any](t, got), answer)
			case !slices.Contains([]int{200, 404, 409, 422}, status):
				t.Errorf("%s %s %v: %d %s", method, path, body, status, got)
			}
		}
		if len(requests) == 0 {
			t.Errorf("%s %s has no example of a body", method, path)
		}
	})
}

// requiredQuery is a query with the examples of the required parameters.
func requiredQuery(op object) string {
	q := url.Values{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := p.(object)
		if p["required"] == true {
			text, _ := json.Marshal(p["schema"].(object)["examples"].([]any)[0])
			q.Set(p["name"].(string), strings.Trim(string(text), `"[]`))
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// sameForm compares the fields of two answers, and the names of their records.
func sameForm(t *testing.T, at string, got, want any) {
	t.Helper()
	if list, ok := got.([]any); ok {
		got, want = list[0], want.([]any)[0]
	}
	g, w := got.(object), want.(object)
	if !slices.Equal(slices.Sorted(maps.Keys(g)), slices.Sorted(maps.Keys(w))) ||
		g["name"] != w["name"] {
		t.Errorf("%s answers %v, the example is %v", at, g, w)
	}
	if fields, ok := g["fields"]; ok {
		sameForm(t, at+" fields", withoutName(fields), withoutName(w["fields"]))
	}
}

// withoutName returns fields without the name of a topic, which differs from a record's name.
func withoutName(fields any) object {
	f := maps.Clone(fields.(object))
	delete(f, "name")
	return f
}
