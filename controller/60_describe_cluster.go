package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Controller) describeCluster(ctx context.Context, caller Caller, req *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	panic("being written")
}
