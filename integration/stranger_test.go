package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

const (
	strangerRandom = 1000
	strangerSeed   = 12
	frameMax       = 10 * time.Second // until a frame is answered or its connection closed
)

// A stranger that speaks the peers' protocol, knows the cluster id and all node and directory ids, and says that it is a
// voter, changes nothing: no node exits, the leader stays in its epoch, nothing is committed, the record of the voters stays.
func TestYAKtStranger(t *testing.T) {
	t.Parallel()
	properties := quorumProperties()
	properties["metadata.max.idle.interval.ms"] = "0" // nothing is committed but what somebody writes
	properties["controller.quorum.election.timeout.ms"] = "2000"
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{Properties: properties})
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	createMany(t, creator, 20)
	requireAllReady(t, q)
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	before := quorumState(t, q, leader.ID)
	answered := map[string]int{}
	all := chosenFrames(t, q, before)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		answered[all[name].send(t, q)]++
		if err := standing(t, q, before); err != nil {
			t.Fatalf("after %q: %v", name, err)
		}
	}
	kafka.Note(t, "%d chosen frames: %v", len(all), answered)
	answered = sendRandom(t, q, before)
	if err := standing(t, q, before); err != nil {
		t.Fatalf("after %d random frames: %v", strangerRandom, err)
	}
	kafka.Note(t, "%d random frames: %v", strangerRandom, answered)
	create(t, creator)
	creator.RequireCreated(t, q.Nodes()...)
}

// sendRandom sends random frames to all nodes, from several connections at a time.
func sendRandom(t *testing.T, q *kafka.Controllers, s quorumFacts) map[string]int {
	answered := map[string]int{}
	random := rand.New(rand.NewPCG(strangerSeed, 0))
	frames := make(chan strangerFrame)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 8 {
		wg.Go(func() {
			for f := range frames {
				how := f.send(t, q)
				mu.Lock()
				answered[how]++
				mu.Unlock()
			}
		})
	}
	for range strangerRandom {
		frames <- randomFrame(random, q, s)
	}
	close(frames)
	wg.Wait()
	return answered
}

// quorumFacts is what a stranger must not change, and what it knows.
type quorumFacts struct {
	leader, epoch int32
	high          int64
	voters        []string // ids, directory ids and endpoints
	last, term    uint64   // a guess at the raft log's end
}

func quorumState(t *testing.T, q *kafka.Controllers, leader int32) quorumFacts {
	t.Helper()
	f, err := describe(t, q, leader)
	if err != nil {
		t.Fatal(err)
	}
	f.last, f.term = uint64(f.high), uint64(f.epoch)
	return f
}

// describe asks a leader for its quorum, with the voters' endpoints.
func describe(t *testing.T, q *kafka.Controllers, leader int32) (f quorumFacts, err error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, topic)
	kresp, err := kafka.Ask(t.Context(), q.Endpoint(leader), req)
	if err != nil {
		return f, err
	}
	resp := kresp.(*kmsg.DescribeQuorumResponse)
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 {
		return f, fmt.Errorf("answered error %d", resp.ErrorCode)
	}
	p := resp.Topics[0].Partitions[0]
	for _, v := range p.CurrentVoters {
		f.voters = append(f.voters, fmt.Sprintf("%d %x", v.ReplicaID, v.ReplicaDirectoryID))
	}
	for _, n := range resp.Nodes {
		f.voters = append(f.voters, fmt.Sprintf("%d %+v", n.NodeID, n.Listeners))
	}
	slices.Sort(f.voters)
	f.leader, f.epoch, f.high = p.LeaderID, p.LeaderEpoch, p.HighWatermark
	return f, nil
}

// standing is nil when the quorum is as it was.
func standing(t *testing.T, q *kafka.Controllers, was quorumFacts) error {
	for _, id := range q.Nodes() {
		if code, ended := q.Node(id).ExitCode(); ended {
			return fmt.Errorf("node %d ended with exit code %d: %s", id, code, q.Node(id).LogTail(1))
		}
	}
	is, err := describe(t, q, was.leader)
	if err != nil {
		return err
	}
	if is.leader != was.leader || is.epoch != was.epoch || is.high != was.high || !slices.Equal(is.voters, was.voters) {
		return fmt.Errorf("the quorum is %+v, and was %+v", is, was)
	}
	return nil
}

// strangerFrame is what a stranger says to a node: who it is, and a frame behind its hello.
type strangerFrame struct {
	as, to int32
	alter  func(*strangerHello) // of the hello; may be nil
	body   []byte               // nil: the hello is all
}

// send says hello and the frame, and waits until the node has answered or closed the connection.
func (f strangerFrame) send(t testing.TB, q *kafka.Controllers) (how string) {
	nc, err := net.DialTimeout("tcp", q.Endpoint(f.to), frameMax)
	if err != nil {
		return "not connected"
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(frameMax))
	h := newStrangerHello(t, q, f.as, f.to)
	if f.alter != nil {
		f.alter(&h)
	}
	if _, err := nc.Write(strangerRequest(h.encode())); err != nil {
		return "hello not taken"
	}
	switch verdict, err := strangerReply(nc); {
	case err != nil || len(verdict) == 0:
		return "hello not answered"
	case verdict[0] != 0:
		return "hello refused"
	case f.body == nil:
		return "hello taken"
	}
	// A ping behind the frame is answered once the frame has been taken.
	_, err = nc.Write(append(strangerRequest(f.body), strangerRequest([]byte{strangerPing})...))
	if err == nil {
		_, err = strangerReply(nc)
	}
	if err != nil {
		return "connection closed"
	}
	return "frame taken"
}

// Peers' frames, as raftlog/frame.go has them.
const (
	strangerKey      = 32000
	strangerProtocol = 2

	strangerHelloKind = 1
	strangerMessages  = 2
	strangerPing      = 3
	strangerRead      = 4
	strangerFailed    = 5
	strangerConfirm   = 6
)

// strangerHello introduces a node with all that a stranger can know, or make up.
type strangerHello struct {
	protocol    uint16
	cluster     string
	node, to    int32
	dir         [16]byte
	incarnation [16]byte
	token       [16]byte
	boots, salt uint32
	founding    bool
	end         [3]uint64 // term, last entry's term and index
	voters      []int32
	info        []byte
}

func newStrangerHello(t testing.TB, q *kafka.Controllers, as, to int32) strangerHello {
	h := strangerHello{protocol: strangerProtocol, cluster: q.ClusterID(), node: as, to: to, dir: directoryID(t, q, as),
		boots: 9, end: [3]uint64{1 << 20, 1 << 20, 1 << 40}, voters: q.Nodes()}
	return h
}

var directoryLine = regexp.MustCompile(`(?m)^directory\.id=(.*)$`)

func directoryID(t testing.TB, q *kafka.Controllers, id int32) (dir [16]byte) {
	meta, err := os.ReadFile(filepath.Join(q.Dir(id), "meta.properties"))
	if err != nil {
		t.Error(err)
		return dir
	}
	if found := directoryLine.FindSubmatch(meta); found != nil {
		b, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimSpace(found[1])))
		if err != nil {
			t.Error(err)
		}
		copy(dir[:], b)
	}
	return dir
}

func (h strangerHello) encode() []byte {
	be := binary.BigEndian
	b := be.AppendUint16([]byte{strangerHelloKind}, h.protocol)
	b = append(be.AppendUint16(b, uint16(len(h.cluster))), h.cluster...)
	b = be.AppendUint32(be.AppendUint32(b, uint32(h.node)), uint32(h.to))
	b = append(b, h.dir[:]...)
	if h.protocol >= 2 {
		b = append(append(b, h.incarnation[:]...), h.token[:]...)
		b = be.AppendUint32(be.AppendUint32(b, h.boots), h.salt)
		b = append(b, map[bool]byte{true: 1}[h.founding])
		for _, v := range h.end {
			b = be.AppendUint64(b, v)
		}
		b = be.AppendUint16(b, uint16(len(h.voters)))
		for _, v := range h.voters {
			b = be.AppendUint32(b, uint32(v))
		}
	}
	return append(be.AppendUint32(b, uint32(len(h.info))), h.info...)
}

// strangerRequest frames a body with the header that peers use: version 0, no client id.
func strangerRequest(body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(10+len(body)))
	b = binary.BigEndian.AppendUint16(b, strangerKey)
	return append(append(b, 0, 0, 0, 0, 0, 1, 0xff, 0xff), body...)
}

func strangerReply(r io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(head[:])) - 4
	if n < 0 || n > 1<<20 {
		return nil, errors.New("a reply of that length")
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

func raftID(node int32) uint64 { return uint64(uint32(node)) + 1 }

// message is a raft message that others are derived from.
func message(typ raftpb.MessageType, from, to int32, term uint64) *raftpb.Message {
	return &raftpb.Message{Type: new(typ), From: new(raftID(from)), To: new(raftID(to)), Term: new(term)}
}

func messagesBody(ms ...*raftpb.Message) []byte {
	b := []byte{strangerMessages}
	for _, m := range ms {
		data, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
	}
	return b
}

// chosenFrames are what would do the most harm, each to a follower as the leader, or to the leader as a follower.
func chosenFrames(t *testing.T, q *kafka.Controllers, s quorumFacts) map[string]strangerFrame {
	t.Helper()
	leader := s.leader
	follower := slices.DeleteFunc(q.Nodes(), func(id int32) bool { return id == leader })[0]
	frames := map[string]strangerFrame{}
	down := func(name string, m *raftpb.Message) {
		frames[name] = strangerFrame{as: leader, to: follower, body: messagesBody(m)}
	}
	up := func(name string, m *raftpb.Message) {
		frames[name] = strangerFrame{as: follower, to: leader, body: messagesBody(m)}
	}
	for _, commit := range []uint64{s.last + 1, s.last + 1000, 1 << 40, 1<<63 - 1, 1<<64 - 1} {
		m := message(raftpb.MsgHeartbeat, leader, follower, s.term)
		m.Commit = new(commit)
		down(fmt.Sprintf("heartbeat of commit %d", commit), m)
	}
	for _, term := range []uint64{s.term + 1, s.term + 1000, 1<<31 - 2, 1<<31 - 1, 1 << 31, 1<<64 - 1} {
		down(fmt.Sprintf("heartbeat of term %d", term), message(raftpb.MsgHeartbeat, leader, follower, term))
		up(fmt.Sprintf("vote asked in term %d", term), voteOf(raftpb.MsgVote, follower, leader, term))
		up(fmt.Sprintf("pre-vote asked in term %d", term), voteOf(raftpb.MsgPreVote, follower, leader, term))
		up(fmt.Sprintf("entry refused in term %d", term), message(raftpb.MsgAppResp, follower, leader, term))
	}
	for _, index := range []uint64{s.last, s.last + 1, 1 << 40, 1<<64 - 1} {
		m := message(raftpb.MsgAppResp, follower, leader, s.term)
		m.Index = new(index)
		up(fmt.Sprintf("acknowledgement of entry %d", index), m)
		m = message(raftpb.MsgAppResp, follower, leader, s.term)
		m.Index, m.Reject, m.RejectHint = new(index), new(true), new(index)
		up(fmt.Sprintf("refusal of entry %d", index), m)
	}
	for back := range uint64(3) { // the log's end in raft's own count is not known to a stranger: it tries
		down(fmt.Sprintf("append behind entry %d", s.last-10*back), forgedAppend(t, leader, follower, s, s.last-10*back, s.term))
	}
	down("append in a new term", forgedAppend(t, leader, follower, s, s.last, s.term+1))
	down("append at the start", forgedAppend(t, leader, follower, s, 0, s.term+1))
	down("snapshot", forgedSnapshot(leader, follower, s))
	down("leadership is handed over", message(raftpb.MsgTimeoutNow, leader, follower, s.term))
	up("vote that nobody asked for", message(raftpb.MsgVoteResp, follower, leader, s.term+1))
	maps.Copy(frames, chosenHellos(t, q, leader, follower))
	return frames
}

// chosenHellos are introductions that lie, and frames of other kinds.
func chosenHellos(t *testing.T, q *kafka.Controllers, leader, follower int32) map[string]strangerFrame {
	t.Helper()
	false1 := func(h *strangerHello) { h.info = falseInfo(t, h.node) }
	return map[string]strangerFrame{
		"other endpoints as the leader":   {as: leader, to: follower, alter: false1},
		"other endpoints as a follower":   {as: follower, to: leader, alter: false1},
		"hello that founds":               {as: follower, to: leader, alter: func(h *strangerHello) { h.founding, h.end = true, [3]uint64{} }},
		"hello of other voters":           {as: follower, to: leader, alter: func(h *strangerHello) { h.voters = []int32{follower} }},
		"hello of an empty log":           {as: follower, to: leader, alter: func(h *strangerHello) { h.end = [3]uint64{} }},
		"hello of another directory":      {as: follower, to: leader, alter: func(h *strangerHello) { h.dir[0] ^= 1 }},
		"hello of a node that is not one": {as: follower, to: leader, alter: func(h *strangerHello) { h.node = 77 }},
		"hello as itself":                 {as: leader, to: leader},
		"snapshot read":                   {as: follower, to: leader, body: append([]byte{strangerRead}, make([]byte, 24)...)},
		"snapshot failed":                 {as: follower, to: leader, body: append([]byte{strangerFailed}, make([]byte, 12)...)},
		"ping of noise":                   {as: follower, to: leader, body: append([]byte{strangerPing}, make([]byte, 500)...)},
		"confirm":                         {as: follower, to: leader, body: append([]byte{strangerConfirm}, make([]byte, 50)...)},
	}
}

func voteOf(typ raftpb.MessageType, from, to int32, term uint64) *raftpb.Message {
	m := message(typ, from, to, term)
	m.Index, m.LogTerm = new(uint64(1<<40)), new(term)
	return m
}

// forgedAppend brings one entry, a topic, and says that it is committed.
func forgedAppend(t testing.TB, from, to int32, s quorumFacts, behind, term uint64) *raftpb.Message {
	t.Helper()
	batch, err := metadata.EncodeData([]record.Record{&record.Topic{Name: "forged", TopicID: record.UUID{9}}}, metadata.LatestVersion, 1)
	if err != nil {
		t.Fatal(err)
	}
	batch.SetPosition(s.high, int32(term))
	m := message(raftpb.MsgApp, from, to, term)
	m.Index, m.LogTerm, m.Commit = new(behind), new(s.term), new(behind+1)
	m.Entries = []*raftpb.Entry{{Term: new(term), Index: new(behind + 1), Data: batch}}
	return m
}

func forgedSnapshot(from, to int32, s quorumFacts) *raftpb.Message {
	m := message(raftpb.MsgSnap, from, to, s.term)
	m.Snapshot = &raftpb.Snapshot{Data: make([]byte, 12), Metadata: &raftpb.SnapshotMetadata{Index: new(uint64(1 << 30)), Term: new(s.term),
		ConfState: &raftpb.ConfState{Voters: []uint64{raftID(to)}}}}
	return m
}

// falseInfo introduces a node with the stranger's endpoints.
func falseInfo(t testing.TB, node int32) []byte {
	t.Helper()
	r := &record.RegisterController{ControllerID: node, IncarnationID: record.UUID{1}, Features: metadata.SupportedFeatures(false),
		Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "127.0.0.1", Port: 1}, {Name: "HTTP", Host: "127.0.0.1", Port: 1}}}
	info, err := record.Append(nil, r, 0)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// randomFrame is noise, a cut frame or a raft message of random fields, which are near what is right as often as not.
func randomFrame(r *rand.Rand, q *kafka.Controllers, s quorumFacts) strangerFrame {
	nodes := q.Nodes()
	to := r.IntN(len(nodes))
	f := strangerFrame{as: nodes[(to+1+r.IntN(2))%3], to: nodes[to]}
	switch r.IntN(4) {
	case 0:
		f.body = append([]byte{byte(r.IntN(8))}, noise(r, r.IntN(200))...)
	case 1:
		whole := messagesBody(randomMessage(r, f, s))
		f.body = whole[:1+r.IntN(len(whole)-1)]
	default:
		f.body = messagesBody(randomMessage(r, f, s))
	}
	return f
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomMessage(r *rand.Rand, f strangerFrame, s quorumFacts) *raftpb.Message {
	near := func(v uint64) *uint64 {
		switch r.IntN(4) {
		case 0:
			return new(r.Uint64())
		case 1:
			return nil
		}
		return new(v + uint64(r.IntN(5)) - 2)
	}
	m := message(raftpb.MessageType(r.IntN(24)), f.as, f.to, s.term+uint64(r.IntN(3)))
	m.Index, m.LogTerm, m.Commit, m.RejectHint = near(s.last), near(s.term), near(s.last), near(s.last)
	m.Reject = new(r.IntN(2) == 0)
	for i := range r.IntN(3) {
		m.Entries = append(m.Entries, &raftpb.Entry{Term: near(s.term), Index: new(m.GetIndex() + 1 + uint64(i)), Data: noise(r, r.IntN(100))})
	}
	return m
}
