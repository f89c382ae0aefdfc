package kafka

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FakeBrokers registers brokers with ids 1 to n that consist of their registration only, for tests
// that need replicas but no records. They send no further heartbeats: start the controllers with
// LongSessions.
func FakeBrokers(t testing.TB, q Quorum, n int) {
	t.Helper()
	for id := range int32(n) {
		// the same incarnation for every attempt
		registration := FakeRegistration(id+1, q.ClusterID())
		Eventually(t, Patience, fmt.Sprintf("fake broker %d is unfenced", id+1), func() error {
			leader, err := FindLeader(t.Context(), q)
			if err != nil {
				return err
			}
			return registerFake(t.Context(), q.Endpoint(leader.ID), registration,
				q.ClientOptions()...)
		})
	}
}

// LongSessions is the property that lets brokers be silent for the length of a test.
func LongSessions() map[string]string {
	return map[string]string{"broker.session.timeout.ms": "3600000"}
}

// UsualSessions is Kafka's default session instead of this package's, for tests in which a killed
// broker returns and may register once its session has ended. (Apache's controllers require that
// after a clean stop, too.) On a busy machine it can fence a broker for a moment.
func UsualSessions() map[string]string {
	return map[string]string{"broker.session.timeout.ms": "9000"}
}

func registerFake(
	ctx context.Context, addr string, req *kmsg.BrokerRegistrationRequest, opts ...kgo.Opt,
) error {
	kresp, err := Ask(ctx, addr, req, opts...)
	if err != nil {
		return err
	}
	resp := kresp.(*kmsg.BrokerRegistrationResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return err
	}
	beat := kmsg.NewPtrBrokerHeartbeatRequest()
	beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = req.BrokerID, resp.BrokerEpoch,
		resp.BrokerEpoch
	if kresp, err = Ask(ctx, addr, beat, opts...); err != nil {
		return err
	}
	state := kresp.(*kmsg.BrokerHeartbeatResponse)
	if state.ErrorCode == 0 && state.IsFenced {
		return errors.New("fenced")
	}
	return kerr.ErrorForCode(state.ErrorCode)
}

// RegisterFake registers a broker that consists of its registration only, fenced, and returns its
// epoch. All calls for one id are of the same incarnation: each gets the same epoch. opts are for
// its client, such as a login.
func RegisterFake(
	ctx context.Context, addr string, id int32, opts ...kgo.Opt,
) (epoch int64, err error) {
	ask := WithVersion(kmsg.NewPtrDescribeClusterRequest(), 1)
	ask.EndpointType = endpointControllers
	cluster, err := Ask(ctx, addr, ask, opts...)
	if err != nil {
		return 0, err
	}
	req := FakeRegistration(id, cluster.(*kmsg.DescribeClusterResponse).ClusterID)
	req.IncarnationID = [16]byte{15: byte(id)}
	req.LogDirs = [][16]byte{{0: 1, 15: byte(id)}}
	resp, err := Ask(ctx, addr, req, opts...)
	if err != nil {
		return 0, err
	}
	registered := resp.(*kmsg.BrokerRegistrationResponse)
	return registered.BrokerEpoch, kerr.ErrorForCode(registered.ErrorCode)
}

const endpointControllers = 2 // EndpointType of DESCRIBE_CLUSTER

// BrokerFeatures are the features that a broker of the newest release supports, with the lowest and
// the highest level of each.
var BrokerFeatures = map[string][2]int16{
	"metadata.version":                 {7, 33},
	"kraft.version":                    {0, 1},
	"group.version":                    {0, 1},
	"transaction.version":              {0, 2},
	"eligible.leader.replicas.version": {0, 1},
	"share.version":                    {0, 2},
	"streams.version":                  {0, 1},
}

// FakeRegistration is the registration request of a broker of the newest release, a new incarnation
// with one directory and one listener.
func FakeRegistration(id int32, clusterID string) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.BrokerID, req.ClusterID, req.PreviousBrokerEpoch = id, clusterID, -1
	rand.Read(req.IncarnationID[:])
	var directory [16]byte
	rand.Read(directory[:])
	req.LogDirs = [][16]byte{directory}
	listener := kmsg.NewBrokerRegistrationRequestListener()
	listener.Name, listener.Host, listener.Port = "PLAINTEXT", "127.0.0.1", 1
	req.Listeners = append(req.Listeners, listener)
	for name, levels := range BrokerFeatures {
		feature := kmsg.NewBrokerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = name, levels[0],
			levels[1]
		req.Features = append(req.Features, feature)
	}
	return req
}

const attemptMax = 3 * time.Second // how long a Creator tries one node before the next

// Creator creates topics directly at the controllers, one after the other, and enters acknowledged
// ones into its ledger. Not safe for concurrent use.
type Creator struct {
	Ledger     *Ledger
	Partitions int32
	q          Quorum
	clients    map[int32]*kgo.Client
	at         int32 // the last known leader
	made       int
}

// NewCreator makes a Creator of topics with one replica and this many partitions each.
func NewCreator(t testing.TB, q Quorum, partitions int32) *Creator {
	c := &Creator{Ledger: NewLedger("created"), Partitions: partitions, q: q,
		clients: map[int32]*kgo.Client{}, at: q.Nodes()[0]}
	for _, id := range q.Nodes() {
		c.clients[id] = NewClient(t, []string{q.Endpoint(id)}, kgo.DialTimeout(attemptMax))
	}
	return c
}

// Create asks one node after the other, without pause, until one has created another topic or ctx
// ends.
func (c *Creator) Create(ctx context.Context) error {
	c.made++
	name := fmt.Sprintf("%s-%d", c.Ledger.name, c.made)
	nodes := c.q.Nodes()
	for i := 0; ; i++ {
		id, err := c.ask(ctx, c.at, name)
		switch {
		case err == nil:
			c.Ledger.topicCreated(name, id)
			return nil
		case errors.Is(err, kerr.TopicAlreadyExists):
			return nil // created by an attempt without an answer; its id is unknown
		case ctx.Err() != nil:
			return err
		}
		c.at = nodes[i%len(nodes)]
	}
}

func (c *Creator) ask(ctx context.Context, node int32, name string) (id [16]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptMax)
	defer cancel()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, c.Partitions, 1
	req.TimeoutMillis, req.Topics = int32(attemptMax.Milliseconds()), append(req.Topics, topic)
	kresp, err := c.clients[node].SeedBrokers()[0].Request(ctx, req)
	if err != nil {
		return id, err
	}
	got := kresp.(*kmsg.CreateTopicsResponse).Topics[0]
	return got.TopicID, kerr.ErrorForCode(got.ErrorCode)
}

// RequireCreated fails the test unless every one of these nodes knows all acknowledged topics.
func (c *Creator) RequireCreated(t testing.TB, nodes ...int32) {
	t.Helper()
	for _, id := range nodes {
		Eventually(t, Patience, fmt.Sprintf("node %d knows all acknowledged topics",
			id), func() error {
			c.Ledger.mu.Lock()
			defer c.Ledger.mu.Unlock()
			return c.Ledger.missingTopic(t, c.q.Endpoint(id))
		})
	}
}

// Missing counts the acknowledged topics that a node does not know, or knows under another id.
func (c *Creator) Missing(ctx context.Context, node int32) (missing int, err error) {
	c.Ledger.mu.Lock()
	defer c.Ledger.mu.Unlock()
	have, err := BrokerTopics(ctx, c.q.Endpoint(node))
	for name, id := range c.Ledger.topics {
		if topic, ok := have[name]; !ok || topic.TopicID != id {
			missing++
		}
	}
	return missing, err
}
