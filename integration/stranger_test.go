package integration

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/integration/kafka"
)

// The peers' protocol as a stranger implements it (raftlog/frame.go).
const (
	peerKey      = 32000
	peerVersion  = 2
	helloKind    = 1
	messagesKind = 2
	pingKind     = 3
	readKind     = 4
	failedKind   = 5
	confirmKind  = 6

	randomFrames = 1000
	hashBytes    = 16
)

// stranger claims to be one member of a quorum, to another member, with everything that can be
// known about it.
type stranger struct {
	cluster          string
	node, to         int32
	dir, incarnation [16]byte
	voters           []int32
}

func (s stranger) hello(change func(h *helloFields)) []byte {
	h := helloFields{starts: 1, salt: 7, end: [3]uint64{1, 1, 10}, info: []byte("here")}
	if change != nil {
		change(&h)
	}
	b := binary.BigEndian.AppendUint16([]byte{helloKind}, peerVersion)
	b = s.names(b)
	b = append(append(append(b, s.dir[:]...), s.incarnation[:]...), make([]byte, 16)...)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, h.starts), h.salt)
	b = append(b, h.founding)
	for _, n := range h.end {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.voters)))
	for _, v := range s.voters {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.info)))
	return append(b, h.info...)
}

// helloFields are the fields that the stranger can invent.
type helloFields struct {
	starts, salt uint32
	founding     byte
	end          [3]uint64 // term, then term and index of the last entry
	info         []byte
}

func (s stranger) names(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.cluster)))
	b = append(b, s.cluster...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.node))
	return binary.BigEndian.AppendUint32(b, uint32(s.to))
}

// message is a frame with one raft message from the claimed member.
func (s stranger) message(m *raftpb.Message) []byte {
	m.From, m.To = new(uint64(s.node)+1), new(uint64(s.to)+1)
	body, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{messagesKind}, uint32(len(body))), body...)
}

// chosen are fifty frames, each of which would harm a node that accepted it.
func (s stranger) chosen(epoch uint64) [][]byte {
	hash := make([]byte, hashBytes)
	var frames [][]byte
	for _, term := range []uint64{epoch, epoch + 1, epoch + 1000, 1<<31 - 2, 1<<31 - 1, 1 << 31,
		1 << 62} {
		for _, m := range []*raftpb.Message{
			{Type: raftpb.MsgHeartbeat.Enum(), Commit: new(uint64(1 << 40)), Context: hash},
			{Type: raftpb.MsgApp.Enum(), Index: new(uint64(2)), LogTerm: new(uint64(1)),
				Commit: new(uint64(3)), Context: hash,
				Entries: []*raftpb.Entry{{Index: new(uint64(3)), Term: new(term)}}},
			{Type: raftpb.MsgVote.Enum(), Index: new(uint64(1 << 40)), LogTerm: new(term),
				Context: []byte("CampaignTransfer")},
			{Type: raftpb.MsgPreVote.Enum(), Index: new(uint64(1 << 40)), LogTerm: new(term)},
			{Type: raftpb.MsgAppResp.Enum(), Index: new(uint64(1 << 40))},
			{Type: raftpb.MsgTimeoutNow.Enum()},
		} {
			m.Term = new(term)
			frames = append(frames, s.message(m))
		}
	}
	memory := append([]byte{pingKind, 0, 0, 1}, make([]byte, 96)...)
	binary.BigEndian.PutUint64(memory[4:], uint64(s.to)+1)
	return append(frames, memory, []byte{pingKind}, []byte{failedKind}, []byte{messagesKind}, nil,
		append([]byte{readKind}, make([]byte, 24)...),
		append(s.names([]byte{confirmKind}), make([]byte, 16)...),
		append([]byte{messagesKind}, 0x7f, 0xff, 0xff, 0xff))
}

// frame puts a body into Kafka's framing.
func frame(body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(10+len(body)))
	b = binary.BigEndian.AppendUint16(b, peerKey)
	b = append(b, 0, 0, 0, 0, 0, 1, 0xff, 0xff)
	return append(b, body...)
}

// say sends frames on a new connection and returns the answers until the connection is closed or
// silent.
func say(t *testing.T, addr string, bodies ...[]byte) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond))
	for _, body := range bodies {
		if _, err := c.Write(frame(body)); err != nil {
			return nil // closed after the last frame
		}
	}
	answer, _ := io.ReadAll(c)
	return answer
}

var startedIncarnation = regexp.MustCompile(`(?m)^incarnation=([0-9a-f]{32})$`)

// strangers claim, to every member, to be every other member.
func strangers(t *testing.T, q *kafka.Controllers) (all []stranger) {
	for _, node := range q.Nodes() {
		text, err := os.ReadFile(filepath.Join(q.Dir(node), "yakt.started"))
		found := startedIncarnation.FindSubmatch(text)
		if err != nil || found == nil {
			t.Fatalf("no incarnation in %q: %v", text, err)
		}
		s := stranger{cluster: q.ClusterID(), node: node, voters: q.Nodes(),
			dir: directoryID(t, q, node)}
		_, _ = hex.Decode(s.incarnation[:], found[1])
		for _, to := range q.Nodes() {
			if s.to = to; to != node {
				all = append(all, s)
			}
		}
	}
	return all
}

func directoryID(t *testing.T, q *kafka.Controllers, node int32) [16]byte {
	text, err := os.ReadFile(filepath.Join(q.Dir(node), "meta.properties"))
	found := regexp.MustCompile(`(?m)^directory\.id=(\S+)$`).FindSubmatch(text)
	if err != nil || found == nil {
		t.Fatalf("no directory.id in %q: %v", text, err)
	}
	id, err := base64.RawURLEncoding.DecodeString(string(found[1]))
	if err != nil || len(id) != 16 {
		t.Fatalf("directory.id %q: %v", found[1], err)
	}
	return [16]byte(id)
}

// A stranger that speaks the peers' protocol, knows all their ids and connects from elsewhere has
// no effect: no node exits, the leader keeps leading in its epoch, and nothing is committed.
func TestYAKtStranger(t *testing.T) {
	t.Parallel()
	properties := kafka.LongSessions()
	properties["metadata.max.idle.interval.ms"] = "0" // so that nothing else is committed
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{Properties: properties})
	kafka.FakeBrokers(t, q, 1)
	creator := kafka.NewCreator(t, q, 1)
	for range 10 {
		create(t, creator)
	}
	before := kafka.WaitLeader(t, q, kafka.Patience)
	rng := rand.New(rand.NewPCG(1, 2))
	sent := 0
	for i, s := range strangers(t, q) {
		chosen := s.chosen(uint64(before.Epoch))
		hellos := [][]byte{
			s.hello(nil), s.hello(func(h *helloFields) { h.founding, h.end = 1, [3]uint64{} }),
			s.hello(func(h *helloFields) {
				h.starts, h.end = 1<<31, [3]uint64{1 << 40, 1 << 40, 1 << 60}
			}),
		}
		// Well-formed, and correct in everything that can be known: only its origin is wrong.
		if answer := say(t, q.Endpoint(s.to), hellos[0]); !bytes.Contains(answer,
			[]byte("is not connecting to node")) {
			t.Errorf("node %d answers a stranger that claims to be node %d: %q", s.to, s.node,
				answer)
		}
		for j, f := range chosen {
			// every frame goes to some member, and after every hello
			if (j+i)%6 == 0 || f == nil || f[0] != messagesKind {
				say(t, q.Endpoint(s.to), hellos[j%len(hellos)], f)
				sent++
			}
		}
		for range randomFrames / 6 {
			f := append([]byte(nil), chosen[rng.IntN(len(chosen))]...)
			for n := rng.IntN(4); len(f) > 0 && n >= 0; n-- {
				f[rng.IntN(len(f))] = byte(rng.Uint32())
			}
			if rng.IntN(3) == 0 {
				f = binary.BigEndian.AppendUint64([]byte{byte(rng.IntN(8))}, rng.Uint64())
			}
			say(t, q.Endpoint(s.to), append([]byte(nil), hellos[rng.IntN(len(hellos))]...), f)
			sent++
		}
	}
	after := kafka.WaitLeader(t, q, kafka.Patience)
	if after.ID != before.ID || after.Epoch != before.Epoch ||
		after.HighWatermark != before.HighWatermark {
		t.Errorf("leader %d, epoch %d, high watermark %d after %d, %d, %d", after.ID, after.Epoch,
			after.HighWatermark,
			before.ID, before.Epoch, before.HighWatermark)
	}
	for _, id := range q.Nodes() {
		kafka.RequireRunning(t, q, id)
	}
	create(t, creator)
	creator.RequireCreated(t, q.Nodes()...)
	kafka.Logf(t, "%d frames", sent)
}
