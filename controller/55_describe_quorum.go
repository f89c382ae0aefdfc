package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Controller) describeQuorum(ctx context.Context, caller Caller, req *kmsg.DescribeQuorumRequest) *kmsg.DescribeQuorumResponse {
	panic("being written")
}
