package integration

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

// A node that cannot start says in one line what is wrong and how to correct it, and exits with a
// code other than 0. Once the cause is removed it starts with all of its data.
func TestYAKtRefusesToStart(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	cases := map[string]struct {
		// nil: the node is started a second time while it runs
		spoil func(t *testing.T, q *kafka.Controllers) (repair func())
		says  string // pattern of the one line
	}{
		"other node.id": {spoil: editMeta(`node.id=3000`, `node.id=3001`),
			says: `meta\.properties is damaged.*checksum`},
		"no meta.properties": {spoil: moved("meta.properties"), says: `not formatted.*format`},
		"half a meta.properties": {spoil: editMeta(`cluster.id=`, `cluster.ix=`),
			says: `meta\.properties is damaged.*checksum`},
		"no write-ahead log": {spoil: moved("__cluster_metadata-0/wal"),
			says: `/wal is gone or empty.*must not vote; put it back`},
		"damaged write-ahead log": {spoil: flipped,
			says: `(?i)(damage|corrupt).*\.wal|\.wal.*(damage|corrupt)`},
		"port in use":      {spoil: portTaken, says: `address already in use`},
		"directory in use": {spoil: nil, says: `is locked: another controller.*stop it`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			q := kafka.StartYAKt(t, binary, 1,
				kafka.ControllerOptions{Properties: kafka.LongSessions()})
			id := q.Nodes()[0]
			kafka.FakeBrokers(t, q, 1)
			creator := kafka.NewCreator(t, q, 1)
			for range 20 {
				create(t, creator)
			}
			if c.spoil == nil {
				requireRefusal(t, kafka.RunYAKt(t, binary, kafka.Patience, "start", "--config",
					q.Config(id), "--override", "yakt.http.listeners=",
					"--override", "listeners=CONTROLLER://127.0.0.1:0"), c.says)
				create(t, creator)
				return
			}
			q.Kill(id)
			repair := c.spoil(t, q)
			requireRefusal(t, q.RunNode(t, id, kafka.Patience), c.says)
			repair()
			q.Start(t, id)
			creator.RequireCreated(t, id)
		})
	}
}

func requireRefusal(t *testing.T, res kafka.ToolResult, says string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(res.Stderr) {
		if strings.HasPrefix(line, "yakt: ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if res.ExitCode == 0 || res.ExitCode > 128 || len(lines) != 1 ||
		!regexp.MustCompile(says).MatchString(lines[0]) {
		t.Fatalf("exit code %d; want one line with %s in:\n%s%s", res.ExitCode, says, res.Stdout,
			res.Stderr)
	}
	if strings.Contains(res.Stderr, "goroutine ") {
		t.Errorf("a stack trace:\n%s", res.Stderr)
	}
	kafka.Logf(t, "exit code %d after %v: %s", res.ExitCode, res.Took.Round(time.Millisecond),
		lines[0])
}

func editMeta(old, changed string) func(*testing.T, *kafka.Controllers) func() {
	return func(t *testing.T, q *kafka.Controllers) func() {
		path := filepath.Join(q.Dir(q.Nodes()[0]), "meta.properties")
		return rewrite(t, path, func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("no %s in %s", old, b)
			}
			return bytes.Replace(b, []byte(old), []byte(changed), 1)
		})
	}
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) (repair func()) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(change(bytes.Clone(before)))
	return func() { write(before) }
}

// moved moves a file or folder away; repair moves it back.
func moved(name string) func(*testing.T, *kafka.Controllers) func() {
	return func(t *testing.T, q *kafka.Controllers) func() {
		path := filepath.Join(q.Dir(q.Nodes()[0]), name)
		move := func(from, to string) {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		move(path, path+".away")
		return func() {
			os.RemoveAll(path) // remove what the refused run left there
			move(path+".away", path)
		}
	}
}

// flipped flips one bit in the middle of the write-ahead log's contents.
func flipped(t *testing.T, q *kafka.Controllers) func() {
	segments, err := filepath.Glob(filepath.Join(q.Dir(q.Nodes()[0]), "__cluster_metadata-0", "wal",
		"*.wal"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments %v, %v", segments, err)
	}
	return rewrite(t, segments[0], func(b []byte) []byte {
		begin, end := 4096, len(bytes.TrimRight(b, "\x00"))
		b[begin+(end-begin)/2] ^= 0x10
		return b
	})
}

func portTaken(t *testing.T, q *kafka.Controllers) func() {
	l, err := net.Listen("tcp", q.Endpoint(q.Nodes()[0]))
	if err != nil {
		t.Fatal(err)
	}
	return func() { l.Close() }
}

// A node that was formatted for another cluster than its peers stops with the reason; the others
// continue without it.
func TestYAKtOfAnotherCluster(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	q := kafka.StartYAKt(t, binary, 3, kafka.ControllerOptions{Properties: kafka.LongSessions()})
	id := q.Nodes()[0]
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	q.Stop(t, id)
	repair := moved("")(t, q)
	static := []string{"--config", q.Config(id), "--override",
		"controller.quorum.bootstrap.servers=",
		"--override", "controller.quorum.voters=" + q.StaticVoters()}
	kafka.RunYAKt(t, binary, kafka.Patience,
		append([]string{"format", "--cluster-id", "another"}, static...)...).MustSucceed(t)
	res := kafka.RunYAKt(t, binary, kafka.Patience, append([]string{"start"}, static...)...)
	requireRefusal(t, res, `2 of 3 voters do not know this node's cluster: `+
		`node 3000 belongs to cluster "another.*check cluster\.id`)
	for range 20 {
		create(t, creator)
	}
	repair()
	q.Start(t, id)
	creator.RequireCreated(t, q.Nodes()...)
}
