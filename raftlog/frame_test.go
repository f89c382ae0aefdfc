package raftlog

import (
	"bytes"
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

func TestHelloRoundTrip(t *testing.T) {
	want := hello{
		cluster: "lkc", node: 3000, to: 3001, dir: [16]byte{1, 15: 2}, incarnation: [16]byte{3},
		token: [tokenLen]byte{4}, boot: boot{5, 6},
		founding: true, end: logEnd{6, 7, 8}, voters: []int32{3000, 3001},
		info: []byte("endpoints"),
	}
	b := appendHello(nil, want)
	got, err := readHello(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := readHello(append(b, "of a later version"...)); err != nil ||
		!reflect.DeepEqual(got, want) {
		t.Errorf("with more fields: %+v, %v", got, err)
	}
	for cut := range b {
		if _, err := readHello(b[:cut]); err == nil {
			t.Errorf("a hello cut to %d bytes passes", cut)
		}
	}
}

func appendMessage(entries ...*raftpb.Entry) *raftpb.Message {
	return &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(uint64(3)),
		Index: new(uint64(7)), LogTerm: new(uint64(2)), Entries: entries,
	}
}

func entryOf(index, term uint64, data []byte) *raftpb.Entry {
	return &raftpb.Entry{Index: new(index), Term: new(term), Data: data}
}

func TestMessagesRoundTrip(t *testing.T) {
	big := dataBatch(1, strings.Repeat("x", frameBytes))
	queue := []*raftpb.Message{
		appendMessage(entryOf(8, 2, dataBatch(2, "a")), entryOf(9, 3, nil)),
		{
			Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(1)), To: new(raftID(0)),
			Term: new(uint64(3)),
		},
		appendMessage(entryOf(8, 2, big)),
		appendMessage(),
	}
	var got []*raftpb.Message
	frames := 0
	for left := queue; len(left) > 0; frames++ {
		body, n, err := frameMessages(nil, left)
		if err != nil || n == 0 || body[0] != kindMessages {
			t.Fatal(n, err)
		}
		ms, err := readMessages(body[1:], raftID(1), raftID(0))
		if err != nil || len(ms) != n {
			t.Fatal(len(ms), err)
		}
		got, left = append(got, ms...), left[n:]
	}
	if frames != 3 {
		t.Errorf("%d frames, want 3: two small messages, the large one, the last", frames)
	}
	for i := range queue {
		if !proto.Equal(queue[i], got[i]) {
			t.Errorf("message %d: %v, want %v", i, got[i], queue[i])
		}
	}
}

func TestMessagesRefused(t *testing.T) {
	flipped := dataBatch(1, "a")
	flipped[len(flipped)-1] ^= 1
	for name, m := range map[string]*raftpb.Message{
		"another sender": {
			Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(2)), To: new(raftID(0)), Term: new(uint64(3)),
		},
		"another receiver": {
			Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(1)), To: new(raftID(2)), Term: new(uint64(3)),
		},
		"no term": {
			Type: raftpb.MsgHeartbeat.Enum(), From: new(raftID(1)), To: new(raftID(0)),
		},
		"a local message": {
			Type: raftpb.MsgHup.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(uint64(3)),
		},
		"a proposal": {
			Type: raftpb.MsgProp.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(uint64(3)),
		},
		"forgetting": {
			Type: raftpb.MsgForgetLeader.Enum(), From: new(raftID(1)), To: new(raftID(0)),
			Term: new(uint64(3)),
		},
		"damage on the way": appendMessage(entryOf(8, 2, flipped)),
		"no batch":          appendMessage(entryOf(8, 2, []byte("x"))),
		"a gap":             appendMessage(entryOf(9, 2, nil)),
		"a term too high":   appendMessage(entryOf(8, 4, nil)),
		"a term too low":    appendMessage(entryOf(8, 1, nil)),
		"a snapshot of none": {
			Type: raftpb.MsgSnap.Enum(), From: new(raftID(1)), To: new(raftID(0)), Term: new(uint64(3)),
		},
	} {
		body, _, err := frameMessages(nil, []*raftpb.Message{m})
		if err != nil {
			t.Fatal(err)
		}
		if ms, err := readMessages(body[1:], raftID(1), raftID(0)); err == nil {
			t.Errorf("%s: taken as %v", name, ms)
		}
	}
}

func FuzzReadHello(f *testing.F) {
	f.Add(appendHello(nil, hello{cluster: "lkc", node: 1, to: 2, info: []byte("x")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := readHello(b); err == nil {
			if again, err := readHello(appendHello(nil, h)); err != nil ||
				!reflect.DeepEqual(again, h) {
				t.Errorf("%+v became %+v, %v", h, again, err)
			}
		}
	})
}

func FuzzReadMessages(f *testing.F) {
	body, _, _ := frameMessages(
		nil, []*raftpb.Message{appendMessage(entryOf(8, 2, dataBatch(2, "a"))), appendMessage()},
	)
	f.Add(body[1:])
	f.Fuzz(func(t *testing.T, b []byte) {
		ms, err := readMessages(b, raftID(1), raftID(0))
		if err != nil {
			return
		}
		// No accepted frame may stop a node whose log is empty.
		c := loneCore(t, 2, 1000)
		c.step(ms...)
		// it may have failed (raft panics at a commit index beyond the log), but in order
		c.takeOutputs()
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte{0, 0, 0, 6, 0, 0, 0, 1, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, body, err := readReply(bytes.NewReader(b), 100); err == nil && len(body) > 100 {
			t.Errorf("a reply of %d bytes", len(body))
		}
	})
}

func FuzzVerifyCheckpoint(f *testing.F) {
	f.Add(checkpointOf([][]byte{batchAt(0, 1, 3)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := verifyCheckpointBytes(bytes.NewReader(b)); err == nil && n < 2 {
			t.Errorf("%d batches pass", n)
		}
	})
}

// TestPeersSayWhyTheyAreNotConnected has one peer refuse, one with a name that does not resolve.
func TestPeersSayWhyTheyAreNotConnected(t *testing.T) {
	cl := newCluster(t, 3, func(c *Config) {
		if c.NodeID == 0 {
			c.Addr = func(node int32) []string {
				return []string{[]string{"", "refuses", "unknown.invalid"}[node]}
			}
			c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
				if addr == "unknown.invalid" {
					return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
				}
				ours, theirs := net.Pipe()
				go func() {
					defer theirs.Close()
					_ = serveFrames(
						theirs,
						func([]byte) ([]byte, error) { return refusal(errors.New("node 0 is not wanted")), nil },
					)
				}()
				return ours, nil
			}
		}
	})
	n := cl.nodes[0]
	n.start()
	deadline := time.After(10 * time.Second)
	for {
		peers := n.log.Peers()
		if len(peers) == 2 && strings.Contains(peers[0].LastError, "node 0 is not wanted") &&
			strings.Contains(peers[1].LastError, "no such host") {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("peers: %+v", peers)
		case <-time.After(time.Millisecond):
		}
	}
}
