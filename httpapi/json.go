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
	valuesMax = 50_000 // decoding and validating so many takes about 20 ms, which cannot be divided
	// yieldAfterValues is the number of values after which a check lets other requests run.
	yieldAfterValues = 2000
)

// strictJSON reads and writes JSON for huma. A document must be one value of bounded depth and
// size, without null and without duplicate fields.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		// huma decodes a body twice: into an any for validation, then into the struct. The guard
		// has already checked a large body, in turns.
		if _, first := v.(*any); first && len(data) <= bodySmall {
			if err := checkJSON(data, func() {}); err != nil {
				return err
			}
		}
		return json.Unmarshal(data, v)
	},
}

// checkJSON walks the tokens of a document before anything is decoded from it. It calls yield after
// each yieldAfterValues values.
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
		if s.values%yieldAfterValues == 0 {
			yield()
		}
	}
}

// checkLarge checks the body of a request if it is large. Each content type that huma decodes as
// JSON contains that word.
func checkLarge(r *http.Request, body []byte, t *turn) *Problem {
	if len(body) <= bodySmall || !strings.Contains(r.Header.Get("Content-Type"), "json") {
		return nil
	}
	if err := checkJSON(body, t.yield); err != nil {
		return badField("body", err.Error())
	}
	return nil
}

// scan is the state of a walk over JSON tokens.
type scan struct {
	open   []object // from the outermost to the innermost
	values int      // values seen; bounds the work and the memory of decoding
	whole  bool     // one whole value is read
}

// object is an array or object that is open. names is nil for an array.
type object struct {
	names map[string]bool // seen in this object: a repeated name is refused
	name  bool            // the next token is a name
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
		return errors.New("null is not accepted; leave the field out")
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

// done ends a value: in an object, a name follows.
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
		return fmt.Errorf("duplicate field %q", name)
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
