package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/integration/kafka"
)

// A quorum is founded only by formatting empty directories whose voters are the configured ones. In
// each of these tests there must never be two leaders under one cluster id, and no data may be
// lost.

// Nodes configured by environment variables alone behave like any other: unformatted they do not
// start, formatted they are one quorum.
func TestYAKtByEnvironment(t *testing.T) {
	t.Parallel()
	q := kafka.ConfigureYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Static: true, Properties: quorumProperties()})
	for _, id := range q.Nodes() {
		q.UseEnvironment(t, id, "node.id", "controller.quorum.voters", "listeners",
			"controller.listener.names", "log.dirs", "yakt.http.listeners")
		q.Start(t, id)
	}
	refused := func() error {
		var errs []error
		for _, id := range q.Nodes() {
			code, ended := q.Node(id).ExitCode()
			if l, err := kafka.DescribeQuorum(t.Context(), q.Endpoint(id)); err == nil &&
				l.ID == id {
				t.Fatalf("node %d, not formatted, leads a quorum of %d", id, len(l.Voters))
			} else if !ended || code == 0 || code > 128 {
				errs = append(errs, fmt.Errorf("node %d: ended %t, exit code %d", id, ended, code))
			}
		}
		return errors.Join(errs...)
	}
	kafka.Eventually(t, returnMax, "nodes that are not formatted do not start", refused)
	for _, id := range q.Nodes() {
		if !strings.Contains(q.Node(id).LogTail(5), "format") {
			t.Errorf("node %d does not say that it is not formatted: %s", id, q.Node(id).LogTail(5))
		}
		q.UseEnvironment(t, id)
		q.Format(t, id).MustSucceed(t)
		q.Start(t, id)
	}
	kafka.WaitLeader(t, q, kafka.Patience)
	requireOneLeader(t, q, 3)
}

// requireOneLeader waits until exactly one node reports that it leads, in a quorum of this many
// voters.
func requireOneLeader(t *testing.T, q kafka.Quorum, voters int) {
	t.Helper()
	kafka.Eventually(t, returnMax, "one node leads", func() error {
		var leaders []int32
		for _, id := range q.Nodes() {
			switch l, err := kafka.DescribeQuorum(t.Context(), q.Endpoint(id)); {
			case errors.Is(err, kerr.NotLeaderForPartition):
			case err != nil || l.ID != id || len(l.Voters) != voters:
				return errors.Join(err,
					fmt.Errorf("node %d says that node %d leads %d voters", id, l.ID,
						len(l.Voters)))
			default:
				leaders = append(leaders, id)
			}
		}
		if len(leaders) != 1 {
			return fmt.Errorf("leaders %v", leaders)
		}
		return nil
	})
}

// A different configuration does not change the voter set: the node that has the log refuses it and
// names both sets, and the new nodes found no quorum without that node.
func TestYAKtOtherVotersConfigured(t *testing.T) {
	t.Parallel()
	q := kafka.ConfigureYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Static: true, Properties: quorumProperties()})
	one, others := q.Nodes()[0], q.Nodes()[1:]
	alone := map[string]string{"controller.quorum.voters": fmt.Sprintf("%d@%s", one,
		q.Endpoint(one))}
	three := map[string]string{"controller.quorum.voters": q.StaticVoters()}
	q.Configure(t, one, alone)
	q.Format(t, one).MustSucceed(t)
	q.Start(t, one)
	kafka.WaitLeader(t, q, kafka.Patience)
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	createMany(t, creator, 20)
	q.Stop(t, one)

	q.Configure(t, one, three)
	for _, id := range others {
		q.Format(t, id).MustSucceed(t)
		q.Start(t, id)
	}
	q.Start(t, one)
	requireNoneLeads(t, q, q.Nodes()...)
	requireEnded(t, q, one, `(?i)voter.*3000.*3002`)

	q.Configure(t, one, alone)
	q.Start(t, one)
	kafka.Eventually(t, kafka.Patience, "node 1 leads with what it had",
		func() error { return leads(t, q, one) })
	creator.RequireCreated(t, one)
	create(t, creator)
	requireNoneLeads(t, q, others...)
}

// requireNoneLeads watches these nodes for several election timeouts.
func requireNoneLeads(t *testing.T, q kafka.Quorum, nodes ...int32) {
	t.Helper()
	if leader, ok := awaitLeader(t, only{q, nodes}, noLeaderFor); ok {
		t.Fatalf("node %d leads a quorum of %d voters", leader.ID, len(leader.Voters))
	}
}

// only is a quorum restricted to some of its nodes.
type only struct {
	kafka.Quorum
	nodes []int32
}

func (o only) Nodes() []int32 { return o.nodes }

func leads(t *testing.T, q kafka.Quorum, id int32) error {
	l, err := kafka.DescribeQuorum(t.Context(), q.Endpoint(id))
	if err == nil && l.ID != id {
		err = fmt.Errorf("node %d says that node %d leads", id, l.ID)
	}
	return err
}

// requireEnded waits until a node has exited by itself with one sentence that gives the reason.
func requireEnded(t *testing.T, q *kafka.Controllers, id int32, says string) {
	t.Helper()
	code := q.Node(id).WaitExit(t, returnMax)
	requireRefusal(t, kafka.ToolResult{Stderr: q.Node(id).Log(), ExitCode: code}, says)
}

// Nodes that were formatted for a voter set without a running node of their cluster learn that from
// it and wait: they elect no leader, are not ready, and give the reason.
func TestYAKtNotAMember(t *testing.T) {
	t.Parallel()
	q := kafka.ConfigureYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Properties: quorumProperties()})
	one, others := q.Nodes()[0], q.Nodes()[1:]
	q.FormatWith(t, one, "--standalone").MustSucceed(t)
	q.Start(t, one)
	before := kafka.WaitLeader(t, only{q, []int32{one}}, kafka.Patience)
	kafka.FakeBrokers(t, only{q, []int32{one}}, 1)
	creator := kafka.NewCreator(t, q, 1)
	createMany(t, creator, 10)
	for _, id := range others {
		q.Format(t, id).MustSucceed(t)
		q.Start(t, id)
	}
	requireNoneLeads(t, q, others...)
	for _, id := range others {
		kafka.RequireRunning(t, q, id)
		if err := q.Ready(t.Context(), id); err == nil || !strings.Contains(err.Error(), "member") {
			t.Errorf("readyz of node %d: %v", id, err)
		} else {
			kafka.Logf(t, "%v", err)
		}
	}
	if after := kafka.WaitLeader(t, only{q, []int32{one}},
		kafka.Patience); after.Epoch != before.Epoch {
		t.Errorf("epoch %d, then %d", before.Epoch, after.Epoch)
	}
	create(t, creator)
	creator.RequireCreated(t, one)
}

// A quorum whose directories are all empty is founded only when all are there: one absent node of
// three keeps the two others from an election, since it may have the log.
func TestYAKtFoundingNeedsAll(t *testing.T) {
	t.Parallel()
	q := kafka.ConfigureYAKt(t, kafka.BuildYAKt(t), 3,
		kafka.ControllerOptions{Static: true, Properties: quorumProperties()})
	for _, id := range q.Nodes() {
		q.Format(t, id).MustSucceed(t)
	}
	first, last := q.Nodes()[:2], q.Nodes()[2]
	for _, id := range first {
		q.Start(t, id)
	}
	requireNoneLeads(t, q, first...)
	q.Start(t, last)
	kafka.WaitLeader(t, q, kafka.Patience)
	requireOneLeader(t, q, 3)
	q.Stop(t, last) // from then on a majority is enough
	kafka.WaitLeader(t, q, kafka.Patience)
}

// A directory that has a log but no meta.properties is not formatted again: a new cluster would
// overwrite it.
func TestYAKtFormatOverLog(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"own": nil,
		"ignore-formatted": {"--ignore-formatted"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1,
				kafka.ControllerOptions{Properties: quorumProperties()})
			id := q.Nodes()[0]
			kafka.FakeBrokers(t, q, 1)
			creator := kafka.NewCreator(t, q, 1)
			createMany(t, creator, 20)
			q.Stop(t, id)
			repair := moved("meta.properties")(t, q)
			requireRefusal(t, q.FormatWith(t, id, append([]string{"--standalone"}, args...)...),
				q.Dir(id))
			requireRefusal(t, q.RunNode(t, id, kafka.Patience), q.Dir(id))
			repair()
			q.Start(t, id)
			creator.RequireCreated(t, id)
		})
	}
}

// The files that an Apache controller left in a directory are never taken for an empty log,
// whichever of them remain, and no message advises to remove them.
func TestYAKtApacheDirectory(t *testing.T) {
	t.Parallel()
	const partition = "__cluster_metadata-0/"
	binary := kafka.BuildYAKt(t)
	cases := map[string][]string{
		"log from its start": {partition + "00000000000000000000.log"},
		"log cut at its start": {partition + "00000000000000000400.log",
			partition + "00000000000000000400-0000000003.checkpoint"},
		"later log alone": {partition + "00000000000000000400.log"},
		"snapshot alone":  {partition + "00000000000000000400-0000000003.checkpoint"},
		"vote alone":      {partition + "quorum-state"},
		"index alone":     {partition + "00000000000000000400.index"},
	}
	for name, files := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := kafka.ConfigureYAKt(t, binary, 1,
				kafka.ControllerOptions{Properties: quorumProperties()})
			id := q.Nodes()[0]
			q.Format(t, id).MustSucceed(t)
			for _, file := range files {
				path := filepath.Join(q.Dir(id), file)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750),
					os.WriteFile(path, apacheFile(file), 0o640)); err != nil {
					t.Fatal(err)
				}
			}
			requireNeverStarts(t, q, id)
			requireKept(t, q.Dir(id), files)
		})
	}
}

func apacheFile(name string) []byte {
	if filepath.Base(name) == "quorum-state" {
		return []byte(`{"leaderId":3000,"leaderEpoch":3,"votedId":-1,"data_version":1}`)
	}
	return slices.Repeat([]byte{0, 7}, 100)
}

// requireNeverStarts runs a node that must exit with one sentence that does not advise deletion. It
// is killed if it keeps running.
func requireNeverStarts(t *testing.T, q *kafka.Controllers, id int32) {
	t.Helper()
	q.Start(t, id)
	kafka.Eventually(t, returnMax, "the node ends", func() error {
		if _, ended := q.Node(id).ExitCode(); ended {
			return nil
		}
		if err := q.Ready(t.Context(), id); err == nil {
			t.Fatalf("node %d took the directory for a new one, and is ready", id)
		}
		return errors.New("it runs")
	})
	requireEnded(t, q, id, `.`)
	for _, advice := range []string{"remove", "delete", "empty it", "backup"} {
		if strings.Contains(q.Node(id).LogTail(1), advice) {
			t.Errorf("advises to %q: %s", advice, q.Node(id).LogTail(1))
		}
	}
}

func requireKept(t *testing.T, dir string, files []string) {
	t.Helper()
	for _, file := range files {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err != nil ||
			string(b) != string(apacheFile(file)) {
			t.Errorf("%s was changed: %v", file, err)
		}
	}
}
