package controller

import (
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// onConfigs returns the action that an operation on the configs of a resource is, and the error for
// who may not do it. An unknown type has none, and nothing can be done to it.
func onConfigs(operation, kind int8, name string) (act acls.Action, denied *protocol.Error) {
	switch kind {
	case metadata.ConfigTopic:
		return acls.Action{Operation: operation, ResourceType: acls.Topic, ResourceName: name},
			errTopicDenied
	case metadata.ConfigGroup:
		return acls.Action{Operation: operation, ResourceType: acls.Group, ResourceName: name},
			errGroupDenied
	case metadata.ConfigBroker, metadata.ConfigClientMetrics, metadata.ConfigBrokerLogger:
		return acls.OnCluster(operation), errClusterDenied
	}
	return act, nil
}

// onAlteration is onConfigs for changes. The levels of loggers are a matter between nodes.
func onAlteration(kind int8, name string) (act acls.Action, denied *protocol.Error) {
	operation := acls.AlterConfigs
	if kind == metadata.ConfigBrokerLogger {
		operation = acls.ClusterAction
	}
	return onConfigs(operation, kind, name)
}

// takeAlteration decides ahead whether the configs of a resource may be altered.
func (r *rights) takeAlteration(kind int8, name string) bool {
	act, denied := onAlteration(kind, name)
	return denied != nil && r.take(act)
}

// refuseAlteration returns why the configs of a resource may not be altered.
func (r *rights) refuseAlteration(res configs.Resource) *protocol.Error {
	return r.refuse(onAlteration(res.Kind, res.Name))
}

// refuseDescription returns why the configs of a resource may not be described.
func (r *rights) refuseDescription(res configs.Resource) *protocol.Error {
	return r.refuse(onConfigs(acls.DescribeConfigs, res.Kind, res.Name))
}

func (r *rights) refuse(act acls.Action, denied *protocol.Error) *protocol.Error {
	if denied == nil || r.allow(act) {
		return nil
	}
	return denied
}
