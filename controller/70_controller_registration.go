package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) controllerRegistration(o op, req *kmsg.ControllerRegistrationRequest) result { panic("being written") }

func failControllerRegistration(req *kmsg.ControllerRegistrationRequest, err *apiError) *kmsg.ControllerRegistrationResponse { panic("being written") }
