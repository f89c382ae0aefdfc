package security

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// quotas gives one user a quota of changes. It binds that user, through a broker and at the
// controller, however the user logs in; others have none.
func (c *cluster) quotas(t *testing.T) {
	admin := c.client(t, realm.Admin, realm.Scram256)
	c.grant(t, realm.Alice)
	alter := kmsg.NewPtrAlterClientQuotasRequest()
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	entity := kmsg.NewAlterClientQuotasRequestEntryEntity()
	entity.Type, entity.Name = "user", kmsg.StringPtr(realm.Alice)
	op := kmsg.NewAlterClientQuotasRequestEntryOp()
	op.Key, op.Value = "controller_mutation_rate", 0.1
	entry.Entity, entry.Ops = append(entry.Entity, entity), append(entry.Ops, op)
	alter.Entries = append(alter.Entries, entry)
	resp, err := alter.RequestWith(t.Context(), admin)
	if err == nil {
		err = kerr.ErrorForCode(resp.Entries[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	through := c.r.Login(realm.Alice, realm.SASLSSL, realm.OAuthBearer)
	direct := c.r.Login(realm.Alice, realm.SASLSSL, realm.Scram512)
	c.requireThrottled(t, "through a broker", c.clients()[0], through)
	c.requireThrottled(t, "at the controller", c.door("SCRAM"), direct)
	for range 3 {
		topic := "unlimited-" + time.Now().Format("150405.000000")
		if err := created(creation(topic, 1, 2, 3).RequestWith(t.Context(), admin)); err != nil {
			t.Errorf("a user without a quota: %v", err)
		}
	}
}

// requireThrottled creates topics until the quota of the user is used up.
func (c *cluster) requireThrottled(t *testing.T, where, addr string, login *realm.Login) {
	t.Helper()
	for i := range 20 {
		topic := "limited-" + time.Now().Format("150405.000000")
		resp, err := kafka.Ask(t.Context(), addr, creation(topic, 1, 2, 3, 4, 5), login.Options()...)
		err = created(resp, err)
		if errors.Is(err, kerr.ThrottlingQuotaExceeded) {
			t.Logf("%s: throttled at topic %d for %d ms", where, i,
				resp.(*kmsg.CreateTopicsResponse).ThrottleMillis)
			if resp.(*kmsg.CreateTopicsResponse).ThrottleMillis == 0 {
				t.Errorf("%s: throttled for 0 ms", where)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return
		}
	}
	t.Errorf("%s: the quota does not bind", where)
}

// grant allows a user to create topics, and waits until the brokers know that.
func (c *cluster) grant(t *testing.T, user string) {
	t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	entry := kmsg.NewCreateACLsRequestCreation()
	entry.ResourceType, entry.ResourceName = kmsg.ACLResourceTypeCluster, "kafka-cluster"
	entry.ResourcePatternType = kmsg.ACLResourcePatternTypeLiteral
	entry.Principal, entry.Host = "User:"+user, "*"
	entry.Operation, entry.PermissionType = kmsg.ACLOperationCreate, kmsg.ACLPermissionTypeAllow
	req.Creations = append(req.Creations, entry)
	resp, err := req.RequestWith(t.Context(), c.client(t, realm.Admin, realm.Plain))
	if err == nil {
		err = kerr.ErrorForCode(resp.Results[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}
