package attack

import (
	"strings"
	"testing"
	"time"

	"github.com/yakt/yakt/integration/kafka"
)

// Endless frames take no room from those of peers: the leader keeps its majority.
func TestYAKtAttackOnAQuorum(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 3, 0)
	a := trickling(8, 16, 16)
	a.lasts = 8 * time.Second // longer than several elections, by default
	before := kafka.WaitLeader(t, v.q, kafka.Patience)
	v.endure(t, a)
	if after := kafka.WaitLeader(t, v.q, kafka.Patience); !t.Failed() &&
		after.Epoch != before.Epoch {
		t.Errorf("node %d led in epoch %d, now node %d does in epoch %d", before.ID, before.Epoch,
			after.ID, after.Epoch)
	}
}

// A request that a real broker forwards in an ENVELOPE costs no more than the same request from a
// client.
func TestYAKtAttackThroughABroker(t *testing.T) {
	t.Parallel()
	v := newVictims(t, 1, 0)
	broker := kafka.StartBroker(t, v.q, kafka.BrokerOptions{ID: 2})
	a := asking("ELECT_LEADERS of 100,000 partitions of a topic with a long name, through a broker",
		electLeaders(strings.Repeat("n", 32_000), 100_000))
	a.at = kafka.Addrs(broker)[0]
	v.endure(t, a)
	kafka.RequireAlive(t, broker)
}
