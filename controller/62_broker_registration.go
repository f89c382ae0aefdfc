package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) brokerRegistration(o op, req *kmsg.BrokerRegistrationRequest) result { panic("being written") }

func failBrokerRegistration(req *kmsg.BrokerRegistrationRequest, err *apiError) *kmsg.BrokerRegistrationResponse { panic("being written") }
