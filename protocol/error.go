package protocol

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Error is an ordinary refusal: a Kafka error code with a sentence for the person who reads it. A
// nil *Error is success. It never changes once made, so it may be shared.
type Error struct {
	Kafka   *kerr.Error
	Message string // empty where the code says enough
}

// Error returns the name of the code and the sentence.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Kafka.Message
	}
	return e.Kafka.Message + ": " + e.Message
}

// Code is the number on the wire; 0 for nil.
func (e *Error) Code() int16 {
	if e == nil {
		return 0
	}
	return e.Kafka.Code
}

// Text is the message on the wire; nil where there is none.
func (e *Error) Text() *string {
	if e == nil || e.Message == "" {
		return nil
	}
	return &e.Message
}

// TextAt is the message of e for one entry of a response that answers every entry with e: nil once
// the entries up to that index have used up the response's share of messages.
func (e *Error) TextAt(index int) *string {
	if e == nil || (index+1)*len(e.Message) > MessagesMaxBytes {
		return nil
	}
	return e.Text()
}

const (
	// MessageMaxBytes bounds one message.
	MessageMaxBytes = 1024
	// MessagePartMaxBytes bounds each part of a request that a message quotes.
	MessagePartMaxBytes = 512
	// MessagesMaxBytes bounds the messages of one response; further entries have their code alone.
	MessagesMaxBytes = 1 << 20
)

// Errorf makes an Error. Strings among args may be of any length, since clients send them: each is
// cut to MessagePartMaxBytes, or to MessageMaxBytes where the format is "%s" alone.
func Errorf(kafka *kerr.Error, format string, args ...any) *Error {
	most := MessagePartMaxBytes
	if format == "%s" {
		most = MessageMaxBytes
	}
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = shortened(s, most)
		}
	}
	return &Error{kafka, fmt.Sprintf(format, args...)}
}

func shortened(s string, maxBytes int) string {
	if len(s) <= maxBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxBytes], "") + "..."
}

// Messages counts the bytes of the messages of one response. The zero value is ready for use.
type Messages struct{ bytes int }

// Bounded returns err, without its message when the response has no room for another one.
func (m *Messages) Bounded(err *Error) *Error {
	if err == nil || err.Message == "" {
		return err
	}
	if m.bytes += len(err.Message); m.bytes > MessagesMaxBytes {
		m.bytes = MessagesMaxBytes
		return &Error{Kafka: err.Kafka}
	}
	return err
}
