package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) unregisterBroker(o op, req *kmsg.UnregisterBrokerRequest) result { panic("being written") }

func failUnregisterBroker(req *kmsg.UnregisterBrokerRequest, err *apiError) *kmsg.UnregisterBrokerResponse { panic("being written") }
