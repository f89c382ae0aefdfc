package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) alterPartition(o op, req *kmsg.AlterPartitionRequest) result { panic("being written") }

func failAlterPartition(req *kmsg.AlterPartitionRequest, err *apiError) *kmsg.AlterPartitionResponse { panic("being written") }
