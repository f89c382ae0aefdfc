package record

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"
)

// InvalidError is the reason why brokers would not accept a record. Every broker that reads such a
// record exits, and again at each start, so no such record is written.
type InvalidError struct {
	Type    Type
	Field   string // such as Endpoints[2].Host
	Problem string // the fault, a phrase that follows the field's name
}

// Error implements error.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%v is invalid: %s %s", e.Type, e.Field, e.Problem)
}

// Check returns nil if the brokers of Kafka 4.0 to 4.4 accept the record by itself, otherwise an
// *InvalidError. It does not know the rest of the log: metadata.Editor checks, for instance,
// whether a topic exists. Append makes the same check, at no further cost.
func Check(r Record) error {
	_, err := Append(make([]byte, 0, 256), r, r.Type().MaxVersion())
	var invalid *InvalidError
	if errors.As(err, &invalid) {
		return invalid
	}
	return nil
}

// StringMax bounds the strings of a record, in bytes of UTF-8. Kafka's readers refuse longer ones,
// although the flexible format could hold them.
const StringMax = math.MaxInt16

// fieldError is an invalid field of a record that is being encoded: field points to its value.
type fieldError struct {
	field   any
	problem string
}

// check fails if a record breaks the rules of its type.
func (c *coder) check(r any) {
	if r, ok := r.(ruled); ok && !c.held {
		if wrong := r.invalid(); wrong != nil {
			c.fail(wrong)
		}
	}
}

func (e *fieldError) Error() string { return "a field " + e.problem }

// stringProblem returns why Kafka would not read s, or would read another string; "" if it would
// read s.
func stringProblem(s string) string {
	switch {
	case len(s) > StringMax:
		return fmt.Sprintf("has %d bytes, of which Kafka reads at most %d", len(s), StringMax)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	}
	return ""
}

// fieldPath returns the path from v to the value that p points to, such as .Endpoints[2].Host.
func fieldPath(v reflect.Value, p any) (path string, found bool) {
	switch {
	case v.CanAddr() && v.Addr().Interface() == p:
		return "", true
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return fieldPath(v.Elem(), p)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if path, found = fieldPath(v.Field(i), p); found {
				return "." + v.Type().Field(i).Name + path, true
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			if path, found = fieldPath(v.Index(i), p); found {
				return fmt.Sprintf("[%d]%s", i, path), true
			}
		}
	}
	return "", false
}

// name finds the name of the field in its record. Only errors need names, so a coder does not know
// them.
func (e *fieldError) name(r any) string {
	path, _ := fieldPath(reflect.ValueOf(r), e.field)
	return strings.TrimPrefix(path, ".")
}
