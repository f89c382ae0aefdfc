package security

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/realm"
)

// The whole quorum and its brokers move to another authority under load, in the steps that
// docs/security.md names: trust both, present new certificates, trust the new one only. Controllers
// read their files again while they run; brokers are restarted, one at a time. No broker fails to
// register or is fenced, and every record is acknowledged.
func TestCertificatesAreRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	r := realm.New(t)
	q := start(t, 3, kafka.ControllerOptions{Realm: r, Listeners: doors[:1]})
	brokers := kafka.StartBrokers(t, q, 2, kafka.BrokerOptions{})
	old := r.Login(realm.Admin, realm.SSL)
	r.NewAuthority(t) // clients trust it from now on
	login := r.Login(realm.Admin, realm.SASLSSL, realm.Plain)
	var addrs []string
	for _, b := range brokers {
		addrs = append(addrs, b.AddrOf("CLIENTS"))
	}
	admin := kafka.NewClient(t, addrs, login.Options()...)
	createReplicated(t, admin, "load")
	load := kafka.StartLoad(t, addrs, "load", 1, login.Options()...)
	load.WaitProgress(t, kafka.Patience)
	before := kafka.WaitLeader(t, q, kafka.Patience)

	r.Trust(t)
	restartAll(t, brokers)
	for _, user := range []string{realm.Controller, realm.Broker, realm.Admin} {
		r.Certify(t, user)
	}
	for _, id := range q.Nodes() {
		awaitCertificate(t, q.Endpoint(id), r)
	}
	restartAll(t, brokers)
	r.TrustOnly(t)
	for _, id := range q.Nodes() {
		awaitRefusal(t, q.Endpoint(id), old)
	}
	restartAll(t, brokers)

	// Connections between nodes begin anew: a follower restarts, then the leader.
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	if leader.Epoch != before.Epoch {
		t.Errorf("node %d led in epoch %d, now node %d does in epoch %d", before.ID, before.Epoch,
			leader.ID, leader.Epoch)
	}
	for _, id := range append(others(q, leader.ID), leader.ID) {
		q.Stop(t, id)
		q.Start(t, id)
		kafka.WaitCaughtUp(t, q, id, kafka.Patience)
	}
	load.WaitProgress(t, kafka.Patience)
	load.Stop()
	t.Logf("%v", load)
	requireAllWritten(t, admin, load)
	for _, b := range brokers {
		requireNoLine(t, b.Server, lostBroker)
	}
	for _, id := range q.Nodes() {
		requireNoLine(t, q.Node(id), regexp.MustCompile("level=ERROR"))
	}
	kafka.RequireAlive(t, brokers...)
}

// lostBroker matches what a broker logs that could not register, or was fenced in between.
var lostBroker = regexp.MustCompile(`Unable to register|registration .*(failed|timed out)|` +
	`[Ss]hutting down because|Broker .* fenced by|SslAuthenticationException`)

// requireNoLine fails the test if a line of a server's whole log matches.
func requireNoLine(t *testing.T, s *kafka.Server, pattern *regexp.Regexp) {
	t.Helper()
	for _, line := range s.LogLines() {
		if pattern.MatchString(line) {
			t.Errorf("%s logged: %s", s.Name, line)
		}
	}
}

func others(q *kafka.Controllers, leader int32) (ids []int32) {
	for _, id := range q.Nodes() {
		if id != leader {
			ids = append(ids, id)
		}
	}
	return ids
}

func restartAll(t *testing.T, brokers []*kafka.Broker) {
	t.Helper()
	for _, b := range brokers {
		b.Restart(t)
	}
}

// createReplicated creates a topic with a replica on each of two brokers.
func createReplicated(t *testing.T, admin *kgo.Client, topic string) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, "topic "+topic, func() error {
		req := creation(topic, 1, 2)
		for i := range req.Topics[0].ReplicaAssignment {
			req.Topics[0].ReplicaAssignment[i].Replicas = []int32{1, 2}
		}
		return created(req.RequestWith(t.Context(), admin))
	})
}

// awaitCertificate waits until a node presents a certificate of the realm's present authority.
func awaitCertificate(t *testing.T, addr string, r *realm.Realm) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, addr+" presents its new certificate", func() error {
		return connect(t, addr, r.Login(realm.Admin, realm.SSL).OnlyPresent(r))
	})
}

// awaitRefusal waits until a node refuses a certificate.
func awaitRefusal(t *testing.T, addr string, login *realm.Login) {
	t.Helper()
	kafka.Eventually(t, kafka.Patience, addr+" refuses old certificates", func() error {
		if err := connect(t, addr, login.Unchecked()); err == nil {
			return fmt.Errorf("%s is accepted", login.Name)
		}
		return nil
	})
}

// connect has one request answered.
func connect(t *testing.T, addr string, login *realm.Login) error {
	nc, err := login.Connect(t.Context(), addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(silence))
	_, err = realm.Ask(nc, kmsg.NewPtrApiVersionsRequest(), 0)
	return err
}

// requireAllWritten reads the load's topic and requires every acknowledged record.
func requireAllWritten(t *testing.T, cl *kgo.Client, load *kafka.Load) {
	t.Helper()
	records, _ := load.Ledger.Counts()
	ctx, cancel := context.WithTimeout(t.Context(), kafka.Patience)
	defer cancel()
	cl.AddConsumeTopics("load")
	seen := map[string]bool{}
	for len(seen) < records {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(seen), records, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if strings.HasPrefix(string(r.Value), "load-") {
				seen[string(r.Value)] = true
			}
		})
	}
}
