// Package jaas parses the values of sasl.jaas.config as Kafka's JaasConfig does, which uses a
// tokenizer of Java's library. It is a leaf: it knows no mechanism beyond the names of Kafka's
// login modules, and reads no files.
package jaas

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yakt/yakt/protocol"
)

// The login modules of Kafka that have a counterpart here, and Java's for Kerberos.
const (
	PlainLoginModule = "org.apache.kafka.common.security.plain.PlainLoginModule"
	ScramLoginModule = "org.apache.kafka.common.security.scram.ScramLoginModule"
	OAuthLoginModule = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
	Krb5LoginModule  = "com.sun.security.auth.module.Krb5LoginModule"
)

// maxLineBytes bounds a line. A user list of that length holds some ten thousand passwords.
const maxLineBytes = 1 << 20

// Entry is one login module and its options.
type Entry struct {
	Module  string
	Control string // "required", "requisite", "sufficient" or "optional"
	// Options has every value as a secret, since most are. The last of several values counts.
	Options map[string]protocol.Password
}

// Option returns the value of an option, "" without one.
func (e Entry) Option(name string) string { return e.Options[name].Reveal() }

// Error is a fault in a line. It holds nothing of the line, which contains passwords.
type Error struct {
	At   int // the character where the fault was found, counted from 1; 0: the line as a whole
	What string
}

// Error names the place and the fault.
func (e *Error) Error() string {
	if e.At == 0 {
		return e.What
	}
	return fmt.Sprintf("at character %d: %s", e.At, e.What)
}

func wrong(at token, what string) error { return &Error{at.at, what} }

// Parse returns the entries of a line,
//
//	module flag name=value ... ;
//
// each. The error is an *Error.
func Parse(line string) ([]Entry, error) {
	if len(line) > maxLineBytes {
		return nil, &Error{0, fmt.Sprintf("it is longer than %d bytes", maxLineBytes)}
	}
	s := scanner{src: []rune(line)}
	var entries []Entry
	for first := s.next(); first.kind != tokenEnd; first = s.next() {
		e, err := s.entry(first)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, &Error{0, "it names no login module: write " +
			"<login module class> required <option>=\"<value>\" ... ;"}
	}
	return entries, nil
}

// entry reads an entry that begins with first.
func (s *scanner) entry(first token) (Entry, error) {
	if first.kind != tokenText || first.text == "" {
		return Entry{}, wrong(first, "the class of a login module is expected here")
	}
	control, err := s.control()
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Module: first.text, Control: control, Options: make(map[string]protocol.Password)}
	for {
		name := s.next()
		switch {
		case name.is(';'):
			return e, nil
		case name.kind == tokenEnd:
			return Entry{}, wrong(name, "the entry does not end with a semicolon")
		case name.kind != tokenText:
			return Entry{}, wrong(name, "the name of an option is expected here: one that does "+
				"not begin with a letter must be in quotes")
		}
		value, err := s.value(name)
		if err != nil {
			return Entry{}, err
		}
		e.Options[name.text] = protocol.NewPassword(value)
	}
}

var controls = []string{"required", "requisite", "sufficient", "optional"}

func (s *scanner) control() (string, error) {
	flag := s.next()
	lower := strings.ToLower(flag.text)
	switch {
	case flag.kind == tokenEnd:
		return "", wrong(flag, "the control flag is missing: write \"required\" after the class")
	case flag.kind != tokenText || !slices.Contains(controls, lower):
		return "", wrong(flag, "the control flag is not one of "+strings.Join(controls, ", "))
	}
	return lower, nil
}

// value reads "=" and a value. A value that begins with a digit, a dot or a minus has to be in
// quotes, as in Java.
func (s *scanner) value(name token) (string, error) {
	if eq := s.next(); !eq.is('=') {
		return "", wrong(eq, "an option has no value: \"=\" is expected here")
	}
	v := s.next()
	switch v.kind {
	case tokenText:
		return v.text, nil
	case tokenNumber:
		return "", wrong(v, "a value that begins with a digit must be in quotes")
	}
	return "", wrong(v, "a value is expected here: one with other characters than letters, "+
		"digits and ._-$ must be in quotes")
}

// One returns the only entry of a line for a mechanism, whose login module must be one of modules.
// Kafka takes no second entry.
func One(line string, modules ...string) (Entry, error) {
	entries, err := Parse(line)
	if err != nil {
		return Entry{}, err
	}
	if len(entries) != 1 {
		return Entry{}, &Error{0, fmt.Sprintf("it has %d login modules and must have one",
			len(entries))}
	}
	if !slices.Contains(modules, entries[0].Module) {
		return Entry{}, errModule(entries[0].Module, modules)
	}
	return entries[0], nil
}

// errModule refuses a class by name. A class is no secret, but a misplaced password could stand in
// its place: only what looks like a class is repeated.
func errModule(class string, modules []string) error {
	expected := strings.Join(modules, " or ")
	if !strings.Contains(class, ".") || len(class) > 200 {
		return errors.New("its login module is not the class " + expected)
	}
	return fmt.Errorf("the login module %s cannot run here: it must be %s", class, expected)
}
