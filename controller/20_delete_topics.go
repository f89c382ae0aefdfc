package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *core) deleteTopics(o op, req *kmsg.DeleteTopicsRequest) result { panic("being written") }

func failDeleteTopics(req *kmsg.DeleteTopicsRequest, err *apiError) *kmsg.DeleteTopicsResponse { panic("being written") }

func deleteTopicsTimeout(_ *Controller, req kmsg.Request) time.Duration {
	return requestTimeout(req.(*kmsg.DeleteTopicsRequest).TimeoutMillis)
}
