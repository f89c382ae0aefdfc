package raftlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/yakt/yakt/vfs"
)

// Config configures a Log. Zero values stand for the default given with each field.
type Config struct {
	Dir         string // holds the checkpoint files; the write-ahead log is in Dir/wal
	ClusterID   string
	NodeID      int32
	DirectoryID [16]byte
	Info        []byte // opaque, sent to peers in the handshake; at most 64 KiB

	// Voters are the first members. They are persisted when Dir holds no log yet; a log with other
	// voters is not opened (VotersError). All nodes must be given the same voters, and all must be
	// reached once before the first leader is elected. Empty: the voters of the log.
	Voters []int32

	// Addr returns the addresses ("host:port") of a node. It is called for every dial.
	Addr func(node int32) []string
	// Dial opens a connection, with TLS and authentication done. Default: TCP; names are resolved
	// at every dial.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// VoterDirectory returns the directory id that the quorum's committed records give a node, or
	// zero if they give none. A node with another directory id is refused. It is called from any
	// goroutine. Default: always zero.
	VoterDirectory func(node int32) [16]byte

	// Tunnelled receives this node's end of a tunnel that another member has opened (Log.Tunnel).
	// It owns conn and must not block. nil: tunnels are refused.
	Tunnelled func(node int32, conn net.Conn)

	Tick           time.Duration // 20 ms
	ElectionTicks  int           // 50: a silent leader is replaced after 1 to 2 s
	HeartbeatTicks int           // 5

	// A snapshot is due when SnapshotBytes of batches were applied since the last one, or when the
	// last one is older than SnapshotInterval and anything was applied. Each of several voters
	// begins somewhat earlier, at a time of its own; see snapshotShare.
	SnapshotBytes    int64         // batch bytes between snapshots; 20 MiB
	SnapshotInterval time.Duration // 1 h
	SnapshotsKept    int           // 2
	// KeepBytes of the log before a snapshot are kept in memory for followers and observers that
	// lag a little; 4 MiB.
	KeepBytes int64

	SegmentBytes int64 // size of a write-ahead log file; see wal.Options

	MaxPendingBytes int64 // proposed and not committed; 64 MiB

	DialTimeout time.Duration // limit on one dial and handshake; 2 s
	// RetryBackoff is the pause before a peer is dialled again; it doubles up to a second; 20 ms
	RetryBackoff time.Duration
	WriteTimeout time.Duration // limit on each MiB written to a peer; 5 s

	// MessageBytes bounds the entries of one message to a peer, which has at least one; 1 MiB,
	// which is also the maximum
	MessageBytes       int
	SnapshotChunkBytes int // bytes of a snapshot requested at once; 1 MiB, also the maximum

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

// filled returns the configuration with its defaults, or an error that names the invalid setting.
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
	c.MessageBytes = min(c.MessageBytes, maxMessageBytes)
	c.SnapshotChunkBytes = min(c.SnapshotChunkBytes, maxChunkBytes)
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
		return fmt.Errorf(
			"raftlog: the election timeout (%d ticks) must be longer than the heartbeat "+
				"interval (%d ticks)",
			c.ElectionTicks, c.HeartbeatTicks,
		)
	case len(c.Info) > maxInfoBytes:
		return fmt.Errorf(
			"raftlog: %d bytes of information for peers, at most %d", len(c.Info), maxInfoBytes,
		)
	case len(c.ClusterID) > maxClusterIDBytes:
		return fmt.Errorf(
			"raftlog: a cluster id of %d bytes, at most %d", len(c.ClusterID), maxClusterIDBytes,
		)
	case len(slices.Compact(slices.Clone(c.Voters))) != len(c.Voters) ||
		len(c.Voters) > 0 && c.Voters[0] < 0:
		return fmt.Errorf("raftlog: voters %v: ids must differ and not be negative", c.Voters)
	case len(c.Voters) > 1 && c.Addr == nil:
		return errors.New("raftlog: several voters, but no way to learn their addresses (Config.Addr)")
	case c.MessageBytes < 0 || c.SnapshotChunkBytes < 0 || c.RetryBackoff < 0:
		return fmt.Errorf(
			"raftlog: MessageBytes %d, SnapshotChunkBytes %d and "+
				"RetryBackoff %v must not be negative",
			c.MessageBytes, c.SnapshotChunkBytes, c.RetryBackoff,
		)
	case c.SnapshotsKept < 1:
		return fmt.Errorf("raftlog: %d snapshots to keep, at least 1", c.SnapshotsKept)
	}
	return nil
}
