package raftlog

import "go.etcd.io/raft/v3"

// shareLeast is the smallest part of the configured bytes or age after which a snapshot can be due.
const shareLeast = 2.0 / 3

// snapshotShare returns the fraction of the configured bytes and age at which a voter's next
// snapshot after the one at lastEnd is due; place is the voter's position among n. It lies between
// shareLeast and 1, so that the configured values remain upper bounds for disk usage and recovery.
//
// All voters apply the same bytes, so with one value they would all write at once; but an
// acknowledgement waits for the disks of a majority, so they should take turns. Voters whose last
// snapshots end at the same offset get evenly spaced fractions. Otherwise the fractions are
// pseudo-random, so that voters whose snapshots coincide once do not keep coinciding. They do not
// change in a restart.
func snapshotShare(place, n int, lastEnd int64) float64 {
	if n <= 1 {
		return 1
	}
	lot := float64(scatter(uint64(lastEnd))>>11) / (1 << 53)
	part := lot + float64(place)/float64(n)
	return shareLeast + (1-shareLeast)*(part-float64(int(part)))
}

// scatter maps neighbouring numbers to unrelated ones (the finalizer of SplitMix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// place returns this node's position among the voters, by id, and their number. A learner has the
// position of the first.
func (c *core) place() (place, n int) {
	n = len(c.voters())
	return int(c.rank(raft.None)) % max(n, 1), n
}
