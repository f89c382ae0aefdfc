package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// PeerAPIKey is the private, unadvertised Kafka API key under which peers talk, version 0, request header v1. A request's
// body begins with a kind; only some kinds are answered. Integers are big-endian.
//
//	hello     protocol int16, cluster id, own node int32, wanted node int32, directory id 16 bytes, info   -> verdict
//	messages  (length int32, marshalled raftpb.Message)*
//	ping                                                                                                   -> empty
//	read      snapshot end int64, epoch int32, position int64, max bytes int32                             -> verdict
//	failed    the snapshot the sender was offered could not be loaded: end int64, epoch int32
//
// A verdict is one byte: 0, then a hello or (size int64, bytes); or 1, then a sentence; or 2, then a sentence, for a node
// of another cluster. A hello must come first.
const PeerAPIKey int16 = 32000

const (
	kindHello    = 1
	kindMessages = 2
	kindPing     = 3
	kindRead     = 4
	kindFailed   = 5

	verdictOK      = 0
	verdictRefused = 1
	verdictForeign = 2

	protocolVersion = 1

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

// hello names a node to its peer; to is the node it means to talk to.
type hello struct {
	cluster string
	node    int32
	to      int32
	dir     [16]byte
	info    []byte
}

func appendHello(b []byte, h hello) []byte {
	b = binary.BigEndian.AppendUint16(b, protocolVersion)
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.cluster)))
	b = append(b, h.cluster...)
	b = binary.BigEndian.AppendUint32(b, uint32(h.node))
	b = binary.BigEndian.AppendUint32(b, uint32(h.to))
	b = append(b, h.dir[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.info)))
	return append(b, h.info...)
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

// readHello takes what follows the kind. Bytes after the known fields are left to later versions.
func readHello(b []byte) (hello, error) {
	r := frameCursor{b: b}
	version := r.int16()
	if r.bad || version != protocolVersion {
		return hello{}, fmt.Errorf("peer protocol version %d, this node speaks %d: run the same release on all nodes", version, protocolVersion)
	}
	var h hello
	if n := int(r.int16()); n <= maxClusterIDBytes {
		h.cluster = string(r.take(n))
	} else {
		r.bad = true
	}
	h.node, h.to = r.int32(), r.int32()
	copy(h.dir[:], r.take(len(h.dir)))
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

func refusal(sentence string) []byte { return refusalAs(verdictRefused, sentence) }

func refusalAs(verdict byte, sentence string) []byte {
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
	return nil, &refusedError{string(b[1:min(len(b), maxSentenceBytes)]), b[0] == verdictForeign}
}

// refusedError is a peer's own word on why it does not want this node. foreign: they are of different clusters.
type refusedError struct {
	sentence string
	foreign  bool
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
		if err := eachBatch(e, checkBatch); err != nil {
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
