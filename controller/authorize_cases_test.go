package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

const cluster = " CLUSTER kafka-cluster"

// needing are the errors of Kafka's getErrorResponse for a request with one error at the top.
func needing(name, operation string) errorsByVersion {
	return errorsByVersion{"0 ErrorCode=31 ErrorMessage=Request " + name + " needs " + operation +
		" permission."}
}

var only31 = errorsByVersion{"0 ErrorCode=31"}

// accesses has at least one case for each row of the table.
var accesses = []access{
	{key: 1, what: "by a replica", allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(_ *accessFixture, v int16) kmsg.Request { return fetchBy(5, v) },
		denied: errorsByVersion{"4 Topics[0].Partitions[0].ErrorCode=8",
			"7 ErrorCode=8 Topics[0].Partitions[0].ErrorCode=8", "13 ErrorCode=8"},
		allowed: errorsByVersion{"4 Topics[0].Partitions[0].ErrorCode=-1"}},
	{key: 1, what: "by a consumer", allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(_ *accessFixture, v int16) kmsg.Request { return fetchBy(-1, v) },
		denied: errorsByVersion{"4 Topics[0].Partitions[0].ErrorCode=31",
			"7 ErrorCode=31 Topics[0].Partitions[0].ErrorCode=31", "13 ErrorCode=31"},
		allowed: errorsByVersion{"4 Topics[0].Partitions[0].ErrorCode=-1"}},
	{key: 3, allow: []string{"DESCRIBE TOPIC t"},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{
				{Topic: kmsg.StringPtr("t")}, {Topic: kmsg.StringPtr("absent")}}}
		},
		denied: errorsByVersion{"0 Topics[0].ErrorCode=29 Topics[1].ErrorCode=29"},
		allowed: errorsByVersion{"0 Topics[0].Partitions[0].ErrorCode=5 Topics[1].ErrorCode=29",
			"6 Topics[0].Partitions[0].ErrorCode=72 Topics[1].ErrorCode=29"}},
	{key: 10, what: "of a group", allow: []string{"DESCRIBE GROUP g"},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.FindCoordinatorRequest{CoordinatorKey: "g",
				CoordinatorKeys: []string{"g", "h"}}
		},
		denied: errorsByVersion{"0 ErrorCode=30",
			"1 ErrorCode=30 ErrorMessage=Group authorization failed.",
			"4 Coordinators[0].ErrorCode=30 Coordinators[1].ErrorCode=30"},
		allowed: errorsByVersion{"0 ErrorCode=15", "1 ErrorCode=15 ErrorMessage=" + noOffsetsTopic,
			"4 Coordinators[0].ErrorCode=15 Coordinators[0].ErrorMessage=" + noOffsetsTopic +
				" Coordinators[1].ErrorCode=30"}},
	{key: 10, what: "of a transaction", allow: []string{"DESCRIBE TRANSACTIONAL_ID x"},
		make: func(_ *accessFixture, v int16) kmsg.Request {
			if v == 0 {
				return &kmsg.FindCoordinatorRequest{CoordinatorKey: "x"} // knows groups only
			}
			return &kmsg.FindCoordinatorRequest{CoordinatorType: 1, CoordinatorKey: "x",
				CoordinatorKeys: []string{"x"}}
		},
		denied: errorsByVersion{"0 ErrorCode=30",
			"1 ErrorCode=53 ErrorMessage=Transactional Id authorization failed.",
			"4 Coordinators[0].ErrorCode=53"},
		allowed: errorsByVersion{"0 ErrorCode=30", "1 ErrorCode=15 ErrorMessage=" + noStateTopic,
			"4 Coordinators[0].ErrorCode=15 Coordinators[0].ErrorMessage=" + noStateTopic}},
	{key: 17, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.SASLHandshakeRequest{Mechanism: "PLAIN"}
	}, denied: errorsByVersion{"0 ErrorCode=34"}, allowed: errorsByVersion{"0 ErrorCode=34"}},
	{key: 36, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.SASLAuthenticateRequest{}
	}, denied: alreadyAuthenticated, allowed: alreadyAuthenticated},
	{key: 18, make: func(*accessFixture, int16) kmsg.Request {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "a", "1"
		return req
	}},
	{key: 19, what: "each", allow: []string{"CREATE TOPIC n"}, make: creatingTopics,
		denied: errorsByVersion{"2 Topics[0].ErrorCode=29 " +
			"Topics[0].ErrorMessage=Authorization failed. Topics[1].ErrorCode=29 " +
			"Topics[1].ErrorMessage=Authorization failed."},
		allowed: errorsByVersion{"2 Topics[1].ErrorCode=29 " +
			"Topics[1].ErrorMessage=Authorization failed.", "5 Topics[0].ConfigErrorCode=29 " +
			"Topics[1].ErrorCode=29 Topics[1].ErrorMessage=Authorization failed."}},
	{key: 19, what: "all", allow: []string{"CREATE" + cluster, "DESCRIBE_CONFIGS TOPIC n"},
		make: creatingTopics,
		denied: errorsByVersion{"2 Topics[0].ErrorCode=29 " +
			"Topics[0].ErrorMessage=Authorization failed. Topics[1].ErrorCode=29 " +
			"Topics[1].ErrorMessage=Authorization failed."},
		allowed: errorsByVersion{"2 ", "5 Topics[1].ConfigErrorCode=29"}},
	{key: 20, what: "each", allow: []string{"DELETE TOPIC t"}, make: deletingTopic,
		denied: errorsByVersion{"1 Topics[0].ErrorCode=29",
			"5 Topics[0].ErrorCode=29 Topics[0].ErrorMessage=Topic authorization failed."}},
	{key: 20, what: "all", allow: []string{"DELETE" + cluster}, make: deletingTopic,
		denied: errorsByVersion{"1 Topics[0].ErrorCode=29",
			"5 Topics[0].ErrorCode=29 Topics[0].ErrorMessage=Topic authorization failed."}},
	{key: 22, what: "idempotent", allow: []string{"IDEMPOTENT_WRITE" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1}
		}, denied: only31, allowed: errorsByVersion{"0 ErrorCode=14"}},
	{key: 22, what: "idempotent, by a topic", allow: []string{"WRITE TOPIC anything"},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1}
		}, denied: only31, allowed: errorsByVersion{"0 ErrorCode=14"}},
	{key: 22, what: "transactional", allow: []string{"WRITE TRANSACTIONAL_ID x"},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.InitProducerIDRequest{TransactionalID: kmsg.StringPtr("x"),
				ProducerID: -1, ProducerEpoch: -1}
		},
		denied:  errorsByVersion{"0 ErrorCode=53"},
		allowed: errorsByVersion{"0 ErrorCode=16"}},
	{key: 29, allow: []string{"DESCRIBE" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.DescribeACLsRequest{ResourceType: 1, ResourcePatternType: 1, Operation: 1,
				PermissionType: 1}
		}, denied: needing("DescribeACLs", "DESCRIBE")},
	{key: 30, allow: []string{"ALTER" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.CreateACLsRequest{
				Creations: []kmsg.CreateACLsRequestCreation{aclCreation("a")}}
		}, denied: errorsByVersion{"0 Results[0].ErrorCode=31 " +
			"Results[0].ErrorMessage=Request CreateACLs needs ALTER permission."}},
	{key: 31, allow: []string{"ALTER" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.DeleteACLsRequest{
				Filters: []kmsg.DeleteACLsRequestFilter{aclFilter("a")}}
		}, denied: errorsByVersion{"0 Results[0].ErrorCode=31 " +
			"Results[0].ErrorMessage=Request DeleteACLs needs ALTER permission."}},
	{key: 32, what: "of topics", allow: []string{"DESCRIBE_CONFIGS TOPIC t"},
		make: describingConfigs(metadata.ConfigTopic, "t"),
		denied: errorsByVersion{"0 Resources[0].ErrorCode=29 " +
			"Resources[0].ErrorMessage=Topic authorization failed."}},
	{key: 32, what: "of groups", allow: []string{"DESCRIBE_CONFIGS GROUP g"},
		make: describingConfigs(metadata.ConfigGroup, "g"),
		denied: errorsByVersion{"0 Resources[0].ErrorCode=30 " +
			"Resources[0].ErrorMessage=Group authorization failed."}},
	{key: 32, what: "of the cluster", allow: []string{"DESCRIBE_CONFIGS" + cluster},
		make: describingConfigs(metadata.ConfigBroker, ""), denied: clusterConfigs},
	{key: 32, what: "of client metrics", allow: []string{"DESCRIBE_CONFIGS" + cluster},
		make: describingConfigs(metadata.ConfigClientMetrics, "m"), denied: clusterConfigs},
	{key: 32, what: "of loggers", allow: []string{"DESCRIBE_CONFIGS" + cluster},
		make: describingConfigs(metadata.ConfigBrokerLogger, "3000"), denied: clusterConfigs},
	{key: 33, what: "of topics", allow: []string{"ALTER_CONFIGS TOPIC t"},
		make: replacingConfigs(metadata.ConfigTopic, "t", "retention.ms", "7"),
		denied: errorsByVersion{"0 Resources[0].ErrorCode=29 " +
			"Resources[0].ErrorMessage=Topic authorization failed."}},
	{key: 33, what: "of groups", allow: []string{"ALTER_CONFIGS GROUP g"},
		make: replacingConfigs(metadata.ConfigGroup, "g", "share.auto.offset.reset", "latest"),
		denied: errorsByVersion{"0 Resources[0].ErrorCode=30 " +
			"Resources[0].ErrorMessage=Group authorization failed."}},
	{key: 33, what: "of client metrics", allow: []string{"ALTER_CONFIGS" + cluster},
		make:   replacingConfigs(metadata.ConfigClientMetrics, "m", "interval.ms", "1000"),
		denied: clusterConfigs},
	{key: 33, what: "of a broker", allow: []string{"ALTER_CONFIGS" + cluster},
		make: replacingConfigs(metadata.ConfigBroker, "1", "x", "y"), denied: clusterConfigs},
	{key: 37, allow: []string{"ALTER TOPIC t"},
		make: func(*accessFixture, int16) kmsg.Request {
			t, absent := kmsg.NewCreatePartitionsRequestTopic(), kmsg.NewCreatePartitionsRequestTopic()
			t.Topic, t.Count, absent.Topic, absent.Count = "t", 2, "absent", 2
			return &kmsg.CreatePartitionsRequest{ValidateOnly: true, TimeoutMillis: 1000,
				Topics: []kmsg.CreatePartitionsRequestTopic{t, absent}}
		},
		denied:  errorsByVersion{"0 Topics[0].ErrorCode=29 Topics[1].ErrorCode=29"},
		allowed: errorsByVersion{"0 Topics[1].ErrorCode=29"}},
	{key: 38, what: "for another", since: 3, allow: []string{"CREATE_TOKENS USER User:owner"},
		make: func(*accessFixture, int16) kmsg.Request {
			req := tokenRequest(1000)
			req.OwnerPrincipalType = kmsg.StringPtr("User")
			req.OwnerPrincipalName = kmsg.StringPtr("owner")
			return req
		}, denied: errorsByVersion{"1 ErrorCode=65"}},
	{key: 38, what: "by a token", byToken: true,
		make:   func(*accessFixture, int16) kmsg.Request { return tokenRequest(1000) },
		denied: errorsByVersion{"1 ErrorCode=64"}},
	{key: 39, what: "of another", make: renewing, onlyActive: true,
		denied: errorsByVersion{"1 ErrorCode=63"}, allowed: errorsByVersion{"1 ErrorCode=63"}},
	{key: 39, what: "by a token", byToken: true, make: renewingOwn,
		denied: errorsByVersion{"1 ErrorCode=64"}},
	{key: 40, what: "of another", make: expiring, onlyActive: true,
		denied: errorsByVersion{"1 ErrorCode=63"}, allowed: errorsByVersion{"1 ErrorCode=63"}},
	{key: 40, what: "by a token", byToken: true, make: expiringOwn,
		denied: errorsByVersion{"1 ErrorCode=64"}},
	{key: 41, what: "by a token", byToken: true, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.DescribeDelegationTokenRequest{}
	}, denied: errorsByVersion{"1 ErrorCode=64"}},
	{key: 43, allow: []string{"ALTER" + cluster}, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.ElectLeadersRequest{TimeoutMillis: 1000,
			Topics: []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0}}}}
	}, denied: errorsByVersion{"0 Topics[0].Partitions[0].ErrorCode=31 " +
		"Topics[0].Partitions[0].ErrorMessage=Request ElectLeaders needs ALTER permission.",
		"1 ErrorCode=31 Topics[0].Partitions[0].ErrorCode=31 " +
			"Topics[0].Partitions[0].ErrorMessage=Request ElectLeaders needs ALTER permission."},
		allowed: errorsByVersion{"0 Topics[0].Partitions[0].ErrorCode=84 " +
			"Topics[0].Partitions[0].ErrorMessage=" + errElectionNotNeeded.Message}},
	{key: 44, what: "of topics", allow: []string{"ALTER_CONFIGS TOPIC t"},
		make: alteringConfigs(metadata.ConfigTopic, "t", "retention.ms", "7"),
		denied: errorsByVersion{"0 Resources[0].ErrorCode=29 " +
			"Resources[0].ErrorMessage=Topic authorization failed."}},
	{key: 44, what: "of groups", allow: []string{"ALTER_CONFIGS GROUP g"},
		make: alteringConfigs(metadata.ConfigGroup, "g", "share.auto.offset.reset", "latest"),
		denied: errorsByVersion{"0 Resources[0].ErrorCode=30 " +
			"Resources[0].ErrorMessage=Group authorization failed."}},
	{key: 44, what: "of the cluster", allow: []string{"ALTER_CONFIGS" + cluster},
		make: alteringConfigs(metadata.ConfigBroker, "", "x", "y"), denied: clusterConfigs},
	{key: 44, what: "of client metrics", allow: []string{"ALTER_CONFIGS" + cluster},
		make:   alteringConfigs(metadata.ConfigClientMetrics, "m", "interval.ms", "1000"),
		denied: clusterConfigs},
	{key: 44, what: "of loggers", allow: []string{"CLUSTER_ACTION" + cluster},
		make:   alteringConfigs(metadata.ConfigBrokerLogger, "3000", "root", "INFO"),
		denied: clusterConfigs},
	{key: 45, allow: []string{"ALTER" + cluster}, make: reassigning,
		denied: errorsByVersion{"0 ErrorCode=31 " +
			"ErrorMessage=Request AlterPartitionAssignments needs ALTER permission. " +
			"Topics[0].Partitions[0].ErrorCode=31 Topics[0].Partitions[0].ErrorMessage=" +
			"Request AlterPartitionAssignments needs ALTER permission."}},
	{key: 46, allow: []string{"DESCRIBE" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.ListPartitionReassignmentsRequest{}
		}, denied: needing("ListPartitionReassignments", "DESCRIBE")},
	{key: 48, allow: []string{"DESCRIBE_CONFIGS" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.DescribeClientQuotasRequest{}
		}, denied: only31},
	{key: 49, allow: []string{"ALTER_CONFIGS" + cluster}, make: alteringQuota,
		denied: errorsByVersion{"0 Entries[0].ErrorCode=31 " +
			"Entries[0].ErrorMessage=Cluster authorization failed."}},
	{key: 50, allow: []string{"DESCRIBE" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.DescribeUserSCRAMCredentialsRequest{}
		}, denied: only31},
	{key: 51, allow: []string{"ALTER" + cluster}, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.AlterUserSCRAMCredentialsRequest{
			Deletions: []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "u", Mechanism: 1}}}
	}, denied: errorsByVersion{"0 Results[0].ErrorCode=31 Results[0].ErrorMessage=" +
		"Request AlterUserSCRAMCredentials needs ALTER permission."},
		allowed: errorsByVersion{"0 Results[0].ErrorCode=91 Results[0].ErrorMessage=" +
			"Attempt to delete a user credential that does not exist"}},
	{key: 55, allow: []string{"DESCRIBE" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return describeQuorumRequest(protocol.MetadataTopic, 7)
		}, denied: errorsByVersion{"0 ErrorCode=31",
			"2 ErrorCode=31 ErrorMessage=Cluster authorization failed."},
		allowed: errorsByVersion{"0 Topics[0].Partitions[0].ErrorCode=3",
			"2 Topics[0].Partitions[0].ErrorCode=3 Topics[0].Partitions[0].ErrorMessage=" +
				"This server does not host this topic-partition."}},
	{key: 56, allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(f *accessFixture, _ int16) kmsg.Request {
			return &kmsg.AlterPartitionRequest{BrokerID: 1, BrokerEpoch: f.brokerEpoch}
		}, denied: only31},
	{key: 57, allow: []string{"ALTER" + cluster}, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.UpdateFeaturesRequest{TimeoutMillis: 1000}
	}, denied: needing("UpdateFeatures", "ALTER")},
	{key: 58, allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return envelopeOf(nestedBytes(kmsg.NewPtrListPartitionReassignmentsRequest(), 0))
		}, denied: only31},
	{key: 59, what: "by a replica", allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.FetchSnapshotRequest{ReplicaID: 5}
		},
		denied:  errorsByVersion{"0 ErrorCode=8"},
		allowed: errorsByVersion{"0 ErrorCode=42"}},
	{key: 59, what: "by another", allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.FetchSnapshotRequest{ReplicaID: -1}
		},
		denied:  errorsByVersion{"0 ErrorCode=31"},
		allowed: errorsByVersion{"0 ErrorCode=42"}},
	{key: 60, allow: []string{"ALTER" + cluster}, make: func(_ *accessFixture, v int16) kmsg.Request {
		return &kmsg.DescribeClusterRequest{EndpointType: 2}
	}, denied: needing("DescribeCluster", "ALTER")},
	{key: 62, allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(f *accessFixture, v int16) kmsg.Request {
			req := registrationRequest(f.cfg.ClusterID, 2, 1)
			if v < 3 { // it says whether the broker migrates, which none does
				req.IsMigratingZkBroker = false
			}
			return req
		}, denied: only31},
	{key: 63, allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(f *accessFixture, _ int16) kmsg.Request {
			return heartbeatRequest(1, f.brokerEpoch, 1<<40)
		}, denied: only31},
	{key: 64, allow: []string{"ALTER" + cluster}, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.UnregisterBrokerRequest{BrokerID: 1}
	}, denied: needing("UnregisterBroker", "ALTER")},
	{key: 67, allow: []string{"CLUSTER_ACTION" + cluster},
		make:   func(f *accessFixture, _ int16) kmsg.Request { return producerIDs(1, f.brokerEpoch) },
		denied: only31},
	{key: 70, allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.ControllerRegistrationRequest{ControllerID: 3000}
		},
		denied: errorsByVersion{"0 ErrorCode=31 ErrorMessage=Cluster authorization failed."},
		allowed: errorsByVersion{"0 ErrorCode=42 ErrorMessage=Controller 3000 is a voter, which " +
			"its peers register."}},
	{key: 73, allow: []string{"CLUSTER_ACTION" + cluster},
		make: func(f *accessFixture, _ int16) kmsg.Request {
			return &kmsg.AssignReplicasToDirsRequest{BrokerID: 1, BrokerEpoch: f.brokerEpoch}
		}, denied: only31},
	{key: 74, allow: []string{"DESCRIBE_CONFIGS" + cluster},
		make: func(*accessFixture, int16) kmsg.Request {
			return &kmsg.ListConfigResourcesRequest{}
		}, denied: only31},
	{key: 75, allow: []string{"DESCRIBE TOPIC t"}, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.DescribeTopicPartitionsRequest{ResponsePartitionLimit: 10,
			Topics: []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "t"}, {Topic: "absent"}}}
	}, denied: errorsByVersion{"0 Topics[0].ErrorCode=29 Topics[1].ErrorCode=29"},
		allowed: errorsByVersion{"0 Topics[1].ErrorCode=29"}},
	{key: 94, allow: []string{"ALTER" + cluster}, make: func(*accessFixture, int16) kmsg.Request {
		return &kmsg.UnregisterControllerRequest{ControllerID: 77}
	}, denied: needing("UnregisterController", "ALTER"),
		allowed: errorsByVersion{"0 ErrorCode=136 ErrorMessage=Controller ID 77 is not currently " +
			"registered."}},
}

const (
	noOffsetsTopic = "The topic __consumer_offsets does not exist yet or has no leader: ask a " +
		"broker, which creates it."
	noStateTopic = "The topic __transaction_state does not exist yet or has no leader: ask a " +
		"broker, which creates it."
)

var alreadyAuthenticated = errorsByVersion{"0 ErrorCode=34 ErrorMessage=SaslAuthenticate request " +
	"received after successful authentication"}

var clusterConfigs = errorsByVersion{"0 Resources[0].ErrorCode=31 " +
	"Resources[0].ErrorMessage=Cluster authorization failed."}

func fetchBy(replica int32, version int16) kmsg.Request {
	p := kmsg.NewFetchRequestTopicPartition()
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.ReplicaState.ID = replica, replica
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = protocol.MetadataTopic, protocol.MetadataTopicID
	p.CurrentLeaderEpoch, p.LastFetchedEpoch = 1, 1
	t.Partitions = []kmsg.FetchRequestTopicPartition{p}
	req.Topics = []kmsg.FetchRequestTopic{t}
	return req
}

func creatingTopics(*accessFixture, int16) kmsg.Request {
	return &kmsg.CreateTopicsRequest{TimeoutMillis: 1000, ValidateOnly: true,
		Topics: []kmsg.CreateTopicsRequestTopic{newTopic("n"), newTopic("other")}}
}

func deletingTopic(_ *accessFixture, v int16) kmsg.Request {
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = kmsg.StringPtr("t")
	return &kmsg.DeleteTopicsRequest{TimeoutMillis: 1000, TopicNames: namesBefore(v, 6, "t"),
		Topics: topicsSince(v, 6, t)}
}

// namesBefore and topicsSince are for the field that a version has, since kmsg has both.
func namesBefore(v, since int16, name string) []string {
	if v >= since {
		return nil
	}
	return []string{name}
}

func topicsSince(
	v, since int16, t kmsg.DeleteTopicsRequestTopic,
) []kmsg.DeleteTopicsRequestTopic {
	if v < since {
		return nil
	}
	return []kmsg.DeleteTopicsRequestTopic{t}
}

func describingConfigs(kind int8, name string) func(*accessFixture, int16) kmsg.Request {
	return func(*accessFixture, int16) kmsg.Request {
		return &kmsg.DescribeConfigsRequest{Resources: []kmsg.DescribeConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceType(kind), ResourceName: name}}}
	}
}

func replacingConfigs(
	kind int8, name, key, value string,
) func(*accessFixture, int16) kmsg.Request {
	return func(*accessFixture, int16) kmsg.Request {
		return &kmsg.AlterConfigsRequest{Resources: []kmsg.AlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceType(kind), ResourceName: name,
			Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: key, Value: &value}}}}}
	}
}

func alteringConfigs(
	kind int8, name, key, value string,
) func(*accessFixture, int16) kmsg.Request {
	return func(*accessFixture, int16) kmsg.Request {
		return &kmsg.IncrementalAlterConfigsRequest{
			Resources: []kmsg.IncrementalAlterConfigsRequestResource{{
				ResourceType: kmsg.ConfigResourceType(kind), ResourceName: name,
				Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{
					{Name: key, Value: &value}}}}}
	}
}

func reassigning(*accessFixture, int16) kmsg.Request {
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Replicas = []int32{1}
	return &kmsg.AlterPartitionAssignmentsRequest{TimeoutMillis: 1000,
		Topics: []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "t",
			Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{p}}}}
}

func alteringQuota(*accessFixture, int16) kmsg.Request {
	return &kmsg.AlterClientQuotasRequest{Entries: []kmsg.AlterClientQuotasRequestEntry{{
		Entity: []kmsg.AlterClientQuotasRequestEntryEntity{
			{Type: "user", Name: kmsg.StringPtr("u")}},
		Ops: []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 7}},
	}}}
}

func renewing(f *accessFixture, _ int16) kmsg.Request {
	return &kmsg.RenewDelegationTokenRequest{HMAC: f.token.HMAC, RenewTimeMillis: 1000}
}

func expiring(f *accessFixture, _ int16) kmsg.Request {
	return &kmsg.ExpireDelegationTokenRequest{HMAC: f.token.HMAC, ExpiryPeriodMillis: 1000}
}

// renewingOwn and expiringOwn are about a token of the sender.
func renewingOwn(f *accessFixture, _ int16) kmsg.Request {
	return &kmsg.RenewDelegationTokenRequest{HMAC: f.own.HMAC, RenewTimeMillis: 1000}
}

func expiringOwn(f *accessFixture, _ int16) kmsg.Request {
	return &kmsg.ExpireDelegationTokenRequest{HMAC: f.own.HMAC, ExpiryPeriodMillis: 1000}
}
