package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *core) createTopics(o op, req *kmsg.CreateTopicsRequest) result { panic("being written") }

func failCreateTopics(req *kmsg.CreateTopicsRequest, err *apiError) *kmsg.CreateTopicsResponse { panic("being written") }

func createTopicsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.CreateTopicsRequest).TimeoutMillis)
}
