package httpapi_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fieldDocsPath = "fielddocs.json"

// TestFieldDocs checks that fielddocs.json has the comments of the fields of requests and answers.
func TestFieldDocs(t *testing.T) {
	t.Parallel()
	want := commentsOfFields(t)
	got, err := os.ReadFile(fieldDocsPath)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	if !*update {
		t.Error(fieldDocsPath + " is out of date: go test ./httpapi -run FieldDocs -update")
	}
	if err := os.WriteFile(fieldDocsPath, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

// commentsOfFields returns the comments of all fields that the OpenAPI document may show, as JSON.
func commentsOfFields(t *testing.T) []byte {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				addComments(docs, spec)
			}
			return true
		})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(docs); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// addComments adds the comments of a struct's fields that have a name in JSON, a query or a header.
func addComments(docs map[string]string, spec *ast.TypeSpec) {
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		if f.Tag == nil || len(f.Names) == 0 || f.Doc == nil {
			continue
		}
		for _, tag := range []string{"json:", "query:", "header:"} {
			if strings.Contains(f.Tag.Value, tag) {
				text := strings.Join(strings.Fields(f.Doc.Text()), " ")
				docs[spec.Name.Name+"."+f.Names[0].Name] = text
			}
		}
	}
}
