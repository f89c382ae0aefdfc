package controller

import (
	"context"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Log is the replicated log below the controller. In the other direction the log calls Committed,
// LeaderChanged, LoadSnapshot, Snapshot and EpochStart of the Controller.
type Log interface {
	// Propose appends batches, of at most ProposalMaxBytes together, if this node leads epoch. It
	// appends all or none: even after a crash no log holds only some of them. It works in memory,
	// without blocking, and returns the offset of the first batch. After an error nothing has
	// changed.
	Propose(epoch int32, batches ...[]byte) (baseOffset int64, err error)
	// Fetch answers an observer, and blocks as long as Kafka's leader would.
	Fetch(ctx context.Context, f FetchRequest) FetchResult
	// OpenSnapshot opens a snapshot's file at a position, and returns the size of the whole file.
	// The caller closes it.
	OpenSnapshot(endOffset int64, epoch int32, position int64) (file io.ReadCloser, size int64,
		err error)
	// Leader returns the leader as observers see it, -1 for nobody, and its epoch: as Quorum does,
	// at a lower cost.
	Leader() (id, epoch int32)
	// Quorum is the state of the raft layer now.
	Quorum() Quorum
	// Peers are the voters that this node has shaken hands with.
	Peers() []Peer
	// CaughtUp returns an offset up to which the controller has to apply the log to have what was
	// committed at one moment since this start. Until the log knows it, ok is false.
	CaughtUp() (offset int64, ok bool)
	// Barrier returns an offset, confirmed by a majority, up to which the log contains everything
	// that was acknowledged before the call.
	Barrier(ctx context.Context) (offset int64, err error)
}

// FetchRequest is the part of a FETCH that the raft layer needs.
type FetchRequest struct {
	ReplicaID     int32
	ReplicaDir    [16]byte
	LeaderEpoch   int32
	Offset        int64
	LastEpoch     int32
	HighWatermark int64 // math.MaxInt64: not given
	MaxBytes      int
	MaxWait       time.Duration
}

// FetchResult is the answer to a FetchRequest. At most one of DivergingEpoch and SnapshotEpoch
// applies; the other is -1.
type FetchResult struct {
	ErrorCode      int16
	LeaderID       int32 // -1: unknown
	LeaderEpoch    int32
	HighWatermark  int64
	LogStart       int64
	DivergingEpoch int32
	DivergingEnd   int64
	SnapshotEnd    int64
	SnapshotEpoch  int32
	Records        []byte
}

// Quorum is the part of the log's status that DESCRIBE_QUORUM answers with, and that names the
// leader whose endpoints responses contain. On a node that does not lead, the other
// voters' LogEndOffset and LastCaughtUpMs are -1, and there are no observers.
type Quorum struct {
	LeaderID      int32 // -1: unknown
	LeaderEpoch   int32
	HighWatermark int64
	Voters        []ReplicaState
	Observers     []ReplicaState
}

// ReplicaState is the leader's view of a voter or observer.
type ReplicaState struct {
	ID             int32
	DirectoryID    [16]byte
	LogEndOffset   int64 // -1: unknown
	LastFetchMs    int64 // ms since 1970; -1: unknown
	LastCaughtUpMs int64
}

// Peer is another voter, as described by its handshake.
type Peer struct {
	ID          int32
	DirectoryID [16]byte
	// Info is the peer's RegisterControllerRecord, framed.
	Info      []byte
	Connected bool
}

// Codec decodes and encodes whole Kafka messages with their headers, as in an ENVELOPE.
type Codec struct {
	// Decode returns any error for a request that cannot be read: the answer is
	// UNSUPPORTED_VERSION.
	Decode func(data []byte) (req kmsg.Request, correlationID int32, clientID string, err error)
	Encode func(correlationID int32, resp kmsg.Response) []byte
	// Cost is about how many bytes Decode allocates; 0 for what it fails on.
	Cost func(data []byte) int64
}
