package security

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// Real brokers register and serve clients whichever way they connect to the controllers. One
// cluster serves all tests that need every protocol.
func TestEveryProtocolAndMechanism(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	t.Run("brokers serve", c.serve)
	t.Run("logins at the controller", c.logins)
	t.Run("no user without entries changes anything", c.ungranted)
	t.Run("envelopes", c.envelopes)
	t.Run("quotas", c.quotas)
	t.Run("strangers' requests", c.scan)
	t.Run("versions of TLS", c.versions)
	t.Run("certificates", c.certificates)
	t.Run("noise", c.noise)
	t.Run("replays", c.replays)
	t.Run("hostile messages", c.hostile)
	t.Run("downgrades", c.downgrades)
	t.Run("SASL at the door for certificates", c.saslAtCertificates)
	if !*apache {
		t.Run("false peers", c.falsePeers)
		t.Run("logins over HTTP", c.loginsHTTP)
		t.Run("strangers over HTTP", c.scanHTTP) // the last: its address is slowed down
	}
	t.Run("brokers still serve", c.serve)
	kafka.RequireAlive(t, c.brokers...)
	kafka.RequireRunning(t, c.q, c.q.Nodes()[0])
}

// serve writes to a partition on each broker and reads back, by each mechanism.
func (c *cluster) serve(t *testing.T) {
	ids := []int32{1, 2, 3, 4, 5}
	admin := c.client(t, realm.Admin, realm.Scram512)
	kafka.Eventually(t, kafka.Patience, "a topic on every broker", func() error {
		err := created(creation("served", ids...).RequestWith(t.Context(), admin))
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return nil
		}
		return err
	})
	for _, m := range realm.Mechanisms {
		cl := c.client(t, realm.Admin, m, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for i := range ids {
			record := &kgo.Record{Topic: "served", Partition: int32(i), Value: []byte(m)}
			ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
			err := cl.ProduceSync(ctx, record).FirstErr()
			if cancel(); err != nil {
				t.Fatalf("%s to broker %d: %v", m, i+1, err)
			}
		}
	}
	c.consume(t, "served", len(ids)*len(realm.Mechanisms))
}

// consume reads n records of a topic by a group.
func (c *cluster) consume(t *testing.T, topic string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	cl := c.client(t, realm.Admin, realm.Plain, kgo.ConsumerGroup("readers"),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for read := 0; read < n; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %d of %d records: %v", read, n, err)
		}
		read += fetches.NumRecords()
	}
}

// logins are those of the super user at each door of the controller, and what each refuses.
func (c *cluster) logins(t *testing.T) {
	for _, d := range doors {
		for _, m := range append([]string{""}, realm.Mechanisms...) {
			login := c.r.Login(realm.Admin, d.Protocol)
			if m != "" {
				login = c.r.Login(realm.Admin, d.Protocol, m)
			}
			err := c.tryLogin(t, login, d)
			if allowed := d.Allows(m); allowed != (err == nil) {
				t.Errorf("%s at %s: %v", login.Name, d.Name, err)
			}
		}
	}
}
