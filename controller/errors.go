package controller

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Errors come in three classes. A *protocol.Error is an ordinary answer. A fault is a bug met while
// an answer is computed: it is logged and counted, the caller gets UNKNOWN_SERVER_ERROR, and the
// controller continues, because operations change nothing. A broken invariant, such as a committed
// record that does not replay, stops this replica through Config.Stop.

// invalidRecord is the answer to a request that would write an invalid record, as record.Check
// found it; nil for nil.
func invalidRecord(err error) *protocol.Error {
	var invalid *record.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	return protocol.Errorf(kerr.InvalidRequest,
		"Brokers would not accept this: %s %s.", invalid.Field, invalid.Problem)
}

var (
	errNotController = protocol.Errorf(kerr.NotController,
		"This node is not the active controller.")
	errTimedOut = protocol.Errorf(kerr.RequestTimedOut,
		"The request waited in the controller's queue past its deadline.")
	errQueueFull = protocol.Errorf(kerr.RequestTimedOut, "The controller's queue is full.")
	errStopping  = protocol.Errorf(kerr.RequestTimedOut, "The controller is shutting down.")
	errBusy      = protocol.Errorf(kerr.RequestTimedOut,
		"Too much waits to be committed; try again.")
	errFault = protocol.Errorf(kerr.UnknownServerError,
		"The controller met an internal fault; its log says which.")
	errTooLarge = protocol.Errorf(kerr.PolicyViolation,
		"Unable to perform excessively large batch operation.")
)
