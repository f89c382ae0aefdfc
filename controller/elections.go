package controller

import (
	"iter"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// electionsPerRun bounds the elections of one run of a periodic task
// (QuorumController.MAX_ELECTIONS_PER_IMBALANCE), candidatesPerRun the partitions that it looks at:
// most wait for a broker that is gone, and there may be a million of them.
const (
	electionsPerRun  = 1000
	candidatesPerRun = 10_000
)

// electPreferred elects the preferred leaders of partitions, one run at a time; again asks for
// another run soon, which continues after the last partition of this one. As in KRaft, no
// percentage of imbalance is required.
func (c *core) electPreferred(op) (r result, again bool) {
	return c.elections(&c.preferredAfter, c.working.ImbalancedAfter(c.preferredAfter),
		partition.Preferred, func(rules *partition.Rules, p *metadata.Partition) bool {
			// Most others wait for a dead broker: skip them early. Also looked at are partitions
			// whose reassignment may complete, and leaders whose broker returned with other
			// directories.
			return p.Leader < 0 || p.Reassigning() || rules.Acceptable(p, p.Replicas[0]) ||
				!rules.Acceptable(p, p.Leader)
		})
}

// electUnclean elects leaders of leaderless partitions whose topics allow unclean elections, as
// electPreferred does.
func (c *core) electUnclean(op) (r result, again bool) {
	return c.elections(&c.uncleanAfter, c.working.LeaderlessAfter(c.uncleanAfter),
		partition.Uncleanly, func(rules *partition.Rules,
			_ *metadata.Partition) bool {
			return rules.AllowsUnclean()
		})
}

// elections is one run over partitions, which begin after *after. Once its records are proposed it
// stores there where the next run begins.
func (c *core) elections(after *metadata.TopicPartition,
	partitions iter.Seq[metadata.TopicPartition], kind partition.Election,
	allowed func(*partition.Rules, *metadata.Partition) bool,
) (r result, again bool) {
	rules := c.partitionRules(c.working, partition.NoUpdate)
	var losses partition.UncleanElections
	defer losses.Warn(c.cfg.Logger)
	var next metadata.TopicPartition
	r.then = func(int64) { *after = next }
	looked := 0
	for tp := range partitions {
		if len(r.records) == electionsPerRun || looked == candidatesPerRun {
			return r, true
		}
		looked, next = looked+1, tp
		if !allowed(rules.Of(tp.Topic), tp.Partition) {
			continue
		}
		change := rules.Change(tp.ID, tp.Partition)
		change.SetElection(kind)
		if rec := change.Record(); rec != nil {
			r.records = append(r.records, rec)
			losses.Add(&change)
		}
	}
	next = metadata.TopicPartition{}
	return r, false
}

func (c *core) partitionRules(img *metadata.Image, u partition.Update) *partition.Rules {
	return partition.NewRules(img, u, c.topicDefaults(img))
}

// updateReplicas makes the changes that an update brings to partitions, and logs unclean elections;
// see partition.Rules.UpdateReplicas.
func (c *core) updateReplicas(
	img *metadata.Image, u partition.Update, partitions iter.Seq[metadata.TopicPartition], max int,
) (changes []record.Record, last *metadata.TopicPartition) {
	changes, losses, last := c.partitionRules(img, u).UpdateReplicas(partitions, max)
	losses.Warn(c.cfg.Logger)
	return changes, last
}
