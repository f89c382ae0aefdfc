package controller

import "github.com/twmb/franz-go/pkg/kmsg"

func (c *core) assignReplicasToDirs(o op, req *kmsg.AssignReplicasToDirsRequest) result { panic("being written") }

func failAssignReplicasToDirs(req *kmsg.AssignReplicasToDirsRequest, err *apiError) *kmsg.AssignReplicasToDirsResponse { panic("being written") }
