package controller

import (
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/protocol"
)

// Allows decides whether the sender of a request may act, by the entries that this node knows to be
// committed. Without an authorizer everything is allowed.
func (c *Controller) Allows(caller protocol.Caller, act acls.Action) bool {
	a := c.cfg.Authorizer
	return a == nil || a.Allows(c.Image(), caller.Principal, caller.ClientAddr, act)
}
