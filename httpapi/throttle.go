package httpapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/yakt/yakt/metadata"
)

// Throttle lists the configurations that limit the bandwidth of a reassignment (KIP-73). Set them
// before or right after it begins, and clear them when it has ended, or replicas that fall behind
// later stay slow.
type Throttle struct {
	// Configurations to set now.
	Set []ThrottleConfig `json:"set"`
	// Configurations to delete when the reassignment has ended.
	Clear []ThrottleConfig `json:"clear"`
}

// ThrottleConfig is one configuration of a broker or topic.
type ThrottleConfig struct {
	// Type of the resource.
	Resource string `json:"resource" enum:"broker,topic" example:"topic"`
	// Name of the topic, or id of the broker.
	Name string `json:"name" example:"orders"`
	// Key of the configuration.
	Key string `json:"key" example:"leader.replication.throttled.replicas"`
	// Its value; absent where it is deleted.
	Value string `json:"value,omitempty" example:"0:1,0:2"`
}

// Keys of the throttle, for leaders and for the replicas that follow them.
const (
	leaderRate       = "leader.replication.throttled.rate"
	followerRate     = "follower.replication.throttled.rate"
	leaderReplicas   = "leader.replication.throttled.replicas"
	followerReplicas = "follower.replication.throttled.replicas"
)

// newThrottle is the throttle of a change: replicas that exist may send, and those that are added
// may receive, so many bytes per second in all on each broker.
func newThrottle(img *metadata.Image, change *changedReplicas, bytesPerSec int64) *Throttle {
	m := moves{map[int32]bool{}, map[string][]string{}, map[string][]string{}}
	for _, ref := range change.refs {
		if t := img.TopicByName(ref.Topic); t != nil {
			if p := t.Partition(ref.PartitionID); p != nil {
				m.add(ref, p, change.targets[ref])
			}
		}
	}
	t := &Throttle{Set: []ThrottleConfig{}, Clear: []ThrottleConfig{}}
	for _, id := range slices.Sorted(maps.Keys(m.brokers)) {
		t.add("broker", itoa(id), leaderRate, itoa(bytesPerSec))
		t.add("broker", itoa(id), followerRate, itoa(bytesPerSec))
	}
	for _, topic := range slices.Sorted(maps.Keys(m.followers)) {
		t.add("topic", topic, leaderReplicas, strings.Join(m.leaders[topic], ","))
		t.add("topic", topic, followerReplicas, strings.Join(m.followers[topic], ","))
	}
	return t
}

// moves are the replicas that send and receive in a reassignment, by topic, and their brokers.
type moves struct {
	brokers            map[int32]bool
	leaders, followers map[string][]string
}

// add adds a partition unless the change copies nothing.
func (m *moves) add(ref PartitionRef, p *metadata.Partition, target []int32) {
	present := slices.DeleteFunc(slices.Clone(p.Replicas), func(id int32) bool {
		return slices.Contains(p.Adding(), id)
	})
	copied := slices.DeleteFunc(slices.Clone(target), func(id int32) bool {
		return slices.Contains(present, id)
	})
	if len(copied) == 0 {
		return
	}
	for _, id := range present {
		m.brokers[id] = true
		m.leaders[ref.Topic] = append(m.leaders[ref.Topic], replicaName(ref.PartitionID, id))
	}
	for _, id := range copied {
		m.brokers[id] = true
		m.followers[ref.Topic] = append(m.followers[ref.Topic], replicaName(ref.PartitionID, id))
	}
}

func replicaName(partition, broker int32) string { return fmt.Sprintf("%d:%d", partition, broker) }

func (t *Throttle) add(resource, name, key, value string) {
	t.Set = append(t.Set, ThrottleConfig{resource, name, key, value})
	t.Clear = append(t.Clear, ThrottleConfig{resource, name, key, ""})
}
