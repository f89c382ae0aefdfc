package integration

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/schema"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// target is a running YAKt node that gets requests which no client writes, and is then checked for
// damage. Not safe for concurrent use.
type target struct {
	t       testing.TB
	q       *kafka.Controllers
	id      int32 // the node's
	epoch   int32
	conn    *rawConn
	schemas map[int16]*schema.Message
	brokers map[int32]int64 // epochs of the brokers that have replicas
	serial  int32           // number of entities made so far
	log     logReader
}

const (
	firstFreshBroker = 10_000 // first id of the brokers that are registered for one request each
	targetPatience   = 30 * time.Second
	fetchPatience    = 100 * time.Millisecond // for a FETCH that may be parked
)

// newTarget starts a node at the metadata version of a Kafka release, with three brokers that have
// replicas, and a topic.
func newTarget(t testing.TB, release string) *target {
	properties := kafka.LongSessions()
	properties["metadata.log.max.record.bytes.between.snapshots"] = strconv.Itoa(snapshotBytes)
	o := kafka.ControllerOptions{ReleaseVersion: release, Properties: properties}
	q := kafka.StartYAKt(t, kafka.BuildYAKt(t), 1, o)
	leader := kafka.WaitLeader(t, q, kafka.Patience)
	v := &target{t: t, q: q, id: leader.ID, epoch: leader.Epoch,
		conn:    &rawConn{addr: q.Endpoint(leader.ID)},
		schemas: schemasOf(t, kafka.Newest), brokers: make(map[int32]int64)}
	t.Cleanup(v.conn.close)
	for id := range int32(3) {
		v.brokers[id+1] = v.register(id + 1)
	}
	v.topic(1)
	return v
}

// rawConn sends bytes in frames; it reconnects after its connection was closed.
type rawConn struct {
	addr string
	nc   net.Conn
	in   []byte
}

func (c *rawConn) close() {
	if c.nc != nil {
		c.nc.Close()
	}
	c.nc = nil
}

var (
	errClosed   = errors.New("the connection was closed")
	errNoAnswer = errors.New("no answer in time")
)

// ask sends one request and waits for its answer: errClosed if the server closed the connection,
// errNoAnswer if there is none in time.
func (c *rawConn) ask(data []byte, patience time.Duration) ([]byte, error) {
	if c.nc == nil {
		nc, err := net.DialTimeout("tcp", c.addr, targetPatience)
		if err != nil {
			return nil, err
		}
		c.nc = nc
	}
	c.nc.SetDeadline(time.Now().Add(patience))
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(data)), uint32(len(data)))
	if _, err := c.nc.Write(append(frame, data...)); err != nil {
		c.close()
		return nil, errClosed
	}
	answer, err := c.read()
	if err != nil {
		c.close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errNoAnswer
		}
		return nil, errClosed
	}
	return answer, nil
}

func (c *rawConn) read() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c.nc, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(size[:]))
	if cap(c.in) < n {
		c.in = make([]byte, n)
	}
	_, err := io.ReadFull(c.nc, c.in[:n])
	return c.in[:n], err
}

// send sends a body with a request header and decodes the answer; nil if there is none.
func (v *target) send(key, version int16, body []byte) kmsg.Response {
	v.t.Helper()
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	patience := targetPatience
	if key == kmsg.Fetch.Int16() {
		patience = fetchPatience // a changed field may park the request
	}
	answer, err := v.conn.ask(append(requestHeader(v.schemas[key], version), body...), patience)
	switch {
	case errors.Is(err, errClosed), errors.Is(err, errNoAnswer) && key == kmsg.Fetch.Int16():
		return nil
	case err != nil:
		v.t.Fatalf("%s version %d, body %.200x: %v", kmsg.NameForKey(key), version, body, err)
	}
	resp := req.ResponseKind()
	headerBytes := 4
	if resp.IsFlexible() && key != kmsg.ApiVersions.Int16() {
		headerBytes++
	}
	if err := resp.ReadFrom(bytes.Clone(answer[headerBytes:])); err != nil {
		v.t.Fatalf("%s version %d, body %.200x: the answer: %v", kmsg.NameForKey(key), version,
			body, err)
	}
	if !readable(reflect.ValueOf(resp)) {
		v.t.Errorf("%s version %d, body %.200x: the answer is not readable: %.2000v",
			kmsg.NameForKey(key), version, body, resp)
	}
	return resp
}

// readable reports whether Kafka's clients can read all strings in a response.
func readable(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return v.Len() <= schema.Longest && utf8.ValidString(v.String())
	case reflect.Pointer:
		return v.IsNil() || readable(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return true
		}
		for i := range v.Len() {
			if !readable(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !readable(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

// do sends a request that must be answered without an error.
func (v *target) do(req kmsg.Request) kmsg.Response {
	v.t.Helper()
	resp := v.send(req.Key(), req.GetVersion(), req.AppendTo(nil))
	if resp == nil {
		v.t.Fatalf("%T was refused: %s", req, v.q.Node(v.id).LogTail(3))
	}
	if err := firstError(resp); err != nil {
		v.t.Fatalf("%T: %v: %+v", req, err, resp)
	}
	return resp
}

func (v *target) next() int32 {
	v.serial++
	return v.serial
}

// register registers a broker and unfences it.
func (v *target) register(id int32) (epoch int64) {
	req := kafka.FakeRegistration(id, v.q.ClusterID())
	req.Version = 4
	epoch = v.do(req).(*kmsg.BrokerRegistrationResponse).BrokerEpoch
	beat := kmsg.NewPtrBrokerHeartbeatRequest()
	beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = id, epoch, epoch
	if v.do(beat).(*kmsg.BrokerHeartbeatResponse).IsFenced {
		v.t.Fatalf("broker %d is fenced", id)
	}
	return epoch
}

// topic creates a topic of that many partitions, each on brokers 1 and 2.
func (v *target) topic(partitions int32) kmsg.CreateTopicsResponseTopic {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic = fmt.Sprintf("topic-%d", v.next())
	topic.NumPartitions, topic.ReplicationFactor = -1, -1
	for p := range partitions {
		assignment := kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: p,
			Replicas: []int32{1, 2}}
		topic.ReplicaAssignment = append(topic.ReplicaAssignment, assignment)
	}
	req.Topics = append(req.Topics, topic)
	return v.do(req).(*kmsg.CreateTopicsResponse).Topics[0]
}

// logReader reads the node's log as an observer, from its beginning.
type logReader struct {
	bytes  []byte
	offset int64
	epoch  int32
}

// readLog reads everything committed since the last call and checks each record. It must be called
// before the node drops that part of the log after a snapshot; the node keeps some MiB.
func (v *target) readLog() {
	v.t.Helper()
	for {
		req := kafka.MetadataFetch(nil, v.epoch, v.log.offset).(*kmsg.FetchRequest)
		req.Version, req.MaxBytes, req.MinBytes, req.MaxWaitMillis = 17, 8<<20, 0, 0
		req.Topics[0].Partitions[0].LastFetchedEpoch = v.log.epoch
		resp := v.do(req).(*kmsg.FetchResponse)
		p := resp.Topics[0].Partitions[0]
		if len(p.RecordBatches) == 0 {
			if v.log.offset != p.HighWatermark {
				v.t.Fatalf("no records at %d of %d: %+v", v.log.offset, p.HighWatermark, p)
			}
			return
		}
		v.checkBatches(p.RecordBatches)
		v.log.bytes = append(v.log.bytes, p.RecordBatches...)
	}
}

// checkBatches checks every record in a run of whole batches.
func (v *target) checkBatches(b []byte) {
	v.t.Helper()
	for len(b) > 0 {
		first, rest, err := batch.Parse(b)
		if err != nil {
			v.t.Fatalf("at offset %d: %v", v.log.offset, err)
		}
		v.log.offset, v.log.epoch, b = first.EndOffset(), first.Epoch(), rest
		if first.IsControl() {
			continue
		}
		if err := first.Each(checkRecord); err != nil {
			v.t.Errorf("written: %.500v", err)
		}
	}
}

func checkRecord(offset int64, _, value []byte) error {
	r, _, err := record.Decode(value)
	if err == nil {
		err = record.Check(r)
	}
	if err != nil {
		return fmt.Errorf("offset %d: %w", offset, err)
	}
	return nil
}

// requireUnhurt checks that the node runs and had no fault and no slow event.
func (v *target) requireUnhurt() {
	v.t.Helper()
	if !v.q.Alive(v.id) {
		v.t.Fatalf("the node ended: %s", v.q.Node(v.id).LogTail(20))
	}
	for line := range strings.Lines(v.q.Node(v.id).Log()) {
		for _, bad := range []string{"level=ERROR", "panic", "internal fault", "slow event"} {
			if strings.Contains(line, bad) {
				v.t.Errorf("the node logged %.2000s", line)
			}
		}
	}
}

// requireLoaded has Kafka's own readers load every written record, from the log and from a
// snapshot.
func (v *target) requireLoaded(releases ...string) {
	v.t.Helper()
	files := []kafka.LogFile{{Snapshot: true, Bytes: v.snapshot()}, {Bytes: v.log.bytes}}
	for _, release := range releases {
		for i, err := range kafka.LoadLogs(v.t, release, files...) {
			if err != nil {
				v.t.Errorf("Kafka %s does not load file %d: %.1000v", release, i, err)
			}
		}
	}
	kafka.Logf(v.t, "%d records, %d bytes, and a snapshot of %d bytes, loaded by %v",
		v.log.offset, len(v.log.bytes), len(files[0].Bytes), releases)
}

// snapshotBytes is the log between two snapshots of a target.
const snapshotBytes = 4 << 20

// snapshot writes until there is a snapshot of all earlier records, reads the log up to it, and
// returns the snapshot.
func (v *target) snapshot() []byte {
	v.t.Helper()
	v.readLog()
	written := v.log.offset
	for i := range 2 * snapshotBytes / schema.Longest {
		v.fill()
		if i%32 == 0 {
			v.readLog()
		}
	}
	var content []byte
	kafka.Eventually(v.t, targetPatience, "there is a snapshot of what was written", func() error {
		files, err := filepath.Glob(filepath.Join(v.q.Dir(v.id), "__cluster_metadata-0",
			"*.checkpoint"))
		if err != nil {
			return err
		}
		for _, file := range files {
			end, _, _ := strings.Cut(filepath.Base(file), "-")
			if offset, err := strconv.ParseInt(end, 10, 64); err == nil && offset >= written {
				content, err = os.ReadFile(file)
				return err
			}
		}
		return fmt.Errorf("none at %d or later among %v", written, files)
	})
	v.readLog()
	return content
}

// fill writes one long record.
func (v *target) fill() {
	req := kafka.FakeRegistration(firstFreshBroker+v.next(), v.q.ClusterID())
	rack := strings.Repeat("r", schema.Longest)
	req.Version, req.Rack = 4, &rack
	v.do(req)
}
