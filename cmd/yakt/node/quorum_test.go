package node

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yakt/yakt/config"
	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// startThree runs a static quorum of nodes 1, 2 and 3, all with one set of further settings.
func startThree(t *testing.T, settings ...string) []*Node {
	t.Helper()
	var voters []string
	ports := freePorts(t, 3)
	for i, port := range ports {
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, port))
	}
	quorum := "controller.quorum.voters=" + strings.Join(voters, ",")
	var all []*Node
	for i, port := range ports {
		cfg := configFor(t, i+1, filepath.Join(t.TempDir(), "d"), quorum, append([]string{
			fmt.Sprintf("listeners=CONTROLLER://127.0.0.1:%d", port), "yakt.wal.segment.bytes=1048576",
			"controller.quorum.election.timeout.ms=2000",
		}, settings...)...)
		format(t, cfg, Format{})
		all = append(all, startNode(t, cfg, discard))
	}
	return all
}

// freePorts are ports that nobody listens on.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// awaitController waits until a node has replayed the registrations of all three controllers, which
// the leader writes after the bootstrap records.
func awaitController(t *testing.T, n *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for {
		img := n.controller.Image()
		known := 0
		for id := int32(1); id <= 3; id++ {
			if img.Controller(id) != nil {
				known++
			}
		}
		if known == 3 {
			return
		}
		if err := n.controller.Await(ctx, feed.AudienceAll, img.EndOffset()-1); err != nil {
			t.Fatalf("node %d knows %d controllers", n.cfg.NodeID, known)
		}
	}
}

// TestAQuorumOfThree: every node knows the voters, where they are and where the leader serves HTTP.
func TestAQuorumOfThree(t *testing.T) {
	t.Parallel()
	all := startThree(t, "yakt.http.listeners=127.0.0.1:0")
	for _, n := range all {
		awaitController(t, n)
	}
	lead, _ := all[0].leaderHTTP()
	for _, n := range all {
		id, http := n.leaderHTTP()
		if id != lead || n.cfg.NodeID != id && http != all[id-1].HTTPAddr() {
			t.Errorf("node %d: node %d leads, and serves at %q", n.cfg.NodeID, id, http)
		}
		q := quorumLog{n.log}.Quorum()
		if q.LeaderID != id || len(q.Voters) != 3 || q.HighWatermark < 1 {
			t.Errorf("node %d: %+v", n.cfg.NodeID, q)
		}
		for _, v := range n.initialVoters().Voters {
			other := all[v.ID-1]
			if v.DirectoryID != other.storage.directoryID ||
				fmt.Sprint(n.addresses(v.ID)) != fmt.Sprint(other.Endpoints()) {
				t.Errorf("node %d: voter %+v at %v", n.cfg.NodeID, v, n.addresses(v.ID))
			}
		}
		state := n.state()
		if len(state.Voters) != 3 || !state.Voters[n.cfg.NodeID-1].Connected || state.LeaderID != id {
			t.Errorf("node %d: %+v", n.cfg.NodeID, state)
		}
	}
}

// TestAddressesByWeight: what this node's configuration insists on comes before the log and the
// rest.
func TestAddressesByWeight(t *testing.T) {
	t.Parallel()
	voters := record.Voters{Voters: []record.Voter{
		voterOf(2, protocol.UUID{1}, []record.Endpoint{
			{Name: "OTHER", Host: "x", Port: 1}, {Name: "CONTROLLER", Host: "formatted", Port: 9093},
		}),
	}}
	n := &Node{
		cfg: &config.Config{
			NodeID: 1, ControllerListenerNames: []string{"CONTROLLER"},
			Quorum: config.Quorum{
				Voters: []config.Voter{
					{ID: 2, HostPort: config.HostPort{Host: "configured", Port: 9093}},
				},
				PeerAddresses: map[int32]config.HostPort{3: {Host: "moved", Port: 9093}},
			},
		},
		storage:    &storage{voters: &voters},
		controller: controller.New(controller.Config{Clock: systemClock{}}),
	}
	if got := fmt.Sprint(n.addresses(2)); got != "[configured:9093 formatted:9093]" {
		t.Errorf("a voter: %s", got)
	}
	if got := fmt.Sprint(n.addresses(3)); got != "[moved:9093]" {
		t.Errorf("one that was moved: %s", got)
	}
	if n.voterDirectory(2) != [16]byte{1} || n.voterDirectory(9) != [16]byte{} {
		t.Error("directories of voters that the directory was formatted with")
	}
}
