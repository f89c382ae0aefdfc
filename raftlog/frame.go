package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/yakt/yakt/protocol/batch"
)

// PeerAPIKey is the private, unadvertised Kafka API key under which peers talk, version 0, request
// header v1. A request's body begins with a kind; only some kinds are answered. Integers are
// big-endian.
//
//	hello     see [hello]                                                                       -> verdict
//	confirm   cluster id, own node int32, wanted node int32, token 16 bytes                     -> verdict
//	messages  (length int32, marshalled raftpb.Message)*
//	ping      what the sender remembers of the members, see [memory]                            -> empty
//	read      snapshot end int64, epoch int32, position int64, max bytes int32                  -> verdict
//	failed    the snapshot the sender was offered could not be loaded: end int64, epoch int32
//	open      the sender wants a tunnel, of which this connection is the way back              -> verdict, token 16 bytes
//	pull      the next bytes of the tunnel, none when there are none for a while                -> bytes
//	push      token of a tunnel, bytes that go through it
//
// A verdict is one byte: 0, then a hello or (size int64, bytes) or nothing; or a reason (the
// verdict constants), then a sentence. A hello must come first, or a confirm, which is the only
// frame of its connection.
//
// A hello is an assertion. The node that is dialled confirms it by dialling, in its turn, the
// address that it knows of the node that the hello names, and asking there whether the token is of
// an attempt under way. So nobody is heard as a member who cannot be reached at a member's address.
// (This says where the peer is, and is no proof against somebody who owns that address: that is
// what certificates are for.)
const PeerAPIKey int16 = 32000

const (
	kindHello    = 1
	kindMessages = 2
	kindPing     = 3
	kindRead     = 4
	kindFailed   = 5
	kindConfirm  = 6
	kindOpen     = 7
	kindPull     = 8
	kindPush     = 9

	verdictOK       = 0
	verdictRefused  = 1
	verdictForeign  = 2 // the node belongs to another cluster
	verdictStranger = 3 // it is no member of this quorum
	verdictForgot   = 4 // it has less than it acknowledged

	protocolVersion = 2

	maxVoters = 1000 // named in a hello
	tokenLen  = 16

	maxInfoBytes      = 64 << 10
	maxClusterIDBytes = 255
	maxSentenceBytes  = 4 << 10
	maxChunkBytes     = 1 << 20
	// A frame is filled up to frameBytes with messages, but takes at least one, whatever its size.
	frameBytes = 1 << 20

	// MaxFrameBytes is the most that a frame of a peer takes, without its length: a connection must accept that much.
	MaxFrameBytes = MaxProposalBytes + maxMessageBytes + 64<<10
)

var errMalformed = errors.New("raftlog: malformed peer frame")

// hello names a node and its log to a peer. Its layout: protocol int16, then the fields in their
// order; the cluster id and info behind their lengths (int16, int32), the voters behind their
// number (int16).
type hello struct {
	cluster     string
	node        int32
	to          int32 // the node it means to talk to
	dir         [16]byte
	incarnation [16]byte
	token       [tokenLen]byte // of this attempt to connect, for the callback
	boot        boot
	founding    bool // its log is empty, and it waits for the quorum to be founded
	end         logEnd
	voters      []int32 // in its log, ascending
	info        []byte
}

func appendHello(b []byte, h hello) []byte {
	b = binary.BigEndian.AppendUint16(b, protocolVersion)
	b = appendNames(b, h.cluster, h.node, h.to)
	b = append(append(append(b, h.dir[:]...), h.incarnation[:]...), h.token[:]...)
	b = h.boot.append(b)
	b = append(b, flagByte(h.founding))
	b = h.end.append(b)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.voters)))
	for _, v := range h.voters {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.info)))
	return append(b, h.info...)
}

// appendNames is how a hello and a confirm begin.
func appendNames(b []byte, cluster string, node, to int32) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(cluster)))
	b = append(b, cluster...)
	b = binary.BigEndian.AppendUint32(b, uint32(node))
	return binary.BigEndian.AppendUint32(b, uint32(to))
}

func flagByte(set bool) byte {
	if set {
		return 1
	}
	return 0
}

// confirm asks whether a token is of an attempt of the node asked to connect to the node that asks.
type confirm struct {
	cluster  string
	node, to int32
	token    [tokenLen]byte
}

func appendConfirm(b []byte, c confirm) []byte {
	return append(appendNames(b, c.cluster, c.node, c.to), c.token[:]...)
}

func readConfirm(b []byte) (c confirm, err error) {
	r := frameCursor{b: b}
	c.cluster, c.node, c.to = r.names()
	copy(c.token[:], r.take(tokenLen))
	if r.bad {
		return c, fmt.Errorf("%w: confirm of %d bytes", errMalformed, len(b))
	}
	return c, nil
}

// frameCursor reads a frame's fields; after the first one that is not there, all read as zero and bad is set.
type frameCursor struct {
	b   []byte
	bad bool
}

func (r *frameCursor) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *frameCursor) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *frameCursor) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *frameCursor) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *frameCursor) names() (cluster string, node, to int32) {
	if n := int(r.int16()); n <= maxClusterIDBytes {
		cluster = string(r.take(n))
	} else {
		r.bad = true
	}
	return cluster, r.int32(), r.int32()
}

func (r *frameCursor) voters() []int32 {
	n := int(r.int16())
	if n < 0 || n > maxVoters || 4*n > len(r.b) {
		r.bad = true
		return nil
	}
	voters := make([]int32, n)
	for i := range voters {
		voters[i] = r.int32()
	}
	return voters
}

func (r *frameCursor) flag() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// readHello takes what follows the kind. Bytes after the known fields are left to later versions.
func readHello(b []byte) (hello, error) {
	r := frameCursor{b: b}
	version := r.int16()
	if r.bad || version != protocolVersion {
		return hello{}, fmt.Errorf("peer protocol version %d, this node speaks %d: run the same release on all nodes", version, protocolVersion)
	}
	var h hello
	h.cluster, h.node, h.to = r.names()
	copy(h.dir[:], r.take(len(h.dir)))
	copy(h.incarnation[:], r.take(len(h.incarnation)))
	copy(h.token[:], r.take(len(h.token)))
	h.boot, h.founding, h.end, h.voters = r.boot(), r.flag(), r.logEnd(), r.voters()
	if n := int(r.int32()); n <= maxInfoBytes {
		h.info = append([]byte(nil), r.take(n)...)
	} else {
		r.bad = true
	}
	if r.bad || h.node < 0 {
		return hello{}, fmt.Errorf("%w: hello of %d bytes", errMalformed, len(b))
	}
	return h, nil
}

// refusal is the verdict of an error: its own if it is a refusedError.
func refusal(err error) []byte {
	verdict, sentence := byte(verdictRefused), err.Error()
	if r, ok := errors.AsType[*refusedError](err); ok && r.verdict != verdictOK {
		verdict = r.verdict
	}
	return append([]byte{verdict}, sentence[:min(len(sentence), maxSentenceBytes)]...)
}

// readVerdict returns what follows a good verdict, or the sentence of a refusal as an error.
func readVerdict(b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, fmt.Errorf("%w: empty verdict", errMalformed)
	case b[0] == verdictOK:
		return b[1:], nil
	}
	return nil, &heardRefusal{b[0], string(b[1:min(len(b), maxSentenceBytes)])}
}

// heardRefusal is a refusal that a peer has sent: its own word on this node.
type heardRefusal refusedError

func (e *heardRefusal) Error() string { return e.sentence }

// refusedError is why this node does not want another: the verdict's byte and a sentence for the
// other's operator.
type refusedError struct {
	verdict  byte
	sentence string
}

func (e *refusedError) Error() string { return e.sentence }

// snapshotRead asks for a piece of a snapshot.
type snapshotRead struct {
	id       snapshotID
	position int64
	maxBytes int32
}

func appendSnapshotRead(b []byte, r snapshotRead) []byte {
	b = binary.BigEndian.AppendUint64(append(b, kindRead), uint64(r.id.end))
	b = binary.BigEndian.AppendUint32(b, uint32(r.id.epoch))
	b = binary.BigEndian.AppendUint64(b, uint64(r.position))
	return binary.BigEndian.AppendUint32(b, uint32(r.maxBytes))
}

func readSnapshotRead(b []byte) (snapshotRead, error) {
	r := frameCursor{b: b}
	s := snapshotRead{id: snapshotID{r.int64(), r.int32()}, position: r.int64(), maxBytes: r.int32()}
	if r.bad || s.position < 0 || s.maxBytes <= 0 {
		return snapshotRead{}, fmt.Errorf("%w: snapshot read of %d bytes", errMalformed, len(b))
	}
	s.maxBytes = min(s.maxBytes, maxChunkBytes)
	return s, nil
}

// frameMessages appends a messages body with as many of ms as fit, and returns how many.
func frameMessages(b []byte, ms []*raftpb.Message) (_ []byte, n int, err error) {
	b = append(b, kindMessages)
	for start := len(b); n < len(ms) && (n == 0 || len(b)-start < frameBytes); n++ {
		if n > 0 && len(b)-start+proto.Size(ms[n]) > frameBytes {
			break
		}
		at := len(b)
		b, err = proto.MarshalOptions{}.MarshalAppend(append(b, 0, 0, 0, 0), ms[n])
		if err != nil {
			return b, n, err
		}
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	return b, n, nil
}

// fromPeers are the only raft messages a peer may send: all others are local to a node, or features not in use.
var fromPeers = map[raftpb.MessageType]bool{
	raftpb.MsgApp: true, raftpb.MsgAppResp: true, raftpb.MsgSnap: true, raftpb.MsgHeartbeat: true, raftpb.MsgHeartbeatResp: true,
	raftpb.MsgVote: true, raftpb.MsgVoteResp: true, raftpb.MsgPreVote: true, raftpb.MsgPreVoteResp: true, raftpb.MsgTimeoutNow: true,
}

// readMessages takes what follows the kind: messages from one node to another, checked so far that raft can take them.
// Every batch's CRC is verified, so that damage on the way or in the leader's memory does not spread.
func readMessages(b []byte, from, to uint64) ([]*raftpb.Message, error) {
	var ms []*raftpb.Message
	r := frameCursor{b: b}
	for len(r.b) > 0 {
		piece := r.take(int(r.int32()))
		m := &raftpb.Message{}
		if r.bad {
			return nil, fmt.Errorf("%w: a message is cut short", errMalformed)
		}
		if err := proto.Unmarshal(piece, m); err != nil {
			return nil, fmt.Errorf("%w: %w", errMalformed, err)
		}
		if m.GetFrom() != from || m.GetTo() != to || !fromPeers[m.GetType()] || m.GetTerm() == 0 || m.GetTerm() > math.MaxInt32+1 {
			return nil, fmt.Errorf("%w: %v from %d to %d, term %d", errMalformed, m.GetType(), m.GetFrom(), m.GetTo(), m.GetTerm())
		}
		if err := checkEntries(m); err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

func checkEntries(m *raftpb.Message) error {
	if m.GetType() == raftpb.MsgSnap {
		if _, err := snapshotMark(m.GetSnapshot()); err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
	}
	if len(m.GetResponses()) > 0 || m.GetType() != raftpb.MsgApp && len(m.GetEntries()) > 0 {
		return fmt.Errorf("%w: %v with %d entries", errMalformed, m.GetType(), len(m.GetEntries()))
	}
	index, term := m.GetIndex(), m.GetLogTerm()
	for _, e := range m.GetEntries() {
		if e.GetIndex() != index+1 || e.GetTerm() < term || e.GetTerm() > m.GetTerm() || e.GetType() == raftpb.EntryConfChange {
			return fmt.Errorf("%w: entry %d of term %d after entry %d of term %d", errMalformed, e.GetIndex(), e.GetTerm(), index, term)
		}
		index, term = e.GetIndex(), e.GetTerm()
		if err := eachBatch(e, func(b batch.Batch) error { return batch.Check(b) }); err != nil {
			return fmt.Errorf("%w: entry %d: %w", errMalformed, index, err)
		}
	}
	return nil
}

// Kafka framing of the private key: length, then request header v1 with a null client id, or response header v0.
const (
	requestHeaderLen  = 10
	responseHeaderLen = 4
)

// beginFrame starts a request frame; finishFrame fills in its length.
func beginFrame(b []byte, correlation int32) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(PeerAPIKey))
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	return append(b, 0xff, 0xff)
}

func finishFrame(frame []byte) []byte {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// readReply reads one response frame of at most limit bytes.
func readReply(r io.Reader, limit int) (correlation int32, body []byte, err error) {
	var head [4 + responseHeaderLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(head[:]))) - responseHeaderLen
	if n < 0 || n > limit {
		return 0, nil, fmt.Errorf("%w: a reply of %d bytes", errMalformed, n)
	}
	body = make([]byte, n)
	_, err = io.ReadFull(r, body)
	return int32(binary.BigEndian.Uint32(head[4:])), body, err
}
