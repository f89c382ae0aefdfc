package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

func observerFetchSnapshot(c *Controller, position int64) *kmsg.FetchSnapshotRequest {
	req := kmsg.NewPtrFetchSnapshotRequest()
	req.ClusterID, req.ReplicaID, req.MaxBytes = &c.cfg.ClusterID, 1, 4
	p := kmsg.NewFetchSnapshotRequestTopicPartition()
	p.CurrentLeaderEpoch, p.Position = 7, position
	p.SnapshotID.EndOffset, p.SnapshotID.Epoch = 100, 2
	topic := kmsg.NewFetchSnapshotRequestTopic()
	topic.Topic = protocol.MetadataTopic
	topic.Partitions = []kmsg.FetchSnapshotRequestTopicPartition{p}
	req.Topics = []kmsg.FetchSnapshotRequestTopic{topic}
	return req
}

func TestFetchSnapshotInPieces(t *testing.T) {
	eachVersion(t, 59, func(t *testing.T, v int16) {
		c, log := newReadController(t)
		log.quorum.LeaderID, log.snapshot = 3000, []byte("0123456789")
		var got []byte
		for int64(len(got)) < 10 {
			resp := ask[*kmsg.FetchSnapshotResponse](t, c, controllerCaller,
				observerFetchSnapshot(c, int64(len(got))), v)
			p := resp.Topics[0].Partitions[0]
			if resp.ErrorCode != 0 || p.ErrorCode != 0 || p.Size != 10 ||
				p.Position != int64(len(got)) || p.SnapshotID.EndOffset != 100 ||
				p.SnapshotID.Epoch != 2 ||
				p.CurrentLeader.LeaderID != 3000 || p.CurrentLeader.LeaderEpoch != 7 ||
				len(p.Bytes) == 0 || len(p.Bytes) > 4 {
				t.Fatalf("v%d: %+v", v, resp)
			}
			if v >= 1 && (len(resp.NodeEndpoints) != 1 || resp.NodeEndpoints[0].Port != 9000) {
				t.Errorf("v%d: endpoints %+v", v, resp.NodeEndpoints)
			}
			got = append(got, p.Bytes...)
		}
		if string(got) != "0123456789" {
			t.Errorf("v%d: %q", v, got)
		}
	})
}

func TestFetchSnapshotPortIsUnsigned(t *testing.T) {
	c, log := newReadController(t)
	log.quorum.LeaderID = 3000
	caller := controllerCaller
	caller.Listener = "SECURE"
	resp := ask[*kmsg.FetchSnapshotResponse](t, c, caller, observerFetchSnapshot(c, 0), 1)
	if len(resp.NodeEndpoints) != 1 || resp.NodeEndpoints[0].Port != 65000 {
		t.Errorf("%+v", resp.NodeEndpoints)
	}
}

func TestFetchSnapshotErrors(t *testing.T) {
	type change = func(*kmsg.FetchSnapshotRequestTopicPartition, *Quorum)
	for name, test := range map[string]struct {
		change change
		code   int16
	}{
		"gone": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.SnapshotID.EndOffset = 99
		}, 98},
		"0-0": {func(p *kmsg.FetchSnapshotRequestTopicPartition, _ *Quorum) {
			p.SnapshotID.EndOffset, p.SnapshotID.Epoch = 0, 0
		}, 98},
		"position": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.Position = -1
		}, 98},
		"behind the end": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.Position = 11
		}, 98},
		"at the end": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.Position = 10
		}, 98},
		"old epoch": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.CurrentLeaderEpoch = 6
		}, 74},
		"epoch to come": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.CurrentLeaderEpoch = 8
		}, 75},
		"another leads": {func(_ *kmsg.FetchSnapshotRequestTopicPartition,
			q *Quorum) {
			q.LeaderID = 3002
		}, 6},
		"nobody leads": {func(_ *kmsg.FetchSnapshotRequestTopicPartition,
			q *Quorum) {
			q.LeaderID = -1
		}, 8},
		"other partition": {func(p *kmsg.FetchSnapshotRequestTopicPartition,
			_ *Quorum) {
			p.Partition = 1
		}, 3},
	} {
		c, log := newReadController(t)
		log.quorum.LeaderID, log.snapshot = 3000, []byte("0123456789")
		req := observerFetchSnapshot(c, 0)
		want := &req.Topics[0].Partitions[0]
		test.change(want, &log.quorum)
		resp := ask[*kmsg.FetchSnapshotResponse](t, c, controllerCaller, req, 1)
		p := resp.Topics[0].Partitions[0]
		if resp.ErrorCode != 0 || p.ErrorCode != test.code ||
			p.CurrentLeader.LeaderID != log.quorum.LeaderID || p.CurrentLeader.LeaderEpoch != 7 ||
			p.SnapshotID.EndOffset != want.SnapshotID.EndOffset ||
			p.SnapshotID.Epoch != want.SnapshotID.Epoch || p.Position != want.Position ||
			len(p.Bytes) != 0 {
			t.Errorf("%s: %+v", name, resp)
		}
		if log.open != 0 {
			t.Errorf("%s: a file is left open", name)
		}
	}
}

func TestFetchSnapshotRefusals(t *testing.T) {
	c, log := newReadController(t)
	log.quorum.LeaderID = 3000
	other := "other"
	req := observerFetchSnapshot(c, 0)
	req.ClusterID = &other
	if resp := ask[*kmsg.FetchSnapshotResponse](t, c, controllerCaller, req,
		1); resp.ErrorCode != 104 || len(resp.Topics) != 0 {
		t.Errorf("%+v", resp)
	}
	if resp := ask[*kmsg.FetchSnapshotResponse](t, c, controllerCaller,
		kmsg.NewPtrFetchSnapshotRequest(), 1); resp.ErrorCode != 42 {
		t.Errorf("%+v", resp)
	}
}

func TestFetchSnapshotBoundsBytes(t *testing.T) {
	c, log := newReadController(t)
	log.quorum.LeaderID, log.snapshot = 3000, make([]byte, snapshotPieceMaxBytes+1)
	for asked, want := range map[int32]int{-5: 1, 0: 1, 500: 500, 1 << 30: snapshotPieceMaxBytes} {
		req := observerFetchSnapshot(c, 0)
		req.MaxBytes = asked
		resp := ask[*kmsg.FetchSnapshotResponse](t, c, controllerCaller, req, 1)
		if got := len(resp.Topics[0].Partitions[0].Bytes); got != want {
			t.Errorf("%d bytes asked: %d", asked, got)
		}
	}
}
