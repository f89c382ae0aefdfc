package security

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// doors are controller listeners of every protocol and mechanism. The first one is between nodes.
var doors = []realm.Listener{
	{Name: "MTLS", Protocol: realm.SSL},
	{Name: "PLAIN", Protocol: realm.SASLSSL, Mechanisms: []string{realm.Plain}},
	{Name: "SCRAM", Protocol: realm.SASLSSL, Mechanisms: []string{realm.Scram512}},
	{Name: "BEARER", Protocol: realm.SASLSSL, Mechanisms: []string{realm.OAuthBearer}},
	{Name: "OPEN", Protocol: realm.SASLPlaintext, Mechanisms: []string{realm.Scram256, realm.Plain}},
}

// http is how the HTTP API is secured: like a listener of that name.
var http = realm.Listener{Name: "HTTP", Protocol: realm.SASLSSL, Mechanisms: realm.Mechanisms}

// cluster is one controller with all doors, and a broker at each of them.
type cluster struct {
	r       *realm.Realm
	q       *kafka.Controllers
	brokers []*kafka.Broker // broker i+1 connects by door i
	debug   string          // host:port of the controller's profiles
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := startController(t)
	for i, d := range doors {
		b := kafka.NewBroker(t, c.q.Via(d.Name), kafka.BrokerOptions{ID: int32(i + 1),
			Properties: map[string]string{"delegation.token.secret.key": tokenKey}})
		b.Start(t)
		c.brokers = append(c.brokers, b)
	}
	for _, b := range c.brokers {
		b.WaitStarted(t, kafka.Patience)
	}
	return c
}

const tokenKey = "a-secret-of-the-security-test"

// startController starts a cluster without brokers.
func startController(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{r: realm.New(t), debug: fmt.Sprint("127.0.0.1:", kafka.FreePort(t))}
	properties := c.r.Keys(realm.Controller, http)
	properties["yakt.http.security.protocol"] = http.Protocol
	properties["yakt.debug.listeners"] = c.debug
	properties["delegation.token.secret.key"] = tokenKey
	c.q = start(t, 1, kafka.ControllerOptions{Realm: c.r, Listeners: doors,
		FormatArgs: realm.AddScram(), Properties: properties})
	return c
}

// door is the address of a controller listener.
func (c *cluster) door(name string) string { return c.q.EndpointOf(c.q.Nodes()[0], name) }

// clients are the addresses of the brokers' listeners for clients.
func (c *cluster) clients() (addrs []string) {
	for _, b := range c.brokers {
		addrs = append(addrs, b.AddrOf("CLIENTS"))
	}
	return addrs
}

// client is a franz-go client of the brokers.
func (c *cluster) client(
	t *testing.T, user, mechanism string, opts ...kgo.Opt,
) *kgo.Client {
	t.Helper()
	login := c.r.Login(user, realm.SASLSSL, mechanism)
	return kafka.NewClient(t, c.clients(), append(opts, login.Options()...)...)
}

// creation is a request for a topic with a partition on each of these brokers.
func creation(topic string, brokers ...int32) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 30_000
	created := kmsg.NewCreateTopicsRequestTopic()
	created.Topic, created.NumPartitions, created.ReplicationFactor = topic, -1, -1
	for i, b := range brokers {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), []int32{b}
		created.ReplicaAssignment = append(created.ReplicaAssignment, a)
	}
	req.Topics = append(req.Topics, created)
	return req
}

// created is the error of the first topic of a response.
func created(resp kmsg.Response, err error) error {
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode)
}
