package raftlog

import "testing"

// TestCaughtUpOnlyOnceALeaderHasSaidSo: what a restarted replica has on its disk may be old,
// however much of it is committed.
func TestCaughtUpOnlyOnceALeaderHasSaidSo(t *testing.T) {
	t.Parallel()
	cl := newCluster(t, 3, nil)
	cl.start()
	cl.write("before")
	leader := cl.leader()
	if end, ok := leader.log.CaughtUp(); !ok || end < 5 {
		t.Errorf("the leader: %d, %v", end, ok)
	}
	late := cl.nodes[(leader.id+1)%3]
	late.await(leader.log.Status().HighWatermark)
	late.kill()
	missed := cl.write("while it was away")
	for _, n := range cl.nodes {
		n.kill()
	}
	late.start()
	late.await(5) // from its own disk
	if end, ok := late.log.CaughtUp(); ok {
		t.Errorf("alone, with an old log: caught up at %d", end)
	}
	for _, n := range cl.nodes {
		if n != late {
			n.start()
		}
	}
	for {
		end := cl.write("after")
		late.await(end)
		if at, ok := late.log.CaughtUp(); ok {
			if at < missed {
				t.Errorf("caught up at %d, before %d that it missed", at, missed)
			}
			return
		}
	}
}
