package controller

import (
	"hash/fnv"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// clientView is the cluster of an image as an ordinary client sees it that came in by a controller listener: METADATA and
// DESCRIBE_TOPIC_PARTITIONS are answered from it.
//
// A broker shows a client the brokers' endpoints of the listener it came in by. No broker has a controller's listener, so each is
// shown with its listener of that name if it has one after all, else its first with the same security protocol, in the order in which the
// broker registered them, else its first. A client that can talk to this port can then mostly talk to those.
type clientView struct {
	img   *metadata.Image
	nodes map[int32]clientNode
}

type clientNode struct {
	broker   *metadata.Broker
	endpoint *record.Endpoint // nil: the broker has none
}

func newClientView(img *metadata.Image, caller protocol.Caller) clientView {
	v := clientView{img, make(map[int32]clientNode)}
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

// alive reports whether a client is told of the broker.
func (n clientNode) alive() bool { return n.broker != nil && !n.broker.Fenced && n.endpoint != nil }

// controllerID is the broker that takes the caller's admin requests and forwards them: as a broker's answer, it names some living
// broker, never a controller. A client always gets the same one, different clients different ones. -1 when there is none.
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

// living is replicas without those on brokers that no client can reach.
func (v clientView) living(replicas []int32) []int32 {
	var living []int32
	for _, id := range replicas {
		if v.nodes[id].alive() {
			living = append(living, id)
		}
	}
	return living
}

// offline are the replicas that cannot serve: on a broker that is gone or fenced, or in a directory that is gone.
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

// leader is the partition's leader, or why there is none to be shown. A fenced leader is shown: it is about to lose its post.
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
