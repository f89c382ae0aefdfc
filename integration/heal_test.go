package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/httpapi"
	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// unread are the records, unreadable for brokers, that earlier releases are known to have written:
// registrations that can be repaired or not, values that can be removed, and names that no valid
// record can contain.
func unread() []record.Record {
	long, value, short := strings.Repeat("x", 40_000), strings.Repeat("€", 20_000), "v"
	at := record.Endpoint{Name: "PLAINTEXT", Host: "localhost", Port: 9092}
	broker := func(id int32, change func(*record.RegisterBroker)) *record.RegisterBroker {
		r := &record.RegisterBroker{
			BrokerID: id, IncarnationID: protocol.UUID{byte(id)}, BrokerEpoch: int64(id),
			Fenced:    true,
			Endpoints: []record.Endpoint{at}, LogDirs: []protocol.UUID{{byte(id)}},
		}
		change(r)
		return r
	}
	return []record.Record{
		broker(70, func(r *record.RegisterBroker) { r.Rack = &long }),
		broker(71, func(r *record.RegisterBroker) { r.Endpoints[0].Host = long }),
		broker(72, func(r *record.RegisterBroker) { r.Endpoints[0].Name = long }),
		broker(73, func(r *record.RegisterBroker) {
			r.Features = []record.FeatureRange{{Name: long}}
		}),
		&record.RegisterController{ControllerID: 99,
			Endpoints: []record.Endpoint{{Name: long, Host: "h", Port: 1}}},
		&record.Config{ResourceType: metadata.ConfigBroker, Name: long, Value: &short},
		&record.Config{ResourceType: metadata.ConfigBroker, Name: "foo", Value: &value},
		&record.Config{ResourceType: metadata.ConfigTopic, ResourceName: "t", Name: "retention.ms",
			Value: &value},
		&record.Config{ResourceType: metadata.ConfigGroup, ResourceName: long,
			Name: "consumer.session.timeout.ms", Value: &short},
		&record.Config{ResourceType: metadata.ConfigClientMetrics, ResourceName: long,
			Name: "interval.ms", Value: &short},
	}
}

// unaccepted are records that brokers can read but not apply: each logs a fault and continues.
func unaccepted() []record.Record {
	nowhere := []record.Endpoint{{Name: "", Host: "", Port: 0}}
	return []record.Record{&record.RegisterBroker{
		BrokerID: 74, IncarnationID: protocol.UUID{74}, BrokerEpoch: 74, Endpoints: nowhere,
		Fenced: true, LogDirs: []protocol.UUID{{74}},
	}}
}

// logReadable returns whether a node's log is free of records that brokers do not accept, and how
// many invalid entities its state has.
func logReadable(
	ctx context.Context, q *kafka.Controllers, id int32,
) (check httpapi.Check, err error) {
	body, err := q.Health(ctx, id)
	if err != nil {
		return check, err
	}
	var h httpapi.Health
	if err := json.Unmarshal(body, &h); err != nil {
		return check, err
	}
	for _, c := range h.Checks {
		if c.Name == "log_readable" {
			return c, nil
		}
	}
	return check, fmt.Errorf("/readyz of node %d does not say whether brokers "+
		"can read the log: %+v", id, h)
}

// Every broker that reads a poisoned log exits, at each start, and so does a new one. The poison is
// detected, reported and healed while one controller is down and another is killed in the middle,
// and nothing else is lost.
func TestYAKtHealsAPoisonedLog(t *testing.T) {
	t.Parallel()
	binary := kafka.BuildYAKt(t)
	// Brokers die here while their sessions last, and register again.
	q := kafka.StartYAKt(t, binary, 3,
		kafka.ControllerOptions{Properties: map[string]string{"broker.session.timeout.ms": "9000"}})
	spoil(t, q, &record.NoOp{Dropped: []record.Digest{{1}}}) // brokers read it as any other NoOp
	brokers := kafka.StartBrokers(t, q, 2, kafka.BrokerOptions{})
	addrs := kafka.Addrs(brokers[0])
	kafka.CreateTopic(t, addrs, "t", 1, 1)
	var ledger kafka.Ledger
	kafka.Produce(t, addrs, "t", 100, &ledger)
	brokers[1].Stop(t)

	spoil(t, q, unaccepted()...)
	healed(t, q, binary, kafka.WaitLeader(t, q, kafka.Patience).ID)
	requireCut(t, q)
	kafka.RequireAlive(t, brokers[0])
	kafka.CreateTopic(t, addrs, "between", 1, 1)

	spoil(t, q, unread()...)
	brokers[0].WaitExit(t, kafka.Patience)
	brokers[0].Start(t)
	brokers[0].WaitExit(t, kafka.Patience)
	fresh := kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 3})
	fresh.Start(t)
	fresh.WaitExit(t, kafka.Patience)
	requireToldOfPoison(t, q, binary)

	leader := kafka.WaitLeader(t, q, kafka.Patience)
	down := q.Nodes()[0]
	if down == leader.ID {
		down = q.Nodes()[1]
	}
	q.Kill(down)
	healed(t, q, binary, leader.ID)
	q.Kill(leader.ID)
	q.Start(t, leader.ID)
	q.Start(t, down)
	requireCut(t, q)
	brokers[0].Start(t)
	brokers[0].WaitExit(t, kafka.Patience) // the records are on its own disk
	brokers = append(brokers, fresh, kafka.NewBroker(t, q, kafka.BrokerOptions{ID: 4}))
	for _, b := range []*kafka.Broker{brokers[0], fresh} {
		kafka.RemoveDir(t, b.MetadataDir())
	}
	for _, b := range brokers {
		b.Start(t)
	}
	for _, b := range brokers {
		b.WaitStarted(t, kafka.Patience)
	}
	kafka.ConsumeByGroup(t, addrs, "g", "t", 100)
	kafka.CreateTopic(t, addrs, "after", 3, 3)
	kafka.RequireAlive(t, brokers...)
}

// healed heals the log through a node.
func healed(t *testing.T, q *kafka.Controllers, binary string, id int32) {
	t.Helper()
	out := kafka.RunYAKt(t, binary, kafka.Patience, "heal", "--server",
		q.HTTPAddr(id)).MustSucceed(t)
	if !strings.Contains(out.Stdout, "Healed.") {
		t.Fatalf("yakt heal: %s", out.Stdout)
	}
}

// requireCut waits until the log of every node starts after the records that brokers do not accept.
func requireCut(t *testing.T, q *kafka.Controllers) {
	t.Helper()
	for _, id := range q.Nodes() {
		kafka.Eventually(t, kafka.Patience, fmt.Sprintf("node %d has cut its log",
			id), func() error {
			c, err := logReadable(t.Context(), q, id)
			if err == nil && !c.OK {
				err = fmt.Errorf("%s", c.Message)
			}
			return err
		})
	}
}

// requireToldOfPoison checks that every node reports the problem and the remedy, and that the dry
// run changes nothing.
func requireToldOfPoison(t *testing.T, q *kafka.Controllers, binary string) {
	t.Helper()
	for _, id := range q.Nodes() {
		c, err := logReadable(t.Context(), q, id)
		if err != nil || c.OK || !c.Warning || !strings.Contains(c.Message, "yakt heal") {
			t.Errorf("node %d: %+v, %v", id, c, err)
		}
		if n := strings.Count(q.Node(id).Log(),
			"the log holds records that Kafka's brokers do not accept"); n < 1 {
			t.Errorf("node %d says so %d times in its log", id, n)
		}
		dry := kafka.RunYAKt(t, binary, kafka.Patience, "heal", "--dry-run", "--server",
			q.HTTPAddr(id)).MustSucceed(t)
		for _, part := range []string{"registration of broker 70", "repair", "remove", "unregister",
			"drop", "retention.ms"} {
			if !strings.Contains(dry.Stdout, part) {
				t.Errorf("the dry run does not name %q:\n%s", part, dry.Stdout)
			}
		}
	}
}

// Kafka's own readers and replay, of the oldest and the newest release, load the records that heal
// a log, from the log and from a snapshot of the healed state: to them, the record that names
// dropped entities is an ordinary NoOp.
func TestKafkaLoadsWhatHeals(t *testing.T) {
	t.Parallel()
	clean := []record.Record{level(), &record.Topic{Name: "t", TopicID: protocol.UUID{1}}}
	spoiled := replayed(t, metadata.Empty(), slices.Concat(clean, unread()))
	var remedies []record.Record
	for r := range spoiled.Remedies() {
		if r.Action == metadata.ActionUnregister {
			r.Record = &record.UnregisterBroker{BrokerID: r.BrokerID,
				BrokerEpoch: spoiled.Broker(r.BrokerID).Epoch}
		}
		remedies = append(remedies, r.Record)
	}
	log, err := metadata.EncodeData(slices.Concat(clean, remedies), loaderLevel, 1)
	if err != nil {
		t.Fatal(err)
	}
	log.SetPosition(0, 1)
	var snapshot bytes.Buffer
	if err := metadata.WriteSnapshot(&snapshot, replayed(t, spoiled, remedies)); err != nil {
		t.Fatal(err)
	}
	files := []kafka.LogFile{{Bytes: log}, {Snapshot: true, Bytes: snapshot.Bytes()}}
	for _, version := range loaders {
		for i, err := range kafka.LoadLogs(t, version, files...) {
			if err != nil {
				t.Errorf("%s, file %d: %v", version, i, err)
			}
		}
	}
}

// replayed is the image after records as a log holds them, valid or not.
func replayed(t *testing.T, img *metadata.Image, records []record.Record) *metadata.Image {
	t.Helper()
	raw, err := recordtest.Batch(records...)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := batch.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(img.EndOffset(), 1)
	next, err := img.ReplayBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	return next
}
