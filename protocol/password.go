package protocol

import (
	"fmt"
	"log/slog"
)

// Hidden is shown in place of a secret.
const Hidden = "[hidden]"

// Password is a secret text that cannot print itself: every way of formatting, logging or encoding
// it gives Hidden. Only Reveal returns it. The zero value is none. The text is behind a pointer
// because fmt asks no method of a field that is not exported, and prints such a pointer's address.
type Password struct{ text *string }

// NewPassword hides a text; "" gives the zero value.
func NewPassword(text string) Password {
	if text == "" {
		return Password{}
	}
	return Password{&text}
}

// IsSet reports whether there is a password.
func (p Password) IsSet() bool { return p.text != nil }

// Reveal returns the secret, for the one place that needs it.
func (p Password) Reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}

// String returns Hidden, or "" for the zero value.
func (p Password) String() string {
	if p.text == nil {
		return ""
	}
	return Hidden
}

// Format writes String for every verb.
func (p Password) Format(s fmt.State, _ rune) { fmt.Fprint(s, p.String()) }

// GoString is String.
func (p Password) GoString() string { return p.String() }

// LogValue is String.
func (p Password) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText is String, for JSON, YAML and keys of maps.
func (p Password) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
