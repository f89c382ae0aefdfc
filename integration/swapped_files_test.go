package integration

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/scenario"
)

// Every file of a node's directory is removed, emptied, restored from an older copy, replaced by
// another node's, and exchanged with another node's. A node started on the result refuses, takes no
// part, or has the same state; no node ever loses anything acknowledged.
func TestYAKtSwappedFiles(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	for offset := range 3 { // the victim, then the nodes whose files it gets
		t.Run(fmt.Sprintf("node %d", offset+1), func(t *testing.T) {
			t.Parallel()
			m := &mutations{binary: binary, offset: offset, table: map[string]map[outcome]int{}}
			m.renew(t)
			for _, what := range []string{"removed", "emptied", "aged", "copied",
				"copied from the third", "swapped", "swapped with the third"} {
				for _, class := range slices.Sorted(maps.Keys(fileClasses(t, m.Dir(m.victim)))) {
					m.try(t, what, class)
				}
			}
			for _, line := range m.lines() {
				kafka.Logf(t, "%s", line)
			}
		})
	}
}

// mutations is a quorum of three whose files are modified, with a table of the outcomes.
type mutations struct {
	*kafka.Controllers
	binary             string
	offset             int
	victim, next, last int32
	creator            *kafka.Creator
	aged               string                     // older copies of all directories, by node id
	table              map[string]map[outcome]int // by mutation and class of file
	tried, quorums     int
}

// renew makes a new quorum with older copies of its directories.
func (m *mutations) renew(t *testing.T) {
	t.Helper()
	properties := quorumProperties()
	maps.Copy(properties, scenario.EarlySnapshots())
	m.Controllers = kafka.StartYAKt(t, m.binary, 3, kafka.ControllerOptions{Properties: properties})
	m.quorums++
	nodes := m.Nodes()
	m.victim, m.next, m.last = nodes[m.offset], nodes[(m.offset+1)%3], nodes[(m.offset+2)%3]
	kafka.FakeBrokers(t, m, 1)
	m.creator = kafka.NewCreator(t, m, 1)
	m.growUntilSnapshots(t)
	m.aged = t.TempDir()
	m.pause(t, nodes...)
	for _, id := range nodes {
		kafka.CopyDir(t, m.Dir(id), m.copyOf(id))
		m.Start(t, id)
	}
	requireAllReady(t, m.Controllers)
	createMany(t, m.creator, 40)
	m.growUntilSnapshots(t)
}

func (m *mutations) copyOf(id int32) string { return filepath.Join(m.aged, fmt.Sprint(id)) }

// growUntilSnapshots writes until every node has as many snapshots as it keeps.
func (m *mutations) growUntilSnapshots(t *testing.T) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "every node has two snapshots", func() error {
		createMany(t, m.creator, 10)
		for _, id := range m.Nodes() {
			if n := len(kafka.Checkpoints(m.Dir(id))); n < 2 {
				return fmt.Errorf("node %d has %d", id, n)
			}
		}
		return nil
	})
	m.creator.RequireCreated(t, m.Nodes()...)
}

// pause stops nodes cleanly, so that their directories are consistent.
func (m *mutations) pause(t *testing.T, nodes ...int32) {
	t.Helper()
	for _, id := range nodes {
		m.Stop(t, id)
	}
}

// try modifies one file of the stopped victim and determines the outcome for the node. Files of one
// class have different names on different nodes: the other node's content gets the victim's name.
func (m *mutations) try(t *testing.T, what, class string) {
	t.Helper()
	stopped := []int32{m.victim}
	other := m.next
	if strings.HasSuffix(what, "the third") {
		other = m.last
	}
	if strings.HasPrefix(what, "swapped") {
		stopped = append(stopped, other)
	}
	m.pause(t, stopped...)
	saved := t.TempDir()
	for _, id := range stopped {
		kafka.CopyDir(t, m.Dir(id), filepath.Join(saved, fmt.Sprint(id)))
	}
	if !m.mutate(t, what, class, other) { // there is no such file, or it did not change
		m.start(t, stopped...)
		requireAllReady(t, m.Controllers)
		return
	}
	m.tried++
	key := strings.TrimSuffix(strings.TrimSuffix(what, " from the third"), " with the third") +
		" " + class
	m.start(t, stopped...)
	whole := true
	for _, id := range stopped {
		got := awaitOutcome(t, m.Controllers, id, m.creator)
		if m.table[key] == nil {
			m.table[key] = map[outcome]int{}
		}
		m.table[key][got]++
		whole = whole && got == same
		if got == differs {
			missing, err := m.creator.Missing(t.Context(), id)
			t.Errorf("%s %s: node %d is ready and lacks %d acknowledged topics (%v)", what, class,
				id, missing, err)
		}
	}
	if !whole {
		m.putBack(t, saved, stopped)
	} else {
		m.mend(t, saved, stopped)
	}
	m.requireNothingLost(t, what+" "+class)
}

func (m *mutations) start(t *testing.T, nodes ...int32) {
	t.Helper()
	for _, id := range nodes {
		m.Start(t, id)
	}
}

// putBack starts the nodes on their original files. Their peers may have met them on the modified
// directory meanwhile, and then rightly take the originals for an older copy: that ends this
// quorum, after the check that it has lost nothing.
func (m *mutations) putBack(t *testing.T, saved string, nodes []int32) {
	t.Helper()
	for _, id := range nodes {
		m.Kill(id)
		kafka.CopyDir(t, filepath.Join(saved, fmt.Sprint(id)), m.Dir(id))
		m.Start(t, id)
	}
}

// mend restores, for the next mutation, the files that are written only once, on nodes that
// continued from the modified directory.
func (m *mutations) mend(t *testing.T, saved string, nodes []int32) {
	t.Helper()
	for _, id := range nodes {
		from := filepath.Join(saved, fmt.Sprint(id))
		for _, rel := range fileClasses(t, from) {
			if fileNumbers.MatchString(filepath.Base(rel)) &&
				!strings.Contains(rel, firstCheckpoint) || strings.HasSuffix(rel, ".mark") {
				continue
			}
			content, err := os.ReadFile(filepath.Join(from, rel))
			if err == nil {
				err = os.WriteFile(filepath.Join(m.Dir(id), rel), content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// requireNothingLost waits until a leader, and then all nodes, know everything acknowledged. A
// quorum that must be renewed counts as well.
func (m *mutations) requireNothingLost(t *testing.T, after string) {
	t.Helper()
	leader := kafka.WaitLeader(t, m, returnMax)
	if missing, err := m.creator.Missing(t.Context(), leader.ID); err != nil || missing > 0 {
		_, topics := m.creator.Ledger.Counts()
		t.Fatalf("%s: node %d leads and lacks %d of %d acknowledged topics (%v)", after, leader.ID,
			missing, topics, err)
	}
	createMany(t, m.creator, 1)
	for _, id := range m.Nodes() {
		if m.Alive(id) && awaitOutcome(t, m.Controllers, id, m.creator) == same {
			continue
		}
		for _, id := range m.Nodes() {
			m.Kill(id)
		}
		m.renew(t)
		return
	}
}

func (m *mutations) mutate(t *testing.T, what, class string, other int32) (changed bool) {
	t.Helper()
	path := filepath.Join(m.Dir(m.victim), fileClasses(t, m.Dir(m.victim))[class])
	before, err := os.ReadFile(path)
	if err != nil || path == m.Dir(m.victim) {
		return false // this quorum has no such file at present
	}
	content := []byte{}
	switch what {
	case "removed":
		return os.Remove(path) == nil
	case "emptied":
	case "aged":
		content, err = os.ReadFile(filepath.Join(m.copyOf(m.victim),
			fileClasses(t, m.copyOf(m.victim))[class]))
	default:
		theirs := filepath.Join(m.Dir(other), fileClasses(t, m.Dir(other))[class])
		content, err = os.ReadFile(theirs)
		if err == nil && strings.HasPrefix(what, "swapped") && !bytes.Equal(before, content) {
			err = os.WriteFile(theirs, before, 0o600)
		}
	}
	if err != nil || bytes.Equal(before, content) {
		return false
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return true
}

// lines are the rows of the table, sorted, with their total.
func (m *mutations) lines() []string {
	var lines []string
	sum := map[outcome]int{}
	for _, key := range slices.Sorted(maps.Keys(m.table)) {
		lines = append(lines, fmt.Sprintf("%-40s %v", key, m.table[key]))
		for o, n := range m.table[key] {
			sum[o] += n
		}
	}
	return append(lines, fmt.Sprintf("%d mutations in %d quorums: %v", m.tried, m.quorums, sum))
}

// firstCheckpoint is the prefix of the checkpoint that formatting writes.
const firstCheckpoint = "00000000000000000000-"

var fileNumbers = regexp.MustCompile(`^[0-9a-f]{16,}`)

// fileClasses are the files of a directory by class: the name or, for numbered files, the kind and
// the position within the kind. Locks are omitted, since they are empty.
func fileClasses(t *testing.T, dir string) map[string]string {
	t.Helper()
	classes := map[string]string{}
	kinds := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".lock" {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		kind := filepath.Ext(rel)
		if fileNumbers.MatchString(d.Name()) && !strings.HasPrefix(d.Name(), firstCheckpoint) {
			kinds[kind] = append(kinds[kind], rel)
		} else {
			classes[filepath.Base(rel)] = rel
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, files := range kinds {
		slices.Sort(files)
		for i, rel := range files {
			classes[fmt.Sprintf("%s of %s",
				[]string{"newest", "second newest", "third newest",
					"fourth newest"}[min(len(files)-1-i, 3)], kind)] = rel
		}
	}
	return classes
}
