package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Controller) apiVersions(ctx context.Context, caller Caller, req *kmsg.ApiVersionsRequest) *kmsg.ApiVersionsResponse {
	panic("being written")
}
