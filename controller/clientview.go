package controller

import (
	"hash/fnv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// clientView is the cluster as METADATA and DESCRIBE_TOPIC_PARTITIONS show it to an ordinary client
// on a controller listener.
//
// A broker shows the brokers' endpoints on the client's own listener. Brokers rarely have a
// controller's listener, so a broker is shown with its endpoint of that listener if there is one,
// else with its first of the same security protocol, in the order of its registration, else with
// its first. A client that can use this listener can then mostly use those.
type clientView struct {
	img    *metadata.Image
	rights *rights // of the client
	nodes  map[int32]clientNode
}

type clientNode struct {
	broker   *metadata.Broker
	endpoint *record.Endpoint // nil: the broker has none
}

func (c *Controller) clientView(caller protocol.Caller) clientView {
	img := c.Image()
	v := clientView{img, c.rightsOf(caller), make(map[int32]clientNode)}
	for id, b := range img.Brokers() {
		v.nodes[id] = clientNode{b, clientEndpoint(b.Endpoints, caller)}
	}
	return v
}

func clientEndpoint(endpoints []record.Endpoint, caller protocol.Caller) *record.Endpoint {
	if e := namedEndpoint(endpoints, caller.Listener); e != nil {
		return e
	}
	for i := range endpoints {
		if endpoints[i].SecurityProtocol == caller.SecurityProtocol {
			return &endpoints[i]
		}
	}
	if len(endpoints) > 0 {
		return &endpoints[0]
	}
	return nil
}

// sees reports whether the client may know that a topic exists.
func (v clientView) sees(topic string) bool {
	return v.rights.mayKnow(acls.Action{Operation: acls.Describe, ResourceType: acls.Topic,
		ResourceName: topic})
}

// shown is sees for answers about all topics; nil when the client sees all.
func (v clientView) shown() func(topic string) bool {
	if v.rights == nil {
		return nil
	}
	return v.sees
}

// topicOperations are the operations that the client may carry out on a topic, as bits.
func (v clientView) topicOperations(topic string) int32 {
	return v.rights.operations(acls.Topic, topic)
}

// alive reports whether clients see the broker.
func (n clientNode) alive() bool { return n.broker != nil && !n.broker.Fenced && n.endpoint != nil }

// controllerID is the broker that the caller sends its admin requests to: as in a broker's answer,
// some living broker, never a controller. It is the same for each request of a client, and differs
// between clients. -1 when there is none.
func (v clientView) controllerID(caller protocol.Caller) int32 {
	var alive []int32
	for id, b := range v.img.Brokers() {
		if !b.Fenced && v.nodes[id].endpoint != nil {
			alive = append(alive, id)
		}
	}
	if len(alive) == 0 {
		return -1
	}
	h := fnv.New32a()
	h.Write([]byte(caller.ClientAddr + " " + caller.ClientID))
	return alive[h.Sum32()%uint32(len(alive))]
}

// living are the replicas on brokers that clients can reach.
func (v clientView) living(replicas []int32) []int32 {
	var living []int32
	for _, id := range replicas {
		if v.nodes[id].alive() {
			living = append(living, id)
		}
	}
	return living
}

// offline are the replicas that cannot serve: their broker is gone or fenced, or their directory is
// gone.
func (v clientView) offline(p *metadata.Partition) []int32 {
	var offline []int32
	for _, id := range p.Replicas {
		n := v.nodes[id]
		if !n.alive() || !n.broker.DirectoryOnline(p.Directory(id)) {
			offline = append(offline, id)
		}
	}
	return offline
}

// leader is the partition's leader, or the reason why none is shown. A fenced leader is shown,
// because it is about to be replaced.
func (v clientView) leader(p *metadata.Partition) (int32, *kerr.Error) {
	n, registered := v.nodes[p.Leader]
	switch {
	case !registered:
		return -1, kerr.LeaderNotAvailable
	case n.endpoint == nil:
		return -1, kerr.ListenerNotFound
	}
	return p.Leader, nil
}

// unknownTopic is the error for a name that no topic has.
func unknownTopic(name string) *kerr.Error {
	if record.TopicNameProblem(name) != "" {
		return kerr.InvalidTopicException
	}
	return kerr.UnknownTopicOrPartition
}
