package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *core) brokerHeartbeat(o op, req *kmsg.BrokerHeartbeatRequest) result { panic("being written") }

func failBrokerHeartbeat(req *kmsg.BrokerHeartbeatRequest, err *apiError) *kmsg.BrokerHeartbeatResponse { panic("being written") }

func heartbeatTimeout(c *Controller, _ kmsg.Request) time.Duration { return c.cfg.HeartbeatInterval / 2 }

func touchHeartbeat(c *Controller, now time.Time, req kmsg.Request) {}
