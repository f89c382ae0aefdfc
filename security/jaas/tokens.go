package jaas

import "strings"

// A configuration line consists of the tokens of Java's StreamTokenizer with the settings of
// Kafka's JaasConfig: words of letters, digits and any of ._-$ that do not begin with a digit, a
// dot or a minus; texts in single or double quotes; numbers, which have no text and therefore serve
// for nothing; and single characters. A slash begins a comment, up to the end of the line unless
// an asterisk follows it.

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenText
	tokenNumber
	tokenSymbol
)

type token struct {
	kind   tokenKind
	text   string // of a tokenText
	symbol rune   // of a tokenSymbol
	at     int    // the character it begins with, counted from 1
}

func (t token) is(symbol rune) bool { return t.kind == tokenSymbol && t.symbol == symbol }

// end is what the scanner sees after the last character.
const end rune = -1

type scanner struct {
	src []rune
	pos int
}

func (s *scanner) peek() rune {
	if s.pos >= len(s.src) {
		return end
	}
	return s.src[s.pos]
}

func (s *scanner) skipWhile(accept func(rune) bool) {
	for s.peek() != end && accept(s.peek()) {
		s.pos++
	}
}

func isBlank(r rune) bool   { return r >= 0 && r <= ' ' }
func isNumeric(r rune) bool { return r == '.' || r == '-' || isDigit(r) }
func isDigit(r rune) bool   { return r >= '0' && r <= '9' }
func isOctal(r rune) bool   { return r >= '0' && r <= '7' }
func isNewline(r rune) bool { return r == '\n' || r == '\r' }
func isInLine(r rune) bool  { return !isNewline(r) }
func isQuote(r rune) bool   { return r == '"' || r == '\'' }

// isLetter reports whether a word may begin with r. The control characters of Latin-1 are none.
func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '$' || r >= 0xA0
}

func isInWord(r rune) bool { return isLetter(r) || isNumeric(r) }

func (s *scanner) next() token {
	s.skipSpace()
	begin := s.pos
	t := token{at: begin + 1}
	switch r := s.peek(); {
	case r == end:
		return t
	case isNumeric(r):
		return s.number(t)
	case isLetter(r):
		s.skipWhile(isInWord)
		t.kind, t.text = tokenText, string(s.src[begin:s.pos])
	case isQuote(r):
		s.pos++
		t.kind, t.text = tokenText, s.quoted(r)
	default:
		s.pos++
		t.kind, t.symbol = tokenSymbol, r
	}
	return t
}

func (s *scanner) skipSpace() {
	for {
		s.skipWhile(isBlank)
		if s.peek() != '/' {
			return
		}
		s.pos++
		if s.peek() != '*' {
			s.skipWhile(isInLine)
			continue
		}
		s.pos++
		s.skipBlockComment()
	}
}

func (s *scanner) skipBlockComment() {
	for s.peek() != end {
		star := s.peek() == '*'
		s.pos++
		if star && s.peek() == '/' {
			s.pos++
			return
		}
	}
}

// number passes over a number: digits with at most one dot, after a minus only if one follows. A
// minus alone is a symbol.
func (s *scanner) number(t token) token {
	t.kind = tokenNumber
	if s.peek() == '-' {
		s.pos++
		if next := s.peek(); next != '.' && !isDigit(next) {
			t.kind, t.symbol = tokenSymbol, '-'
			return t
		}
	}
	s.skipWhile(isDigit)
	if s.peek() == '.' {
		s.pos++
		s.skipWhile(isDigit)
	}
	return t
}

// quoted reads the rest of a quoted text, which ends with its quote or before the end of the line.
func (s *scanner) quoted(quote rune) string {
	var b strings.Builder
	for {
		r := s.peek()
		switch {
		case r == end || isNewline(r):
			return b.String()
		case r == quote:
			s.pos++
			return b.String()
		case r == '\\':
			s.pos++
			s.escape(&b)
		default:
			s.pos++
			b.WriteRune(r)
		}
	}
}

var escapes = map[rune]rune{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// escape reads what follows a backslash: up to three octal digits, of which the first is at most 3
// if there are three; a letter of C's; or any other character, a newline too, for itself.
func (s *scanner) escape(b *strings.Builder) {
	r := s.peek()
	if r == end {
		return
	}
	s.pos++
	if !isOctal(r) {
		if control, ok := escapes[r]; ok {
			r = control
		}
		b.WriteRune(r)
		return
	}
	value, most := r-'0', 2
	if r <= '3' {
		most = 3
	}
	for digits := 1; digits < most && isOctal(s.peek()); digits++ {
		value = value<<3 + s.peek() - '0'
		s.pos++
	}
	b.WriteRune(value)
}
