package kafka

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/yakt/yakt/integration/realm"
	"github.com/yakt/yakt/protocol"
)

const firstControllerID = 3000

// Quorum is a controller quorum under test.
type Quorum interface {
	ControllerQuorum
	Name() string                 // whose controllers these are, for messages
	Version() string              // release of the matching tools
	Nodes() []int32               // node ids
	Endpoint(id int32) string     // host:port of a node
	Dir(id int32) string          // a node's data directory
	ClientOptions() []kgo.Opt     // of a client that may do everything, at Endpoint
	Start(t testing.TB, id int32) // starts a stopped or killed node; does not wait
	Stop(t testing.TB, id int32)  // stops a node gracefully
	Kill(id int32)                // sends SIGKILL
	Alive(id int32) bool
}

// ControllerOptions configures a quorum; the zero value is valid.
type ControllerOptions struct {
	// Version is the Kafka release of Apache's controllers, and of the tools for any quorum; Newest
	// by default.
	Version        string
	Static         bool   // controller.quorum.voters instead of a dynamic quorum
	ReleaseVersion string // format's --release-version ("4.0"); the newest by default
	ClusterID      string // random by default
	// FormatBy is, for YAKt only, the Kafka release whose kafka-storage formats the directories;
	// yakt format by default.
	FormatBy    string
	FormatArgs  []string // further arguments of format
	SmallDiskMB int      // Linux only: MiB of the first node's own file system
	// BlockDisk puts that file system on a block device that a test can break. Linux only, as root.
	BlockDisk  bool
	FilesMax   int  // Linux only: descriptors per node; the test's own limit by default
	HeapMB     int  // Java only, 256 by default
	AsShipped  bool // Java only: options of Kafka's start script, not those for a quick start
	Properties map[string]string
	// Realm secures the quorum, whose nodes connect to each other by the first of Listeners.
	// Without a realm there is one listener, in plaintext.
	Realm     *realm.Realm
	Listeners []realm.Listener
}

// patientSession is broker.session.timeout.ms unless a test sets it: so long that a busy machine
// does not get brokers fenced.
const patientSession = time.Minute

// Controllers is a Quorum of processes, Apache's or YAKt's; both get the same configuration files.
type Controllers struct {
	name      string
	version   string
	clusterID string
	static    bool
	nodes     map[int32]*controller
	small     *SmallDisk // the first node's, or nil
	security
}

type controller struct {
	*Server
	id          int32
	directoryID string
	ports       []int  // of each listener
	http        string // host:port of its HTTP API, "" without one
	dir, config string
	properties  properties
	formatting  command
}

// program describes how to run one kind of controller.
type program interface {
	name() string
	hasHTTP() bool
	// format returns the command that formats a directory; it takes the arguments of kafka-storage
	// format.
	format(dir string, args ...string) (command, error)
	// start returns the command that runs the controller, and its log file, "" for standard output.
	start(dir, name, config string) (c command, logPath string, err error)
}

// StartControllers starts a quorum of n Apache controllers and waits until it has a leader.
func StartControllers(t testing.TB, n int, o ControllerOptions) *Controllers {
	t.Helper()
	r := Resolve(t, cmp.Or(o.Version, Newest))
	prog := apache{release: r, heapMB: cmp.Or(o.HeapMB, 256), asShipped: o.AsShipped}
	prog.jvmArgs = jvmArgs(o.Realm)
	return startQuorum(t, prog, n, o)
}

// StartYAKt starts a quorum of n nodes of the yakt binary and waits until it has a leader.
func StartYAKt(t testing.TB, binary string, n int, o ControllerOptions) *Controllers {
	t.Helper()
	return startQuorum(t, yaktProgram(t, binary, o), n, o)
}

func startQuorum(t testing.TB, prog program, n int, o ControllerOptions) *Controllers {
	t.Helper()
	q := configureQuorum(t, prog, n, o)
	for _, id := range q.Nodes() {
		q.Format(t, id).MustSucceed(t)
		q.Start(t, id)
	}
	WaitLeader(t, q, Patience)
	return q
}

// ConfigureYAKt writes the configurations of a quorum of n nodes of the yakt binary. The test
// formats (Format) and starts each node itself.
func ConfigureYAKt(t testing.TB, binary string, n int, o ControllerOptions) *Controllers {
	t.Helper()
	return configureQuorum(t, yaktProgram(t, binary, o), n, o)
}

func configureQuorum(t testing.TB, prog program, n int, o ControllerOptions) *Controllers {
	t.Helper()
	q := &Controllers{
		name: prog.name(), version: cmp.Or(o.Version, Newest),
		clusterID: cmp.Or(o.ClusterID, protocol.NewUUID().String()),
		static:    o.Static, nodes: map[int32]*controller{}, security: secure(t, o),
	}
	root := t.TempDir()
	for i := range n {
		id := int32(firstControllerID + i)
		dir := filepath.Join(root, fmt.Sprintf("controller-%d", id))
		q.nodes[id] = &controller{
			id: id, directoryID: protocol.NewUUID().String(), dir: dir,
			config: dir + ".properties", ports: freePortsFor(t, len(q.listeners)),
		}
		if prog.hasHTTP() {
			q.nodes[id].http = fmt.Sprintf("127.0.0.1:%d", FreePort(t))
		}
	}
	if o.SmallDiskMB > 0 {
		mount := NewSmallDisk
		if o.BlockDisk {
			mount = NewBlockDisk
		}
		q.small = mount(t, q.nodes[firstControllerID].dir, o.SmallDiskMB)
	}
	for _, id := range q.Nodes() {
		q.prepare(t, prog, root, q.nodes[id], o)
	}
	return q
}

// prepare writes the configuration of one node.
func (q *Controllers) prepare(
	t testing.TB, prog program, root string, c *controller, o ControllerOptions,
) {
	t.Helper()
	c.properties = q.properties(c, o.Properties)
	q.Configure(t, c.id, nil)
	format, err := prog.format(root, q.formatArgs(c, o)...)
	if err != nil {
		t.Fatal(err)
	}
	c.formatting = q.placed(c, format)
	name := fmt.Sprintf("controller-%d", c.id)
	start, logPath, err := prog.start(root, name, c.config)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(root, name+".out")
	run := limited(q.placed(c, start), o.FilesMax)
	c.Server = newServer(t, fmt.Sprintf("controller %d (%s)", c.id, prog.name()),
		cmp.Or(logPath, out), out, run)
}

// InstallApache has a stopped node run Apache's controller of a release from its next start, with
// the same directory and configuration; restore brings its own program back.
func (q *Controllers) InstallApache(t testing.TB, id int32, version string) (restore func()) {
	t.Helper()
	c := q.nodes[id]
	prog := apache{release: Resolve(t, version), heapMB: 256}
	name := fmt.Sprintf("apache-%d", id)
	start, logPath, err := prog.start(filepath.Dir(c.dir), name, c.config)
	if err != nil {
		t.Fatal(err)
	}
	own, ownLog := c.command, c.LogPath
	c.setCommand(start)
	c.LogPath = logPath
	return func() {
		c.setCommand(own)
		c.LogPath = ownLog
	}
}

// limited wraps a command with a limit on file descriptors; 0 leaves it unchanged.
func limited(run command, files int) command {
	if files > 0 {
		limit := fmt.Sprintf("--nofile=%d:%[1]d", files)
		run.argv = append([]string{"prlimit", limit, "--"}, run.argv...)
	}
	return run
}

// Format formats a node's directory, the first time or again, with the same arguments each time.
func (q *Controllers) Format(t testing.TB, id int32) ToolResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	res, err := q.nodes[id].formatting.run(ctx)
	if err != nil {
		t.Fatalf("format %s: %v", q.Dir(id), err)
	}
	return res
}

// Configure sets further properties in a node's configuration, which apply from its next start or
// format.
func (q *Controllers) Configure(t testing.TB, id int32, extra map[string]string) {
	t.Helper()
	c := q.nodes[id]
	maps.Copy(c.properties, extra)
	if err := c.properties.write(c.config); err != nil {
		t.Fatal(err)
	}
}

// FormatWith is Format with args after --cluster-id and --config in place of the quorum's own
// arguments.
func (q *Controllers) FormatWith(t testing.TB, id int32, args ...string) ToolResult {
	t.Helper()
	c := q.nodes[id]
	own := slices.Index(c.formatting.argv, c.config) + 1
	c.formatting.argv = append(slices.Clone(c.formatting.argv[:own]), args...)
	return q.Format(t, id)
}

// placed wraps a node's command so that it runs where the node's directory is visible.
func (q *Controllers) placed(c *controller, run command) command {
	if q.small != nil && c.id == firstControllerID {
		run.argv = q.small.enter(run.argv)
	}
	return run
}

func (q *Controllers) properties(c *controller, extra map[string]string) properties {
	p := properties{
		"process.roles":                  "controller",
		"node.id":                        fmt.Sprint(c.id),
		"listeners":                      listenersOf(q.listeners, c.ports),
		"advertised.listeners":           listenersOf(q.listeners, c.ports),
		"listener.security.protocol.map": q.ListenerName() + ":PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"controller.listener.names":      namesOf(q.listeners),
		"log.dirs":                       c.dir,
		"broker.session.timeout.ms":      fmt.Sprint(patientSession.Milliseconds()),
	}
	if q.static {
		p["controller.quorum.voters"] = q.StaticVoters()
	} else {
		p["controller.quorum.bootstrap.servers"] = q.BootstrapServers()
	}
	if c.http != "" {
		p["yakt.http.listeners"] = c.http
	}
	maps.Copy(p, q.security.properties())
	maps.Copy(p, extra)
	return p
}

func (q *Controllers) formatArgs(c *controller, o ControllerOptions) []string {
	args := append([]string{"--cluster-id", q.clusterID, "--config", c.config}, o.FormatArgs...)
	if o.ReleaseVersion != "" {
		args = append(args, "--release-version", o.ReleaseVersion)
	}
	if q.static {
		return args
	}
	if len(q.nodes) == 1 {
		return append(args, "--standalone")
	}
	return append(args, "--initial-controllers", q.join(func(c *controller) string {
		return fmt.Sprintf("%d@%s:%s", c.id, q.Endpoint(c.id), c.directoryID)
	}))
}

func (q *Controllers) join(item func(*controller) string) string {
	var items []string
	for _, id := range q.Nodes() {
		items = append(items, item(q.nodes[id]))
	}
	return strings.Join(items, ",")
}

// Name implements Quorum.
func (q *Controllers) Name() string { return q.name }

// Version implements Quorum.
func (q *Controllers) Version() string { return q.version }

// ClusterID implements Quorum.
func (q *Controllers) ClusterID() string { return q.clusterID }

// ListenerName implements Quorum.
func (q *Controllers) ListenerName() string { return q.listeners[0].Name }

// BootstrapServers is the value of controller.quorum.bootstrap.servers and of
// --bootstrap-controller.
func (q *Controllers) BootstrapServers() string {
	return q.join(func(c *controller) string { return q.Endpoint(c.id) })
}

// StaticVoters is the value of controller.quorum.voters; brokers may use it whatever kind of quorum
// this is.
func (q *Controllers) StaticVoters() string {
	return q.join(func(c *controller) string {
		return fmt.Sprintf("%d@%s", c.id, q.Endpoint(c.id))
	})
}

// Nodes returns the node ids, ascending.
func (q *Controllers) Nodes() []int32 { return slices.Sorted(maps.Keys(q.nodes)) }

// Node returns the process of a node.
func (q *Controllers) Node(id int32) *Server { return q.nodes[id].Server }

// RunNode starts a node that is expected to exit, and waits for its exit.
func (q *Controllers) RunNode(t testing.TB, id int32, within time.Duration) ToolResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	res, err := q.nodes[id].command.run(ctx)
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", q.nodes[id].Name, err, res.Stdout, res.Stderr)
	}
	return res
}

// RequireRunning fails the test if the node's process has ended.
func RequireRunning(t testing.TB, q *Controllers, id int32) {
	t.Helper()
	if code, ended := q.nodes[id].ExitCode(); ended {
		t.Fatalf("%s exited with code %d", q.nodes[id].Name, code)
	}
}

// Config returns the path of a node's configuration.
func (q *Controllers) Config(id int32) string { return q.nodes[id].config }

// SmallDisk returns the first node's file system if ControllerOptions.SmallDiskMB was set, else
// nil.
func (q *Controllers) SmallDisk() *SmallDisk { return q.small }

// HTTPAddr returns host:port of a YAKt node's HTTP API.
func (q *Controllers) HTTPAddr(id int32) string { return q.nodes[id].http }

// Endpoint returns host:port of a node's first Kafka listener.
func (q *Controllers) Endpoint(id int32) string { return q.EndpointOf(id, q.ListenerName()) }

// Dir returns a node's data directory.
func (q *Controllers) Dir(id int32) string { return q.nodes[id].dir }

// Start starts a node that does not run. It does not wait until the node is ready.
func (q *Controllers) Start(t testing.TB, id int32) { t.Helper(); q.nodes[id].Start(t) }

// Stop ends a node with SIGTERM and waits for its exit.
func (q *Controllers) Stop(t testing.TB, id int32) { t.Helper(); q.nodes[id].Stop(t) }

// Kill ends a node with SIGKILL.
func (q *Controllers) Kill(id int32) { q.nodes[id].Kill() }

// Alive reports whether a node's process runs.
func (q *Controllers) Alive(id int32) bool { return q.nodes[id].Alive() }

// Checkpoints returns the paths of the snapshots in a directory, oldest first, without
// bootstrap.checkpoint and the checkpoint at offset 0, which formatting writes.
func Checkpoints(dir string) []string {
	var found []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err == nil && !d.IsDir() && strings.HasSuffix(name, ".checkpoint") &&
			name != "bootstrap.checkpoint" && !strings.HasPrefix(name, "00000000000000000000-") {
			found = append(found, path)
		}
		return nil
	})
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Compare(filepath.Base(a), filepath.Base(b))
	})
	return found
}
