package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) allocateProducerIDs(o op, req *kmsg.AllocateProducerIDsRequest) result { panic("being written") }

func failAllocateProducerIDs(req *kmsg.AllocateProducerIDsRequest, err *apiError) *kmsg.AllocateProducerIDsResponse { panic("being written") }
