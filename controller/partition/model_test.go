package partition

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
)

// A second, plain implementation of the partition rules, written from their description step by
// step and not for speed. It is compared with the one that runs on a hundred thousand random
// partitions; on more with
//
//	YAKT_MODEL_STATES=1000000 go test -v -run TestPartitionRulesAgainstModel ./controller/partition
//
// YAKT_MODEL_SEED makes them other partitions; the seed is printed.

// modelCase is a partition, what is known of brokers and directories, and what is wanted.
type modelCase struct {
	before  record.Partition
	live    map[int32]bool // active, and the replica's directory is online
	brokers map[int32]bool // registered
	mv      metadata.Version
	elr     bool
	minISR  int
	unclean int32 // came back uncleanly; NoBroker for none
	remove  int32

	isr, replicas, removing, adding []int32
	recovery                        int8
	election                        Election
}

// modelResult is the partition as it should become; change says whether any record is written.
type modelResult struct {
	after  record.Partition
	change bool
}

func (m *modelCase) acceptable(id int32) bool {
	return m.live[id] && id != m.remove &&
		id != m.unclean
}

func (m *modelCase) run() modelResult {
	b := m.before
	isr, replicas := slices.Clone(m.isr), slices.Clone(m.replicas)
	removing, adding := m.removing, m.adding

	// 1. complete the reassignment
	if len(removing) > 0 || len(adding) > 0 {
		isrLeft, replicasLeft := minus(isr, removing), minus(replicas, removing)
		blocked := len(removing) > 0 && (len(isrLeft) == 0 || len(replicasLeft) == 0)
		blocked = blocked || len(minus(adding, isrLeft)) > 0
		blocked = blocked || len(adding) < len(removing) && len(minus(replicasLeft, isrLeft)) > 0
		if !blocked {
			isr, replicas, removing, adding = isrLeft, replicasLeft, nil, nil
		}
	}
	// 2. the ELR
	var elr []int32
	if m.elr && len(isr) < m.minISR {
		all := append(slices.Clone(b.EligibleLeaderReplicas), b.ISR...)
		slices.Sort(all)
		elr = minus(minus(slices.Compact(all), isr), []int32{m.unclean})
		elr = slices.DeleteFunc(elr, func(id int32) bool { return !slices.Contains(replicas, id) })
	}
	if !m.elr && len(isr) == 0 {
		elr = b.EligibleLeaderReplicas // the feature was turned off: they may lead once more
	}
	// 3. the election
	leader, unclean := m.elect(isr, elr, replicas)
	newISR, newELR, recovery := isr, elr, m.recovery
	leaderSet := leader != b.Leader || unclean
	if leaderSet && slices.Contains(elr, leader) {
		newISR, newELR = []int32{leader}, minus(elr, []int32{leader})
	}
	if leaderSet && unclean {
		newISR, newELR, recovery = []int32{leader}, nil, record.Recovering
	}
	// 5. no ELR without the feature
	if !m.elr {
		newELR = nil
	}
	// 4. a replica goes
	leaderSet = leaderSet || len(minus(b.Replicas, replicas)) > 0
	// 6. the last member stays when ELR is off
	if len(newISR) == 0 && !m.elr {
		newISR = b.ISR
	}
	// 7. old brokers need a new leader epoch when the ISR shrinks
	leaderSet = leaderSet || m.mv < metadata.V3_6_IV0 && len(minus(b.ISR, newISR)) > 0
	// 8. the last known leader
	known := b.LastKnownELR
	if m.mv.HasElr() && len(known) == 1 && slices.Contains(b.Replicas, known[0]) &&
		!slices.Contains(replicas, known[0]) {
		known = nil // it is removed
	}
	if m.elr && leaderSet && leader >= 0 {
		known = nil
	}
	if m.elr && leaderSet && leader < 0 && len(known) == 0 && slices.Contains(replicas, b.Leader) {
		known = []int32{b.Leader}
	}
	// 9. directories
	var dirs []protocol.UUID
	for _, id := range replicas {
		switch at := slices.Index(b.Replicas, id); {
		case at >= 0:
			dirs = append(dirs, b.Directories[at])
		default:
			dirs = append(dirs, modelDir(m.brokers[id]))
		}
	}
	return m.result(record.Partition{
		Replicas: replicas, ISR: newISR, RemovingReplicas: removing, AddingReplicas: adding,
		Leader: leader, LeaderRecoveryState: recovery,
		EligibleLeaderReplicas: newELR, LastKnownELR: known, Directories: dirs,
	}, leaderSet)
}

// result compares what becomes of the partition with what it is.
func (m *modelCase) result(after record.Partition, leaderSet bool) modelResult {
	b := m.before
	changed := leaderSet || !slices.Equal(after.ISR, b.ISR) ||
		!slices.Equal(after.Replicas, b.Replicas) ||
		!slices.Equal(after.RemovingReplicas, b.RemovingReplicas) ||
		!slices.Equal(after.AddingReplicas, b.AddingReplicas) ||
		after.LeaderRecoveryState != b.LeaderRecoveryState ||
		!slices.Equal(after.EligibleLeaderReplicas, b.EligibleLeaderReplicas) ||
		!slices.Equal(after.LastKnownELR, b.LastKnownELR) || m.mv.HasDirectories() &&
		!slices.Equal(after.Directories, b.Directories)
	if !m.mv.HasDirectories() {
		after.Directories = nil
	}
	after.LeaderEpoch, after.PartitionEpoch = b.LeaderEpoch, b.PartitionEpoch
	if changed {
		after.PartitionEpoch++
	}
	if leaderSet {
		after.LeaderEpoch++
	}
	return modelResult{after, changed}
}

// elect goes down the columns of the table.
func (m *modelCase) elect(isr, elr, replicas []int32) (leader int32, unclean bool) {
	valid := func(id int32) bool {
		return m.acceptable(id) && (slices.Contains(isr, id) || len(isr) == 0 &&
			slices.Contains(elr, id))
	}
	candidates := append([]int32{m.before.Leader}, replicas...)
	if m.election == Preferred {
		candidates = append([]int32{replicas[0], m.before.Leader}, replicas[1:]...)
	}
	for _, id := range candidates {
		if valid(id) {
			return id, false
		}
	}
	known := m.before.LastKnownELR
	if m.elr && len(isr) == 0 && len(elr) == 0 && len(known) == 1 &&
		slices.Contains(replicas, known[0]) && m.acceptable(known[0]) {
		return known[0], true
	}
	if m.election == Uncleanly {
		for _, id := range replicas {
			if m.acceptable(id) {
				return id, true
			}
		}
	}
	return -1, false
}

func minus(a, b []int32) []int32 {
	var left []int32
	for _, id := range a {
		if !slices.Contains(b, id) {
			left = append(left, id)
		}
	}
	return left
}

func modelDir(registered bool) protocol.UUID {
	if registered {
		return protocol.DirMigrating // the brokers of these tests have no directories of their own
	}
	return protocol.DirUnassigned
}

const modelBrokers = 6

// randomCase makes a partition that could be, among six brokers, and something that could happen to
// it.
func randomCase(r *rand.Rand) *modelCase {
	m := &modelCase{
		live: make(map[int32]bool), brokers: make(map[int32]bool), unclean: NoBroker, remove: NoBroker,
		mv: metadata.MinVersion +
			metadata.Version(r.IntN(int(metadata.LatestVersion-metadata.MinVersion)+1)),
		elr: r.IntN(2) == 0, minISR: 1 + r.IntN(3), election: Election(r.IntN(3)),
	}
	if r.IntN(3) == 0 {
		m.mv = metadata.LatestVersion
	}
	m.elr = m.elr && m.mv.HasElr()
	for id := range int32(modelBrokers) {
		m.brokers[id] = r.IntN(10) > 0
		m.live[id] = m.brokers[id] && r.IntN(2) == 0
	}
	b := &m.before
	order := controllertest.IDs(r.Perm(modelBrokers))
	b.Replicas = order[:1+r.IntN(5)]
	members := controllertest.Shuffled(r.Shuffle, b.Replicas)
	b.ISR = members[:r.IntN(len(members)+1)]
	if !m.elr && len(b.ISR) == 0 {
		b.ISR = members[:1]
	}
	b.Leader = -1
	if len(b.ISR) > 0 && r.IntN(4) > 0 {
		b.Leader = b.ISR[r.IntN(len(b.ISR))]
	}
	if rest := members[len(b.ISR):]; m.elr || r.IntN(10) == 0 {
		b.EligibleLeaderReplicas = slices.Sorted(slices.Values(rest[:r.IntN(len(rest)+1)]))
	}
	if b.Leader < 0 && r.IntN(2) == 0 {
		b.LastKnownELR = []int32{order[r.IntN(len(order))]}
	}
	if r.IntN(4) == 0 && len(b.ISR) == 1 {
		b.LeaderRecoveryState = record.Recovering
	}
	if r.IntN(3) == 0 {
		moving := controllertest.Shuffled(r.Shuffle, b.Replicas)
		n := r.IntN(len(moving) + 1)
		k := r.IntN(n + 1)
		b.RemovingReplicas = slices.Sorted(slices.Values(moving[:k]))
		b.AddingReplicas = slices.Sorted(slices.Values(moving[k:n]))
	}
	b.Directories = make([]protocol.UUID, len(b.Replicas))
	for i := range b.Directories {
		if m.mv.HasDirectories() && r.IntN(2) == 0 {
			b.Directories[i] = protocol.DirUnassigned
		}
	}
	b.LeaderEpoch, b.PartitionEpoch = int32(r.IntN(100)), int32(r.IntN(100))
	m.randomChange(r)
	return m
}

// randomChange picks what happens: a broker goes or comes back, the leader reports an ISR, replicas
// are to move.
func (m *modelCase) randomChange(r *rand.Rand) {
	b := &m.before
	m.isr, m.replicas, m.recovery = b.ISR, b.Replicas, b.LeaderRecoveryState
	m.removing, m.adding = b.RemovingReplicas, b.AddingReplicas
	switch r.IntN(5) {
	case 0:
		m.remove = int32(r.IntN(modelBrokers))
		m.isr = minus(b.ISR, []int32{m.remove})
	case 1:
		m.unclean = int32(r.IntN(modelBrokers))
		m.isr = minus(b.ISR, []int32{m.unclean})
	case 2:
		members := controllertest.Shuffled(r.Shuffle, b.Replicas)
		m.isr, m.recovery = members[:1+r.IntN(len(members))], int8(r.IntN(2))
	case 3:
		target := controllertest.IDs(r.Perm(modelBrokers))[:1+r.IntN(4)]
		m.removing, m.adding = slices.Sorted(slices.Values(minus(b.Replicas,
			target))), slices.Sorted(slices.Values(minus(target, b.Replicas)))
		m.replicas = slices.Concat(target, m.removing)
	}
}

// image holds the case's partition and brokers.
func (m *modelCase) image(t testing.TB) (*metadata.Image, *metadata.Topic) {
	edit := metadata.Empty().Edit()
	m.before.TopicID = testUUID(1)
	records := []record.Record{
		&record.FeatureLevel{Name: metadata.FeatureMetadata,
			Level: int16(m.mv)}, &record.Topic{Name: "t", TopicID: testUUID(1)},
	}
	for id := range int32(modelBrokers) {
		if m.brokers[id] {
			records = append(records, &record.RegisterBroker{BrokerID: id, Fenced: !m.live[id]})
		}
	}
	p := m.before
	for i, r := range append(records, &p) {
		if err := edit.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	img := edit.Done(int64(len(records)), 1, 0)
	return img, img.Topic(testUUID(1))
}

// fast runs the case through the rules that the controller uses.
func (m *modelCase) fast(img *metadata.Image, topic *metadata.Topic) *record.PartitionChange {
	rules := &Rules{img: img, mv: m.mv, elr: m.elr,
		update: Update{remove: m.remove, add: NoBroker,
			unclean: m.unclean}, topic: topic, minISR: m.minISR}
	c := rules.Change(0, topic.Partition(0))
	c.isr, c.replicas, c.removing, c.adding = m.isr, m.replicas, m.removing, m.adding
	c.recovery, c.election = m.recovery, m.election
	return c.Record()
}

func TestPartitionRulesAgainstModel(t *testing.T) {
	states, seed := recordtest.Number(t, "YAKT_MODEL_STATES", 100_000), recordtest.Number(t,
		"YAKT_MODEL_SEED", 20240607)
	r := rand.New(rand.NewPCG(seed, 1))
	seen := make(map[string]int)
	for n := range states {
		m := randomCase(r)
		img, topic := m.image(t)
		before := topic.Partition(0)
		want := m.run()
		change := m.fast(img, topic)
		if (change != nil) != want.change {
			t.Fatalf("case %d: %s\nchange %v, want one: %v", n, m, change, want.change)
		}
		m.count(seen, change)
		if change == nil {
			continue
		}
		after := before.Merge(change)
		got := *after.Record(protocol.UUID{}, 0)
		if !m.mv.HasDirectories() {
			got.Directories = nil
		}
		if want := want.after; !samePartition(got, want) {
			t.Fatalf("case %d: %s\n got %+v\nwant %+v", n, m, got, want)
		}
		if m.mv.HasDirectories() || slices.Equal(before.Replicas, after.Replicas) {
			m.checkInvariants(t, img, after)
		}
	}
	t.Logf("%d states from seed %d:", states, seed)
	for _, what := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%8d %s", seen[what], what)
	}
}

// count notes what a change does; nil is none.
func (m *modelCase) count(seen map[string]int, c *record.PartitionChange) {
	if c == nil {
		seen["no change"]++
		return
	}
	b := &m.before
	for what, is := range map[string]bool{
		"change":                      true,
		"change, ELR on":              m.elr,
		"leader elected":              c.Leader >= 0 && c.Leader != b.Leader,
		"leader elected from the ELR": slices.Contains(b.EligibleLeaderReplicas, c.Leader),
		"leader elected uncleanly": c.LeaderRecoveryState == record.Recovering &&
			m.recovery != record.Recovering,
		"leader elected as the last one": c.Leader >= 0 &&
			slices.Contains(b.LastKnownELR, c.Leader),
		"leader lost":                    c.Leader == record.NoLeader,
		"leader kept in a new epoch":     c.Leader >= 0 && c.Leader == b.Leader,
		"ISR changes":                    c.ISR != nil,
		"ELR changes":                    c.EligibleLeaderReplicas != nil,
		"last known leader changes":      c.LastKnownELR != nil,
		"reassignment begins or changes": len(c.AddingReplicas)+len(c.RemovingReplicas) > 0,
		"reassignment ends": c.Replicas != nil &&
			len(c.AddingReplicas)+len(c.RemovingReplicas) == 0,
		"directories change":              c.Directories != nil,
		"recovery of an unclean election": c.LeaderRecoveryState == record.Recovered,
	} {
		if is {
			seen[what]++
		}
	}
}

// checkInvariants: what holds before holds after, whatever happens.
func (m *modelCase) checkInvariants(t *testing.T, img *metadata.Image, after *metadata.Partition) {
	t.Helper()
	if after.Leader >= 0 && (!slices.Contains(after.ISR, after.Leader) ||
		!slices.Contains(after.Replicas, after.Leader)) {
		t.Fatalf("%s: leader outside: %+v", m, after)
	}
	if !containsAll(after.Replicas, after.ISR) || !containsAll(after.Replicas, after.ELR()) {
		t.Fatalf("%s: not a replica: %+v", m, after)
	}
	if len(after.ISR) == 0 && !m.elr {
		t.Fatalf("%s: empty ISR: %+v", m, after)
	}
	if slices.ContainsFunc(after.ELR(), func(id int32) bool {
		return slices.Contains(after.ISR,
			id)
	}) {
		t.Fatalf("%s: ELR and ISR overlap: %+v", m, after)
	}
	if after.Leader != m.before.Leader && after.Leader >= 0 && !m.acceptable(after.Leader) {
		t.Fatalf("%s: new leader is not alive: %+v", m, after)
	}
	clean := slices.Contains(m.before.ISR, after.Leader) ||
		slices.Contains(m.before.EligibleLeaderReplicas, after.Leader) ||
		slices.Contains(m.isr, after.Leader)
	if after.Leader >= 0 && !clean && after.RecoveryState != record.Recovering {
		t.Fatalf("%s: an unclean leader that is not recovering: %+v", m, after)
	}
}

func samePartition(a, b record.Partition) bool {
	a.TopicID, b.TopicID = protocol.UUID{}, protocol.UUID{}
	for _, l := range [...]*[]int32{
		&a.ISR, &b.ISR, &a.RemovingReplicas, &b.RemovingReplicas, &a.AddingReplicas, &b.AddingReplicas,
		&a.EligibleLeaderReplicas, &b.EligibleLeaderReplicas, &a.LastKnownELR, &b.LastKnownELR,
	} {
		if len(*l) == 0 {
			*l = nil
		}
	}
	return reflect.DeepEqual(a, b)
}

func (m *modelCase) String() string {
	return fmt.Sprintf("%+v live=%v mv=%v elr=%v min=%d remove=%d unclean=%d election=%d -> "+
		"isr=%v replicas=%v removing=%v adding=%v lrs=%d",
		m.before, m.live, m.mv, m.elr, m.minISR, m.remove, m.unclean, m.election,
		m.isr, m.replicas, m.removing, m.adding, m.recovery)
}
