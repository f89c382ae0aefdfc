package main

import (
	"errors"

	"github.com/segmentio/kafka-go"
)

func kafkaGoAdmin(seed, prefix string) error {
	a := kafkaGoSteps{&kafka.Client{Addr: kafka.TCP(seed)}, prefix + "-topic", prefix + "-x", prefix}
	a.topics()
	a.configs()
	a.security()
	a.groups()
	a.partitions()
	step("topic.delete", a.remove(a.topic))
	step("topic.delete.unknown", a.remove(a.unknown))
	return nil
}

type kafkaGoSteps struct {
	cl             *kafka.Client
	topic, unknown string
	prefix         string
}

func (a kafkaGoSteps) remove(name string) func() error {
	return func() error {
		resp, err := ask(a.cl.DeleteTopics, &kafka.DeleteTopicsRequest{Topics: []string{name}})
		if err != nil {
			return err
		}
		return resp.Errors[name]
	}
}

func (a kafkaGoSteps) create(name string, factor int, soon bool) func() error {
	return func() error {
		topic := kafka.TopicConfig{Topic: name, NumPartitions: 3, ReplicationFactor: factor}
		if soon {
			topic.ConfigEntries = []kafka.ConfigEntry{{ConfigName: "retention.ms",
				ConfigValue: "soon"}}
		}
		resp, err := ask(a.cl.CreateTopics, &kafka.CreateTopicsRequest{
			Topics: []kafka.TopicConfig{topic}})
		if err != nil {
			return err
		}
		return resp.Errors[name]
	}
}

func (a kafkaGoSteps) topics() {
	step("topic.create", a.create(a.topic, 1, false))
	step("topic.create.again", a.create(a.topic, 1, false))
	step("topic.create.factor", a.create(a.unknown, 9, false))
	step("topic.create.config", a.create(a.unknown, 1, true))
	step("topic.create.name", a.create("not a name", 1, false))
	describe := func(name string) func() error {
		return func() error {
			resp, err := ask(a.cl.Metadata, &kafka.MetadataRequest{Topics: []string{name}})
			if err != nil {
				return err
			}
			return errors.Join(resp.Topics[0].Error, equal(len(resp.Topics[0].Partitions), 3))
		}
	}
	step("topic.describe", func() error { return until(describe(a.topic)) })
	step("topic.describe.unknown", describe(a.unknown))
	partitions := func(name string, count int32) func() error {
		return func() error {
			resp, err := ask(a.cl.CreatePartitions, &kafka.CreatePartitionsRequest{
				Topics: []kafka.TopicPartitionsConfig{{Name: name, Count: count}}})
			if err != nil {
				return err
			}
			return resp.Errors[name]
		}
	}
	step("partitions.create", partitions(a.topic, 5))
	step("partitions.create.fewer", partitions(a.topic, 2))
	step("partitions.create.unknown", partitions(a.unknown, 2))
}

func (a kafkaGoSteps) configs() {
	a.config("config.topic.", kafka.ResourceTypeTopic, a.topic, "retention.ms", "12345")
	alter := func(name, value string) func() error {
		return a.alter(kafka.ResourceTypeTopic, name, "retention.ms", kafka.ConfigOperationSet, value)
	}
	step("config.topic.invalid", alter(a.topic, "soon"))
	step("config.topic.unknown", alter(a.unknown, "1"))
	a.config("config.broker.", kafka.ResourceTypeBroker, "1", "log.cleaner.threads", "2")
}

func (a kafkaGoSteps) config(prefix string, kind kafka.ResourceType, name, key, value string) {
	step(prefix+"set", a.alter(kind, name, key, kafka.ConfigOperationSet, value))
	step(prefix+"get", func() error {
		return until(func() error {
			resp, err := ask(a.cl.DescribeConfigs, &kafka.DescribeConfigsRequest{
				Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kind,
					ResourceName: name, ConfigNames: []string{key}}}})
			if err != nil || len(resp.Resources[0].ConfigEntries) == 0 {
				return errorOr(err, "no entries")
			}
			return equal(resp.Resources[0].ConfigEntries[0].ConfigValue, value)
		})
	})
	step(prefix+"unset", a.alter(kind, name, key, kafka.ConfigOperationDelete, ""))
}

func (a kafkaGoSteps) alter(kind kafka.ResourceType, name, key string, op kafka.ConfigOperation,
	value string) func() error {
	return func() error {
		resp, err := ask(a.cl.IncrementalAlterConfigs, &kafka.IncrementalAlterConfigsRequest{
			Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kind,
				ResourceName: name, Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
					Name: key, Value: value, ConfigOperation: op}}}}})
		if err != nil {
			return err
		}
		return resp.Resources[0].Error
	}
}

func (a kafkaGoSteps) security() {
	user := a.prefix + "-user"
	quota := func(op kafka.AlterClientQuotaOps) func() error {
		return func() error {
			resp, err := ask(a.cl.AlterClientQuotas, &kafka.AlterClientQuotasRequest{
				Entries: []kafka.AlterClientQuotaEntry{{
					Entities: []kafka.AlterClientQuotaEntity{{EntityType: "user", EntityName: user}},
					Ops:      []kafka.AlterClientQuotaOps{op}}}})
			if err != nil {
				return err
			}
			return resp.Entries[0].Error
		}
	}
	step("quota.set", quota(kafka.AlterClientQuotaOps{Key: "producer_byte_rate", Value: 1000}))
	step("quota.get", func() error {
		return until(func() error {
			resp, err := ask(a.cl.DescribeClientQuotas, &kafka.DescribeClientQuotasRequest{
				Components: []kafka.DescribeClientQuotasRequestComponent{{EntityType: "user",
					Match: user}}})
			if err != nil || len(resp.Entries) == 0 {
				return errorOr(err, "no entries")
			}
			return equal(resp.Entries[0].Values[0].Value, 1000)
		})
	})
	step("quota.invalid", quota(kafka.AlterClientQuotaOps{Key: "no_such_rate", Value: 1}))
	step("quota.unset", quota(kafka.AlterClientQuotaOps{Key: "producer_byte_rate", Remove: true}))
	a.scram(user)
	a.acls()
}

func (a kafkaGoSteps) scram(user string) {
	alter := func(req kafka.AlterUserScramCredentialsRequest) func() error {
		return func() error {
			resp, err := ask(a.cl.AlterUserScramCredentials, &req)
			if err != nil {
				return err
			}
			return resp.Results[0].Error
		}
	}
	step("scram.set", alter(kafka.AlterUserScramCredentialsRequest{
		Upsertions: []kafka.UserScramCredentialsUpsertion{{Name: user,
			Mechanism: kafka.ScramMechanismSha256, Iterations: 4096, Salt: []byte("salt"),
			SaltedPassword: make([]byte, 32)}}}))
	describe := func(user string) func() error {
		return func() error {
			resp, err := ask(a.cl.DescribeUserScramCredentials,
				&kafka.DescribeUserScramCredentialsRequest{
					Users: []kafka.UserScramCredentialsUser{{Name: user}}})
			if err != nil {
				return err
			}
			if r := resp.Results[0]; r.Error != nil {
				return r.Error
			}
			return equal(resp.Results[0].CredentialInfos[0].Iterations, 4096)
		}
	}
	step("scram.get", func() error { return until(describe(user)) })
	remove := alter(kafka.AlterUserScramCredentialsRequest{
		Deletions: []kafka.UserScramCredentialsDeletion{{Name: user,
			Mechanism: kafka.ScramMechanismSha256}}})
	step("scram.unset", remove)
	step("scram.unset.again", remove)
	step("scram.unknown", describe(a.unknown))
}

func (a kafkaGoSteps) acls() {
	step("acl.create", func() error {
		resp, err := ask(a.cl.CreateACLs, &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: "t",
			ResourcePatternType: kafka.PatternTypeLiteral, Principal: "User:a", Host: "*",
			Operation: kafka.ACLOperationTypeRead, PermissionType: kafka.ACLPermissionTypeAllow}}})
		if err != nil {
			return err
		}
		return resp.Errors[0]
	})
	step("acl.describe", func() error {
		resp, err := ask(a.cl.DescribeACLs, &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{
			ResourceTypeFilter:        kafka.ResourceTypeTopic,
			ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
			Operation:                 kafka.ACLOperationTypeRead,
			PermissionType:            kafka.ACLPermissionTypeAllow}})
		if err != nil {
			return err
		}
		return resp.Error
	})
	step("acl.delete", func() error {
		resp, err := ask(a.cl.DeleteACLs, &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{
			ResourceTypeFilter:        kafka.ResourceTypeTopic,
			ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
			Operation:                 kafka.ACLOperationTypeRead,
			PermissionType:            kafka.ACLPermissionTypeAllow}}})
		if err != nil {
			return err
		}
		return resp.Results[0].Error
	})
}

func (a kafkaGoSteps) groups() {
	group := a.prefix + "-group"
	step("group.offsets.set", func() error {
		return until(func() error {
			resp, err := ask(a.cl.OffsetCommit, &kafka.OffsetCommitRequest{GroupID: group,
				GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{a.topic: {{Offset: 7}}}})
			if err != nil {
				return err
			}
			return resp.Topics[a.topic][0].Error
		})
	})
	step("group.offsets.get", func() error {
		resp, err := ask(a.cl.OffsetFetch, &kafka.OffsetFetchRequest{GroupID: group,
			Topics: map[string][]int{a.topic: {0}}})
		if err != nil {
			return err
		}
		return equal(resp.Topics[a.topic][0].CommittedOffset, 7)
	})
	step("group.list", func() error {
		return until(func() error {
			resp, err := ask(a.cl.ListGroups, &kafka.ListGroupsRequest{})
			if err != nil {
				return err
			}
			for _, g := range resp.Groups {
				if g.GroupID == group {
					return nil
				}
			}
			return errors.New("not listed")
		})
	})
	step("group.describe", func() error {
		resp, err := ask(a.cl.DescribeGroups, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return err
		}
		return equal(resp.Groups[0].GroupState, "Empty")
	})
	remove := func() error {
		resp, err := ask(a.cl.DeleteGroups, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return err
		}
		return resp.Errors[group]
	}
	step("group.delete", remove)
	step("group.delete.unknown", remove)
}

func (a kafkaGoSteps) partitions() {
	reassign := func(name string, broker int) func() error {
		return func() error {
			resp, err := ask(a.cl.AlterPartitionReassignments,
				&kafka.AlterPartitionReassignmentsRequest{Topic: name, Timeout: deadline,
					Assignments: []kafka.AlterPartitionReassignmentsRequestAssignment{{
						PartitionID: 0, BrokerIDs: []int{broker}}}})
			if err != nil {
				return err
			}
			return errors.Join(resp.Error, resp.PartitionResults[0].Error)
		}
	}
	step("reassign.start", reassign(a.topic, 1))
	step("reassign.broker", reassign(a.topic, 99))
	step("reassign.unknown", reassign(a.unknown, 1))
	step("reassign.list", func() error {
		resp, err := ask(a.cl.ListPartitionReassignments, &kafka.ListPartitionReassignmentsRequest{
			Timeout: deadline, Topics: map[string]kafka.ListPartitionReassignmentsRequestTopic{
				a.topic: {PartitionIndexes: []int{0}}}})
		if err != nil {
			return err
		}
		return errors.Join(resp.Error, equal(len(resp.Topics), 0))
	})
	elect := func(name string) func() error {
		return func() error {
			resp, err := ask(a.cl.ElectLeaders, &kafka.ElectLeadersRequest{Topic: name,
				Partitions: []int{0}, Timeout: deadline})
			if err != nil {
				return err
			}
			return errors.Join(resp.Error, resp.PartitionResults[0].Error)
		}
	}
	step("elect.preferred", elect(a.topic))
	step("elect.unknown", elect(a.unknown))
}
