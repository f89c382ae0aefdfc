package integration

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// TestABrokerOutlivesARevokedACL: a broker whose CLUSTER_ACTION is revoked lives on and reads the
// metadata log again once it is allowed. After Apache's answer to its fetches it would exit.
func TestABrokerOutlivesARevokedACL(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, kafka.ControllerOptions{
		Properties: map[string]string{
			"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users":           "User:admin",
			// everyone may do everything until the first ACL
			"allow.everyone.if.no.acl.found": "true",
		},
	})
	node := q.Nodes()[0]
	grant(t, q, kmsg.ACLOperationAlter, kmsg.ACLOperationClusterAction)
	b := kafka.StartBroker(t, q, kafka.BrokerOptions{ID: 1})
	b.WaitStarted(t, kafka.Patience)

	revokeClusterAction(t, q)
	q.Node(node).WaitLog(t, kafka.Patience, "a replica may not read the metadata log")
	b.WaitLog(t, kafka.Patience, "CLUSTER_AUTHORIZATION_FAILED") // the answer to a heartbeat
	kafka.RequireAlive(t, b)

	grant(t, q, kmsg.ACLOperationClusterAction)
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, nil, "after"); err != nil {
		t.Fatal(err)
	}
	kafka.Eventually(t, kafka.Patience, "the broker has read of the topic", func() error {
		topics, err := kafka.BrokerTopics(context.Background(), b.Addr())
		if _, ok := topics["after"]; !ok && err == nil {
			err = fmt.Errorf("it knows %d topics", len(topics))
		}
		return err
	})
	kafka.RequireAlive(t, b)
}

// grant allows operations on the cluster to connections without authentication.
func grant(t *testing.T, q *kafka.Controllers, operations ...kmsg.ACLOperation) {
	t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, o := range operations {
		a := kmsg.NewCreateACLsRequestCreation()
		a.ResourceType, a.ResourceName = kmsg.ACLResourceTypeCluster, "kafka-cluster"
		a.ResourcePatternType, a.Host = kmsg.ACLResourcePatternTypeLiteral, "*"
		a.Principal, a.Operation = "User:ANONYMOUS", o
		a.PermissionType = kmsg.ACLPermissionTypeAllow
		req.Creations = append(req.Creations, a)
	}
	resp, err := kafka.Ask(t.Context(), q.Endpoint(q.Nodes()[0]), req)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range resp.(*kmsg.CreateACLsResponse).Results {
		err = errors.Join(err, kerr.ErrorForCode(r.ErrorCode))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func revokeClusterAction(t *testing.T, q *kafka.Controllers) {
	t.Helper()
	f := kmsg.NewDeleteACLsRequestFilter()
	f.ResourceType = kmsg.ACLResourceTypeCluster
	f.ResourcePatternType = kmsg.ACLResourcePatternTypeAny
	f.Operation, f.PermissionType = kmsg.ACLOperationClusterAction, kmsg.ACLPermissionTypeAny
	req := kmsg.NewPtrDeleteACLsRequest()
	req.Filters = append(req.Filters, f)
	resp, err := kafka.Ask(t.Context(), q.Endpoint(q.Nodes()[0]), req)
	if err != nil {
		t.Fatal(err)
	}
	if r := resp.(*kmsg.DeleteACLsResponse).Results[0]; len(r.MatchingACLs) != 1 {
		t.Fatalf("%d ACLs were deleted: %v", len(r.MatchingACLs), kerr.ErrorForCode(r.ErrorCode))
	}
}
