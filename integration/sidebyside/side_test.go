package sidebyside

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.yaml.in/yaml/v3"

	"github.com/yakt/yakt/integration/kafka"
	"github.com/yakt/yakt/protocol"
)

const (
	patience = 20 * time.Second // for one answer
	fetchMax = 32 << 20
)

// side is one of the two controllers, with the names that the script gave to its values.
type side struct {
	t    *testing.T
	name string
	q    *kafka.Controllers
	conn net.Conn
	vars map[string]any
	names
	log []byte // its metadata log so far, whole batches
	// end is the offset after them, epoch that of the last
	end         int64
	epoch       int32
	leaderEpoch int32
}

func newSide(t *testing.T, name string, q *kafka.Controllers) *side {
	s := &side{t: t, name: name, q: q, vars: map[string]any{"cluster": q.ClusterID()}}
	s.names = newNames(q)
	t.Cleanup(func() { s.hangUp() })
	return s
}

func (s *side) hangUp() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// roundTrip sends a frame and returns the response's bytes after the correlation id. After an error
// the next exchange has a new connection.
func (s *side) roundTrip(frame []byte) ([]byte, error) {
	if s.conn == nil {
		conn, err := net.DialTimeout("tcp", s.q.Endpoint(s.q.Nodes()[0]), patience)
		if err != nil {
			s.t.Fatal(err)
		}
		s.conn = conn
	}
	b, err := s.try(frame)
	if err != nil {
		s.hangUp()
	}
	return b, err
}

func (s *side) try(frame []byte) ([]byte, error) {
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := s.conn.Write(frame); err != nil {
		return nil, err
	}
	b, err := kafka.ReadFrame(s.conn)
	if err != nil || len(b) < 4 {
		return nil, errors.Join(err, errShort(len(b) < 4 && err == nil))
	}
	return b[4:], nil
}

func errShort(short bool) error {
	if short {
		return errors.New("the response has no header")
	}
	return nil
}

// exchange sends a request of the script in one form and returns the answer as text.
func (s *side) exchange(t *testing.T, d *datadriven.TestData, key int16, f form) string {
	t.Helper()
	req := kmsg.RequestForKey(key)
	req.SetVersion(f.version)
	var body any
	input := repeated(f.expand(d.Input))
	if err := yaml.Unmarshal([]byte(input), &body); err != nil {
		d.Fatalf(t, "%v", err)
	}
	if err := s.fill(req, body); err != nil {
		return "not sent: " + err.Error()
	}
	resp, text := s.ask(req, f)
	if err := s.keep(d, resp); err != nil {
		text += fmt.Sprintf(" (%v)", err)
	}
	return strings.ReplaceAll(text, f.unique(), "$u")
}

// ask returns a response, nil if there was none, and its text.
func (s *side) ask(req kmsg.Request, f form) (kmsg.Response, string) {
	frame := kafka.Frame(req)
	if f.forwarded {
		return s.forward(req, frame, f)
	}
	b, err := s.roundTrip(frame)
	if err != nil {
		return nil, outcome(err)
	}
	return s.decode(req, b)
}

func outcome(err error) string {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "no answer"
	}
	return "connection closed"
}

// decode reads a response whose correlation id is gone.
func (s *side) decode(req kmsg.Request, b []byte) (kmsg.Response, string) {
	resp := req.ResponseKind()
	if req.Key() == int16(kmsg.ApiVersions) && refusedVersion(b) {
		resp.SetVersion(0)
	} else if resp.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		b = b[min(1, len(b)):]
	}
	if err := resp.ReadFrom(b); err != nil {
		return nil, fmt.Sprintf("an answer that cannot be read (%v): %x", err, b)
	}
	text := s.text(resp)
	if again := resp.AppendTo(nil); !bytes.Equal(again, b) {
		text += fmt.Sprintf(" (%d bytes instead of %d)", len(b), len(again))
	}
	return resp, text
}

// refusedVersion reports whether an answer to API_VERSIONS is that to an unsupported version, which
// has the layout of version 0.
func refusedVersion(b []byte) bool { return len(b) > 2 && binary.BigEndian.Uint16(b) == 35 }

// principal is a principal as brokers serialise it.
func principal(text string) []byte {
	kind, name, _ := strings.Cut(text, ":")
	b := append([]byte{0, 0, byte(len(kind) + 1)}, kind...)
	b = append(append(b, byte(len(name)+1)), name...)
	return append(b, 0, 0)
}

func envelope(request []byte, f form) *kmsg.EnvelopeRequest {
	req := kmsg.NewPtrEnvelopeRequest()
	req.RequestData = request
	req.RequestPrincipal = principal(cmp.Or(f.as, protocol.Anonymous))
	req.ClientHostAddress = net.ParseIP(cmp.Or(f.from, "127.0.0.1"))
	if v4 := net.IP(req.ClientHostAddress).To4(); v4 != nil {
		req.ClientHostAddress = v4
	}
	return req
}

func (s *side) forward(req kmsg.Request, frame []byte, f form) (kmsg.Response, string) {
	outer := envelope(frame[4:], f)
	b, err := s.roundTrip(kafka.Frame(outer))
	if err != nil {
		return nil, outcome(err)
	}
	resp, text := s.decode(outer, b)
	e, ok := resp.(*kmsg.EnvelopeResponse)
	if !ok || e.ErrorCode != 0 || len(e.ResponseData) < 4 {
		return nil, "envelope: " + text
	}
	return s.decode(req, e.ResponseData[4:])
}

// served is the controller's own list of keys and versions.
func (s *side) served() map[int16][2]int16 {
	req := kafka.WithVersion(kmsg.NewPtrApiVersionsRequest(), 0)
	resp, text := s.ask(req, form{})
	versions, ok := resp.(*kmsg.ApiVersionsResponse)
	if !ok {
		s.t.Fatalf("%s: API_VERSIONS: %s", s.name, text)
	}
	served := map[int16][2]int16{}
	for _, k := range versions.ApiKeys {
		served[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
	}
	return served
}

// awaitRegistration waits until the controller has registered itself, which it does at levels that
// can write it.
func (s *side) awaitRegistration() {
	kafka.Eventually(s.t, kafka.Patience, s.name+" has registered itself", func() error {
		req := kafka.WithVersion(kmsg.NewPtrDescribeClusterRequest(), 1)
		req.EndpointType = 2
		resp, text := s.ask(req, form{})
		r, ok := resp.(*kmsg.DescribeClusterResponse)
		if !ok || r.ErrorCode == 0 && len(r.Brokers) == 0 {
			return errors.New(text)
		}
		return nil
	})
}

// readLog fetches what was committed since the last call and returns the log's end. Apache's
// controllers resign over some requests, and are active again after an election.
func (s *side) readLog() int64 {
	s.t.Helper()
	if err := s.fetchLog(); err != nil {
		kafka.Eventually(s.t, kafka.Patience, s.name+" has an active controller again", s.fetchLog)
	}
	return s.end
}

func (s *side) fetchLog() error {
	for {
		req := kafka.MetadataFetch(nil, s.leaderEpoch, s.end).(*kmsg.FetchRequest)
		req.SetVersion(17)
		req.ReplicaState.ID, req.MaxBytes = -1, fetchMax
		req.Topics[0].Partitions[0].PartitionMaxBytes = fetchMax
		req.Topics[0].Partitions[0].LastFetchedEpoch = s.epoch
		resp, text := s.ask(req, form{})
		r, ok := resp.(*kmsg.FetchResponse)
		if !ok || r.ErrorCode != 0 {
			return fmt.Errorf("fetching the log from %d: %s", s.end, text)
		}
		p := r.Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			s.leaderEpoch = p.CurrentLeader.LeaderEpoch
			return fmt.Errorf("fetching the log from %d: %s", s.end, text)
		}
		s.addBatches(p.RecordBatches)
		if s.end >= p.HighWatermark {
			return nil
		}
	}
}

func (s *side) addBatches(b []byte) {
	for len(b) > 61 {
		size := 12 + int(binary.BigEndian.Uint32(b[8:]))
		if size > len(b) {
			return
		}
		s.epoch = int32(binary.BigEndian.Uint32(b[12:]))
		s.end = int64(binary.BigEndian.Uint64(b)) + int64(binary.BigEndian.Uint32(b[23:])) + 1
		s.log = append(s.log, b[:size]...)
		b = b[size:]
	}
}

// exchangeRaw sends a frame on a connection of its own, and returns the response's bytes.
func (s *side) exchangeRaw(frame []byte) string {
	s.hangUp()
	defer s.hangUp()
	b, err := s.roundTrip(frame)
	if err != nil {
		return outcome(err)
	}
	return fmt.Sprintf("%x", b)
}
