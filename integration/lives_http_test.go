package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/integration/kafka"
)

// httpNode is the HTTP API of one node.
type httpNode string

// call performs one operation and decodes the result into answer unless that is nil. Problems are
// returned as errors with their code.
func (n httpNode) call(ctx context.Context, method, path string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+string(n)+"/v1/"+path, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return &httpProblem{resp.StatusCode, string(text)}
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

type httpProblem struct {
	status int
	body   string
}

func (p *httpProblem) Error() string { return fmt.Sprintf("status %d: %s", p.status, p.body) }

type httpPartition struct {
	Fields struct {
		PartitionID    int32
		Replicas, ISR  []int32
		AddingReplicas []int32
		Leader         int32
	}
}

type httpTopic struct {
	TopicUUID  string
	Partitions []httpPartition
	Configs    map[string]string
}

type httpNews struct {
	EndOffset int64
	Records   []struct {
		Name   string
		Fields struct{ Name string }
	}
}

func (n httpNode) topic(ctx context.Context, name string) (t httpTopic, err error) {
	return t, n.call(ctx, http.MethodGet, "get_topic_by_name?name="+name, nil, &t)
}

// world is a cluster that is used over Kafka's protocol and over HTTP.
type world struct {
	t       *testing.T
	nodes   []httpNode
	brokers []*kafka.Broker
	adm     *kadm.Client
}

// A Kafka client's changes are visible over HTTP at once, and changes over HTTP take effect for
// Kafka's brokers and clients.
func TestYAKtHTTPAndKafkaAreOneWorld(t *testing.T) {
	t.Parallel()
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 3, kafka.ControllerOptions{})
	w := &world{t: t, brokers: kafka.StartBrokers(t, q, 3, kafka.BrokerOptions{})}
	leader := kafka.WaitLeader(t, q, kafka.Patience).ID
	for _, id := range q.Nodes() {
		w.nodes = append(w.nodes, httpNode(q.HTTPAddr(id)))
	}
	// Any node serves all of this; most requests go to standbys on purpose.
	slices.SortStableFunc(w.nodes, func(a, b httpNode) int {
		last := httpNode(q.HTTPAddr(leader))
		return btoi(a == last) - btoi(b == last)
	})
	w.adm = kadm.NewClient(kafka.NewClient(t, kafka.Addrs(w.brokers...)))
	w.registrations()
	w.topicByKafka()
	ledger := w.topicByHTTP()
	w.replicasByHTTP(ledger)
	kafka.RequireAlive(t, w.brokers...)
}

// uuidText is an id in Kafka's notation.
func uuidText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *world) call(node int, method, path string, body, answer any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), kafka.Patience)
	defer cancel()
	if err := w.nodes[node].call(ctx, method, path, body, answer); err != nil {
		w.t.Fatalf("%s %s of node %d: %v", method, path, node, err)
	}
}

// eventually requests a topic from every node until check accepts all answers.
func (w *world) eventually(what, topic string, check func(httpTopic, error) error) {
	w.t.Helper()
	kafka.Eventually(w.t, kafka.Patience, what, func() (err error) {
		for _, n := range w.nodes {
			err = errors.Join(err, check(n.topic(w.t.Context(), topic)))
		}
		return err
	})
}

// registrations are the registrations of the brokers' processes.
func (w *world) registrations() {
	w.t.Helper()
	var live []struct {
		Fields struct {
			BrokerID, BrokerPort     int32
			BrokerHost, BrokerStatus string
		}
	}
	// a standby may lag
	kafka.Eventually(w.t, kafka.Patience, "a node knows the brokers to be live", func() error {
		if w.call(0, http.MethodGet, "get_all_active_brokers", nil,
			&live); len(live) != len(w.brokers) {
			return fmt.Errorf("%+v", live)
		}
		return nil
	})
	for i, b := range w.brokers {
		if f := live[i].Fields; f.BrokerID != b.ID ||
			fmt.Sprintf("%s:%d", f.BrokerHost, f.BrokerPort) != b.Addr() ||
			f.BrokerStatus != "UNFENCED" {
			w.t.Errorf("%s is %+v", b.Name, f)
		}
	}
}

// topicByKafka creates a topic through a broker, while a request on each node waits for it, and
// deletes it.
func (w *world) topicByKafka() {
	w.t.Helper()
	var held httpNews
	w.call(0, http.MethodGet, "client_mgmt?consistency=linearizable", nil, &held)
	type arrival struct {
		after time.Duration
		err   error
	}
	waiting := make(chan arrival, len(w.nodes))
	created := make(chan time.Time, len(w.nodes))
	for _, n := range w.nodes {
		go func() {
			err := n.awaitTopic(w.t.Context(), held.EndOffset, "by-kafka")
			at := time.Now()
			waiting <- arrival{at.Sub(<-created), err}
		}()
	}
	kafka.Logf(w.t, "waiting from offset %d", held.EndOffset)
	begin := time.Now()
	retention := "3600000"
	resp, err := w.adm.CreateTopic(w.t.Context(), 2, 3,
		map[string]*string{"retention.ms": &retention}, "by-kafka")
	if err = errors.Join(err, resp.Err); err != nil {
		w.t.Fatal(err)
	}
	for range w.nodes {
		created <- begin
	}
	for range w.nodes {
		arrival := <-waiting
		if arrival.err != nil {
			w.t.Error(arrival.err)
		}
		kafka.Logf(w.t, "a waiting client heard of the topic %v after another had requested it",
			arrival.after.Round(time.Millisecond))
	}
	w.eventually("every node shows the topic", "by-kafka", func(t httpTopic, err error) error {
		if err == nil && (t.TopicUUID != uuidText(resp.ID) || len(t.Partitions) != 2 ||
			t.Configs["retention.ms"] != retention) {
			err = fmt.Errorf("%+v, created as %v", t, resp.ID)
		}
		return err
	})
	if _, err := w.adm.DeleteTopic(w.t.Context(), "by-kafka"); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("no node shows it after it was deleted", "by-kafka",
		func(_ httpTopic, err error) error {
			if p := (*httpProblem)(nil); errors.As(err, &p) && p.status == http.StatusNotFound {
				return nil
			}
			return errors.Join(err, errors.New("it is not gone"))
		})
}

// awaitTopic follows the changes from an offset until a topic of that name exists.
func (n httpNode) awaitTopic(ctx context.Context, offset int64, name string) error {
	ctx, cancel := context.WithTimeout(ctx, kafka.Patience)
	defer cancel()
	for {
		var news httpNews
		if err := n.call(ctx, http.MethodGet, fmt.Sprintf("client_mgmt?wait=20s&offset=%d", offset),
			nil, &news); err != nil {
			return fmt.Errorf("client_mgmt of %s: %w", n, err)
		}
		for _, r := range news.Records {
			if r.Name == "TopicRecord" && r.Fields.Name == name {
				return nil
			}
		}
		offset = news.EndOffset
	}
}

// topicByHTTP creates a topic over HTTP; brokers serve it at once.
func (w *world) topicByHTTP() *kafka.Ledger {
	w.t.Helper()
	var made httpTopic
	begin := time.Now()
	w.call(0, http.MethodPost, "create_topic", map[string]any{
		"name": "by-http", "assignments": [][]int32{{1, 2}, {2, 1}},
		"configs": map[string]string{"min.insync.replicas": "2"},
	}, &made)
	answered := time.Since(begin)
	kafka.Eventually(w.t, kafka.Patience, "every broker knows the topic", func() (err error) {
		for _, b := range w.brokers {
			_, e := kafka.Partitions(w.t.Context(), b.Addr(), "by-http")
			err = errors.Join(err, e)
		}
		return err
	})
	kafka.Logf(w.t, "a topic asked for over HTTP: answered after %v, every broker knew it after %v",
		answered.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	ledger := kafka.NewLedger("by-http")
	kafka.Produce(w.t, kafka.Addrs(w.brokers...), "by-http", 1000, ledger)
	ledger.Verify(w.t, kafka.Addrs(w.brokers...))
	topics, err := w.adm.ListTopics(w.t.Context(), "by-http")
	if err != nil || uuidText(topics["by-http"].ID) != made.TopicUUID {
		w.t.Errorf("created as %s, known to brokers as %v, %v", made.TopicUUID,
			topics["by-http"].ID, err)
	}
	configs, err := w.adm.DescribeTopicConfigs(w.t.Context(), "by-http")
	if err != nil || !slices.ContainsFunc(configs[0].Configs, func(c kadm.Config) bool {
		return c.Key == "min.insync.replicas" && c.MaybeValue() == "2"
	}) {
		w.t.Errorf("configuration: %+v, %v", configs, err)
	}
	again, err := w.adm.CreateTopic(w.t.Context(), 1, 1, nil, "by-http")
	if !errors.Is(errors.Join(err, again.Err), kerr.TopicAlreadyExists) {
		w.t.Errorf("created again: %+v, %v", again, err)
	}
	var more httpPartition
	w.call(1, http.MethodPost, "create_partition",
		map[string]any{"name": "by-http", "replicas": []int32{1, 2}}, &more)
	if more.Fields.PartitionID != 2 {
		w.t.Errorf("a further partition: %+v", more)
	}
	kafka.Produce(w.t, kafka.Addrs(w.brokers...), "by-http", 300, ledger)
	return ledger
}

// replicasByHTTP moves a partition's data to a third broker and removes its leader.
func (w *world) replicasByHTTP(ledger *kafka.Ledger) {
	w.t.Helper()
	third := w.brokers[2]
	if held := kafka.ReplicaDirs(w.t, third, "by-http"); len(held) > 0 {
		w.t.Fatalf("%s holds %+v already", third.Name, held)
	}
	of := func(broker int32) map[string]any {
		return map[string]any{"name": "by-http", "partitionId": 0, "brokerId": broker}
	}
	var p httpPartition
	w.call(0, http.MethodPost, "add_replica", of(3), &p)
	if !slices.Equal(p.Fields.Replicas, []int32{1, 2, 3}) ||
		!slices.Equal(p.Fields.AddingReplicas, []int32{3}) {
		w.t.Errorf("add_replica answers %+v", p)
	}
	w.awaitReplicas(1, 2, 3)
	if held := kafka.ReplicaDirs(w.t, third, "by-http")[0]; held.Size == 0 {
		w.t.Errorf("%s holds %+v", third.Name, held)
	}
	w.call(1, http.MethodPost, "remove_replica", of(1), nil)
	w.awaitReplicas(2, 3)
	w.call(2, http.MethodPost, "remove_replica", of(2), nil)
	w.awaitReplicas(3)
	err := w.nodes[0].call(w.t.Context(), http.MethodPost, "remove_replica", of(3), nil)
	if problem := (*httpProblem)(nil); !errors.As(err, &problem) ||
		problem.status != http.StatusUnprocessableEntity {
		w.t.Errorf("the last replica was removed: %v", err)
	}
	w.call(0, http.MethodPost, "add_replica", of(1), nil)
	w.awaitReplicas(3, 1)
	ledger.Verify(w.t, kafka.Addrs(w.brokers...)) // reads from the third broker
	kafka.Produce(w.t, kafka.Addrs(w.brokers...), "by-http", 300, ledger)
	ledger.Verify(w.t, kafka.Addrs(w.brokers...))
}

// awaitReplicas waits until all nodes and brokers report exactly these replicas of the partition,
// all in sync.
func (w *world) awaitReplicas(replicas ...int32) {
	w.t.Helper()
	begin := time.Now()
	w.eventually(fmt.Sprintf("replicas %v are in sync",
		replicas), "by-http", func(t httpTopic, err error) error {
		if err != nil {
			return err
		}
		p := t.Partitions[0].Fields
		slices.Sort(p.ISR)
		if !slices.Equal(p.Replicas, replicas) ||
			!slices.Equal(p.ISR, slices.Sorted(slices.Values(replicas))) ||
			len(p.AddingReplicas) > 0 || !slices.Contains(replicas, p.Leader) {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	kafka.Eventually(w.t, kafka.Patience, "brokers know it", func() error {
		for _, b := range w.brokers {
			list, err := kafka.Partitions(w.t.Context(), b.Addr(), "by-http")
			if err != nil || !slices.Equal(list[0].Replicas, replicas) ||
				len(list[0].ISR) != len(replicas) {
				return errors.Join(err, fmt.Errorf("%s: %+v", b.Name, list))
			}
		}
		return nil
	})
	kafka.Logf(w.t, "replicas %v in sync after %v", replicas,
		time.Since(begin).Round(time.Millisecond))
}
