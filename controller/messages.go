package controller

import "strings"

const (
	// messageMaxBytes bounds one message, messagePartMaxBytes what it repeats of a request.
	messageMaxBytes     = 1024
	messagePartMaxBytes = 512
	// messagesMaxBytes bounds the messages of one response; further entries have their code alone.
	messagesMaxBytes = 1 << 20
)

// shortened cuts a text that was sent, of any length, for a message.
func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// messages are those of one response.
type messages struct{ bytes int }

// within returns err, without its message when the response has no room for more of them.
func (m *messages) within(err *apiError) *apiError {
	if err == nil || err.message == "" {
		return err
	}
	if m.bytes += len(err.message); m.bytes > messagesMaxBytes {
		m.bytes = messagesMaxBytes
		return &apiError{kafka: err.kafka}
	}
	return err
}

// textOf is the message of err for the entry of that index, all entries being answered with it.
func textOf(err *apiError, index int) *string {
	if err == nil || (index+1)*len(err.message) > messagesMaxBytes {
		return nil
	}
	return err.text()
}
