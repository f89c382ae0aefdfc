package integration

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
)

// Connections that take what others need: room, time, descriptors, the log.
func TestYAKtAttackByConnections(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 1)
	for _, a := range connectionAttacks(v) {
		t.Run(a.name, func(t *testing.T) { v.endure(t, a) })
	}
}

func connectionAttacks(v *victim) []attack {
	return []attack{
		trickling(16, 16),
		trickling(16, 1),
		trickling(200, 200),
		pipelining(20, 10_000),
		parking(5000),
		idling(5000),
		malformed(20),
		halfFrames(2000),
		slowReaders("FETCH from the log's start, 50 that do not read", 50, fetch(nil, -1, 0)),
		slowReaders("FETCH of one offset, 2,000 that do not read", 2000, fetch(nil, -1, 1)),
	}
}

// trickling is a crowd of which each announces a frame of 100 MiB, sends 60 and then a byte a
// second.
func trickling(n, addresses int) attack {
	const frameBytes, sentBytes = 100 << 20, 60 << 20
	head := binary.BigEndian.AppendUint32(nil, frameBytes)
	head = append(head, 0, byte(kmsg.ElectLeaders), 0, 2)
	name := "100 MiB announced and 60 sent, on many connections"
	if addresses == 1 {
		name += " from one address"
	}
	return attack{name, func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.CrowdFrom(ctx, n, addresses, func(nc net.Conn) {
			if _, err := nc.Write(head); err != nil {
				return
			}
			chunk := make([]byte, 1<<20)
			for range sentBytes / len(chunk) {
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

// pipelining is a crowd that sends many small requests at a time, and takes the answers.
func pipelining(n, requests int) attack {
	all := bytes.Repeat(kafka.Frame(kafka.Versions()), requests)
	return attack{"many ApiVersions at a time", func(ctx context.Context, _ *victim, a *kafka.Attacker) {
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

// drain takes all answers until the connection is closed.
func drain(nc net.Conn) {
	for {
		if _, err := kafka.SkipFrame(nc); err != nil {
			return
		}
	}
}

// parking is a crowd whose fetches are to wait for ever; then it goes, and must be forgotten.
func parking(n int) attack {
	req := fetch(nil, -1, math.MaxInt32).(*kmsg.FetchRequest)
	req.Version, req.MaxWaitMillis, req.MinBytes = 12, math.MaxInt32, 1
	return attack{"fetches that wait for ever", func(ctx context.Context, v *victim, a *kafka.Attacker) {
		// Where the log ends, so that there is nothing to answer yet.
		leader, err := kafka.FindLeader(ctx, v.q)
		if err != nil {
			return
		}
		req.Topics[0].Partitions[0].FetchOffset = leader.HighWatermark
		req.Topics[0].Topic = "__cluster_metadata"
		frame := kafka.Frame(req)
		a.Crowd(ctx, n, func(nc net.Conn) { _, _ = nc.Write(frame) })
		a.Wait()
		<-ctx.Done()
	}}
}

// idling opens connections and says nothing, from one address and from many.
func idling(n int) attack {
	return attack{"idle connections", func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.CrowdFrom(ctx, n, 1, func(net.Conn) {})
		a.CrowdFrom(ctx, n, n, func(net.Conn) {})
		a.Wait()
		<-ctx.Done()
	}}
}

// malformed opens connections that are closed for what they send, as fast as it can.
func malformed(n int) attack {
	return attack{"a storm of malformed requests", func(ctx context.Context, v *victim, a *kafka.Attacker) {
		for range n {
			a.CrowdFrom(ctx, 1, 1, func(first net.Conn) {
				first.Close()
				for ctx.Err() == nil {
					nc, err := kafka.Dial(ctx, a.Addr, 1)
					if err != nil {
						return
					}
					_, _ = nc.Write(request(9999, 0, nil))
					_, _ = kafka.SkipFrame(nc)
					nc.Close()
				}
			})
		}
		a.Wait()
	}}
}

// halfFrames is a crowd that sends half of a frame of 64 KiB and no more.
func halfFrames(n int) attack {
	half := append(binary.BigEndian.AppendUint32(nil, 64<<10), make([]byte, 32<<10)...)
	half[5] = byte(kmsg.ApiVersions)
	return attack{"halves of frames", func(ctx context.Context, _ *victim, a *kafka.Attacker) {
		a.Crowd(ctx, n, func(nc net.Conn) { _, _ = nc.Write(half) })
		<-ctx.Done()
	}}
}

// slowReaders is pouring of a FETCH.
func slowReaders(name string, n int, req kmsg.Request) attack {
	req.SetVersion(12)
	of := req.(*kmsg.FetchRequest)
	of.MaxBytes, of.Topics[0].Topic = math.MaxInt32, "__cluster_metadata"
	of.Topics[0].Partitions[0].PartitionMaxBytes = math.MaxInt32
	return pouring(name, n, req)
}
