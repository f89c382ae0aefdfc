package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestMessagesOfSuccessAreEmptyWhereKafkasAre: the schemas of these responses give their message no
// default, so that Kafka sends an empty one where there is no error.
func TestMessagesOfSuccessAreEmptyWhereKafkasAre(t *testing.T) {
	t.Parallel()
	d := newTestDriver(t)
	d.addBroker(1)
	d.log.quorum.Observers = []ReplicaState{{ID: 3007}}
	unregister := kmsg.NewPtrUnregisterBrokerRequest()
	unregister.BrokerID = 1
	if m := d.answer(unregister).(*kmsg.UnregisterBrokerResponse).ErrorMessage; m == nil ||
		*m != "" {
		t.Errorf("UNREGISTER_BROKER: %v", m)
	}
	reassign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	if m := d.answer(reassign).(*kmsg.AlterPartitionAssignmentsResponse).ErrorMessage; m == nil ||
		*m != "" {
		t.Errorf("ALTER_PARTITION_REASSIGNMENTS: %v", m)
	}
	register := kmsg.NewPtrControllerRegistrationRequest()
	register.ControllerID, register.IncarnationID = 3007, testUUID(3007)
	register.Listeners = []kmsg.ControllerRegistrationRequestListener{
		{Name: "CONTROLLER", Host: "c7", Port: 9093},
	}
	resp := d.answer(register).(*kmsg.ControllerRegistrationResponse)
	if m := resp.ErrorMessage; resp.ErrorCode != 0 || m == nil || *m != "" {
		t.Errorf("CONTROLLER_REGISTRATION: %d %v", resp.ErrorCode, m)
	}
}
