package raftlog

import "go.etcd.io/raft/v3"

// shareLeast is the smallest part of the configured bytes or age after which a snapshot can be due.
const shareLeast = 2.0 / 3

// snapshotShare is the part of the configured bytes and age after which the snapshot that follows
// the one at lastEnd is due on a voter, by its place among n: between shareLeast and 1, so that
// what is configured still bounds disk and recovery.
//
// All voters apply the same bytes, and would all write at once; but an acknowledgement waits for
// the disks of most of them, so that they should take turns. Voters whose last snapshots end at one
// offset are given parts that lie evenly apart. The others get parts that are as good as drawn by
// lot, so that two that have met once do not go on meeting. A restart changes nothing.
func snapshotShare(place, n int, lastEnd int64) float64 {
	if n <= 1 {
		return 1
	}
	lot := float64(scatter(uint64(lastEnd))>>11) / (1 << 53)
	part := lot + float64(place)/float64(n)
	return shareLeast + (1-shareLeast)*(part-float64(int(part)))
}

// scatter gives neighbouring numbers values that have nothing to do with one another (the finalizer
// of SplitMix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// place is where this node stands among the voters, by id, and how many there are; a learner stands
// with the first.
func (c *core) place() (place, n int) {
	n = len(c.voters())
	return int(c.rank(raft.None)) % max(n, 1), n
}
