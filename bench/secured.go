package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// A secured quorum has an authorizer and speaks TLS with certificates on both sides. Neither
// brokers nor creators are super users, so that every request is decided by an ACL, among othersACLs
// that are about other users.
const othersACLs = 1000

// creators have this prefix in their client ids, and certificates of their own.
const creatorPrefix = "creator"

// logins are the TLS configurations of the clients of a secured quorum.
type logins struct{ admin, broker, creator *tls.Config }

type loginsKey struct{}

// secure makes the users of a secured quorum, and makes every later dial of the run log in.
func (r *run) secure(o *kafka.ControllerOptions) {
	o.Realm = realm.New(r)
	o.Realm.SuperUsers = "User:controller;User:admin"
	o.Listeners = []realm.Listener{{Name: "CONTROLLER", Protocol: realm.SSL}}
	of := func(user string) *tls.Config { return o.Realm.Login(user, realm.SSL).TLS }
	r.ctx = context.WithValue(r.ctx, loginsKey{},
		&logins{of(realm.Admin), of(realm.Broker), of(realm.Alice)})
}

// connect opens a connection as the user that a client id stands for.
func connect(ctx context.Context, addr, clientID string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	l, _ := ctx.Value(loginsKey{}).(*logins)
	if l == nil {
		return d.DialContext(ctx, "tcp", addr)
	}
	cfg := l.broker
	switch {
	case strings.HasPrefix(clientID, creatorPrefix):
		cfg = l.creator
	case clientID == realm.Admin:
		cfg = l.admin
	}
	secure := tls.Dialer{NetDialer: &d, Config: cfg}
	return secure.DialContext(ctx, "tcp", addr)
}

// grant writes the ACLs of a secured quorum.
func (r *run) grant() {
	admin := r.dial(r.leaderAddr(), realm.Admin)
	req := kmsg.NewPtrCreateACLsRequest()
	req.Version = 3
	allow := func(user string, on kmsg.ACLResourceType, name string, op kmsg.ACLOperation) {
		c := kmsg.NewCreateACLsRequestCreation()
		c.ResourceType, c.ResourceName, c.ResourcePatternType = on, name,
			kmsg.ACLResourcePatternTypeLiteral
		c.Principal, c.Host, c.Operation = "User:"+user, "*", op
		c.PermissionType = kmsg.ACLPermissionTypeAllow
		req.Creations = append(req.Creations, c)
	}
	const cluster = "kafka-cluster"
	allow(realm.Broker, kmsg.ACLResourceTypeCluster, cluster, kmsg.ACLOperationClusterAction)
	allow(realm.Alice, kmsg.ACLResourceTypeCluster, cluster, kmsg.ACLOperationCreate)
	allow(realm.Alice, kmsg.ACLResourceTypeTopic, "*", kmsg.ACLOperationDescribeConfigs)
	for i := range othersACLs {
		allow(fmt.Sprint("other-", i), kmsg.ACLResourceTypeTopic, "*", kmsg.ACLOperationRead)
	}
	resp, err := ask[*kmsg.CreateACLsResponse](admin, req)
	r.check(err)
	for _, result := range resp.Results {
		r.check(kerr.ErrorForCode(result.ErrorCode))
	}
}
