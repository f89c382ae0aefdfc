package controller

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Controller) fetchSnapshot(ctx context.Context, caller Caller, req *kmsg.FetchSnapshotRequest) *kmsg.FetchSnapshotResponse {
	panic("being written")
}
