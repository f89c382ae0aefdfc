package raftlog

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

// greet sends one hello to a log and returns the verdict.
func greet(l *Log, h hello) error {
	frame, _, closed := l.AcceptPeer("127.0.0.1:1", nil)
	defer closed()
	reply, err := frame(appendHello([]byte{kindHello}, h))
	if err != nil {
		return err
	}
	_, err = readVerdict(reply)
	return err
}

// confirmsAll dials peers that confirm every token and refuse all else.
func confirmsAll(context.Context, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		_ = serveFrames(theirs, func(body []byte) ([]byte, error) {
			if body[0] != kindConfirm {
				return refusal(errors.New("no")), nil
			}
			return []byte{verdictOK}, nil
		})
	}()
	return ours, nil
}

func TestHandshakeRefusals(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, func(c *Config) {
		c.Dial = confirmsAll
		c.VoterDirectory = func(node int32) [16]byte { return [16]byte{byte(node)} }
	})
	n := cl.nodes[0]
	n.start()
	good := hello{
		cluster: "test-cluster", node: 2, to: 0, dir: [16]byte{2},
		incarnation: [16]byte{1}, voters: []int32{0, 1, 2},
	}
	if err := greet(n.log, good); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(h *hello){
		"belongs to cluster":        func(h *hello) { h.cluster = "other" },
		"meant to reach node 1":     func(h *hello) { h.to = 1 },
		"uses node id 0 too":        func(h *hello) { h.node = 0 },
		"not a member":              func(h *hello) { h.node = 9 },
		"was replaced":              func(h *hello) { h.dir[0] = 0xff },
		"formatted with the voters": func(h *hello) { h.founding, h.voters = true, []int32{0, 2} },
	} {
		h := good
		change(&h)
		if err := greet(n.log, h); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want something that says %q", err, says)
		}
	}
	frame, _, _ := n.log.AcceptPeer("127.0.0.1:1", nil)
	if _, err := frame([]byte{kindMessages}); err == nil {
		t.Error("messages before a hello")
	}
	frame, _, _ = n.log.AcceptPeer("127.0.0.1:1", nil)
	if _, err := frame(nil); err == nil {
		t.Error("an empty frame")
	}
	if _, err := frame(appendHello([]byte{kindHello}, hello{cluster: "other", node: 2})); err != nil {
		t.Fatal(err)
	}
	if _, err := frame(appendHello([]byte{kindHello}, good)); err == nil {
		t.Error("a second hello after a refusal")
	}
}

// TestStrangerIsNotHeard: a connection that claims to be a member's is accepted only if that
// member, asked at its address, confirms it. Claims of a stranger leave no trace.
func TestStrangerIsNotHeard(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, nil)
	cl.start()
	end := cl.write("before")
	leader := cl.leader()
	other := cl.nodes[(leader.id+1)%3]
	other.await(end)
	leader.log.mu.Lock()
	known := leader.log.core.memory.known[raftID(other.id)]
	leader.log.mu.Unlock()
	h := hello{
		cluster: "test-cluster", node: other.id, to: leader.id, dir: other.cfg.DirectoryID,
		incarnation: known.incarnation,
		boot:        known.boot, end: logEnd{1, 1, 1 << 40}, voters: []int32{0, 1, 2},
		info: []byte("here I am"),
	}
	err := greet(leader.log, h)
	if err == nil || !strings.Contains(err.Error(), "is not connecting to node") {
		t.Errorf("an introduction that the member does not confirm: %v", err)
	}
	other.kill()
	if err := greet(leader.log, h); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("an introduction of a member that is not there: %v", err)
	}
	for _, p := range leader.log.Peers() {
		if string(p.Info) == "here I am" {
			t.Error("the stranger's word counts as the member's")
		}
	}
	leader.log.mu.Lock()
	defer leader.log.mu.Unlock()
	if got := leader.log.core.memory.known[raftID(other.id)]; got.acked.lastIndex >= 1<<40 {
		t.Errorf("the stranger's word is remembered: %+v", got)
	}
}

// TestConfirmIsForTheNodeThatIsDialled: a token opens no other door.
func TestConfirmIsForTheNodeThatIsDialled(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, nil)
	cl.nodes[0].start()
	l := cl.nodes[0].log
	token := newToken()
	done := l.peers.attempt(token, 1)
	for name, c := range map[string]struct {
		ask  confirm
		good bool
	}{
		"the node":          {confirm{"test-cluster", 1, 0, token}, true},
		"another node":      {confirm{"test-cluster", 2, 0, token}, false},
		"another token":     {confirm{"test-cluster", 1, 0, newToken()}, false},
		"another cluster":   {confirm{"other", 1, 0, token}, false},
		"meant for another": {confirm{"test-cluster", 1, 2, token}, false},
	} {
		frame, _, _ := l.AcceptPeer("127.0.0.1:1", nil)
		reply, err := frame(appendConfirm([]byte{kindConfirm}, c.ask))
		if _, verdict := readVerdict(reply); err != nil || (verdict == nil) != c.good {
			t.Errorf("%s: %v, %v", name, verdict, err)
		}
		if _, err := frame([]byte{kindPing}); err == nil {
			t.Errorf("%s: a second frame", name)
		}
	}
	done()
	if l.peers.isAttempt(token, 1) {
		t.Error("the token outlives the handshake")
	}
}

// TestWhoMayBeAPeer: a connection that may not act as a peer gets nothing but the reason, whatever
// it asks, and one that no longer may is closed.
func TestWhoMayBeAPeer(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, func(c *Config) { c.Dial = confirmsAll })
	cl.nodes[0].start()
	l := cl.nodes[0].log
	good := hello{
		cluster: "test-cluster", node: 2, to: 0, dir: [16]byte{2},
		incarnation: [16]byte{1}, voters: []int32{0, 1, 2},
	}
	var refused error
	may := func() error { return refused }
	question := confirm{cluster: "test-cluster", node: 1, to: 0, token: newToken()}
	defer l.peers.attempt(question.token, 1)()
	refused = errors.New("not you")
	for name, body := range map[string][]byte{
		"a hello":    appendHello([]byte{kindHello}, good),
		"a question": appendConfirm([]byte{kindConfirm}, question),
		"nonsense":   appendHello([]byte{kindHello}, hello{cluster: "other"})[:9],
	} {
		frame, confirmed, closed := l.AcceptPeer("127.0.0.1:1", may)
		reply, err := frame(body)
		if err != nil || string(reply) != string([]byte{verdictRefused})+"not you" || confirmed() {
			t.Errorf("%s: %q, %v", name, reply, err)
		}
		if _, err := frame(body); err == nil {
			t.Errorf("%s: a second frame", name)
		}
		closed()
	}
	refused = nil
	frame, confirmed, closed := l.AcceptPeer("127.0.0.1:1", may)
	defer closed()
	if _, err := frame(appendHello([]byte{kindHello}, good)); err != nil || !confirmed() {
		t.Fatalf("one that may: %v", err)
	}
	ping := l.appendPing([]byte{kindPing})
	if _, err := frame(ping); err != nil {
		t.Errorf("a ping: %v", err)
	}
	refused = errors.New("no longer")
	if _, err := frame(ping); err == nil || !strings.Contains(err.Error(), "no longer") {
		t.Errorf("a ping of one that no longer may: %v", err)
	}
	for _, kind := range []byte{kindMessages, kindRead, kindOpen, kindPull, kindPush, kindFailed} {
		quiet := &inbound{l: l, remote: "127.0.0.1:1", may: may, peer: &good}
		if _, err := quiet.frame([]byte{kind}); err == nil ||
			!strings.Contains(err.Error(), "no longer") {
			t.Errorf("kind %d of one that no longer may: %v", kind, err)
		}
	}
}
