package differential

import (
	"fmt"
	"strings"

	"github.com/yakt/yakt/metadata"
)

// reachedIn is the number of operations after which a run must have seen everything that is
// expected.
const reachedIn = 200_000

// expected are the answers that occur in a long run, by request: all possible ones but those that
// require another size or configuration of the cluster.
var expected = map[string]string{
	"AlterClientQuotas": "NONE INVALID_REQUEST",
	"AlterUserSCRAMCredentials": "NONE UNACCEPTABLE_CREDENTIAL RESOURCE_NOT_FOUND " +
		"UNSUPPORTED_SASL_MECHANISM UNSUPPORTED_VERSION DUPLICATE_RESOURCE",
	"UnregisterController": "NONE UNSUPPORTED_VERSION CONTROLLER_ID_NOT_REGISTERED INVALID_REQUEST",
	"UpdateFeatures":       "NONE INVALID_UPDATE_VERSION",
	"AllocateProducerIDs":  "NONE STALE_BROKER_EPOCH",
	"AlterConfigs": "NONE INVALID_CONFIG UNKNOWN_TOPIC_OR_PARTITION INVALID_REQUEST " +
		"BROKER_ID_NOT_REGISTERED UNSUPPORTED_VERSION " +
		"INVALID_TOPIC_EXCEPTION",
	"AlterPartition": "NONE INVALID_REQUEST INELIGIBLE_REPLICA STALE_BROKER_EPOCH " +
		"NEW_LEADER_ELECTED UNKNOWN_TOPIC_ID NOT_CONTROLLER " +
		"INVALID_UPDATE_VERSION UNKNOWN_TOPIC_OR_PARTITION FENCED_LEADER_EPOCH",
	"AlterPartitionAssignments": "NONE UNKNOWN_TOPIC_OR_PARTITION INVALID_REPLICA_ASSIGNMENT " +
		"INVALID_REPLICATION_FACTOR NO_REASSIGNMENT_IN_PROGRESS " +
		"INVALID_REQUEST",
	"AssignReplicasToDirs": "NONE NOT_LEADER_FOR_PARTITION UNSUPPORTED_VERSION " +
		"STALE_BROKER_EPOCH UNKNOWN_TOPIC_OR_PARTITION UNKNOWN_TOPIC_ID",
	"BrokerHeartbeat": "NONE STALE_BROKER_EPOCH",
	"BrokerRegistration": "NONE DUPLICATE_BROKER_REGISTRATION INVALID_REGISTRATION " +
		"INCONSISTENT_CLUSTER_ID UNSUPPORTED_VERSION BROKER_ID_NOT_REGISTERED " +
		"INVALID_REQUEST",
	"ControllerRegistration": "NONE UNSUPPORTED_VERSION INVALID_REQUEST",
	"CreatePartitions": "NONE UNKNOWN_TOPIC_OR_PARTITION INVALID_PARTITIONS INVALID_REQUEST " +
		"INVALID_REPLICA_ASSIGNMENT INVALID_REPLICATION_FACTOR " +
		"POLICY_VIOLATION",
	"CreateTopics": "NONE TOPIC_ALREADY_EXISTS INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG " +
		"INVALID_REQUEST INVALID_REPLICATION_FACTOR INVALID_PARTITIONS " +
		"INVALID_TOPIC_EXCEPTION POLICY_VIOLATION",
	"DeleteTopics": "NONE UNKNOWN_TOPIC_OR_PARTITION INVALID_REQUEST UNKNOWN_TOPIC_ID " +
		"TOPIC_DELETION_DISABLED",
	"ElectLeaders": "NONE PREFERRED_LEADER_NOT_AVAILABLE ELECTION_NOT_NEEDED " +
		"ELIGIBLE_LEADERS_NOT_AVAILABLE UNKNOWN_TOPIC_OR_PARTITION INVALID_REQUEST",
	"IncrementalAlterConfigs": "NONE INVALID_CONFIG INVALID_REQUEST UNKNOWN_TOPIC_OR_PARTITION " +
		"UNSUPPORTED_VERSION BROKER_ID_NOT_REGISTERED " +
		"INVALID_TOPIC_EXCEPTION",
	"ListPartitionReassignments": "NONE",
	"UnregisterBroker":           "NONE BROKER_ID_NOT_REGISTERED",
}

// expectedChanges are the changes of partitions in a long run, with and without ELR; the second
// list occurs only with ELR.
var expectedChanges = [2][]string{
	{
		"leader lost", "leader kept in a new epoch", "leader elected from the ISR",
		"leader elected uncleanly", "leader elected from what joins the ISR",
		"leader elected from none", "recovered", "ISR grows", "ISR shrinks", "reassignment begins",
		"reassignment ends", "reassignment cancelled",
		"reassignment goes elsewhere", "reassigned at once", "replicas more", "replicas fewer",
		"directories change",
	},
	{
		"leader elected from the ELR", "leader elected as the last known one", "ISR empty",
		"ELR grows", "ELR shrinks", "last known leader set",
		"last known leader forgotten",
	},
}

// missing returns what a long run should have seen and has not: the random draws then no longer
// cover it.
func (c *counts) missing() (all []string) {
	look := func(t tally, of, what string) {
		if t[of][what] == 0 {
			all = append(all, fmt.Sprintf("%s: %s", of, what))
		}
	}
	for of, codes := range expected {
		for _, code := range strings.Fields(codes) {
			look(c.answers, of, code)
		}
	}
	for i, elr := range []string{"with ELR", "without ELR"} {
		for _, changes := range expectedChanges[:2-i] {
			for _, what := range changes {
				look(c.changes, elr, what)
			}
		}
	}
	for v := metadata.MinVersion; v <= metadata.LatestVersion; v++ {
		look(c.levels, "without ELR", v.String())
		if v.HasElr() {
			look(c.levels, "with ELR", v.String())
		}
	}
	return all
}
