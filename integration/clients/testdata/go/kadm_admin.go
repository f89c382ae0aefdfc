package main

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func kadmAdmin(seed, prefix string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(seed), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*deadline)
	defer cancel()
	a := kadmSteps{ctx, kadm.NewClient(cl), prefix + "-topic", prefix + "-x", prefix}
	a.topics()
	a.configs()
	a.quotas()
	a.security()
	a.groups()
	a.partitions()
	a.features()
	step("topic.delete", a.remove(a.topic))
	step("topic.delete.unknown", a.remove(a.unknown))
	return nil
}

type kadmSteps struct {
	ctx            context.Context
	adm            *kadm.Client
	topic, unknown string
	prefix         string
}

func (a kadmSteps) remove(name string) func() error {
	return func() error {
		resp, err := a.adm.DeleteTopics(a.ctx, name)
		return errors.Join(err, resp[name].Err)
	}
}

func (a kadmSteps) topics() {
	create := func(name string, factor int16, configs map[string]*string) func() error {
		return func() error {
			resp, err := a.adm.CreateTopics(a.ctx, 3, factor, configs, name)
			return errors.Join(err, resp[name].Err)
		}
	}
	soon := "soon"
	step("topic.create", create(a.topic, 1, nil))
	step("topic.create.again", create(a.topic, 1, nil))
	step("topic.create.factor", create(a.unknown, 9, nil))
	step("topic.create.config", create(a.unknown, 1, map[string]*string{"retention.ms": &soon}))
	step("topic.create.name", create("not a name", 1, nil))
	step("topic.create.check", func() error {
		resp, err := a.adm.ValidateCreateTopics(a.ctx, 1, 1, nil, a.unknown)
		return errors.Join(err, resp[a.unknown].Err)
	})
	list := func(name string) func() error {
		return func() error {
			topics, err := a.adm.ListTopics(a.ctx, name)
			if err := errors.Join(err, topics[name].Err); err != nil {
				return err
			}
			return equal(len(topics[name].Partitions), 3)
		}
	}
	step("topic.list", func() error { return until(list(a.topic)) })
	step("topic.describe.unknown", list(a.unknown))
	partitions := func(name string, count int) func() error {
		return func() error {
			resp, err := a.adm.UpdatePartitions(a.ctx, count, name)
			return errors.Join(err, resp[name].Err)
		}
	}
	step("partitions.create", partitions(a.topic, 5))
	step("partitions.create.fewer", partitions(a.topic, 2))
	step("partitions.create.unknown", partitions(a.unknown, 2))
}

func (a kadmSteps) configs() {
	change := func(key string, op kadm.IncrementalOp, value string) []kadm.AlterConfig {
		return []kadm.AlterConfig{{Op: op, Name: key, Value: &value}}
	}
	topic := func(name string, op kadm.IncrementalOp, value string) func() error {
		return func() error {
			resp, err := a.adm.AlterTopicConfigs(a.ctx, change("retention.ms", op, value), name)
			return errors.Join(err, resp[0].Err)
		}
	}
	step("config.topic.set", topic(a.topic, kadm.SetConfig, "12345"))
	step("config.topic.get", func() error {
		return until(func() error {
			resp, err := a.adm.DescribeTopicConfigs(a.ctx, a.topic)
			return errors.Join(err, valueIs(resp, "retention.ms", "12345"))
		})
	})
	step("config.topic.invalid", topic(a.topic, kadm.SetConfig, "soon"))
	step("config.topic.unset", topic(a.topic, kadm.DeleteConfig, ""))
	step("config.topic.unknown", topic(a.unknown, kadm.SetConfig, "1"))
	const key = "log.cleaner.threads"
	broker := func(op kadm.IncrementalOp, value string) func() error {
		return func() error {
			resp, err := a.adm.AlterBrokerConfigs(a.ctx, change(key, op, value), 1)
			return errors.Join(err, resp[0].Err)
		}
	}
	step("config.broker.set", broker(kadm.SetConfig, "2"))
	step("config.broker.get", func() error {
		return until(func() error {
			resp, err := a.adm.DescribeBrokerConfigs(a.ctx, 1)
			return errors.Join(err, valueIs(resp, key, "2"))
		})
	})
	step("config.broker.unset", broker(kadm.DeleteConfig, ""))
}

func valueIs(resp kadm.ResourceConfigs, key, want string) error {
	for _, r := range resp {
		for _, c := range r.Configs {
			if c.Key == key && c.MaybeValue() == want {
				return nil
			}
		}
	}
	return errors.New("not seen")
}

func (a kadmSteps) quotas() {
	user := a.prefix + "-user"
	entity := kadm.ClientQuotaEntity{{Type: "user", Name: &user}}
	alter := func(op kadm.AlterClientQuotaOp) func() error {
		return func() error {
			resp, err := a.adm.AlterClientQuotas(a.ctx, []kadm.AlterClientQuotaEntry{
				{Entity: entity, Ops: []kadm.AlterClientQuotaOp{op}}})
			if err != nil {
				return err
			}
			return resp[0].Err
		}
	}
	step("quota.set", alter(kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Value: 1000}))
	step("quota.get", func() error {
		return until(func() error {
			resp, err := a.adm.DescribeClientQuotas(a.ctx, true, []kadm.DescribeClientQuotaComponent{
				{Type: "user", MatchName: &user}})
			if err != nil || len(resp) == 0 {
				return errorOr(err, "no entries")
			}
			return equal(resp[0].Values[0].Value, 1000)
		})
	})
	step("quota.invalid", alter(kadm.AlterClientQuotaOp{Key: "no_such_rate", Value: 1}))
	step("quota.unset", alter(kadm.AlterClientQuotaOp{Key: "producer_byte_rate", Remove: true}))
}

func (a kadmSteps) security() {
	user := a.prefix + "-user"
	alter := func(del []kadm.DeleteSCRAM, upsert []kadm.UpsertSCRAM) func() error {
		return func() error {
			resp, err := a.adm.AlterUserSCRAMs(a.ctx, del, upsert)
			return errors.Join(err, resp[user].Err)
		}
	}
	step("scram.set", alter(nil, []kadm.UpsertSCRAM{{User: user, Mechanism: kadm.ScramSha256,
		Iterations: 4096, Password: "secret"}}))
	describe := func(user string) func() error {
		return func() error {
			resp, err := a.adm.DescribeUserSCRAMs(a.ctx, user)
			if err := errors.Join(err, resp[user].Err); err != nil {
				return err
			}
			return equal(resp[user].CredInfos[0].Iterations, 4096)
		}
	}
	step("scram.get", func() error { return until(describe(user)) })
	remove := alter([]kadm.DeleteSCRAM{{User: user, Mechanism: kadm.ScramSha256}}, nil)
	step("scram.unset", remove)
	step("scram.unset.again", remove)
	step("scram.unknown", describe(a.unknown))
	acl := kadm.NewACLs().Topics("t").Allow("User:a").AllowHosts("*").
		Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral)
	step("acl.create", func() error {
		resp, err := a.adm.CreateACLs(a.ctx, acl)
		if err != nil {
			return err
		}
		return resp[0].Err
	})
	step("acl.describe", func() error {
		resp, err := a.adm.DescribeACLs(a.ctx, acl)
		if err != nil {
			return err
		}
		return resp[0].Err
	})
	step("acl.delete", func() error {
		resp, err := a.adm.DeleteACLs(a.ctx, acl)
		if err != nil {
			return err
		}
		return resp[0].Err
	})
}

func (a kadmSteps) groups() {
	group := a.prefix + "-group"
	at := kadm.Offsets{}
	at.AddOffset(a.topic, 0, 7, -1)
	step("group.offsets.set", func() error {
		return until(func() error { return a.adm.CommitAllOffsets(a.ctx, group, at) })
	})
	step("group.offsets.get", func() error {
		got, err := a.adm.FetchOffsets(a.ctx, group)
		if err != nil {
			return err
		}
		return equal(got[a.topic][0].At, 7)
	})
	step("group.list", func() error {
		return until(func() error {
			listed, err := a.adm.ListGroups(a.ctx)
			if _, ok := listed[group]; err != nil || !ok {
				return errorOr(err, "not listed")
			}
			return nil
		})
	})
	step("group.describe", func() error {
		described, err := a.adm.DescribeGroups(a.ctx, group)
		if err := errors.Join(err, described[group].Err); err != nil {
			return err
		}
		return equal(described[group].State, "Empty")
	})
	remove := func() error {
		resp, err := a.adm.DeleteGroups(a.ctx, group)
		return errors.Join(err, resp[group].Err)
	}
	step("group.delete", remove)
	step("group.delete.unknown", remove)
}

func (a kadmSteps) partitions() {
	reassign := func(name string, replicas []int32) func() error {
		return func() error {
			var req kadm.AlterPartitionAssignmentsReq
			if replicas == nil {
				req.CancelAssign(name, 0)
			} else {
				req.Assign(name, 0, replicas)
			}
			resp, err := a.adm.AlterPartitionAssignments(a.ctx, req)
			return errors.Join(err, resp[name][0].Err)
		}
	}
	step("reassign.start", reassign(a.topic, []int32{1}))
	step("reassign.broker", reassign(a.topic, []int32{99}))
	step("reassign.unknown", reassign(a.unknown, []int32{1}))
	step("reassign.cancel", reassign(a.topic, nil))
	one := func(name string) kadm.TopicsSet {
		s := kadm.TopicsSet{}
		s.Add(name, 0)
		return s
	}
	step("reassign.list", func() error {
		resp, err := a.adm.ListPartitionReassignments(a.ctx, one(a.topic))
		return errors.Join(err, equal(len(resp), 0))
	})
	elect := func(name string) func() error {
		return func() error {
			resp, err := a.adm.ElectLeaders(a.ctx, kadm.ElectPreferredReplica, one(name))
			return errors.Join(err, resp[name][0].Err)
		}
	}
	step("elect.preferred", elect(a.topic))
	step("elect.unknown", elect(a.unknown))
	step("records.delete", func() error {
		at := kadm.Offsets{}
		at.AddOffset(a.topic, 0, 0, -1)
		resp, err := a.adm.DeleteRecords(a.ctx, at)
		return errors.Join(err, resp.Error())
	})
}

func (a kadmSteps) features() {
	step("features.describe", func() error {
		resp, err := a.adm.ApiVersions(a.ctx)
		if err != nil {
			return err
		}
		for _, node := range resp {
			if node.Err != nil {
				return node.Err
			}
		}
		return nil
	})
	update := func(name string, level int16) func() error {
		return func() error {
			resp, err := a.adm.UpdateFeatures(a.ctx, true, kadm.FeatureUpdate{Feature: name,
				MaxVersionLevel: level, UpgradeType: 1})
			if err != nil {
				return err
			}
			return resp[name].Err
		}
	}
	step("features.unknown", update("no.such.feature", 1))
}
