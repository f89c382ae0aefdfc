package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Controller) envelope(ctx context.Context, caller Caller, req *kmsg.EnvelopeRequest, reply func(kmsg.Response)) {
	panic("being written")
}
