package sidebyside

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

var repetition = regexp.MustCompile(`<(.)\*(\d+)>`)

// repeated expands <c*1000>.
func repeated(text string) string {
	return repetition.ReplaceAllStringFunc(text, func(m string) string {
		part := repetition.FindStringSubmatch(m)
		n, _ := strconv.Atoi(part[2])
		return strings.Repeat(part[1], n)
	})
}

// fill sets the fields of a kmsg value; what x omits has the default.
func (s *side) fill(into, x any) error { return s.set(reflect.ValueOf(into).Elem(), x) }

func (s *side) set(v reflect.Value, x any) error {
	if text, ok := x.(string); ok && strings.HasPrefix(text, "$") {
		var err error
		if x, err = s.lookUp(text[1:]); err != nil {
			return err
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if x == nil {
			v.SetZero()
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return s.set(v.Elem(), x)
	case reflect.Struct:
		return s.setFields(v, x)
	case reflect.Slice:
		return s.setSlice(v, x)
	case reflect.Array:
		return setUUID(v, x)
	}
	return setScalar(v, x)
}

func setScalar(v reflect.Value, x any) error {
	switch x := x.(type) {
	case nil:
		return fmt.Errorf("null for %v", v.Type())
	case string:
		if v.Kind() == reflect.String {
			v.SetString(x)
			return nil
		}
	default:
		if v.Kind() == reflect.String {
			v.SetString(fmt.Sprint(x))
			return nil
		}
		if from := reflect.ValueOf(x); from.CanConvert(v.Type()) {
			v.Set(from.Convert(v.Type()))
			return nil
		}
	}
	return fmt.Errorf("%v (%T) for %v", x, x, v.Type())
}

func (s *side) setFields(v reflect.Value, x any) error {
	if d, ok := v.Addr().Interface().(interface{ Default() }); ok {
		d.Default()
	}
	fields, ok := x.(map[string]any)
	if !ok && x != nil {
		return fmt.Errorf("%v for %v", x, v.Type())
	}
	for name, value := range fields {
		f := v.FieldByName(name)
		if !f.IsValid() {
			return fmt.Errorf("%v has no field %s", v.Type(), name)
		}
		if err := s.set(f, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (s *side) setSlice(v reflect.Value, x any) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return setBytes(v, x)
	}
	list, ok := x.([]any)
	if !ok {
		if x != nil {
			return fmt.Errorf("%v for %v", x, v.Type())
		}
		v.SetZero()
		return nil
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i, value := range list {
		if err := s.set(v.Index(i), value); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

// setBytes takes a text, or "hex:" and digits, or the bytes that a name stands for.
func setBytes(v reflect.Value, x any) error {
	switch x := x.(type) {
	case nil:
		v.SetZero()
	case []byte:
		v.SetBytes(slices.Clone(x))
	case string:
		digits, isHex := strings.CutPrefix(x, "hex:")
		if !isHex {
			v.SetBytes([]byte(x))
			return nil
		}
		b, err := hex.DecodeString(digits)
		v.SetBytes(b)
		return err
	default:
		return fmt.Errorf("%v for bytes", x)
	}
	return nil
}

// setUUID takes a number, which is an id's last byte, or a UUID in Kafka's base64.
func setUUID(v reflect.Value, x any) error {
	switch x := x.(type) {
	case int:
		v.Set(reflect.ValueOf([16]byte{14: byte(x >> 8), 15: byte(x)}))
	case [16]byte:
		v.Set(reflect.ValueOf(x))
	case string:
		id, err := protocol.ParseUUID(x)
		v.Set(reflect.ValueOf([16]byte(id)))
		return err
	default:
		return fmt.Errorf("%v for a UUID", x)
	}
	return nil
}

// lookUp returns what x or x+1 stands for.
func (s *side) lookUp(expression string) (any, error) {
	name, plus, _ := strings.Cut(expression, "+")
	x, ok := s.vars[name]
	if name == "leader" {
		x, ok = s.leaderEpoch, true
	}
	if !ok {
		return nil, fmt.Errorf("$%s has no value", name)
	}
	if plus == "" {
		return x, nil
	}
	n, err := strconv.ParseInt(plus, 10, 64)
	return reflect.ValueOf(x).Int() + n, err
}

// keep gives names to values in an answer, as the command's set=(name,path) says.
func (s *side) keep(d *datadriven.TestData, resp kmsg.Response) error {
	for _, a := range d.CmdArgs {
		if a.Key != "set" {
			continue
		}
		if resp == nil {
			return errors.New("no " + a.Vals[1])
		}
		v := reflect.ValueOf(resp).Elem()
		for _, part := range strings.Split(a.Vals[1], ".") {
			if v = step1(v, part); !v.IsValid() {
				return fmt.Errorf("no %s", a.Vals[1])
			}
		}
		s.vars[a.Vals[0]] = v.Interface()
	}
	return nil
}

func step1(v reflect.Value, part string) reflect.Value {
	if i, err := strconv.Atoi(part); err == nil && v.Kind() == reflect.Slice {
		if i >= v.Len() {
			return reflect.Value{}
		}
		return v.Index(i)
	}
	return v.FieldByName(part)
}
