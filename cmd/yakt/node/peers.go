package node

import (
	"errors"
	"fmt"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/kafkaproto"
	"github.com/yakt/yakt/protocol"
)

// acceptPeer takes a connection that another controller, or somebody who claims to be one, has
// opened.
func (n *Node) acceptPeer(caller kafkaproto.Caller, remote string) kafkaproto.Stream {
	frame, confirmed, closed := n.log.AcceptPeer(remote, func() error {
		err := n.mayBePeer(caller)
		if err != nil {
			n.strangers.Add("client", remote, "listener", caller.Listener,
				"principal", caller.Principal, "why", err)
		}
		return err
	})
	return kafkaproto.Stream{Frame: frame, Confirmed: confirmed, Closed: closed}
}

// mayBePeer returns nil if a client may act as a controller of this quorum, or why not, in a
// sentence that says nothing about the cluster: it is sent to the client.
func (n *Node) mayBePeer(caller kafkaproto.Caller) error {
	if first := n.cfg.ControllerListenerNames[0]; caller.Listener != first && n.cfg.Secured() {
		return errors.New("controllers are not served here, but at the first of " +
			"controller.listener.names")
	}
	switch {
	case n.cfg.Security.Authorizer:
		if n.controller.Allows(caller, acls.OnCluster(acls.ClusterAction)) {
			return nil
		}
		return fmt.Errorf("%s may not act as a controller: it needs CLUSTER_ACTION on the cluster, "+
			"or to be in super.users; while a quorum starts, only super.users counts",
			caller.Principal)
	case caller.Principal == protocol.Anonymous && n.cfg.Authenticates(caller.Listener):
		return errors.New("a client that has not authenticated may not act as a controller")
	}
	return nil
}
