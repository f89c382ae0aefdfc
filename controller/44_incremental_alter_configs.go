package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) incrementalAlterConfigs(o op, req *kmsg.IncrementalAlterConfigsRequest) result { panic("being written") }

func failIncrementalAlterConfigs(req *kmsg.IncrementalAlterConfigsRequest, err *apiError) *kmsg.IncrementalAlterConfigsResponse { panic("being written") }
