package controller

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata/record"
)

// Errors come in three classes. An apiError is an ordinary answer. A fault is a bug met while making an answer: it is logged
// and counted, the caller gets UNKNOWN_SERVER_ERROR, and since handlers change nothing the controller goes on. A broken
// invariant (a committed record that does not replay) stops this replica through Config.Stop.

// apiError is a Kafka error code with a sentence for the person who reads it.
type apiError struct {
	kafka   *kerr.Error
	message string
}

func (e *apiError) Error() string { return e.kafka.Message + ": " + e.message }

// code is the number on the wire; 0 for nil.
func (e *apiError) code() int16 {
	if e == nil {
		return 0
	}
	return e.kafka.Code
}

// text is the message on the wire; nil where there is none.
func (e *apiError) text() *string {
	if e == nil || e.message == "" {
		return nil
	}
	return &e.message
}

// errorf makes an apiError. Texts among args may be of any length: they are shortened, a format
// that is nothing but a text to messageMaxBytes.
func errorf(kafka *kerr.Error, format string, args ...any) *apiError {
	most := messagePartMaxBytes
	if format == "%s" {
		most = messageMaxBytes
	}
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = shortened(s, most)
		}
	}
	return &apiError{kafka, fmt.Sprintf(format, args...)}
}

// invalidRecord is the answer to a request that would write an invalid record, as record.Check found it; nil for nil.
func invalidRecord(err error) *apiError {
	var invalid *record.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	return errorf(kerr.InvalidRequest, "Brokers would not accept this: %s %s.", invalid.Field, invalid.Problem)
}

var (
	errNotController = &apiError{kerr.NotController, "This node is not the active controller."}
	errTimedOut      = &apiError{kerr.RequestTimedOut, "The request waited in the controller's queue past its deadline."}
	errQueueFull     = &apiError{kerr.RequestTimedOut, "The controller's queue is full."}
	errStopping      = &apiError{kerr.RequestTimedOut, "The controller is shutting down."}
	errBusy          = &apiError{kerr.RequestTimedOut, "Too much waits to be committed; try again."}
	errFault         = &apiError{kerr.UnknownServerError, "The controller met an internal fault; its log says which."}
	errTooLarge      = &apiError{kerr.PolicyViolation, "Unable to perform excessively large batch operation."}
)
