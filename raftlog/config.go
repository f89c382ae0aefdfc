package raftlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/yakt/yakt/vfs"
)

// Index counts raft entries. Offsets (int64) count records; the two never mix.
type Index uint64

// App is the state machine above the log. All calls come from one goroutine of the log, in order (LoadSnapshot also from
// Open, before any other), and must not block. They may call the log.
type App interface {
	// Committed hands over whole, finished record batches (v2; base offset and leader epoch patched), in log order.
	// The bytes are shared and must not be changed.
	Committed(batches [][]byte)
	// LeaderChanged: leader -1 when unknown. The own id is only reported once this node's own-epoch first batch
	// (EpochStart) was delivered to Committed. Losing leadership is reported at once.
	LeaderChanged(leader, epoch int32)
	// LoadSnapshot replaces all state (at start, and when a lagging node is caught up). open may be called until it returns.
	LoadSnapshot(endOffset int64, epoch int32, open func() (io.ReadCloser, error)) error
	// Snapshot names the newest state that can be written, at the end of what one call of Committed, or LoadSnapshot, has delivered: a call
	// may deliver several batches of one entry, between which the log cannot be cut. epoch is that of the last batch, endOffset 0 stands for
	// nothing to write; write runs on another goroutine, later.
	Snapshot() (endOffset int64, epoch int32, write func(io.Writer) error)
	// EpochStart returns the control batch a new leader opens its epoch with (LeaderChange; first is true when the log is
	// empty: also KRaftVersion and Voters). The log takes the bytes over and patches base offset and epoch.
	EpochStart(epoch int32, first bool) []byte
}

// Config of a Log. Zero values mean the default named beside a field.
type Config struct {
	Dir         string // of the log: checkpoint files; the write-ahead log lies in Dir/wal
	ClusterID   string
	NodeID      int32
	DirectoryID [16]byte
	Info        []byte // opaque, told to peers in the handshake; at most 64 KiB

	// Voters are the first members. They are written down when Dir holds no log yet; a log that has
	// others is not opened (VotersError). All nodes must be given the same ones, and all must be
	// reached once before the first leader is elected. Empty: those of the log.
	Voters []int32

	// Addr lists the addresses ("host:port") of a node. It is asked at every dial.
	Addr func(node int32) []string
	// Dial opens a connection, with TLS and authentication done. Default: TCP; names are resolved at every dial.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// VoterDirectory is the directory id that the quorum's committed records give a node; zero when
	// they do not say. A node with another one is not heard. Any goroutine asks. Default: never
	// known.
	VoterDirectory func(node int32) [16]byte

	// Tunnelled takes over this node's end of a tunnel that another member has opened (Log.Tunnel).
	// It must not block. nil: there are none.
	Tunnelled func(node int32, conn net.Conn)

	Tick           time.Duration // 20 ms
	ElectionTicks  int           // 50: a silent leader is replaced after 1 to 2 s
	HeartbeatTicks int           // 5

	// A snapshot is due when so much has been applied since the last, or it is so old and anything has changed; on one of several voters
	// somewhat earlier, see snapshotShare.
	SnapshotBytes    int64         // of batches; 20 MiB
	SnapshotInterval time.Duration // 1 h
	SnapshotsKept    int           // 2
	// KeepBytes of log are kept behind a snapshot for those a little behind it; 4 MiB.
	KeepBytes int64

	SegmentBytes int64 // of a write-ahead log file; see wal.Options

	MaxPendingBytes int64 // proposed and not committed; 64 MiB

	DialTimeout  time.Duration // of one dial and handshake; 2 s
	RetryBackoff time.Duration // before a peer is dialled again, which doubles up to a second; 20 ms
	WriteTimeout time.Duration // of each MiB written to a peer; 5 s

	MessageBytes       int // of entries in one message to a peer, which has at least one; 1 MiB, which is also the most
	SnapshotChunkBytes int // of a snapshot asked of a peer at once; 1 MiB, which is also the most

	// FS holds Dir; the operating system's file system when nil.
	FS vfs.FS
	// Clock times snapshots, contacts and the disk. Ticks and network deadlines come from package
	// time.
	Clock  Clock
	Logger *slog.Logger // slog.Default()
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// filled returns the configuration with defaults, or says what is wrong with it.
func (c Config) filled() (Config, error) {
	orDefault(&c.Tick, 20*time.Millisecond)
	orDefault(&c.ElectionTicks, 50)
	orDefault(&c.HeartbeatTicks, 5)
	orDefault(&c.SnapshotBytes, 20<<20)
	orDefault(&c.SnapshotInterval, time.Hour)
	orDefault(&c.SnapshotsKept, 2)
	orDefault(&c.KeepBytes, 4<<20)
	orDefault(&c.MaxPendingBytes, 64<<20)
	orDefault(&c.DialTimeout, 2*time.Second)
	orDefault(&c.RetryBackoff, 20*time.Millisecond)
	orDefault(&c.MessageBytes, maxMessageBytes)
	orDefault(&c.SnapshotChunkBytes, maxChunkBytes)
	c.MessageBytes, c.SnapshotChunkBytes = min(c.MessageBytes, maxMessageBytes), min(c.SnapshotChunkBytes, maxChunkBytes)
	orDefault(&c.WriteTimeout, 5*time.Second)
	orDefault(&c.Logger, slog.Default())
	c.Clock = c.Clock.filled()
	if c.FS == nil {
		c.FS = vfs.OS{}
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	if c.VoterDirectory == nil {
		c.VoterDirectory = func(int32) [16]byte { return [16]byte{} }
	}
	c.Voters = slices.Clone(c.Voters)
	slices.Sort(c.Voters)
	return c, c.check()
}

func (c Config) check() error {
	switch {
	case c.Dir == "":
		return errors.New("raftlog: no directory for the log is configured")
	case c.NodeID < 0:
		return fmt.Errorf("raftlog: node id %d must not be negative", c.NodeID)
	case c.ElectionTicks <= c.HeartbeatTicks || c.HeartbeatTicks < 1 || c.Tick <= 0:
		return fmt.Errorf("raftlog: the election timeout (%d ticks) must be longer than the heartbeat interval (%d ticks)", c.ElectionTicks, c.HeartbeatTicks)
	case len(c.Info) > maxInfoBytes:
		return fmt.Errorf("raftlog: %d bytes of information for peers, at most %d", len(c.Info), maxInfoBytes)
	case len(c.ClusterID) > maxClusterIDBytes:
		return fmt.Errorf("raftlog: a cluster id of %d bytes, at most %d", len(c.ClusterID), maxClusterIDBytes)
	case len(slices.Compact(slices.Clone(c.Voters))) != len(c.Voters) || len(c.Voters) > 0 && c.Voters[0] < 0:
		return fmt.Errorf("raftlog: voters %v: ids must differ and not be negative", c.Voters)
	case len(c.Voters) > 1 && c.Addr == nil:
		return errors.New("raftlog: several voters, but no way to learn their addresses (Config.Addr)")
	case c.MessageBytes < 0 || c.SnapshotChunkBytes < 0 || c.RetryBackoff < 0:
		return fmt.Errorf("raftlog: MessageBytes %d, SnapshotChunkBytes %d and RetryBackoff %v must not be negative", c.MessageBytes, c.SnapshotChunkBytes, c.RetryBackoff)
	case c.SnapshotsKept < 1:
		return fmt.Errorf("raftlog: %d snapshots to keep, at least 1", c.SnapshotsKept)
	}
	return nil
}
