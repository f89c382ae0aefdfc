package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/partition"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TestPartitions runs scripts of what happens to partitions. Each command prints the records it
// came to and the partitions they changed. Start over with "cluster"; see the commands below.
func TestPartitions(t *testing.T) {
	datadriven.Walk(t, "testdata/partitions", func(t *testing.T, path string) {
		s := &partitionScript{t: t}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			command, ok := partitionCommands[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown command")
			}
			return command(s)
		})
	})
}

type partitionScript struct {
	t *testing.T
	d *datadriven.TestData
	*testCore
}

var partitionCommands = map[string]func(*partitionScript) string{
	"cluster":       (*partitionScript).newCluster,
	"partition":     (*partitionScript).newPartition,
	"live":          (*partitionScript).live,
	"cordon":        (*partitionScript).cordon,
	"fence":         (*partitionScript).fenceBroker,
	"unfence":       (*partitionScript).unfenceBroker,
	"shutdown":      (*partitionScript).shutDown,
	"return":        (*partitionScript).returnOf,
	"alter":         (*partitionScript).alter,
	"reassign":      (*partitionScript).reassign,
	"cancel":        (*partitionScript).cancel,
	"elect":         (*partitionScript).elect,
	"rebalance":     func(s *partitionScript) string { return s.periodic(s.electPreferred) },
	"elect-all":     func(s *partitionScript) string { return s.periodic(s.electUnclean) },
	"elect-leaders": (*partitionScript).electLeaders,
	"config":        (*partitionScript).config,
	"feature":       (*partitionScript).feature,
	"assign":        (*partitionScript).assign,
	"dirs":          (*partitionScript).dirs,
	"dirs-offline":  (*partitionScript).dirsOffline,
}

// newCluster: cluster brokers=(1,2,3) [elr] [min-isr=2] [mv=3.5-IV2]; all brokers are live.
func (s *partitionScript) newCluster() string {
	mv := metadata.LatestVersion
	if s.d.HasArg("mv") {
		var err error
		mv, err = metadata.ParseVersion(s.text("mv"))
		s.check(err)
	}
	s.testCore = newTestCore(s.t, func(cfg *Config) {
		cfg.Bootstrap = []record.Record{&record.FeatureLevel{Name: metadata.FeatureMetadata,
			Level: int16(mv)}}
		if s.d.HasArg("elr") {
			cfg.Bootstrap = append(cfg.Bootstrap,
				&record.FeatureLevel{Name: metadata.FeatureElr, Level: 1})
		}
		if s.d.HasArg("min-isr") {
			cfg.MinISR = s.ids("min-isr")[0]
		}
	})
	for _, id := range s.ids("brokers") {
		s.register(id, 1, false)
	}
	return ""
}

// register gives a broker the directories d<id>, d<id>b … of the image.
func (s *partitionScript) register(id int32, dirs int, fenced bool) {
	r := &record.RegisterBroker{
		BrokerID: id, BrokerEpoch: s.nextOffset(), IncarnationID: testUUID(int(s.nextOffset())),
		Fenced:    fenced,
		Features:  metadata.SupportedFeatures(false),
		Endpoints: []record.Endpoint{{Name: "PLAINTEXT", Host: "b", Port: 9092}},
	}
	if s.working.Version().HasDirectories() {
		for i := range dirs {
			r.LogDirs = append(r.LogDirs, scriptDir(id, i))
		}
	}
	s.apply(r)
}

func scriptDir(broker int32, i int) protocol.UUID { return testUUID(int(broker)*10 + i) }

func dirName(u protocol.UUID) string {
	switch u {
	case protocol.DirMigrating:
		return "migrating"
	case protocol.DirUnassigned:
		return "unassigned"
	case protocol.DirLost:
		return "lost"
	}
	n := int(u[13])<<16 | int(u[14])<<8 | int(u[15])
	return fmt.Sprintf("d%d%s", n/10, strings.Repeat("'", n%10))
}

func (s *partitionScript) dirNamed(name string) protocol.UUID {
	switch name {
	case "migrating":
		return protocol.DirMigrating
	case "unassigned":
		return protocol.DirUnassigned
	case "lost":
		return protocol.DirLost
	}
	broker, err := strconv.Atoi(strings.Trim(name, "d'"))
	s.check(err)
	return scriptDir(int32(broker), strings.Count(name, "'"))
}

// newPartition: partition foo replicas=(1,2,3) [isr=(1,2)] [leader=1] [elr=(2)] [known=(1)]
// [removing=(1)] [adding=(2)] [recovering] [unclean] [dirs=(d1,d2)]; at leader epoch 10 and
// partition epoch 20. A second partition of a topic gets the next id.
func (s *partitionScript) newPartition() string {
	name := s.topicArg()
	p := &record.Partition{Replicas: s.ids("replicas"), LeaderEpoch: 10, PartitionEpoch: 20}
	p.ISR, p.EligibleLeaderReplicas, p.LastKnownELR = p.Replicas, s.ids("elr"), s.ids("known")
	p.RemovingReplicas, p.AddingReplicas = s.ids("removing"), s.ids("adding")
	if s.d.HasArg("isr") {
		p.ISR = s.ids("isr")
	}
	p.Leader = record.NoLeader
	if len(p.ISR) > 0 {
		p.Leader = p.ISR[0]
	}
	if s.d.HasArg("leader") {
		p.Leader = s.ids("leader")[0]
	}
	if s.d.HasArg("recovering") {
		p.LeaderRecoveryState = record.Recovering
	}
	if s.working.Version().HasDirectories() {
		for _, id := range p.Replicas {
			p.Directories = append(p.Directories, scriptDir(id, 0))
		}
		for i, dir := range s.words("dirs") {
			p.Directories[i] = s.dirNamed(dir)
		}
	}
	var records []record.Record
	if t := s.working.TopicByName(name); t != nil {
		p.TopicID, p.PartitionID = t.ID, int32(t.Len())
	} else {
		p.TopicID = newUUID(s.cfg.Random)
		records = append(records, &record.Topic{Name: name, TopicID: p.TopicID})
	}
	records = append(records, p)
	if s.d.HasArg("unclean") {
		records = append(records, topicConfigRecord(name, "unclean.leader.election.enable", "true"))
	}
	s.apply(records...)
	return ""
}

func topicConfigRecord(topic, key, value string) *record.Config {
	return &record.Config{ResourceType: metadata.ConfigTopic, ResourceName: topic, Name: key,
		Value: &value}
}

// live: live 1 3; exactly these brokers are unfenced from here on, without anything happening to
// partitions.
func (s *partitionScript) live() string {
	for id, b := range s.working.Brokers() {
		if fenced := !slices.Contains(s.brokerArgs(), id); fenced != b.Fenced {
			s.apply(fencingRecord(b, fenced))
		}
	}
	return ""
}

// cordon takes all directories of the brokers named out of placement, and those of no others.
func (s *partitionScript) cordon() string {
	for id, b := range s.working.Brokers() {
		r := &record.BrokerRegistrationChange{BrokerID: id, BrokerEpoch: b.Epoch,
			CordonedLogDirs: []protocol.UUID{}}
		if slices.Contains(s.brokerArgs(), id) {
			r.CordonedLogDirs = b.LogDirs
		}
		s.apply(r)
	}
	return ""
}

func fencingRecord(b *metadata.Broker, fenced bool) record.Record {
	r := &record.BrokerRegistrationChange{BrokerID: b.ID, BrokerEpoch: b.Epoch,
		Fenced: record.FencedUnfence}
	if fenced {
		r.Fenced = record.FencedFence
	}
	return r
}

func (s *partitionScript) fenceBroker() string {
	var out []string
	for _, id := range s.brokerArgs() {
		changes := s.updated(partition.Remove(id))
		out = append(out, s.print(append(changes, fencingRecord(s.working.Broker(id), true))))
	}
	return strings.Join(out, "")
}

func (s *partitionScript) unfenceBroker() string {
	var out []string
	for _, id := range s.brokerArgs() {
		changes, _ := s.updateReplicas(s.working, partition.Add(id),
			s.working.LeaderlessOnAfter(id, metadata.TopicPartition{}), 1000)
		out = append(out, s.print(slices.Concat([]record.Record{fencingRecord(s.working.Broker(id),
			false)}, changes)))
	}
	return strings.Join(out, "")
}

// shutDown: shutdown 1; it enters controlled shutdown.
func (s *partitionScript) shutDown() string {
	id := s.brokerArgs()[0]
	r := &record.BrokerRegistrationChange{BrokerID: id, BrokerEpoch: s.working.Broker(id).Epoch,
		InControlledShutdown: 1}
	return s.print(append([]record.Record{r}, s.updated(partition.Remove(id))...))
}

// returnOf: return 1 [clean]; it registers as a new incarnation, fenced.
func (s *partitionScript) returnOf() string {
	id := s.brokerArgs()[0]
	u := partition.Remove(id)
	if s.working.ElrEnabled() && !s.d.HasArg("clean") {
		u = partition.Unclean(id)
	}
	out := s.print(s.updated(u))
	s.register(id, len(s.working.Broker(id).LogDirs), true)
	return out
}

func (s *partitionScript) updated(u partition.Update) []record.Record {
	changes, last := s.updateReplicas(s.working, u, s.working.Hosted(u.Broker()), 1000)
	if last != nil {
		s.t.Fatal("the update did not end")
	}
	return changes
}

// alter: alter foo [isr=(1,2)] [recovering|recovered] [by=1] [le=10] [pe=20] [epochs=(5,-1)]
// [lrs=7] [v2]; by its leader at its epochs.
func (s *partitionScript) alter() string {
	t := s.topic()
	p := t.Partition(0)
	req := kmsg.NewPtrAlterPartitionRequest()
	req.Version = 3
	req.BrokerID = s.oneOr("by", p.Leader)
	if b := s.working.Broker(req.BrokerID); b != nil {
		req.BrokerEpoch = b.Epoch
	}
	part := kmsg.NewAlterPartitionRequestTopicPartition()
	part.LeaderEpoch, part.PartitionEpoch = s.oneOr("le", p.LeaderEpoch), s.oneOr("pe",
		p.PartitionEpoch)
	part.LeaderRecoveryState = int8(s.oneOr("lrs", int32(p.RecoveryState)))
	isr := p.ISR
	if s.d.HasArg("isr") {
		isr = s.ids("isr")
	}
	epochs := s.ids("epochs")
	for i, id := range isr {
		member := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		member.BrokerID, member.BrokerEpoch = id, -1
		if b := s.working.Broker(id); b != nil {
			member.BrokerEpoch = b.Epoch
		}
		if i < len(epochs) {
			member.BrokerEpoch = int64(epochs[i])
		}
		part.NewEpochISR = append(part.NewEpochISR, member)
	}
	if s.d.HasArg("v2") {
		req.Version, part.NewEpochISR, part.NewISR = 2, nil, isr
	}
	req.Topics = []kmsg.AlterPartitionRequestTopic{{TopicID: t.ID,
		Partitions: []kmsg.AlterPartitionRequestTopicPartition{part}}}
	records, response := s.handle(req)
	resp := response.(*kmsg.AlterPartitionResponse)
	out := s.describe(records)
	if resp.ErrorCode != 0 {
		return out + errorName(resp.ErrorCode) + "\n"
	}
	got := resp.Topics[0].Partitions[0]
	if got.ErrorCode != 0 {
		return out + "answer: " + errorName(got.ErrorCode) + "\n"
	}
	return out + fmt.Sprintf("answer: leader=%d isr=%v le=%d pe=%d lrs=%d\n", got.LeaderID, got.ISR,
		got.LeaderEpoch, got.PartitionEpoch, got.LeaderRecoveryState)
}

func errorName(code int16) string {
	if err := kerr.ErrorForCode(code); err != nil {
		return strings.SplitN(err.Error(), ":", 2)[0]
	}
	return "NONE"
}

// reassign: reassign foo to=(4,5,6)
func (s *partitionScript) reassign() string {
	return s.change(partition.NoUpdate,
		func(c *partition.Change) *protocol.Error { return c.Reassign(s.ids("to")) })
}

// cancel: cancel foo
func (s *partitionScript) cancel() string {
	return s.change(partition.NoUpdate, (*partition.Change).CancelReassignment)
}

// elect: elect foo preferred|unclean|online [isr=(1)]
func (s *partitionScript) elect() string {
	return s.change(partition.NoUpdate, func(c *partition.Change) *protocol.Error {
		switch {
		case s.d.HasArg("preferred"):
			c.SetElection(partition.Preferred)
		case s.d.HasArg("unclean"):
			c.SetElection(partition.Uncleanly)
		}
		if s.d.HasArg("isr") {
			c.ProposeISR(s.ids("isr"), s.topic().Partition(0).RecoveryState)
		}
		return nil
	})
}

func (s *partitionScript) change(
	u partition.Update, f func(*partition.Change) *protocol.Error,
) string {
	t := s.topic()
	c := s.partitionRules(s.working, u).Of(t).Change(0, t.Partition(0))
	if err := f(&c); err != nil {
		return err.Error() + "\n"
	}
	if r := c.Record(); r != nil {
		return s.print([]record.Record{r})
	}
	return s.print(nil)
}

func (s *partitionScript) periodic(f func(op) (result, bool)) string {
	r, again := f(op{now: s.clock.Now()})
	if again {
		s.t.Fatal("it wants to run again")
	}
	return s.print(r.records)
}

// config: config foo min.insync.replicas=1; foo may be "cluster" or "node".
func (s *partitionScript) config() string {
	key, value, _ := strings.Cut(s.d.CmdArgs[1].String(), "=")
	r := topicConfigRecord(s.topicArg(), key, value)
	switch r.ResourceName {
	case "cluster":
		r.ResourceType, r.ResourceName = metadata.ConfigBroker, ""
	case "node":
		r.ResourceType, r.ResourceName = metadata.ConfigBroker, "3000"
	}
	s.apply(r)
	return ""
}

// feature: feature eligible.leader.replicas.version=0
func (s *partitionScript) feature() string {
	arg := s.d.CmdArgs[0]
	level, err := strconv.Atoi(arg.Vals[0])
	s.check(err)
	s.apply(&record.FeatureLevel{Name: arg.Key, Level: int16(level)})
	return ""
}

// assign: assign foo broker=1 dir=d1'
func (s *partitionScript) assign() string {
	req := kmsg.NewPtrAssignReplicasToDirsRequest()
	req.BrokerID = s.ids("broker")[0]
	req.BrokerEpoch = s.working.Broker(req.BrokerID).Epoch
	req.Directories = []kmsg.AssignReplicasToDirsRequestDirectory{{
		ID: s.dirNamed(s.text("dir")),
		Topics: []kmsg.AssignReplicasToDirsRequestDirectoryTopic{{
			TopicID: s.topic().ID, Partitions: []kmsg.AssignReplicasToDirsRequestDirectoryTopicPartition{
				{Partition: s.oneOr("partition", 0)},
			},
		}},
	}}
	records, response := s.handle(req)
	resp := response.(*kmsg.AssignReplicasToDirsResponse)
	if resp.ErrorCode != 0 {
		return s.describe(records) + errorName(resp.ErrorCode) + "\n"
	}
	return s.describe(records) + "answer: " +
		errorName(resp.Directories[0].Topics[0].Partitions[0].ErrorCode) + "\n"
}

// dirs: dirs 1 n=2; the broker has that many directories from here on.
func (s *partitionScript) dirs() string {
	id := s.brokerArgs()[0]
	r := &record.BrokerRegistrationChange{BrokerID: id, BrokerEpoch: s.working.Broker(id).Epoch}
	for i := range int(s.ids("n")[0]) {
		r.LogDirs = append(r.LogDirs, scriptDir(id, i))
	}
	s.apply(r)
	return ""
}

// dirsOffline: dirs-offline 1 dirs=(d1)
func (s *partitionScript) dirsOffline() string {
	id := s.brokerArgs()[0]
	var dirs []protocol.UUID
	for _, name := range s.words("dirs") {
		dirs = append(dirs, s.dirNamed(name))
	}
	changes, _ := s.updateReplicas(s.working, partition.RemoveDirs(id, dirs), s.working.Hosted(id),
		1000)
	return s.print(changes)
}

func (s *partitionScript) check(err error) {
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
}

func (s *partitionScript) topicArg() string { return s.d.CmdArgs[0].Key }

func (s *partitionScript) topic() *metadata.Topic {
	t := s.working.TopicByName(s.topicArg())
	if t == nil {
		s.d.Fatalf(s.t, "no such topic")
	}
	return t
}

func (s *partitionScript) text(key string) string {
	var v string
	s.d.ScanArgs(s.t, key, &v)
	return v
}

func (s *partitionScript) words(key string) []string {
	for _, a := range s.d.CmdArgs {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

// ids reads a list of numbers; nil when the argument is not given or empty.
func (s *partitionScript) ids(key string) []int32 {
	var ids []int32
	for _, v := range s.words(key) {
		if v == "" {
			continue
		}
		n, err := strconv.Atoi(v)
		s.check(err)
		ids = append(ids, int32(n))
	}
	return ids
}

func (s *partitionScript) oneOr(key string, otherwise int32) int32 {
	if ids := s.ids(key); len(ids) > 0 {
		return ids[0]
	}
	return otherwise
}

// brokerArgs are the numbers among the arguments.
func (s *partitionScript) brokerArgs() []int32 {
	var ids []int32
	for _, a := range s.d.CmdArgs {
		if n, err := strconv.Atoi(a.Key); err == nil {
			ids = append(ids, int32(n))
		}
	}
	return ids
}

// print applies the records and describes them.
func (s *partitionScript) print(records []record.Record) string {
	if len(records) > 0 {
		s.apply(records...)
	}
	return s.describe(records)
}

// describe shows partition records, which are already applied, and what became of their partitions.
func (s *partitionScript) describe(records []record.Record) string {
	var b strings.Builder
	changed := make(map[partitionKey]bool)
	for _, r := range records {
		if c, ok := r.(*record.PartitionChange); ok {
			fmt.Fprintf(&b, "%s-%d%s\n", s.working.Topic(c.TopicID).Name, c.PartitionID,
				changeText(c))
			changed[partitionKey{c.TopicID, c.PartitionID}] = true
		}
	}
	if len(changed) == 0 {
		return "no change\n"
	}
	for t := range s.working.TopicsByName("") {
		for id, p := range t.Partitions() {
			if changed[partitionKey{t.ID, id}] {
				fmt.Fprintf(&b, "= %s-%d %s\n", t.Name, id, partitionText(p))
			}
			checkPartition(s.t, s.working, t.Name, id, p)
		}
	}
	return b.String()
}

func changeText(c *record.PartitionChange) string {
	var b strings.Builder
	list := func(name string, ids []int32) {
		if ids != nil {
			fmt.Fprintf(&b, " %s=%v", name, ids)
		}
	}
	list("replicas", c.Replicas)
	list("isr", c.ISR)
	if c.Leader != record.NoLeaderChange {
		fmt.Fprintf(&b, " leader=%d", c.Leader)
	}
	if c.LeaderRecoveryState != record.NoRecoveryChange {
		fmt.Fprintf(&b, " lrs=%d", c.LeaderRecoveryState)
	}
	list("elr", c.EligibleLeaderReplicas)
	list("known", c.LastKnownELR)
	list("removing", c.RemovingReplicas)
	list("adding", c.AddingReplicas)
	if c.Directories != nil {
		fmt.Fprintf(&b, " dirs=%s", dirsText(c.Directories))
	}
	return b.String()
}

func dirsText(dirs []protocol.UUID) string {
	var names []string
	for _, d := range dirs {
		names = append(names, dirName(d))
	}
	return "[" + strings.Join(names, " ") + "]"
}

// partitionText shows a partition; what is empty and what the defaults are is left out.
func partitionText(p *metadata.Partition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "replicas=%v isr=%v leader=%d le=%d pe=%d", p.Replicas, p.ISR, p.Leader,
		p.LeaderEpoch, p.PartitionEpoch)
	for _, l := range []struct {
		name string
		ids  []int32
	}{{"elr", p.ELR()}, {"known", p.LastKnownELR()}, {"removing", p.Removing()}, {"adding",
		p.Adding()}} {
		if len(l.ids) > 0 {
			fmt.Fprintf(&b, " %s=%v", l.name, l.ids)
		}
	}
	if p.RecoveryState != record.Recovered {
		b.WriteString(" recovering")
	}
	return b.String()
}

// checkPartition holds what is true of every partition at all times.
func checkPartition(
	t testing.TB, img *metadata.Image, topic string, id int32, p *metadata.Partition,
) {
	t.Helper()
	if err := partition.Check(p, img.ElrEnabled()); err != nil {
		t.Errorf("%s-%d: %v: %s", topic, id, err, partitionText(p))
	}
}
