package controller

import (
	"context"
	"io"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Log is the replicated log below the controller. In the other direction the log calls Committed, LeaderChanged,
// LoadSnapshot, Snapshot and EpochStart of the Controller.
type Log interface {
	// Propose appends batches, of at most ProposalMaxBytes together, if this node leads epoch: all or none, and whatever becomes of this
	// node, the log never holds some of them without the others. It is synchronous, in memory, and returns the offset that the first
	// will have. On an error nothing has moved.
	Propose(epoch int32, batches ...[]byte) (baseOffset int64, err error)
	// Fetch answers an observer, parking as Kafka's leader does.
	Fetch(ctx context.Context, f FetchRequest) FetchResult
	// OpenSnapshot opens a snapshot's file at a position, and tells the file's whole size. The caller closes it.
	OpenSnapshot(endOffset int64, epoch int32, position int64) (file io.ReadCloser, size int64, err error)
	// Leader is who leads, as observers are told, -1 for nobody, and the epoch: what Quorum says of it, at the cost of a look.
	Leader() (id, epoch int32)
	// Quorum is the state of the raft layer now.
	Quorum() Quorum
	// Peers are the voters that this node has shaken hands with.
	Peers() []Peer
	// Barrier returns an offset that contains all that was acknowledged before the call, confirmed by a majority.
	Barrier(ctx context.Context) (offset int64, err error)
}

// FetchRequest is what the raft layer needs of a FETCH.
type FetchRequest struct {
	ReplicaID     int32
	ReplicaDir    [16]byte
	LeaderEpoch   int32
	Offset        int64
	LastEpoch     int32
	HighWatermark int64 // math.MaxInt64: the observer does not say
	MaxBytes      int
	MaxWait       time.Duration
}

// FetchResult is its answer. Of DivergingEpoch and SnapshotEpoch the one that applies is not -1.
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

// Quorum is the raft layer's state for DESCRIBE_QUORUM and the leader's endpoints.
type Quorum struct {
	LeaderID      int32 // -1: unknown
	LeaderEpoch   int32
	HighWatermark int64
	Voters        []ReplicaState
	Observers     []ReplicaState
}

// ReplicaState is a voter or observer as the leader sees it.
type ReplicaState struct {
	ID             int32
	DirectoryID    [16]byte
	LogEndOffset   int64 // -1: unknown
	LastFetchMs    int64 // ms since 1970; -1: unknown
	LastCaughtUpMs int64
}

// Peer is another voter as its handshake told.
type Peer struct {
	ID          int32
	DirectoryID [16]byte
	// Info is the peer's RegisterControllerRecord, framed.
	Info      []byte
	Connected bool
}

// Codec reads and writes whole Kafka messages, headers included, as they lie in an ENVELOPE.
type Codec struct {
	// Decode fails with ErrNestedUnsupported-like errors of the protocol layer: all of them mean UNSUPPORTED_VERSION.
	Decode func(data []byte) (req kmsg.Request, correlationID int32, clientID string, err error)
	Encode func(correlationID int32, resp kmsg.Response) []byte
	// Cost is how many bytes Decode allocates, about; 0 for what it fails on.
	Cost func(data []byte) int64
}
