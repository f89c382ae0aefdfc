package raftlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

const (
	pullTimeout = 10 * time.Second // for one piece
	// after a failure, before it is reported to the leader, which offers again
	pullPause = time.Second
)

// pull follows a leader's offer of a snapshot, one at a time. The caller holds the log's lock.
func (ps *peers) pull(offer *raftpb.Message) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.stopped || ps.l.ctx.Err() != nil {
		return
	}
	if ps.pulling != nil {
		ps.offered = offer
		return
	}
	ps.pulling = offer
	ps.l.goLoop(ps.followOffers)
}

// followOffers fetches the offered file and passes the offer to raft, then the next one if another
// has arrived in the meantime.
func (ps *peers) followOffers() {
	for {
		ps.mu.Lock()
		offer := ps.pulling
		ps.mu.Unlock()
		err := ps.l.fetchOffered(offer)
		ps.mu.Lock()
		next := ps.offered
		ps.offered = nil
		ps.pulling = next
		ps.mu.Unlock()
		if err == nil {
			ps.l.input(func(c *core) { c.snapshotPulled(offer) })
		} else {
			ps.pullFailed(offer, err)
		}
		if next == nil || ps.l.ctx.Err() != nil {
			return
		}
	}
}

func (ps *peers) pullFailed(offer *raftpb.Message, err error) {
	if ps.l.ctx.Err() != nil {
		return
	}
	ps.l.log.Error(
		"cannot get the leader's snapshot; asking again", "leader", nodeID(offer.GetFrom()),
		"error", err,
	)
	pause := time.NewTimer(pullPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ps.l.ctx.Done():
		return
	}
	if p := ps.get(offer.GetFrom()); p != nil {
		p.mu.Lock()
		p.failures = append(p.failures[:min(len(p.failures), 1)], []byte{kindFailed})
		p.mu.Unlock()
		notify(p.work)
	}
}

// fetchOffered puts the offered checkpoint file in place, verified and durable.
func (l *Log) fetchOffered(offer *raftpb.Message) error {
	m, err := snapshotMark(offer.GetSnapshot())
	if err != nil {
		return err
	}
	id := snapshotID{m.EndOffset, m.Epoch}
	if m.File.Bytes == 0 {
		return fmt.Errorf("snapshot %s is offered without its size and checksum", id)
	}
	if l.snaps.holds(id, m.File) {
		return nil
	}
	leader := nodeID(offer.GetFrom())
	l.log.Info("fetching the leader's snapshot", "leader", leader, "snapshot", id.file())
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.DialTimeout)
	defer cancel()
	conn, err := l.dialNode(ctx, leader)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(l.ctx, func() { _ = conn.Close() })()
	_, err = l.snaps.write(id, m.File, func(w io.Writer) error {
		return copySnapshot(w, conn, id, m.File.Bytes, l.cfg.SnapshotChunkBytes)
	})
	return err
}

// copySnapshot requests a snapshot of size bytes in pieces of chunkBytes.
func copySnapshot(w io.Writer, conn net.Conn, id snapshotID, size int64, chunkBytes int) error {
	for position := int64(0); position != size; {
		if err := conn.SetDeadline(time.Now().Add(pullTimeout)); err != nil {
			return err
		}
		frame := appendSnapshotRead(beginFrame(nil, 0), snapshotRead{id, position, int32(chunkBytes)})
		if _, err := conn.Write(finishFrame(frame)); err != nil {
			return err
		}
		_, body, err := readReply(conn, maxChunkBytes+maxSentenceBytes)
		if err == nil {
			body, err = readVerdict(body)
		}
		if err != nil {
			return err
		}
		if len(body) < 8 {
			return errors.Join(errMalformed, errors.New("a snapshot piece without its size"))
		}
		total, chunk := int64(binary.BigEndian.Uint64(body)), body[8:]
		if total != size || len(chunk) == 0 || position+int64(len(chunk)) > size {
			return fmt.Errorf("snapshot %s: %d bytes at %d of %d, but %d were offered",
				id, len(chunk), position, total, size)
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		position += int64(len(chunk))
	}
	return nil
}
