package raftlog

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// benchCluster starts n nodes on this machine's disk and returns the leader.
func benchCluster(b *testing.B, n int) (*testCluster, *testNode) {
	cl := newCluster(b, n, nil)
	cl.start()
	return cl, cl.leader()
}

func (n *testNode) commit(b testing.TB, epoch int32, body string) {
	base, err := n.propose(epoch, dataBatch(1, body))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	if err := n.app.await(ctx.Done(), func() bool { return n.app.end > base }); err != nil {
		b.Fatal(err)
	}
}

func benchmarkOneAtATime(b *testing.B, nodes int) {
	_, n := benchCluster(b, nodes)
	epoch, body := n.log.Status().Epoch, string(make([]byte, 1000))
	for b.Loop() {
		n.commit(b, epoch, body)
	}
}

func BenchmarkCommitOneNode(b *testing.B)    { benchmarkOneAtATime(b, 1) }
func BenchmarkCommitThreeNodes(b *testing.B) { benchmarkOneAtATime(b, 3) }

// BenchmarkCommitThreeNodesParallel has 32 writers, each waiting for its own commit.
func BenchmarkCommitThreeNodesParallel(b *testing.B) {
	_, n := benchCluster(b, 3)
	epoch, body := n.log.Status().Epoch, string(make([]byte, 1000))
	var left atomic.Int64
	left.Store(int64(b.N))
	var writers sync.WaitGroup
	b.ResetTimer()
	for range 32 {
		writers.Go(func() {
			for left.Add(-1) >= 0 {
				n.commit(b, epoch, body)
			}
		})
	}
	writers.Wait()
}
