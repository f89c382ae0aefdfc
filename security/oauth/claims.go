package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDepth is how deep the JSON of a token may nest.
const maxDepth = 32

// MaxSubjectBytes is the length of the longest user name in a token.
const MaxSubjectBytes = 4096

// decodeObject decodes a JSON object; a name that occurs twice in one object is an error, since two
// readers could see two different values.
func decodeObject(text []byte) (map[string]any, error) {
	if !json.Valid(text) {
		return nil, errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return decodeMembers(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

func decodeMembers(d *json.Decoder, depth int) (any, error) {
	object := make(map[string]any)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := token.(string) // the text is valid JSON
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("%q occurs twice", clip(name))
		}
		if object[name], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// claims are those of a token whose signature is good.
type claims map[string]any

// text returns a claim that is a string, and "" if there is none.
func (c claims) text(name string) (string, error) {
	switch v := c[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("the claim %q is not a string", clip(name))
}

// seconds returns a claim that is a time in seconds, and whether there is one.
func (c claims) seconds(name string) (int64, bool, error) {
	if c[name] == nil {
		return 0, false, nil
	}
	n, ok := c[name].(json.Number)
	if !ok {
		return 0, false, fmt.Errorf("the claim %q is not a number", name)
	}
	seconds, err := strconv.ParseInt(string(n), 10, 64)
	if err != nil {
		fraction, err := strconv.ParseFloat(string(n), 64)
		if err != nil || math.Abs(fraction) > maxSeconds {
			return 0, false, fmt.Errorf("the claim %q is out of range", name)
		}
		seconds = int64(fraction)
	}
	if seconds > maxSeconds || seconds < -maxSeconds {
		return 0, false, fmt.Errorf("the claim %q is out of range", name)
	}
	return seconds, true, nil
}

// maxSeconds is the latest time of a claim whose milliseconds are a 64-bit number.
const maxSeconds = math.MaxInt64 / 1000

// checkAudience demands one of the audiences in the claim aud, which is a string or a list.
func (c claims) checkAudience(audiences []string) error {
	if len(audiences) == 0 {
		return nil
	}
	var has []any
	switch aud := c["aud"].(type) {
	case nil:
		return errors.New("there is no audience (aud)")
	case string:
		has = []any{aud}
	case []any:
		has = aud
	default:
		return errors.New("the audience (aud) is neither a string nor a list of strings")
	}
	found := false
	for _, v := range has {
		name, isText := v.(string)
		if !isText && v != nil {
			return errors.New("the audience (aud) is neither a string nor a list of strings")
		}
		found = found || isText && slices.Contains(audiences, name)
	}
	if !found {
		return fmt.Errorf("the audience (aud) is %s, not %s", clip(fmt.Sprintf("%q", has)),
			strings.Join(audiences, " or "))
	}
	return nil
}

// checkIssuer demands the issuer in the claim iss.
func (c claims) checkIssuer(issuer string) error {
	iss, err := c.text("iss")
	switch {
	case err != nil:
		return err
	case issuer == "":
		return nil
	case c["iss"] == nil:
		return errors.New("there is no issuer (iss)")
	case iss != issuer:
		return fmt.Errorf("the issuer (iss) is %q, not %q", clip(iss), issuer)
	}
	return nil
}

// checkTimes demands that now is between nbf and exp, with skewSeconds of tolerance on both sides,
// and that the times are in order. It returns exp.
func (c claims) checkTimes(now time.Time, skewSeconds int64) (time.Time, error) {
	var none time.Time
	exp, hasExp, err1 := c.seconds("exp")
	iat, hasIat, err2 := c.seconds("iat")
	nbf, hasNbf, err3 := c.seconds("nbf")
	if err := errors.Join(err1, err2, err3); err != nil {
		return none, err
	}
	seconds := now.Unix()
	switch {
	case !hasExp:
		return none, errors.New("there is no expiration time (exp)")
	case !hasIat:
		return none, errors.New("there is no time of issue (iat)")
	case seconds-skewSeconds >= exp:
		return none, fmt.Errorf("expired at %s (exp); it is %s", stamp(exp), stamp(seconds))
	case exp < iat:
		return none, errors.New("it expires (exp) before it is issued (iat)")
	case hasNbf && exp < nbf:
		return none, errors.New("it expires (exp) before it becomes valid (nbf)")
	case hasNbf && seconds+skewSeconds < nbf:
		return none, fmt.Errorf("not valid before %s (nbf); it is %s", stamp(nbf), stamp(seconds))
	case iat < 0:
		return none, errors.New("the time of issue (iat) is negative")
	case exp < 0:
		return none, errors.New("the expiration time (exp) is negative")
	}
	return time.Unix(exp, 0), nil
}

func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// checkScopes demands of a list of scopes that it is one: strings that are not blank, each once. A
// single string is one scope; any other value counts as none, as in Kafka.
func (c claims) checkScopes(name string) error {
	list, ok := c[name].([]any)
	if text, isText := c[name].(string); isText {
		list, ok = []any{text}, true
	}
	if !ok {
		return nil
	}
	seen := make(map[string]bool)
	for _, v := range list {
		scope, isText := v.(string)
		if scope = trim(scope); !isText || scope == "" {
			return fmt.Errorf("the claim %q has a value that is not a string, or is blank",
				clip(name))
		}
		if seen[scope] {
			return fmt.Errorf("the claim %q has a value twice", clip(name))
		}
		seen[scope] = true
	}
	return nil
}

// subject returns the user's name.
func (c claims) subject(name string) (string, error) {
	sub, err := c.text(name)
	if err != nil {
		return "", err
	}
	if sub = trim(sub); sub == "" {
		return "", fmt.Errorf("the claim %q is missing or blank", clip(name))
	}
	if len(sub) > MaxSubjectBytes {
		return "", fmt.Errorf("the claim %q is longer than %d bytes", clip(name), MaxSubjectBytes)
	}
	return sub, nil
}

// trim removes what Java's String.trim removes.
func trim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }

// clip shortens a text of a token for a log line.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
