package main

import "github.com/IBM/sarama"

func saramaAdmin(seed, prefix string) error {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.MaxVersion
	adm, err := sarama.NewClusterAdmin([]string{seed}, cfg)
	if err != nil {
		return err
	}
	a := saramaSteps{adm, prefix + "-topic", prefix + "-x", prefix + "-group"}
	a.topics()
	a.configs()
	a.acls()
	a.groups()
	a.partitions()
	step("topic.delete", func() error { return adm.DeleteTopic(a.topic) })
	step("topic.delete.unknown", func() error { return adm.DeleteTopic(a.unknown) })
	return adm.Close()
}

type saramaSteps struct {
	adm                   sarama.ClusterAdmin
	topic, unknown, group string
}

func (a saramaSteps) topics() {
	create := func(name string, factor int16, configs map[string]*string, check bool) func() error {
		return func() error {
			return a.adm.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 3,
				ReplicationFactor: factor, ConfigEntries: configs}, check)
		}
	}
	soon := "soon"
	step("topic.create", create(a.topic, 1, nil, false))
	step("topic.create.again", create(a.topic, 1, nil, false))
	step("topic.create.factor", create(a.unknown, 9, nil, false))
	step("topic.create.config", create(a.unknown, 1, map[string]*string{"retention.ms": &soon}, false))
	step("topic.create.name", create("not a name", 1, nil, false))
	step("topic.create.check", create(a.unknown, 1, nil, true))
	step("topic.list", func() error {
		return until(func() error {
			listed, err := a.adm.ListTopics()
			if err != nil {
				return err
			}
			return equal(listed[a.topic].NumPartitions, 3)
		})
	})
	describe := func(name string) func() error {
		return func() error {
			described, err := a.adm.DescribeTopics([]string{name})
			if err != nil {
				return err
			}
			if described[0].Err != sarama.ErrNoError {
				return described[0].Err
			}
			return equal(len(described[0].Partitions), 3)
		}
	}
	step("topic.describe", func() error { return until(describe(a.topic)) })
	step("topic.describe.unknown", describe(a.unknown))
	partitions := func(name string, count int32) func() error {
		return func() error { return a.adm.CreatePartitions(name, count, nil, false) }
	}
	step("partitions.create", partitions(a.topic, 5))
	step("partitions.create.fewer", partitions(a.topic, 2))
	step("partitions.create.unknown", partitions(a.unknown, 2))
}

func (a saramaSteps) configs() {
	alter := func(kind sarama.ConfigResourceType, name, key string,
		op sarama.IncrementalAlterConfigsOperation, value string) func() error {
		return func() error {
			entry := sarama.IncrementalAlterConfigsEntry{Operation: op, Value: &value}
			return a.adm.IncrementalAlterConfig(kind, name,
				map[string]sarama.IncrementalAlterConfigsEntry{key: entry}, false)
		}
	}
	shown := func(kind sarama.ConfigResourceType, name, key, want string) func() error {
		return func() error {
			return until(func() error {
				entries, err := a.adm.DescribeConfig(sarama.ConfigResource{Type: kind, Name: name,
					ConfigNames: []string{key}})
				if err != nil || len(entries) == 0 {
					return errorOr(err, "no entries")
				}
				return equal(entries[0].Value, want)
			})
		}
	}
	const set, unset = sarama.IncrementalAlterConfigsOperationSet,
		sarama.IncrementalAlterConfigsOperationDelete
	step("config.topic.set", alter(sarama.TopicResource, a.topic, "retention.ms", set, "12345"))
	step("config.topic.get", shown(sarama.TopicResource, a.topic, "retention.ms", "12345"))
	step("config.topic.invalid", alter(sarama.TopicResource, a.topic, "retention.ms", set, "soon"))
	step("config.topic.unset", alter(sarama.TopicResource, a.topic, "retention.ms", unset, ""))
	step("config.topic.unknown", alter(sarama.TopicResource, a.unknown, "retention.ms", set, "1"))
	const key = "log.cleaner.threads"
	step("config.broker.set", alter(sarama.BrokerResource, "1", key, set, "2"))
	step("config.broker.get", shown(sarama.BrokerResource, "1", key, "2"))
	step("config.broker.unset", alter(sarama.BrokerResource, "1", key, unset, ""))
}

func (a saramaSteps) acls() {
	resource := sarama.Resource{ResourceType: sarama.AclResourceTopic, ResourceName: "t",
		ResourcePatternType: sarama.AclPatternLiteral}
	acl := sarama.Acl{Principal: "User:a", Host: "*", Operation: sarama.AclOperationRead,
		PermissionType: sarama.AclPermissionAllow}
	filter := sarama.AclFilter{ResourceType: sarama.AclResourceTopic,
		ResourcePatternTypeFilter: sarama.AclPatternLiteral, Operation: sarama.AclOperationRead,
		PermissionType: sarama.AclPermissionAllow}
	step("acl.create", func() error { return a.adm.CreateACL(resource, acl) })
	step("acl.describe", func() error { _, err := a.adm.ListAcls(filter); return err })
	step("acl.delete", func() error { _, err := a.adm.DeleteACL(filter, false); return err })
}

func (a saramaSteps) groups() {
	at := map[string]map[int32]sarama.OffsetAndMetadata{a.topic: {0: {Offset: 7, LeaderEpoch: -1}}}
	step("group.offsets.set", func() error {
		return until(func() error {
			set, err := a.adm.AlterConsumerGroupOffsets(a.group, at, nil)
			if err != nil {
				return err
			}
			return kerror(set.Errors[a.topic][0])
		})
	})
	step("group.offsets.get", func() error {
		got, err := a.adm.ListConsumerGroupOffsets(a.group, map[string][]int32{a.topic: {0}})
		if err != nil {
			return err
		}
		return equal(got.Blocks[a.topic][0].Offset, 7)
	})
	step("group.list", func() error {
		return until(func() error {
			listed, err := a.adm.ListConsumerGroups()
			if _, ok := listed[a.group]; err != nil || !ok {
				return errorOr(err, "not listed")
			}
			return nil
		})
	})
	step("group.describe", func() error {
		described, err := a.adm.DescribeConsumerGroups([]string{a.group})
		if err != nil {
			return err
		}
		return equal(described[0].State, "Empty")
	})
	remove := func() error { return a.adm.DeleteConsumerGroup(a.group) }
	step("group.delete", remove)
	step("group.delete.unknown", remove)
}

func (a saramaSteps) partitions() {
	step("reassign.list", func() error {
		listed, err := a.adm.ListPartitionReassignments(a.topic, []int32{0})
		if err != nil {
			return err
		}
		return equal(len(listed), 0)
	})
	reassign := func(name string, replicas []int32) func() error {
		return func() error {
			return a.adm.AlterPartitionReassignments(name, [][]int32{replicas})
		}
	}
	step("reassign.start", reassign(a.topic, []int32{1}))
	step("reassign.broker", reassign(a.topic, []int32{99}))
	step("reassign.unknown", reassign(a.unknown, []int32{1}))
	elect := func(name string) func() error {
		return func() error {
			elected, err := a.adm.ElectLeaders(sarama.PreferredElection,
				map[string][]int32{name: {0}})
			if err != nil {
				return err
			}
			return kerror(elected[name][0].ErrorCode)
		}
	}
	step("elect.preferred", elect(a.topic))
	step("elect.unknown", elect(a.unknown))
	step("records.delete", func() error {
		return a.adm.DeleteRecords(a.topic, map[int32]int64{0: 0})
	})
}

func kerror(e sarama.KError) error {
	if e == sarama.ErrNoError {
		return nil
	}
	return e
}
