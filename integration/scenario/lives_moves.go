package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
)

// Cancel requests a replica on a dead broker, a reassignment that cannot finish, and cancels it.
func (l *Lives) Cancel(dead int32) {
	l.t.Helper()
	before := l.await(kafka.Patience, "all brokers know the same", anything)
	i := slices.IndexFunc(before,
		func(p kafka.Partition) bool { return !slices.Contains(p.Replicas, dead) })
	p := before[i]
	target := []int32{p.Replicas[0], p.Replicas[1], dead}
	kafka.Reassign(l.t, l.addrs(), livesTopic, map[int32][]int32{p.ID: target})
	running, err := kafka.Reassigning(l.t.Context(), l.addrs()[0], livesTopic)
	if r := running[p.ID]; err != nil || !slices.Equal(r.AddingReplicas, []int32{dead}) ||
		!slices.Equal(r.RemovingReplicas, p.Replicas[2:]) {
		l.t.Errorf("reassignment of partition %d to %v: %+v, %v", p.ID, target, running, err)
	}
	l.writers.WaitEach(l.t, kafka.Patience)
	kafka.Reassign(l.t, l.addrs(), livesTopic, map[int32][]int32{p.ID: nil})
	if running, err = kafka.Reassigning(l.t.Context(), l.addrs()[0], livesTopic); err != nil ||
		len(running) > 0 {
		l.t.Errorf("after it was cancelled: %+v, %v", running, err)
	}
	l.await(kafka.Patience, fmt.Sprintf("partition %d has the replicas it had",
		p.ID), func(now kafka.Partition) error {
		if want := before[now.ID]; !slices.Equal(now.Replicas, want.Replicas) ||
			!slices.Equal(now.ISR, want.ISR) || now.Leader != want.Leader {
			return fmt.Errorf("%+v, was %+v", now, want)
		}
		return nil
	})
}

// move is the reassignment of one replica from a broker to another.
type move struct {
	partition, from, to int32
	target              []int32
}

// moves returns, for every partition of even number, a move of one replica to the broker that has
// none: the leader's first, then a follower's.
func moves(known []kafka.Partition) (list []move) {
	for _, p := range known {
		if p.ID%2 != 0 {
			continue
		}
		var to int32 = 1
		for slices.Contains(p.Replicas, to) {
			to++
		}
		from := p.Leader
		if p.ID%4 != 0 {
			from = p.Replicas[(slices.Index(p.Replicas, p.Leader)+1)%len(p.Replicas)]
		}
		target := slices.Clone(p.Replicas)
		target[slices.Index(target, from)] = to
		list = append(list, move{p.ID, from, to, target})
	}
	return list
}

// MoveByTool moves replicas by kafka-reassign-partitions, throttled, and waits until the tool
// reports completion.
func (l *Lives) MoveByTool() {
	l.t.Helper()
	list := moves(l.awaitInSync())
	file := filepath.Join(l.t.TempDir(), "reassignment.json")
	if err := os.WriteFile(file, reassignmentJSON(l.t, list), 0o644); err != nil {
		l.t.Fatal(err)
	}
	run := func(args ...string) string {
		l.t.Helper()
		args = append([]string{"--bootstrap-server", l.addrs()[0], "--reassignment-json-file",
			file}, args...)
		return kafka.RunTool(l.t, l.q.Version(), kafka.ReassignPartitionsCommand,
			args...).MustSucceed(l.t).Stdout
	}
	mustMatch(l.t, run("--execute", "--throttle", "50000000"),
		`Successfully started partition reassignments`)
	l.arrived(list)
	verified := run("--verify")
	for _, m := range list {
		mustMatch(l.t, verified,
			fmt.Sprintf(`Reassignment of partition %s-%d is completed`, livesTopic, m.partition))
	}
	mustMatch(l.t, verified, `Clearing broker-level throttles`, `Clearing topic-level throttles`)
}

// MoveWithController moves replicas and kills the controller that began the reassignment.
func (l *Lives) MoveWithController() {
	l.t.Helper()
	list := moves(l.awaitInSync())
	targets := map[int32][]int32{}
	for _, m := range list {
		targets[m.partition] = m.target
	}
	kafka.Reassign(l.t, l.addrs(), livesTopic, targets)
	l.killingLeader(func() {})
	l.arrived(list)
	l.restoreControllers()
}

// arrived waits until the replicas are in place and in sync, and the removed ones are deleted.
func (l *Lives) arrived(list []move) {
	l.t.Helper()
	target := map[int32]move{}
	for _, m := range list {
		target[m.partition] = m
	}
	l.await(kafka.Patience, fmt.Sprintf("%d partitions have moved",
		len(list)), func(p kafka.Partition) error {
		if m, moves := target[p.ID]; moves && !slices.Equal(p.Replicas, m.target) {
			return fmt.Errorf("%+v, on its way to %v", p, m.target)
		}
		return inSync(p)
	})
	if running, err := kafka.Reassigning(l.t.Context(), l.addrs()[0], livesTopic); err != nil ||
		len(running) > 0 {
		l.t.Errorf("all have arrived: %+v, %v", running, err)
	}
	for _, m := range list {
		if held := kafka.ReplicaDirs(l.t, l.broker(m.to), livesTopic)[m.partition]; held.Size == 0 {
			l.t.Errorf("broker %d holds nothing of partition %d", m.to, m.partition)
		}
	}
	kafka.Eventually(l.t, kafka.Patience, "replicas that left are deleted", func() error {
		for _, m := range list {
			if held, there := kafka.ReplicaDirs(l.t, l.broker(m.from),
				livesTopic)[m.partition]; there {
				return fmt.Errorf("%+v", held)
			}
		}
		return nil
	})
	l.writers.WaitEach(l.t, kafka.Patience)
}

func reassignmentJSON(t testing.TB, list []move) []byte {
	t.Helper()
	type partition struct {
		Topic     string  `json:"topic"`
		Partition int32   `json:"partition"`
		Replicas  []int32 `json:"replicas"`
	}
	plan := struct {
		Version    int         `json:"version"`
		Partitions []partition `json:"partitions"`
	}{Version: 1}
	for _, m := range list {
		plan.Partitions = append(plan.Partitions, partition{livesTopic, m.partition, m.target})
	}
	text, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// BreakDisk breaks a broker's second log directory: the partitions in it get other leaders, those
// in the first are not affected, and the broker keeps running. Then the broker is restarted on a
// new, empty directory, and its replicas are copied back.
func (l *Lives) BreakDisk() {
	l.t.Helper()
	before := l.awaitInSync()
	b, held := l.leaderInSecondDir(before)
	lost := func(p kafka.Partition) bool { return held[p.ID] }
	b.BreakDir(l.t, 1)
	b.WaitLog(l.t, kafka.Patience, "Stopping serving replicas in dir "+b.Dirs[1])
	l.await(kafka.Patience,
		fmt.Sprintf("%s lost a directory of %d partitions: others lead", b.Name, len(held)),
		without(before, b.ID, lost))
	l.writers.WaitEach(l.t, kafka.Patience)
	kafka.RequireAlive(l.t, b)

	if code := b.Stop(l.t); code != 0 && code != sigtermJVM {
		l.t.Errorf("%s exited with code %d", b.Name, code)
	}
	b.ReplaceDir(l.t, 1, l.q.ClusterID())
	b.Start(l.t)
	b.WaitStarted(l.t, kafka.Patience)
	l.awaitInSync()
	for id := range held {
		if p, there := kafka.ReplicaDirs(l.t, b, livesTopic)[id]; !there || p.Size == 0 {
			l.t.Errorf("%s is in sync on a new disk and holds %+v of partition %d", b.Name, p, id)
		}
	}
}

// leaderInSecondDir returns a broker that leads one partition in its second directory and one in
// its first, and the partitions in the second.
func (l *Lives) leaderInSecondDir(known []kafka.Partition) (*kafka.Broker, map[int32]bool) {
	l.t.Helper()
	for _, b := range l.all {
		held, leads := map[int32]bool{}, map[bool]int{}
		for id, p := range kafka.ReplicaDirs(l.t, b, livesTopic) {
			second := p.Dir == b.Dirs[1]
			if second {
				held[id] = true
			}
			if known[id].Leader == b.ID {
				leads[second]++
			}
		}
		kafka.Logf(l.t, "%s leads %d partitions in its first directory, %d in its second", b.Name,
			leads[false], leads[true])
		if leads[true] > 0 {
			return b, held
		}
	}
	l.t.Fatal("no broker leads a partition in its second directory")
	return nil, nil
}
