package certs

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"strings"
	"unicode/utf8"
)

// attribute is one type and value of a name.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// relativeSET is the attributes at one level of a name. encoding/asn1 knows sets by this suffix.
type relativeSET []attribute

// keywords are the attributes that RFC 2253 names; Java writes every other one as a number.
var keywords = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "0.9.2342.19200300.100.1.25": "DC",
	"0.9.2342.19200300.100.1.1": "UID",
}

// parseName returns the levels of a name, in the order of DER.
func parseName(der []byte) (levels []relativeSET, err error) {
	rest, err := asn1.Unmarshal(der, &levels)
	if err != nil || len(rest) > 0 {
		return nil, errors.New("the distinguished name is not valid DER")
	}
	return levels, nil
}

// Name spells the DER of a distinguished name as Java's X500Principal.getName() does: RFC 2253, the
// last level first.
func Name(der []byte) (string, error) {
	levels, err := parseName(der)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i := len(levels) - 1; i >= 0; i-- {
		for j, a := range levels[i] {
			if j > 0 {
				b.WriteByte('+')
			}
			a.write(&b)
		}
		if i > 0 {
			b.WriteByte(',')
		}
	}
	return b.String(), nil
}

// write appends the attribute. A value without a keyword, or that is not text, is written as the
// hexadecimal DER.
func (a attribute) write(b *strings.Builder) {
	keyword, ok := keywords[a.Type.String()]
	if !ok {
		keyword = a.Type.String()
	}
	b.WriteString(keyword)
	b.WriteByte('=')
	if !ok || !a.isText() {
		b.WriteByte('#')
		b.WriteString(hex.EncodeToString(a.Value.FullBytes))
		return
	}
	writeEscaped(b, javaText(a.Value.Bytes))
}

func (a attribute) isText() bool {
	if a.Value.Class != asn1.ClassUniversal || a.Value.IsCompound {
		return false
	}
	switch a.Value.Tag {
	case asn1.TagPrintableString, asn1.TagUTF8String, asn1.TagT61String, asn1.TagIA5String,
		asn1.TagGeneralString, asn1.TagBMPString:
		return true
	}
	return false
}

// writeEscaped escapes the characters that have a meaning in a name, and blanks at its ends.
func writeEscaped(b *strings.Builder, text string) {
	start := len(text) - len(strings.TrimLeft(text, " \r"))
	end := len(strings.TrimRight(text, " \r"))
	for i, r := range text {
		switch {
		case r == 0:
			b.WriteString(`\00`)
			continue
		case strings.ContainsRune(`,=+<>#;"\`, r), i < start, i >= end:
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
}

// javaText decodes UTF-8 as Java does whatever the type of the string: each longest sequence that
// begins a character and does not end it is one U+FFFD.
func javaText(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var b strings.Builder
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			size = incomplete(data)
		}
		b.WriteRune(r)
		data = data[size:]
	}
	return b.String()
}

// incomplete returns the length of the sequence at the start of data that is not valid.
func incomplete(data []byte) int {
	n := 1
	for n < len(data) && n < utf8.UTFMax && continues(data[:n], data[n]) {
		n++
	}
	return n
}

// continues reports whether next may follow in a character that begins with these bytes. Java
// counts the three bytes of a surrogate as one sequence.
func continues(begun []byte, next byte) bool {
	length := 0
	switch first := begun[0]; {
	case first >= 0xc2 && first <= 0xdf:
		length = 2
	case first >= 0xe0 && first <= 0xef:
		length = 3
	case first >= 0xf0 && first <= 0xf4:
		length = 4
	}
	if len(begun) >= length {
		return false
	}
	low, high := byte(0x80), byte(0xbf)
	if len(begun) == 1 {
		switch begun[0] {
		case 0xe0:
			low = 0xa0
		case 0xf0:
			low = 0x90
		case 0xf4:
			high = 0x8f
		}
	}
	return next >= low && next <= high
}
