package httpapi

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The descriptions of fields in the OpenAPI document are the comments of the fields in this
// package's source. TestFieldDocs writes them to fielddocs.json, by type and field name.
//
//go:embed fielddocs.json
var fieldDocsJSON []byte

// fieldDocs are the descriptions by field, such as "BrokerFields.BrokerID".
type fieldDocs map[string]string

func readFieldDocs() fieldDocs {
	var docs fieldDocs
	if err := json.Unmarshal(fieldDocsJSON, &docs); err != nil {
		panic(err) // the file is a part of this package
	}
	return docs
}

// fieldExamples are the examples of fields whose tags have no room for one.
var fieldExamples = map[string]any{
	"BrokerArgs.BrokerID":               1,
	"Heartbeat.Epoch":                   7,
	"Since.Timestamp":                   "2026-11-22T10:00:00.000Z",
	"TopicArgs.Name":                    "orders",
	"PartitionListInput.With":           "reassigning",
	"WhatIfInput.Show":                  "affected",
	"reassignArgs.ThrottleBytesPerSec":  50_000_000,
	"changeArgs.BrokerHost":             "broker-1b.example.com",
	"changeArgs.BrokerStatus":           "UNFENCED",
	"createTopicArgs.Configs":           map[string]any{"retention.ms": "3600000"},
	"createTopicArgs.ReplicationFactor": 3,
	"registerArgs.LogDirs":              []any{"rTudty6ITOCcO_ldVyzZYg"},
}

// describeParams describes the parameters and response headers of an operation by the fields of its
// input and output.
func (a *API) describeParams(op *huma.Operation, in, out reflect.Type) {
	for _, p := range op.Parameters {
		a.describeField(in, p.In, p.Name, p.Schema)
		p.Description = p.Schema.Description
	}
	if ok := op.Responses["200"]; ok != nil && out.Kind() == reflect.Struct {
		for name, h := range ok.Headers {
			a.describeField(out, "header", name, h.Schema)
		}
	}
}

// describeSchemas describes the properties of all schemas by the fields of the types they come
// from.
func (a *API) describeSchemas() {
	schemas := a.huma.OpenAPI().Components.Schemas
	for name, s := range schemas.Map() {
		t := schemas.TypeFromRef("#/components/schemas/" + name)
		for property, p := range s.Properties {
			a.describeField(t, "json", property, p)
		}
	}
}

// describeField gives a schema the description and the example of a field of t, which is found by
// its name in the tag of the given key.
func (a *API) describeField(t reflect.Type, tag, name string, s *huma.Schema) {
	for _, f := range reflect.VisibleFields(t) {
		if own, _, _ := strings.Cut(f.Tag.Get(tag), ","); own != name {
			continue
		}
		key := fieldKey(t, f)
		if text := a.fields[key]; text != "" {
			s.Description = text
		}
		if example, ok := fieldExamples[key]; ok {
			s.Examples = []any{example}
		}
	}
}

// fieldKey names a field, which may be promoted, by the type that declares it. The names of generic
// types go without their arguments.
func fieldKey(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	return name + "." + f.Name
}
