package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

const (
	fetchMaxBytes  = 1 << 20
	fetchWaitMs    = 500
	codeNotLeader  = 6
	codeFenced     = 74
	batchHeaderMin = 61
	// A follower verifies the checksum of every eighth batch and piece of a snapshot; each follower
	// starts at another one.
	checkEvery = 8
)

// follower reads the metadata log as a 4.4 broker does: by FETCH version 18, or by FETCH_SNAPSHOT
// if the leader says so, from whichever node leads. It parses batch headers and verifies some of
// the data; more would measure the follower.
type follower struct {
	id        int32
	clusterID string
	endpoint  func(node int32) string
	directory [16]byte
	conn      *conn
	request   *kmsg.FetchRequest // reused

	leader, epoch int32   // from the last response; leader -1: unknown
	offset        int64   // where the next fetch begins
	lastEpoch     int32   // epoch of the record before offset
	highWatermark int64   // -1: unknown
	bytes         int64   // size of log and snapshots read so far
	snapshots     int     // read completely
	snapshot      string  // file name of the last one
	pieces        int     // answers that carried a part of the snapshot
	checked       []piece // the pieces to compare with its file
	batches       int     // record batches read so far

	// Other goroutines may use these two:
	applied atomic.Int64 // offset-1
	// records, if set, is called with the batches of each fetch, which are valid during the call.
	records atomic.Pointer[func(batches []byte)]
}

// piece is a part of a snapshot as it was received.
type piece struct {
	position int64
	bytes    int
	crc      uint32
}

func newFollower(id int32, clusterID string, leader int32, endpoint func(int32) string) *follower {
	f := &follower{id: id, clusterID: clusterID, endpoint: endpoint, directory: randomUUID(),
		leader: leader, highWatermark: -1}
	f.request = f.newRequest()
	f.applied.Store(-1)
	return f
}

// newRequest makes the parts that all FETCH requests of a follower share.
func (f *follower) newRequest() *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.ClusterID, req.ReplicaState.ID = 18, &f.clusterID, f.id
	req.MaxWaitMillis, req.MaxBytes, req.SessionEpoch = fetchWaitMs, fetchMaxBytes, -1
	t, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	p.LogStartOffset, p.ReplicaDirectoryID = -1, f.directory
	t.TopicID, t.Partitions = protocol.MetadataTopicID, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// run follows the log until ctx ends, through leader changes and restarts.
func (f *follower) run(ctx context.Context) {
	defer f.disconnect()
	for nodes := 0; ctx.Err() == nil; {
		if err := f.step(ctx); err != nil {
			nodes++
			f.seek(firstControllerID + int32(nodes%controllers))
			sleep(ctx, startingInterval)
		}
	}
}

// step sends one request and handles its response. An error concerns the connection or the
// protocol; the next step begins on a new connection.
func (f *follower) step(ctx context.Context) error {
	if f.conn == nil {
		var err error
		if f.conn, err = dial(ctx, f.endpoint(f.leader),
			fmt.Sprintf("raft-client-%d", f.id)); err != nil {
			return err
		}
	}
	p, err := f.fetch()
	if err != nil {
		f.disconnect()
		return err
	}
	switch {
	case p.ErrorCode == codeNotLeader || p.ErrorCode == codeFenced:
		f.follow(p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch)
		return nil
	case p.ErrorCode != 0:
		return fmt.Errorf("fetch at offset %d: %w", f.offset, kerr.ErrorForCode(p.ErrorCode))
	case p.SnapshotID.EndOffset >= 0:
		return f.load(p.SnapshotID.EndOffset, p.SnapshotID.Epoch)
	case p.DivergingEpoch.EndOffset >= 0:
		return fmt.Errorf("fetch at offset %d: the leader demands to truncate to %d", f.offset,
			p.DivergingEpoch.EndOffset)
	}
	f.highWatermark = p.HighWatermark
	return f.advance(p.RecordBatches)
}

func (f *follower) disconnect() {
	f.conn.close()
	f.conn = nil
}

// follow changes to another leader, if there is one.
func (f *follower) follow(leader, epoch int32) {
	f.epoch = max(f.epoch, epoch)
	if leader >= 0 && leader != f.leader {
		f.leader = leader
		f.disconnect()
	}
}

// seek tries another node after an error: any node may know the leader.
func (f *follower) seek(node int32) {
	f.leader = node
	f.disconnect()
}

func (f *follower) fetch() (kmsg.FetchResponseTopicPartition, error) {
	p := &f.request.Topics[0].Partitions[0]
	p.CurrentLeaderEpoch, p.FetchOffset, p.LastFetchedEpoch, p.HighWatermark = f.epoch, f.offset,
		f.lastEpoch, f.highWatermark
	resp, err := ask[*kmsg.FetchResponse](f.conn, f.request)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return kmsg.FetchResponseTopicPartition{},
			fmt.Errorf("fetch at offset %d: %w", f.offset, err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return kmsg.FetchResponseTopicPartition{},
			fmt.Errorf("fetch at offset %d: response without its partition", f.offset)
	}
	return resp.Topics[0].Partitions[0], nil
}

// advance moves the offset past the whole batches that were read; Apache's controllers cut off the
// last batch of a response at the size limit.
func (f *follower) advance(read []byte) error {
	rest := read
	for size := batchBytes(rest); size > 0 && size <= len(rest); size = batchBytes(rest) {
		if err := f.checkBatch(rest[:size]); err != nil {
			return err
		}
		f.offset = int64(binary.BigEndian.Uint64(rest)) +
			int64(binary.BigEndian.Uint32(rest[23:])) + 1
		f.lastEpoch = int32(binary.BigEndian.Uint32(rest[12:]))
		rest = rest[size:]
	}
	batches := read[:len(read)-len(rest)]
	if len(batches) == 0 {
		if len(read) > 0 {
			return fmt.Errorf("fetch at offset %d: %d bytes without a whole batch", f.offset,
				len(read))
		}
		return nil
	}
	f.bytes += int64(len(batches))
	if records := f.records.Load(); records != nil {
		(*records)(batches)
	}
	f.applied.Store(f.offset - 1)
	return nil
}

// checkBatch verifies the CRC of some batches; it covers the bytes after it.
func (f *follower) checkBatch(b []byte) error {
	f.batches++
	if (f.batches+int(f.id))%checkEvery != 0 {
		return nil
	}
	if want, got := binary.BigEndian.Uint32(b[17:]), protocol.Checksum(b[21:]); want != got {
		return fmt.Errorf("batch at offset %d: CRC32C is %08x, its header says %08x",
			binary.BigEndian.Uint64(b), got, want)
	}
	return nil
}

// batchBytes is the size of the first batch in b, -1 if b is shorter than a header.
func batchBytes(b []byte) int {
	if len(b) < batchHeaderMin {
		return -1
	}
	return int(int32(binary.BigEndian.Uint32(b[8:]))) + 12
}

// load reads a snapshot completely and continues after it.
func (f *follower) load(endOffset int64, epoch int32) error {
	f.snapshot, f.pieces, f.checked = fmt.Sprintf("%020d-%010d.checkpoint", endOffset, epoch), 0,
		nil
	for position, size := int64(0), int64(1); position < size; {
		p, err := f.fetchSnapshot(endOffset, epoch, position)
		if errors.Is(err, kerr.SnapshotNotFound) {
			return nil // the next FETCH names another one
		}
		if err != nil {
			f.disconnect()
			return fmt.Errorf("snapshot %d-%d at %d: %w", endOffset, epoch, position, err)
		}
		if f.pieces++; (f.pieces+int(f.id))%checkEvery == 0 {
			f.checked = append(f.checked,
				piece{position, len(p.Bytes), protocol.Checksum(p.Bytes)})
		}
		position += int64(len(p.Bytes))
		f.bytes += int64(len(p.Bytes))
		size = p.Size
	}
	f.offset, f.lastEpoch = endOffset, epoch
	f.snapshots++
	f.applied.Store(f.offset - 1)
	return nil
}

// compare compares the checked pieces with the snapshot's file.
func (f *follower) compare(dir string) error {
	file, err := os.Open(filepath.Join(dir, f.snapshot))
	if err != nil {
		return err
	}
	defer file.Close()
	for _, p := range f.checked {
		b := make([]byte, p.bytes)
		if _, err := file.ReadAt(b, p.position); err != nil {
			return err
		}
		if protocol.Checksum(b) != p.crc {
			return fmt.Errorf("observer %d read something else than snapshot %s holds at %d", f.id,
				f.snapshot, p.position)
		}
	}
	return nil
}

func (f *follower) fetchSnapshot(
	endOffset int64, epoch int32, position int64,
) (p kmsg.FetchSnapshotResponseTopicPartition, err error) {
	req := kmsg.NewPtrFetchSnapshotRequest()
	req.Version, req.ClusterID, req.ReplicaID, req.MaxBytes = 1, &f.clusterID, f.id, fetchMaxBytes
	t, rp := kmsg.NewFetchSnapshotRequestTopic(), kmsg.NewFetchSnapshotRequestTopicPartition()
	rp.CurrentLeaderEpoch, rp.Position, rp.ReplicaDirectoryID = f.epoch, position, f.directory
	rp.SnapshotID.EndOffset, rp.SnapshotID.Epoch = endOffset, epoch
	t.Topic, t.Partitions = protocol.MetadataTopic, append(t.Partitions, rp)
	req.Topics = append(req.Topics, t)
	resp, err := ask[*kmsg.FetchSnapshotResponse](f.conn, req)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return p, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return p, fmt.Errorf("response without its partition")
	}
	p = resp.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return p, err
	}
	if len(p.Bytes) == 0 {
		return p, fmt.Errorf("no bytes of %d", p.Size)
	}
	return p, nil
}
