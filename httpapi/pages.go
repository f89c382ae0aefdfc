package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// PageParams are the query parameters of an operation that answers in pages. A list has a fixed
// order by key, and a page begins after the key in its cursor. So elements that are added or
// removed meanwhile neither shift nor repeat others.
type PageParams struct {
	// Maximum number of elements in the answer.
	Limit int32 `query:"limit" minimum:"1" maximum:"1000" default:"100" example:"100"`
	// nextCursor of the page before; absent for the first page.
	Cursor cursorText `query:"cursor" example:"eyJuIjoib3JkZXJzIn0"`
}

// Page is the part of an answer that leads to the next page.
type Page struct {
	// The parameter cursor of the next page; absent on the last page. A page may have fewer elements
	// than its limit, or none, and still have a successor.
	NextCursor cursorText `json:"nextCursor,omitempty" example:"eyJuIjoib3JkZXJzIn0"`
}

// cursorText is an opaque position in a list: the key of the last element before it.
type cursorText string

// cursorMax bounds a cursor. The longest key is a name of 249 bytes with a partition.
const cursorMax = 1024

// cursor is a key. Each list uses the fields that its order has.
type cursor struct {
	Name string `json:"n,omitempty"`
	ID   int32  `json:"i,omitempty"`
}

// text is the cursor as clients see it.
func (c cursor) text() cursorText {
	data, _ := json.Marshal(c) // a struct of a string and a number
	return cursorText(base64.RawURLEncoding.EncodeToString(data))
}

// parse returns the key; ok is false for the first page.
func (t cursorText) parse() (c cursor, ok bool, err error) {
	if t == "" {
		return c, false, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(string(t))
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, false, badField("query.cursor",
			fmt.Sprintf("%.40q is not the nextCursor of an answer", string(t)))
	}
	return c, true, nil
}
