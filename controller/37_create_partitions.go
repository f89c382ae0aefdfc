package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *core) createPartitions(o op, req *kmsg.CreatePartitionsRequest) result { panic("being written") }

func failCreatePartitions(req *kmsg.CreatePartitionsRequest, err *apiError) *kmsg.CreatePartitionsResponse { panic("being written") }

func createPartitionsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.CreatePartitionsRequest).TimeoutMillis)
}
