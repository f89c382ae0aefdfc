package tools

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/protocol"
)

// toolMax bounds one run of a tool.
const toolMax = 20 * time.Second

// world is one side: a controller, its brokers, and the tools.
type world struct {
	*names
	quorum  *kafka.Controllers
	brokers map[int32]*kafka.Broker
	box     *kafka.Toolbox
	yakt    string           // the binary; "" on Apache's side
	addrs   map[int32]string // of the brokers: $B, $B2
	tmp     string           // $TMP
	login   []kgo.Opt        // of the test's own clients of the brokers

	next options // of the next command
}

// secrets are settings that controllers and brokers share.
var secrets = map[string]string{"delegation.token.secret.key": "a-secret-of-the-tools-test"}

// saslProperties gives broker 1 a second listener, where clients log in: delegation tokens are for
// such clients only.
func saslProperties(plain, sasl string) map[string]string {
	const mechanisms = "listener.name.sasl."
	p := map[string]string{
		"listeners":            "PLAINTEXT://" + plain + ",SASL://" + sasl,
		"advertised.listeners": "PLAINTEXT://" + plain + ",SASL://" + sasl,
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT," +
			"SASL:SASL_PLAINTEXT",
		"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		mechanisms + "plain.sasl.jaas.config": "org.apache.kafka.common.security.plain." +
			`PlainLoginModule required user_admin="admin-secret";`,
	}
	for _, m := range []string{"scram-sha-256", "scram-sha-512"} {
		p[mechanisms+m+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram." +
			"ScramLoginModule required;"
	}
	maps.Copy(p, secrets)
	return p
}

// newWorld starts one side with broker 1.
func newWorld(t *testing.T, side string) *world {
	t.Helper()
	w := &world{names: newNames(), brokers: map[int32]*kafka.Broker{},
		addrs: map[int32]string{}, tmp: t.TempDir()}
	o := kafka.ControllerOptions{Version: kafka.Newest, Properties: maps.Clone(secrets)}
	maps.Copy(o.Properties, kafka.UsualSessions())
	w.startController(t, side, o)
	if addr := w.quorum.HTTPAddr(w.quorum.Nodes()[0]); addr != "" {
		w.set("HTTP", addr)
	}
	nowhere := w.freeAddr(t) // nobody listens there
	w.set("NOWHERE", nowhere)
	w.set("NOWHEREPORT", portOf(nowhere))
	w.box = kafka.StartToolbox(t, kafka.Newest, toolMax)
	w.startBroker(t, 1)
	return w
}

// startController starts the one controller of a side.
func (w *world) startController(t *testing.T, side string, o kafka.ControllerOptions) {
	t.Helper()
	if side == "apache" {
		w.quorum = kafka.StartControllers(t, 1, o)
	} else {
		w.yakt = kafka.BuildYAKt(t)
		w.quorum = kafka.StartYAKt(t, w.yakt, 1, o)
	}
	w.set("C", w.quorum.BootstrapServers())
	w.set("CPORT", portOf(w.quorum.BootstrapServers()))
	w.set("CDIR", w.quorum.Dir(w.quorum.Nodes()[0]))
	w.set("CLUSTER", w.quorum.ClusterID())
	w.set("TMP", w.tmp)
}

func portOf(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }

func (w *world) freeAddr(t *testing.T) string { return fmt.Sprint("127.0.0.1:", kafka.FreePort(t)) }

// startBroker makes a broker with two directories, or starts it again.
func (w *world) startBroker(t *testing.T, id int32) {
	t.Helper()
	b := w.brokers[id]
	if b == nil {
		addr, sasl := w.freeAddr(t), w.freeAddr(t)
		b = kafka.NewBroker(t, w.quorum, kafka.BrokerOptions{ID: id, Version: kafka.Newest,
			LogDirs: 2, Rack: fmt.Sprint("rack", id), Properties: saslProperties(addr, sasl)})
		w.brokers[id], w.addrs[id] = b, addr
		suffix := fmt.Sprint(id)
		if id == 1 {
			suffix = ""
		}
		w.set("B"+suffix, addr)
		w.set("BPORT"+suffix, portOf(addr))
		w.set("SASL"+suffix, sasl)
		w.set("SASLPORT"+suffix, portOf(sasl))
		for i, dir := range b.Dirs {
			w.set(fmt.Sprintf("LOGDIR%s%c", suffix, 'A'+i), dir)
		}
	}
	b.Start(t)
	b.WaitStarted(t, kafka.Patience)
}

// directive carries out a line that begins with %.
func (w *world) directive(t *testing.T, s *step) {
	t.Helper()
	words := s.words()
	arg := func(i int) string {
		if i >= len(words) {
			t.Fatalf("%q lacks an argument", s.line)
		}
		return w.expand(words[i])
	}
	switch words[0] {
	case "sorted":
		w.next.sorted = true
	case "numbers":
		w.next.numbers = true
	case "exit-code":
		w.next.code = true
	case "heading":
		w.next.heading = true
	case "pieces":
		w.next.pieces = true
	case "capture":
		w.next.capture = arg(1)
	case "file":
		path := filepath.Join(w.tmp, arg(1))
		if err := os.WriteFile(path, []byte(w.expand(s.stdin())), 0o600); err != nil {
			t.Fatal(err)
		}
	case "start-broker":
		w.startBroker(t, idOf(t, arg(1)))
	case "stop-broker":
		w.brokers[idOf(t, arg(1))].Stop(t)
	case "await-cordoned":
		w.awaitCordoned(t, idOf(t, arg(1)))
	case "register-controller":
		w.registerController(t, idOf(t, arg(1)))
	case "join-streams-group":
		w.joinStreamsGroup(t, arg(1), arg(2))
	case "open-transaction":
		w.openTransaction(t, arg(1), arg(2))
	default:
		t.Fatalf("there is no directive %q", words[0])
	}
}

func idOf(t *testing.T, text string) int32 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

// awaitCordoned waits until the controller knows that all directories of a broker are cordoned.
func (w *world) awaitCordoned(t *testing.T, id int32) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.ValidateOnly = true
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "probe", -1, -1
	assignment := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	assignment.Replicas = []int32{id}
	topic.ReplicaAssignment = append(topic.ReplicaAssignment, assignment)
	req.Topics = append(req.Topics, topic)
	kafka.Eventually(t, kafka.Patience, "a broker's directories are cordoned", func() error {
		resp, err := kafka.Ask(t.Context(), w.quorum.BootstrapServers(), req)
		if err != nil {
			return err
		}
		code := resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
		if code != kerr.InvalidReplicaAssignment.Code {
			return fmt.Errorf("a replica on broker %d: error code %d", id, code)
		}
		return nil
	})
}

// converge waits until the running brokers serve what the metadata log holds now, so that the next
// command finds what earlier ones have changed, whichever broker it asks. The features' epoch that
// a broker reports is the offset of its image.
func (w *world) converge(t *testing.T) {
	t.Helper()
	leader, err := kafka.DescribeQuorum(t.Context(), w.quorum.BootstrapServers(),
		w.quorum.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "yakt-test", "1"
	for id, b := range w.brokers {
		if !b.Alive() {
			continue
		}
		what := fmt.Sprintf("broker %d serves offset %d", id, leader.HighWatermark-1)
		kafka.Eventually(t, kafka.Patience, what, func() error {
			resp, err := kafka.Ask(t.Context(), w.addrs[id], req, w.login...)
			if err != nil {
				return err
			}
			at := resp.(*kmsg.ApiVersionsResponse).FinalizedFeaturesEpoch
			if at < leader.HighWatermark-1 {
				return fmt.Errorf("it serves offset %d", at)
			}
			return nil
		})
	}
}

// registerController registers a controller that nobody runs, as one that was lost. Before, it
// fetches the metadata log once: YAKt registers no controller that does not.
func (w *world) registerController(t *testing.T, id int32) {
	t.Helper()
	cluster := w.quorum.ClusterID()
	fetch := kafka.MetadataFetch(&cluster, 1, 0).(*kmsg.FetchRequest)
	fetch.ReplicaState.ID, fetch.ReplicaState.Epoch = id, -1
	fetch.Topics[0].Partitions[0].ReplicaDirectoryID = protocol.NewUUID()
	if _, err := kafka.Ask(t.Context(), w.quorum.BootstrapServers(), fetch); err != nil {
		t.Errorf("fetch as controller %d: %v", id, err)
	}
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID, req.IncarnationID = id, protocol.NewUUID()
	listener := kmsg.NewControllerRegistrationRequestListener()
	listener.Name, listener.Host, listener.Port = "CONTROLLER", "127.0.0.1", 9
	req.Listeners = append(req.Listeners, listener)
	for name, levels := range map[string][2]int16{
		"metadata.version": {7, 33}, "kraft.version": {0, 1}, "group.version": {0, 1},
		"transaction.version": {0, 2}, "eligible.leader.replicas.version": {0, 1},
		"share.version": {0, 2}, "streams.version": {0, 1},
	} {
		f := kmsg.NewControllerRegistrationRequestFeature()
		f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = name, levels[0], levels[1]
		req.Features = append(req.Features, f)
	}
	resp, err := kafka.Ask(t.Context(), w.quorum.BootstrapServers(), req)
	if err == nil {
		err = kerr.ErrorForCode(resp.(*kmsg.ControllerRegistrationResponse).ErrorCode)
	}
	if err != nil {
		t.Errorf("register controller %d: %v", id, err)
	}
}

// joinStreamsGroup adds a member that reads one topic and is not heard of again.
func (w *world) joinStreamsGroup(t *testing.T, group, topic string) {
	t.Helper()
	req := kmsg.NewPtrStreamsGroupHeartbeatRequest()
	req.Group, req.MemberID, req.MemberEpoch = group, protocol.NewUUID().String(), 0
	req.RebalanceTimeoutMillis = int32(kafka.Patience.Milliseconds())
	process := "process-1"
	req.ProcessID = &process
	sub := kmsg.NewStreamsGroupHeartbeatRequestTopologySubtopology()
	sub.SubtopologyID, sub.SourceTopics = "0", []string{topic}
	topology := kmsg.NewStreamsGroupHeartbeatRequestTopology()
	topology.Subtopologies = append(topology.Subtopologies, sub)
	req.Topology = &topology
	req.ActiveTasks = []kmsg.TaskIDs{}
	req.StandbyTasks = []kmsg.TaskIDs{}
	req.WarmupTasks = []kmsg.TaskIDs{}
	kafka.Eventually(t, kafka.Patience, "a streams group has a member", func() error {
		resp, err := kafka.Ask(t.Context(), w.addrs[1], req)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.(*kmsg.StreamsGroupHeartbeatResponse).ErrorCode)
	})
}

// openTransaction writes a record in a transaction that stays open until the test ends or a tool
// aborts it.
func (w *world) openTransaction(t *testing.T, id, topic string) {
	t.Helper()
	cl := kafka.NewClient(t, []string{w.addrs[1]}, kgo.TransactionalID(id),
		kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Value: []byte("in a transaction"), Partition: 0}
	if err := cl.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// capturable are the values that a tool prints and later commands need.
var capturable = map[string]*regexp.Regexp{
	"HMAC":    regexp.MustCompile(`[A-Za-z0-9+/]{86}==`),
	"TOKEN":   regexp.MustCompile(`(?m)^([\w-]{22}) `),
	"TOPICID": regexp.MustCompile(`TopicId: ([\w-]{22})`),
	"CID":     regexp.MustCompile(`"directoryId": "([\w-]{22})"`),
	"PID":     regexp.MustCompile(`(?m)^(\d+)\s`),
}

// run runs a command once and transcribes what it printed.
func (w *world) run(t *testing.T, s *step, o options) string {
	t.Helper()
	words := s.words()
	for i := range words {
		words[i] = w.expand(words[i])
	}
	res := w.execute(t, s, words)
	if testing.Verbose() {
		t.Logf("%5d ms  %s", res.Took.Milliseconds(), s.line)
	}
	if re := capturable[o.capture]; re != nil {
		if m := re.FindStringSubmatch(res.Stdout); m != nil {
			w.set(o.capture, m[len(m)-1])
		}
	}
	return w.transcribe(res, o)
}

func (w *world) execute(t *testing.T, s *step, words []string) kafka.ToolResult {
	t.Helper()
	tool, known := tools[words[0]]
	switch {
	case !known:
		t.Fatalf("there is no tool %q", words[0])
	case tool == controllersOwn && w.yakt != "":
		return kafka.RunYAKt(t, w.yakt, toolMax, words[1:]...)
	case tool == controllersOwn:
		tool = kafka.StorageTool
	}
	return w.box.Run(t, w.expand(s.stdin()), tool, words[1:]...)
}

// settle is how long a command that only reads is repeated until its output is the wanted one: a
// broker learns of a change a little after the controller has answered.
const settle = 4 * time.Second

// outcome runs a command; ok says whether an output is the wanted one.
func (w *world) outcome(t *testing.T, s *step, o options, ok func(string) bool) (got string) {
	t.Helper()
	kafka.Poll(t.Context(), settle, func() error {
		got = w.run(t, s, o)
		if s.reads() && !ok(got) {
			return errOther
		}
		return nil
	})
	return got
}

var errOther = errors.New("the output is another one")

// reads reports whether the command changes nothing, so that it may be repeated.
func (s *step) reads() bool {
	for _, w := range s.words() {
		switch w {
		case "--describe", "--list", "describe", "list", "--verify", "describe-producers",
			"find-hanging", "list-endpoints", "kafka-get-offsets", "kafka-log-dirs",
			"kafka-broker-api-versions", "kafka-metadata-shell", "kafka-dump-log", "api-versions":
			return true
		}
	}
	return false
}
