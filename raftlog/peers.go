package raftlog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Peer is a member as this node knows it from its handshakes.
type Peer struct {
	NodeID      int32
	DirectoryID [16]byte // zero until its first handshake
	Info        []byte   // its Config.Info; shared, not to be changed
	Connected   bool     // this node's connection to it
	LastError   string   // why there is none, or the last one ended
	RTT         time.Duration
	LastHeard   time.Time // last raft message from it
}

// peers keeps a connection to every other member. Each connection carries messages one way; the
// other member dials its own.
type peers struct {
	l *Log

	mu       sync.Mutex
	members  map[uint64]bool // raft ids, including this node's
	voters   int
	byID     map[uint64]*peer
	caughtUp map[uint64]time.Time // on the leader: when each was last seen to have all entries
	// peers that have said that this node belongs to another cluster
	foreign   map[uint64]bool
	attempts  map[[tokenLen]byte]int32 // current attempts to connect, by token, and whom they dial
	refusals  map[int32]string         // why a node was refused last
	callbacks map[int32]int            // callbacks in progress, by the member that is asked
	stopped   bool

	pulling *raftpb.Message // the snapshot offer being followed
	offered *raftpb.Message // a newer one that has to wait
}

func newPeers(l *Log) *peers {
	return &peers{
		l: l, byID: map[uint64]*peer{}, caughtUp: map[uint64]time.Time{},
		foreign: map[uint64]bool{}, attempts: map[[tokenLen]byte]int32{},
		refusals: map[int32]string{}, callbacks: map[int32]int{},
	}
}

// update starts dialling new members and drops those that left. The caller holds the log's lock.
func (ps *peers) update(members map[uint64]bool, voters int) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.members, ps.voters = members, voters
	if ps.stopped || !ps.l.started {
		return
	}
	for id := range members {
		if id == raftID(ps.l.cfg.NodeID) || ps.byID[id] != nil {
			continue
		}
		p := newPeer(ps.l, id)
		ps.byID[id] = p
		ctx, cancel := context.WithCancel(ps.l.ctx)
		p.cancel = cancel
		ps.l.goLoop(func() { p.run(ctx) })
	}
	for id, p := range ps.byID {
		if !members[id] {
			p.cancel()
			delete(ps.byID, id)
		}
	}
}

func (ps *peers) get(id uint64) *peer {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.byID[id]
}

func (ps *peers) isMember(id uint64) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.members[id]
}

// send queues a message and reports whether it could be queued.
func (ps *peers) send(m *raftpb.Message) bool {
	p := ps.get(m.GetTo())
	return p != nil && p.enqueue(m)
}

// close prevents further dialling; running goroutines end with the log's context.
func (ps *peers) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.stopped = true
}

// connected reports to the core that a majority of voters, this node included, can be reached, and
// that all of them can while the quorum is not founded yet.
func (ps *peers) connected() {
	ps.mu.Lock()
	up, founding := 1, 1
	for _, p := range ps.byID {
		p.mu.Lock()
		if p.facts.Connected {
			up++
		}
		if p.facts.Connected && p.founding {
			founding++
		}
		p.mu.Unlock()
	}
	voters := ps.voters
	ps.mu.Unlock()
	ps.l.input(func(c *core) {
		if founding == voters {
			c.founded()
		}
		if up > voters/2 {
			c.assembled()
		}
	})
}

// missing names the voters that have not been reached yet, and why.
func (ps *peers) missing() string {
	var missing []string
	for _, p := range ps.l.Peers() {
		if !p.Connected {
			why := cmp.Or(p.LastError, "not dialled yet")
			missing = append(missing, fmt.Sprintf("node %d (%s)", p.NodeID, why))
		}
	}
	if len(missing) == 0 {
		return "; all are there"
	}
	return "; missing: " + strings.Join(missing, ", ")
}

// attempt records that this node dials another with a token. The caller calls done after the
// handshake.
func (ps *peers) attempt(token [tokenLen]byte, node int32) (done func()) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.attempts[token] = node
	return func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		delete(ps.attempts, token)
	}
}

// confirming reserves one of the few concurrent callbacks to a node. The caller calls done after
// it.
func (ps *peers) confirming(node int32) (done func(), ok bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.callbacks[node] >= maxConfirming {
		return nil, false
	}
	ps.callbacks[node]++
	return func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		ps.callbacks[node]--
	}, true
}

func (ps *peers) isAttempt(token [tokenLen]byte, node int32) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	to, ok := ps.attempts[token]
	return ok && to == node
}

// maxRefusals bounds the nodes whose refusals are logged once per reason, because a stranger can
// claim any node id.
const maxRefusals = 64

// refused logs why a node is refused, once per reason, because the node retries several times a
// second.
func (ps *peers) refused(node int32, remote string, err error) {
	ps.mu.Lock()
	was, known := ps.refusals[node]
	if known || len(ps.refusals) < maxRefusals {
		ps.refusals[node] = err.Error()
	}
	ps.mu.Unlock()
	if was != err.Error() {
		ps.l.log.Warn("refused a peer", "peer", node, "remote", remote, "why", err)
	}
}

// isForeign records that a member has said that this node belongs to another cluster. If so many
// have that the others are no majority, this node fails: it is of no use until an operator corrects
// its files.
func (ps *peers) isForeign(id uint64, why error) {
	ps.mu.Lock()
	if ps.members[id] {
		ps.foreign[id] = true
	}
	n, voters := len(ps.foreign), ps.voters
	ps.mu.Unlock()
	if voters-n <= voters/2 {
		ps.l.fail(
			fmt.Errorf("raftlog: %d of %d voters do not know this node's cluster: %w", n, voters, why),
		)
	}
}

// greeted records the facts of a member's hello, on either kind of connection.
func (ps *peers) greeted(h hello, inbound bool) {
	p := ps.get(raftID(h.node))
	if p == nil {
		return
	}
	ps.mu.Lock()
	delete(ps.foreign, p.id)
	delete(ps.refusals, h.node)
	ps.mu.Unlock()
	p.mu.Lock()
	p.facts.DirectoryID, p.facts.Info = h.dir, h.info
	p.founding = h.founding
	p.mu.Unlock()
	if inbound {
		notify(p.kick) // it is up: dial it now
	}
}

func (ps *peers) heard(node int32, now time.Time) {
	if p := ps.get(raftID(node)); p != nil {
		p.mu.Lock()
		p.facts.LastHeard = now
		p.mu.Unlock()
	}
}

// recordProgress records, on the leader, which members have all entries.
func (ps *peers) recordProgress(now time.Time) {
	var ids []uint64
	ps.l.mu.Lock()
	if c := ps.l.core; c.claimed && c.failed == nil && c.ticks%int64(ps.l.cfg.HeartbeatTicks) == 0 {
		last := c.store.last().index
		c.eachProgress(func(id uint64, p progress) {
			if p.match >= last {
				ids = append(ids, id)
			}
		})
	}
	ps.l.mu.Unlock()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, id := range ids {
		ps.caughtUp[id] = now
	}
}

// Peers lists the other members, by node id.
func (l *Log) Peers() []Peer {
	l.peers.mu.Lock()
	defer l.peers.mu.Unlock()
	list := make([]Peer, 0, len(l.peers.byID))
	for _, p := range l.peers.byID {
		p.mu.Lock()
		list = append(list, p.facts)
		p.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Compare(a.NodeID, b.NodeID) })
	return list
}
