package sasl

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Messages of SCRAM (RFC 5802), in the grammar of Kafka's ScramMessages: no channel binding, names
// and nonces in ASCII, reserved extensions ("m=") passed over.

var errScramFormat = errors.New("it does not have the form of a SCRAM message")

// clientFirst is
//
//	"n," ["a=" authzid] "," ["m=" reserved ","] "n=" user ",r=" nonce *("," name "=" value)
type clientFirst struct {
	authzid    string // unescaped
	user       string // unescaped
	nonce      string
	header     string // the GS2 header, up to the second comma and with it
	bare       string // the message after the header
	extensions map[string]string
}

func parseClientFirst(message string) (m clientFirst, err error) {
	rest, ok := strings.CutPrefix(message, "n,")
	if !ok {
		return m, fmt.Errorf("%w: it does not begin with \"n,\", so it asks for channel binding",
			errScramFormat)
	}
	authzid, bare, ok := strings.Cut(rest, ",")
	if !ok {
		return m, errScramFormat
	}
	if authzid != "" {
		escaped, ok := strings.CutPrefix(authzid, "a=")
		if m.authzid, err = unescapeName(escaped); !ok || err != nil {
			return m, errScramFormat
		}
	}
	m.header, m.bare = message[:len(message)-len(bare)], bare
	fields, err := scramFields(bare)
	if err != nil {
		return m, err
	}
	if len(fields) > 0 && fields[0].name == "m" && fields[0].value != "" {
		fields = fields[1:]
	}
	if len(fields) < 2 || fields[0].name != "n" || fields[1].name != "r" ||
		!isNonce(fields[1].value) {
		return m, errScramFormat
	}
	if m.user, err = unescapeName(fields[0].value); err != nil {
		return m, err
	}
	m.nonce = fields[1].value
	m.extensions, err = extensionsOf(fields[2:])
	return m, err
}

// clientFinal is
//
//	"c=" base64 ",r=" nonce *("," name "=" value) ",p=" base64
type clientFinal struct {
	binding      []byte
	nonce        string
	proof        []byte
	withoutProof string
}

func parseClientFinal(message string) (m clientFinal, err error) {
	fields, err := scramFields(message)
	if err != nil {
		return m, err
	}
	last := len(fields) - 1
	if last < 2 || fields[0].name != "c" || fields[1].name != "r" || fields[last].name != "p" ||
		!isNonce(fields[1].value) {
		return m, errScramFormat
	}
	if m.binding, err = decodeBase64(fields[0].value); err != nil {
		return m, errScramFormat
	}
	if m.proof, err = decodeBase64(fields[last].value); err != nil {
		return m, errScramFormat
	}
	if _, err := extensionsOf(fields[2:last]); err != nil {
		return m, err
	}
	m.nonce = fields[1].value
	m.withoutProof = message[:strings.LastIndex(message, ",")]
	return m, nil
}

// serverFirst is "r=" nonce ",s=" base64 ",i=" number, and extensions.
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

func (m serverFirst) String() string {
	return fmt.Sprintf("r=%s,s=%s,i=%d", m.nonce, base64.StdEncoding.EncodeToString(m.salt),
		m.iterations)
}

func parseServerFirst(message string) (m serverFirst, err error) {
	fields, err := scramFields(message)
	if err != nil {
		return m, err
	}
	if len(fields) > 0 && fields[0].name == "m" && fields[0].value != "" {
		fields = fields[1:]
	}
	if len(fields) < 3 || fields[0].name != "r" || fields[1].name != "s" || fields[2].name != "i" ||
		!isNonce(fields[0].value) {
		return m, errScramFormat
	}
	m.nonce = fields[0].value
	if m.salt, err = decodeBase64(fields[1].value); err != nil {
		return m, errScramFormat
	}
	iterations, err := strconv.ParseUint(fields[2].value, 10, 31)
	if err != nil || iterations == 0 {
		return m, fmt.Errorf("%w: the number of iterations is none", errScramFormat)
	}
	m.iterations = int(iterations)
	_, err = extensionsOf(fields[3:])
	return m, err
}

// decodeBase64 decodes base64 with padding, and without the line breaks that Go ignores.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errScramFormat
	}
	return base64.StdEncoding.DecodeString(s)
}

type scramField struct{ name, value string }

// scramFields splits a message into its fields. A value consists of ASCII characters but NUL, and
// is not empty except where the caller says so.
func scramFields(message string) ([]scramField, error) {
	const most = 32
	parts := strings.SplitN(message, ",", most+1)
	if len(parts) > most {
		return nil, fmt.Errorf("%w: it has more than %d fields", errScramFormat, most)
	}
	fields := make([]scramField, len(parts))
	for i, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		if !ok || !isAlpha(name) || !isSafe(value) {
			return nil, errScramFormat
		}
		fields[i] = scramField{name, value}
	}
	return fields, nil
}

func extensionsOf(fields []scramField) (map[string]string, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	extensions := make(map[string]string, len(fields))
	for _, f := range fields {
		if f.value == "" {
			return nil, errScramFormat
		}
		extensions[f.name] = f.value
	}
	return extensions, nil
}

func isAlpha(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

func isSafe(s string) bool {
	for _, c := range []byte(s) {
		if c == 0 || c > 0x7F {
			return false
		}
	}
	return true
}

func isNonce(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x21 || c > 0x7E {
			return false
		}
	}
	return s != ""
}

var nameEscapes = strings.NewReplacer("=", "=3D", ",", "=2C")

func escapeName(name string) string { return nameEscapes.Replace(name) }

// unescapeName replaces =2C and =3D; no other equals sign may occur.
func unescapeName(escaped string) (string, error) {
	var name strings.Builder
	for rest := escaped; ; {
		plain, after, found := strings.Cut(rest, "=")
		name.WriteString(plain)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, "2C"):
			name.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			name.WriteByte('=')
		default:
			return "", fmt.Errorf("%w: an equals sign in a name", errScramFormat)
		}
		rest = after[2:]
	}
	if name.Len() == 0 {
		return "", fmt.Errorf("%w: a name is empty", errScramFormat)
	}
	return name.String(), nil
}
