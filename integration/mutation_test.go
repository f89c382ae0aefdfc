package integration

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/integration/schema"
	"github.com/yakt/yakt/metadata/record/recordtest"
)

const (
	mutationsOfNode = 20_000 // per node; then a new node is started
	mutationsOfBase = 8      // per base; then it is made again, since its entities may be gone
	mutationsUnread = 500    // between two reads of the log

	mutatedFieldsMax, mutatedBytesMax = 1000, 200_000 // a larger request is not changed again
)

// TestMutations sends valid requests with random changes, of fields (schema.Changes, and random
// numbers) and of bytes. None may stop the node, cause a fault or a slow event, or have it write a
// record that brokers do not load.
//
// YAKT_TEST_MUTATIONS is the number of requests, 20,000 by default; YAKT_TEST_SEED (1) changes the
// random sequence.
func TestMutations(t *testing.T) {
	t.Parallel()
	left := recordtest.Number(t, "YAKT_TEST_MUTATIONS", mutationsOfNode)
	seed := recordtest.Number(t, "YAKT_TEST_SEED", 1)
	for round := uint64(0); left > 0; round++ {
		m := mutator{target: newTarget(t, "4.0"), r: rand.New(rand.NewPCG(seed, round))}
		sent := m.run(min(left, mutationsOfNode))
		left -= sent
		m.readLog()
		m.requireUnhurt()
		m.requireLoaded(kafka.V40, kafka.V44)
		kafka.Logf(t, "round %d: %d mutations, %d answered; %d left", round, sent, m.answered, left)
		m.conn.close()
		m.q.Stop(t, m.id)
		if t.Failed() {
			return
		}
	}
}

// mutator sends mutations to a target.
type mutator struct {
	*target
	r        *rand.Rand
	answered int
}

// run sends up to n mutations. It stops early if they have removed entities that the bases need;
// the caller then starts a new node.
func (m *mutator) run(n uint64) (sent uint64) {
	for sent < n && m.sound() {
		create := bases[m.r.IntN(len(bases))]
		key := create(m.target).Key()
		low, high, _ := controller.Versions(key)
		version := low + int16(m.r.IntN(int(high-low)+1))
		_, body := m.body(create, version)
		for range min(mutationsOfBase, n-sent) {
			m.mutate(key, version, body)
			if sent++; sent%mutationsUnread == 0 {
				m.readLog()
			}
		}
	}
	return sent
}

// sound reports whether the brokers and the topic that all bases need exist, or exist again.
func (m *mutator) sound() bool {
	for id, epoch := range m.brokers {
		beat := heartbeat(id, epoch).(*kmsg.BrokerHeartbeatRequest)
		beat.Version, beat.CurrentMetadataOffset = 1, epoch
		resp, ok := m.send(beat.Key(), beat.Version,
			beat.AppendTo(nil)).(*kmsg.BrokerHeartbeatResponse)
		switch {
		case ok && resp.ErrorCode == kerr.StaleBrokerEpoch.Code: // a mutation has unregistered it
			m.brokers[id] = m.register(id)
		case !ok || resp.ErrorCode != 0 || resp.IsFenced:
			kafka.Logf(m.t, "broker %d is no longer what it was: %+v", id, resp)
			return false
		}
	}
	req := atVersion(m.metadataRequest(), 12)
	resp, ok := m.send(req.Key(), req.GetVersion(), req.AppendTo(nil)).(*kmsg.MetadataResponse)
	if !ok || firstError(resp) != nil {
		kafka.Logf(m.t, "the topic is no longer what it was: %+v", resp)
		return false
	}
	return true
}

// mutate sends one mutation of a body: of its bytes, its fields, or both.
func (m *mutator) mutate(key, version int16, body []byte) {
	m.t.Helper()
	kind := m.r.IntN(4)
	if kind > 0 {
		body = m.changeFields(key, version, body)
	}
	if kind < 2 {
		body = changeBytes(m.r, body)
	}
	if m.r.IntN(8) == 0 {
		body = envelope(append(requestHeader(m.schemas[key], version), body...)).AppendTo(nil)
		key, version = kmsg.Envelope.Int16(), 0
	}
	if m.send(key, version, body) != nil {
		m.answered++
	}
}

// changeFields changes one to three random fields.
func (m *mutator) changeFields(key, version int16, body []byte) []byte {
	message := m.schemas[key]
	v, err := message.Decode(version, body)
	if err != nil {
		m.t.Fatal(err)
	}
	for range 1 + m.r.IntN(3) {
		var fields []*schema.Value
		size := 0
		v.Walk(func(_ string, f *schema.Value) {
			fields = append(fields, f)
			size += len(f.Content)
		})
		if len(fields) > mutatedFieldsMax || size > mutatedBytesMax {
			break // long names in many elements
		}
		m.change(fields[m.r.IntN(len(fields))])
	}
	return message.Append(nil, version, v)
}

// change changes a field in one of the ways of schema.Changes, or randomly.
func (m *mutator) change(f *schema.Value) {
	changes := schema.Changes(f)
	switch {
	case len(changes) == 0:
	case m.r.IntN(3) > 0 || f.IsArray() || f.IsStruct():
		changes[m.r.IntN(len(changes))].Apply(f)
	case f.HasLength():
		f.Null, f.Content = false, bytes.Repeat([]byte{byte('a' + m.r.IntN(26))}, m.r.IntN(300))
	default:
		var random [8]byte
		binary.BigEndian.PutUint64(random[:], m.r.Uint64()>>m.r.IntN(64))
		n := len(f.Content)
		copy(f.Content[max(0, n-8):], random[max(0, 8-n):])
	}
}
