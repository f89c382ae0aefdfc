package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Property is one key and value of a file, with the line it starts on (1-based; 0 when the format
// does not tell).
type Property struct {
	Key, Value string
	Line       int
}

// ParseProperties reads Java's .properties format as java.util.Properties.load(InputStream) does,
// which is how Kafka reads its files: bytes are ISO-8859-1, everything else is written \uXXXX.
// Entries come in file order, with duplicates (the last one wins). The only error is a malformed \u
// escape, as in Java.
//
// Two things differ from Java: a lone backslash at the end of the file is no entry (Java makes it
// an empty key), and half of a surrogate pair becomes U+FFFD, since Go strings cannot hold it.
func ParseProperties(data []byte) ([]Property, error) {
	units := make([]uint16, len(data))
	for i, b := range data {
		units[i] = uint16(b)
	}
	return parseUnits(units)
}

// parseUTF8Properties is Properties.load(Reader) over UTF-8, which Kafka uses for
// FileConfigProvider only.
func parseUTF8Properties(data []byte) ([]Property, error) {
	return parseUnits(utf16.Encode([]rune(string(data))))
}

func parseUnits(units []uint16) ([]Property, error) {
	var (
		entries []Property
		logical []uint16 // the logical line so far
		start   int      // the line it started on
		pending bool     // the last natural line ended in a continuation
	)
	for line := 1; len(units) > 0; line++ {
		var natural []uint16
		natural, units = cutLine(units)
		natural = trimBlank(natural)
		if len(logical) == 0 {
			if len(natural) == 0 || natural[0] == '#' || natural[0] == '!' {
				continue
			}
			start = line
		}
		logical, pending = joinLine(logical, natural)
		if len(logical) == 0 || pending && len(units) > 0 {
			continue
		}
		entry, err := splitEntry(logical)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", start, err)
		}
		entry.Line = start
		entries, logical = append(entries, entry), logical[:0]
	}
	return entries, nil
}

// cutLine takes one natural line off, ended by \n, \r or \r\n.
func cutLine(units []uint16) (line, rest []uint16) {
	end := slices.IndexFunc(units, func(c uint16) bool { return c == '\n' || c == '\r' })
	if end < 0 {
		return units, nil
	}
	rest = units[end+1:]
	if units[end] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return units[:end], rest
}

// joinLine appends a natural line to the logical one; an odd number of backslashes at its end
// continues it.
func joinLine(logical, natural []uint16) (joined []uint16, continued bool) {
	backslashes := 0
	for backslashes < len(natural) && natural[len(natural)-1-backslashes] == '\\' {
		backslashes++
	}
	if backslashes%2 == 1 {
		return append(logical, natural[:len(natural)-1]...), true
	}
	return append(logical, natural...), false
}

func isBlank(c uint16) bool { return c == ' ' || c == '\t' || c == '\f' }

func trimBlank(units []uint16) []uint16 {
	for len(units) > 0 && isBlank(units[0]) {
		units = units[1:]
	}
	return units
}

// splitEntry cuts a logical line at its first unescaped '=', ':' or blank; around one separator
// blanks do not count.
func splitEntry(line []uint16) (Property, error) {
	end := 0
	for end < len(line) && line[end] != '=' && line[end] != ':' && !isBlank(line[end]) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := trimBlank(line[end:])
	if len(rest) > 0 && (rest[0] == '=' || rest[0] == ':') {
		rest = trimBlank(rest[1:])
	}
	key, err := unescape(line[:end])
	if err != nil {
		return Property{}, err
	}
	value, err := unescape(rest)
	return Property{Key: key, Value: value}, err
}

func unescape(units []uint16) (string, error) {
	out := make([]uint16, 0, len(units))
	for i := 0; i < len(units); i++ {
		c := units[i]
		if c != '\\' || i+1 == len(units) {
			out = append(out, c)
			continue
		}
		i++
		switch c = units[i]; c {
		case 'u':
			unit, err := hexUnit(units[i+1:])
			if err != nil {
				return "", err
			}
			out, i = append(out, unit), i+4
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'n':
			out = append(out, '\n')
		case 'f':
			out = append(out, '\f')
		default:
			out = append(out, c)
		}
	}
	return string(utf16.Decode(out)), nil
}

func hexUnit(units []uint16) (uint16, error) {
	digits := string(utf16.Decode(units[:min(4, len(units))]))
	n, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || len(digits) != 4 {
		return 0, errors.New(`\u must be followed by four hexadecimal digits`)
	}
	return uint16(n), nil
}

// appendProperty writes one entry that ParseProperties and Java read back as it was: ASCII only.
func appendProperty(dst []byte, key, value string) []byte {
	dst = appendEscaped(dst, key, " \t\f=:#!")
	dst = append(dst, '=')
	// Only a leading blank would be lost; Java's own writer escapes no others.
	text := strings.TrimLeft(value, " ")
	dst = append(dst, strings.Repeat(`\ `, len(value)-len(text))...)
	dst = appendEscaped(dst, text, "=:#!")
	return append(dst, '\n')
}

func appendEscaped(dst []byte, text, special string) []byte {
	for _, unit := range utf16.Encode([]rune(text)) {
		switch {
		case unit == '\\' || (unit < 0x80 && strings.IndexByte(special, byte(unit)) >= 0 && unit >= ' '):
			dst = append(dst, '\\', byte(unit))
		case unit == '\t' || unit == '\n' || unit == '\r' || unit == '\f':
			dst = append(dst, '\\', "tnr f"[bytes.IndexByte([]byte("\t\n\r \f"), byte(unit))])
		case unit < ' ' || unit > '~':
			dst = fmt.Appendf(dst, `\u%04x`, unit)
		default:
			dst = append(dst, byte(unit))
		}
	}
	return dst
}
