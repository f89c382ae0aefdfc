package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Limits of a JSON request.
const (
	depthMax  = 64
	valuesMax = 50_000 // what follows the check takes some 20 ms for so many, at a stretch
	// valuesAtAStretch are checked between two chances for others.
	valuesAtAStretch = 2000
)

// strictJSON reads and writes JSON for huma: nothing but one value of bounded depth and size, no
// field twice, no null.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		// huma decodes twice: into any to validate, then into the struct. The guard has checked
		// what is not small, in turns.
		if _, first := v.(*any); first && len(data) <= bodySmall {
			if err := checkJSON(data, func() {}); err != nil {
				return err
			}
		}
		return json.Unmarshal(data, v)
	},
}

// checkJSON walks the tokens of a document before anything is built from it. It calls yield now and
// then.
func checkJSON(data []byte, yield func()) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	s := scan{}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return s.end()
		}
		if err != nil {
			return fmt.Errorf("not JSON at byte %d: %w", dec.InputOffset(), err)
		}
		if err := s.token(token); err != nil {
			return err
		}
		if s.values%valuesAtAStretch == 0 {
			yield()
		}
	}
}

// checkLarge checks the body of a request that is not small.
func checkLarge(r *http.Request, body []byte, t *turn) *Problem {
	if len(body) <= bodySmall || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	if err := checkJSON(body, t.yield); err != nil {
		return humaProblem(http.StatusBadRequest, "",
			[]error{&huma.ErrorDetail{Location: "body", Message: err.Error()}})
	}
	return nil
}

// scan is where a walk over JSON tokens stands.
type scan struct {
	open   []object
	values int
	whole  bool // one whole value has been seen
}

// object is an array or object that is open. names is nil for an array.
type object struct {
	names map[string]bool
	name  bool // a name comes next
}

func (s *scan) token(token json.Token) error {
	if s.whole {
		return errors.New("more than one JSON value; send one")
	}
	if d, ok := token.(json.Delim); ok && (d == '}' || d == ']') {
		s.open = s.open[:len(s.open)-1]
		s.done()
		return nil
	}
	if top := s.top(); top != nil && top.name {
		return top.field(token.(string))
	}
	if s.values++; s.values > valuesMax {
		return fmt.Errorf("more than %d values; split the request", valuesMax)
	}
	switch token {
	case json.Delim('{'):
		return s.push(object{names: map[string]bool{}, name: true})
	case json.Delim('['):
		return s.push(object{})
	case nil:
		return errors.New("null is no value here; leave the field out")
	}
	s.done()
	return nil
}

func (s *scan) top() *object {
	if len(s.open) == 0 {
		return nil
	}
	return &s.open[len(s.open)-1]
}

func (s *scan) push(o object) error {
	s.open = append(s.open, o)
	if len(s.open) > depthMax {
		return fmt.Errorf("nested deeper than %d levels", depthMax)
	}
	return nil
}

// done notes that a value is complete: in an object a name follows.
func (s *scan) done() {
	top := s.top()
	if top == nil {
		s.whole = true
		return
	}
	top.name = top.names != nil
}

func (o *object) field(name string) error {
	if o.names[name] {
		return fmt.Errorf("the field %q comes twice", name)
	}
	o.names[name], o.name = true, false
	return nil
}

func (s *scan) end() error {
	if !s.whole {
		return io.ErrUnexpectedEOF
	}
	return nil
}
