package attack

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// Attacks by connections that use up a shared resource: room for connections, time, descriptors,
// the log.
func TestYAKtAttackByConnections(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 1, attackTopics)
	for _, a := range connectionAttacks(v) {
		t.Run(a.name, func(t *testing.T) { v.endure(t, a) })
	}
}

func connectionAttacks(v *victim) []attack {
	return []attack{
		{name: "nothing", do: func(ctx context.Context, _ *victim, _ *kafka.Attacker) {
			<-ctx.Done()
		}},
		trickling(100, 16, 16),
		trickling(8, 16, 16),
		trickling(8, 16, 1),
		trickling(8, 200, 200),
		pipelining(20, 10_000),
		parking(5000),
		idling(5000),
		malformed(20),
		halfFrames(2000),
		slowFetching(50),
		slowFetching(2000),
		slowSnapshots(200),
		pouring("a storm of refused fetches", 2000, kafka.MetadataFetch(nil, -1, 0)),
	}
}

// trickling is a crowd in which each connection announces a frame of that many MiB, sends three
// quarters of it and then a byte a second.
func trickling(mib, n, addresses int) attack {
	head := binary.BigEndian.AppendUint32(nil, uint32(mib<<20))
	head = append(head, 0, byte(kmsg.ElectLeaders), 0, 2)
	name := fmt.Sprintf("%d MiB announced and three quarters sent, "+
		"%d connections from %d addresses",
		mib, n, addresses)
	return attack{name: name, do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.CrowdFrom(ctx, n, addresses, func(nc net.Conn) {
			if _, err := nc.Write(head); err != nil {
				return
			}
			chunk := make([]byte, 1<<20)
			for range mib * 3 / 4 {
				if _, err := nc.Write(chunk); err != nil {
					return
				}
			}
			trickle(ctx, nc)
		})
		<-ctx.Done()
	}}
}

// trickle sends a byte a second until ctx ends.
func trickle(ctx context.Context, nc net.Conn) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticks.C:
			if _, err := nc.Write([]byte{0}); err != nil {
				return
			}
		}
	}
}

// pipelining is a crowd that sends many small requests at a time and reads the answers.
func pipelining(n, requests int) attack {
	all := bytes.Repeat(kafka.Frame(kafka.Versions()), requests)
	return attack{name: "many ApiVersions at a time",
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			a.Crowd(ctx, n, func(nc net.Conn) {
				go drain(nc)
				for ctx.Err() == nil {
					if _, err := nc.Write(all); err != nil {
						return
					}
				}
			})
			<-ctx.Done()
		}}
}

// drain reads answers until the connection is closed.
func drain(nc net.Conn) {
	for {
		if _, err := kafka.SkipFrame(nc); err != nil {
			return
		}
	}
}

// parking is a crowd of FETCHes that claim more than the log has and want to wait forever. Then the
// crowd disconnects, and its requests must be dropped.
func parking(n int) attack {
	return attack{name: "fetches that wait for ever",
		do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
			frame := v.fetchFrame(math.MaxInt32, -1)
			a.Crowd(ctx, n, func(nc net.Conn) { _, _ = nc.Write(frame) })
			a.Wait()
			<-ctx.Done()
		}}
}

// fetchFrame is a FETCH in the leader's present epoch, of an observer whose last record is of an
// earlier epoch, or of the present one if last is -1. The victim was filled in its first epoch.
func (v *victim) fetchFrame(offset int64, last int32) []byte {
	leader := kafka.WaitLeader(v.t, v.q, kafka.Patience)
	req := kafka.WithVersion(kafka.MetadataFetch(nil, leader.Epoch, offset).(*kmsg.FetchRequest),
		12)
	req.MaxWaitMillis, req.MaxBytes, req.Topics[0].Topic = math.MaxInt32, math.MaxInt32,
		"__cluster_metadata"
	p := &req.Topics[0].Partitions[0]
	p.PartitionMaxBytes, p.LastFetchedEpoch = math.MaxInt32, last
	if last < 0 {
		p.LastFetchedEpoch = leader.Epoch
	}
	return kafka.Frame(req)
}

// idling opens silent connections, from one address and from many.
func idling(n int) attack {
	return attack{name: "idle connections",
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			a.CrowdFrom(ctx, n, 1, func(net.Conn) {})
			a.CrowdFrom(ctx, n, n, func(net.Conn) {})
			a.Wait()
			<-ctx.Done()
		}}
}

// malformed opens connections as fast as it can and sends bytes for which each is closed.
func malformed(n int) attack {
	return attack{name: "a storm of malformed requests",
		do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
			for range n {
				a.CrowdFrom(ctx, 1, 1, func(first net.Conn) {
					first.Close()
					for ctx.Err() == nil {
						nc, err := kafka.Dial(ctx, a.Addr, 1)
						if err != nil {
							return
						}
						_, _ = nc.Write(kafka.RawFrame(9999, 0, nil))
						_, _ = kafka.SkipFrame(nc)
						nc.Close()
					}
				})
			}
			a.Wait()
		}}
}

// halfFrames is a crowd that sends half a frame of 64 KiB and nothing more.
func halfFrames(n int) attack {
	half := append(binary.BigEndian.AppendUint32(nil, 64<<10), make([]byte, 32<<10)...)
	half[5] = byte(kmsg.ApiVersions)
	return attack{name: "halves of frames",
		do: func(ctx context.Context, _ *victim, a *kafka.Attacker) {
			a.Crowd(ctx, n, func(nc net.Conn) { _, _ = nc.Write(half) })
			<-ctx.Done()
		}}
}

// slowFetching is a crowd that fetches the log from its start and never reads the answers.
func slowFetching(n int) attack {
	name := fmt.Sprintf("FETCH from the log's start, %d that do not read", n)
	return attack{name: name, do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
		leader := kafka.WaitLeader(v.t, v.q, kafka.Patience)
		start, err := kafka.LogStart(ctx, v.addr(), leader.Epoch)
		if err != nil {
			v.t.Error(err)
			return
		}
		v.pour(ctx, a, n, v.fetchFrame(start, 1))
	}}
}

// slowSnapshots is a crowd that downloads the newest snapshot and never reads the answers.
func slowSnapshots(n int) attack {
	return attack{name: "FETCH_SNAPSHOT, many that do not read",
		do: func(ctx context.Context, v *victim, a *kafka.Attacker) {
			leader := kafka.WaitLeader(v.t, v.q, kafka.Patience)
			req := kafka.MetadataSnapshotFetch(leader.Epoch).(*kmsg.FetchSnapshotRequest)
			req.MaxBytes = math.MaxInt32
			snapshots := kafka.Checkpoints(v.q.Dir(v.id))
			if len(snapshots) == 0 {
				v.t.Error("there is no snapshot to download")
				return
			}
			id := &req.Topics[0].Partitions[0].SnapshotID
			if _, err := fmt.Sscanf(filepath.Base(snapshots[len(snapshots)-1]), "%d-%d.checkpoint",
				&id.EndOffset, &id.Epoch); err != nil {
				v.t.Error(err)
			}
			v.pour(ctx, a, n, kafka.Frame(req))
		}}
}
