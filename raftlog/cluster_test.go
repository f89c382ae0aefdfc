package raftlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// testNode is one Log behind a minimal Kafka-frame acceptor on loopback.
type testNode struct {
	t    testing.TB
	id   int32
	cfg  Config
	log  *Log
	app  *appState
	addr string

	wrap     func(disk) disk // nil, or wraps the disk of the log
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]bool
	served   sync.WaitGroup
}

type testCluster struct {
	t     testing.TB
	nodes []*testNode
}

func testLogger(t testing.TB) *slog.Logger {
	level := slog.LevelWarn
	if os.Getenv("RAFTLOG_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
}

// newCluster makes n nodes with ids from 0 on; none is started.
func newCluster(t testing.TB, n int, change func(c *Config)) *testCluster {
	cl := &testCluster{t: t}
	voters := make([]int32, n)
	for i := range voters {
		voters[i] = int32(i)
	}
	for i := range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		node := &testNode{
			t: t, id: int32(i), listener: l, addr: l.Addr().String(),
			conns: map[net.Conn]bool{},
		}
		node.cfg = Config{
			Dir: t.TempDir(), ClusterID: "test-cluster", NodeID: int32(i),
			DirectoryID: [16]byte{15: byte(i + 1)}, Info: []byte{byte(i)},
			Voters: voters, Addr: func(id int32) []string { return []string{cl.nodes[id].addr} },
			Tick: 10 * time.Millisecond, ElectionTicks: 50, HeartbeatTicks: 5,
			SegmentBytes: 256 << 10, Logger: testLogger(t).With("on", i),
		}
		if n == 1 {
			// it asks for its one vote at once; a slow disk must not make it ask again
			node.cfg.ElectionTicks = 3000
		}
		if change != nil {
			change(&node.cfg)
		}
		cl.nodes = append(cl.nodes, node)
	}
	t.Cleanup(func() {
		for _, node := range cl.nodes {
			node.kill()
		}
	})
	return cl
}

func (cl *testCluster) start() {
	for _, n := range cl.nodes {
		n.start()
	}
}

// start opens the log and serves its listener.
func (n *testNode) start() {
	n.t.Helper()
	n.app = newAppState()
	log, err := openWith(n.cfg, n.app, n.wrap)
	if err != nil {
		n.t.Fatal(err)
	}
	if n.listener == nil {
		if n.listener, err = net.Listen("tcp", n.addr); err != nil {
			n.t.Fatal(err)
		}
	}
	n.log = log
	n.served.Add(1)
	go n.accept(n.listener, log)
	log.Start()
}

// openWith is Open with something between the log and its disk.
func openWith(cfg Config, app App, wrap func(disk) disk) (*Log, error) {
	if wrap == nil {
		return Open(cfg, app)
	}
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	snaps, st, d, err := openDisk(cfg)
	if err != nil {
		return nil, err
	}
	return newLog(cfg, app, snaps, st, wrap(d))
}

func (n *testNode) accept(l net.Listener, log *Log) {
	defer n.served.Done()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		n.conns[conn] = true
		n.mu.Unlock()
		n.served.Add(1)
		go func() {
			defer n.served.Done()
			frame, _, closed := log.AcceptPeer(conn.RemoteAddr().String(), nil)
			_ = serveFrames(conn, frame)
			_ = conn.Close()
			closed()
			n.mu.Lock()
			delete(n.conns, conn)
			n.mu.Unlock()
		}()
	}
}

func serveFrames(conn net.Conn, frame func([]byte) ([]byte, error)) error {
	for {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		request := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(conn, request); err != nil {
			return err
		}
		if key := int16(binary.BigEndian.Uint16(request)); key != PeerAPIKey {
			return fmt.Errorf("key %d", key)
		}
		reply, err := frame(request[requestHeaderLen:])
		if err != nil {
			return err
		}
		if reply == nil {
			continue
		}
		out := binary.BigEndian.AppendUint32(nil, uint32(responseHeaderLen+len(reply)))
		out = append(append(out, request[4:8]...), reply...)
		if _, err := conn.Write(out); err != nil {
			return err
		}
	}
}

// kill imitates the death of the process: all connections and the listener close at once, and
// nothing is handed over. The log's goroutines then end without sending any message.
func (n *testNode) kill() {
	if n.log == nil {
		return
	}
	n.log.stop()
	_ = n.listener.Close()
	n.listener = nil
	n.mu.Lock()
	for conn := range n.conns {
		_ = conn.Close()
	}
	n.mu.Unlock()
	n.served.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.log.Stop(ctx); err != nil {
		n.t.Error(err)
	}
	n.log = nil
}

func (n *testNode) propose(epoch int32, batch []byte) (int64, error) {
	return n.log.Propose(epoch, batch)
}

// leader waits for a node that has claimed leadership, other than those excluded.
func (cl *testCluster) leader() *testNode {
	cl.t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		for _, n := range cl.nodes {
			if n.log != nil && n.log.Status().Leader == n.id {
				return n
			}
		}
		select {
		case <-deadline:
			cl.t.Fatal("no leader in time")
		case <-time.After(time.Millisecond):
		}
	}
}

// write proposes a batch on the leader and waits until the leader's application has it. It returns
// the end offset.
func (cl *testCluster) write(body string) int64 {
	cl.t.Helper()
	for {
		n := cl.leader()
		base, err := n.propose(n.log.Status().Epoch, dataBatch(2, body))
		if err != nil {
			continue
		}
		n.await(base + 2)
		return base + 2
	}
}

func (n *testNode) await(end int64) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := n.app.await(ctx.Done(), func() bool { return n.app.end >= end }); err != nil {
		n.t.Fatalf("node %d waiting for offset %d, has %d: %v", n.id, end, n.app.end, err)
	}
}

func TestSingleNode(t *testing.T) {
	cl := newCluster(t, 1, nil)
	cl.start()
	n := cl.leader()
	if end := cl.write("hello"); end != 5 {
		t.Fatalf("end offset %d, want 3 of the epoch start and 2 written", end)
	}
	if got := n.app.leaders; len(got) == 0 || got[len(got)-1] != (leadership{0, 1, false}) {
		t.Fatalf("leaders reported: %v", got)
	}
	if off, err := n.log.Barrier(t.Context()); err != nil || off != 5 {
		t.Fatalf("barrier %d, %v", off, err)
	}
	n.kill()
	n.start()
	if end := cl.write("again"); end != 8 {
		t.Fatalf("end offset %d after a restart, want 5 before, 1 epoch start and 2 written", end)
	}
	if s := n.log.Status(); s.Epoch != 2 || s.HighWatermark != 8 || s.Role != "leader" {
		t.Fatalf("status %+v", s)
	}
}

func TestThreeNodes(t *testing.T) {
	cl := newCluster(t, 3, nil)
	began := time.Now()
	cl.start()
	first := cl.leader()
	t.Logf("first leader %d after %v", first.id, time.Since(began))
	var end int64
	for i := range 100 {
		end = cl.write(fmt.Sprint("batch ", i))
	}
	for _, n := range cl.nodes {
		n.await(end)
	}
	killed := time.Now()
	first.kill()
	end = cl.write("after the death of the leader")
	t.Logf("writes resumed %v after the leader was killed", time.Since(killed))
	first.start()
	for _, n := range cl.nodes {
		n.await(end)
	}
	second := cl.leader()
	stopped := time.Now()
	if err := second.log.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.kill()
	end = cl.write("after the leader stopped")
	t.Logf("writes resumed %v after the leader began to stop", time.Since(stopped))
	second.start()
	for _, n := range cl.nodes {
		n.await(end)
	}
}

// TestNodeOfAnotherCluster: a node that the others call foreign stops with the reason; the others
// continue.
func TestNodeOfAnotherCluster(t *testing.T) {
	cl := newCluster(t, 3, nil)
	cl.start()
	end := cl.write("founded")
	stranger := cl.nodes[2]
	stranger.kill()
	stranger.cfg.Dir, stranger.cfg.ClusterID = t.TempDir(), "another"
	stranger.start()
	select {
	case err := <-stranger.log.Failed():
		if text := err.Error(); !strings.Contains(text, `2 of 3 voters`) ||
			!strings.Contains(text, `node 2 belongs to cluster "another"`) ||
			!strings.Contains(text, "check cluster.id") {
			t.Errorf("failed with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the foreign node does not stop")
	}
	if next := cl.write("without it"); next <= end {
		t.Errorf("wrote up to %d after %d", next, end)
	}
	for _, n := range cl.nodes[:2] {
		select {
		case err := <-n.log.Failed():
			t.Errorf("node %d: %v", n.id, err)
		default:
		}
	}
}
