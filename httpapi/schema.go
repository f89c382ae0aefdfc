package httpapi

import (
	"encoding/hex"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/yakt/yakt/protocol"
)

// setHuma makes huma's own errors problem documents and its schemas as strict as the API. huma v2
// keeps these settings in package variables: neither huma.Config nor an API has them, so they hold
// for the whole process. This package is the only one that uses huma, and New sets them once.
var setHuma = sync.OnceFunc(func() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(status, msg, errs)
	}
	huma.NewErrorWithContext = func(
		_ huma.Context, status int, msg string, errs ...error,
	) huma.StatusError {
		return humaProblem(status, msg, errs)
	}
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
})

// schemaNames are the names of types whose own names would not say what they are.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[Record[map[string]any]](): "RecordOfAnyKind",
	reflect.TypeFor[Record[any]]():            "RecordInTheLog",
}

// schemaName names a type in the OpenAPI document, in letters and digits: RecordTopicFields,
// without the package's path.
func schemaName(t reflect.Type, hint string) string {
	if name, ok := schemaNames[t]; ok {
		return name
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if name == "" {
		return name // a list without a type of its own: it has no schema to name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// uuidText is the id of a topic, a log directory or an incarnation in a request: 22 characters of
// base64 as Kafka writes it, or the form with hyphens.
type uuidText string

// Schema describes the text; huma calls it.
func (uuidText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString,
		Pattern: "^([A-Za-z0-9_-]{21}[AQgw]|" +
			"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$",
	}
}

func (u uuidText) parse() (protocol.UUID, error) {
	if len(u) == 36 {
		var id protocol.UUID
		_, err := hex.Decode(id[:], []byte(strings.ReplaceAll(string(u), "-", "")))
		return id, err
	}
	return protocol.ParseUUID(string(u))
}

// orNew is the id, or a new one if there is none.
func (u uuidText) orNew() protocol.UUID {
	id, err := u.parse()
	if u == "" || err != nil {
		return protocol.NewUUID()
	}
	return id
}

// protocolText is the name of a security protocol in a request.
type protocolText string

// Schema describes the text; huma calls it.
func (protocolText) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Examples: []any{protocolNames[0]}}
	for _, name := range protocolNames {
		s.Enum = append(s.Enum, name)
	}
	return s
}

var protocolNames = [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

// protocolName is the name of a security protocol by its number in Kafka's messages.
func protocolName(p int16) string {
	if p < 0 || int(p) >= len(protocolNames) {
		return "UNKNOWN"
	}
	return protocolNames[p]
}

// number is the protocol's number in Kafka's messages; ok is false if there is no such protocol.
func (p protocolText) number() (n int16, ok bool) {
	for i, name := range protocolNames {
		if name == string(p) {
			return int16(i), true
		}
	}
	return 0, false
}

// Schema describes the text; huma calls it.
func (cursorText) Schema(huma.Registry) *huma.Schema {
	most := cursorMax
	return &huma.Schema{
		Type: huma.TypeString, MaxLength: &most, Pattern: "^[A-Za-z0-9_-]*$",
		Examples: []any{string(cursor{Name: "orders"}.text())},
	}
}
