package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Controller) fetch(ctx context.Context, caller Caller, req *kmsg.FetchRequest) *kmsg.FetchResponse {
	panic("being written")
}
