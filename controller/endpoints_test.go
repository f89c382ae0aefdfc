package controller

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// readLog is a Log whose Fetch and OpenSnapshot answer what a test has set.
type readLog struct {
	fakeLog
	asked    FetchRequest
	result   FetchResult
	snapshot []byte // contents of the snapshot 100-2
	open     int    // files that OpenSnapshot has opened and nobody has closed
}

func (l *readLog) Fetch(_ context.Context, f FetchRequest) FetchResult {
	l.asked = f
	return l.result
}

func (l *readLog) OpenSnapshot(
	endOffset int64, epoch int32, position int64,
) (io.ReadCloser, int64, error) {
	if endOffset != 100 || epoch != 2 || position > int64(len(l.snapshot)) {
		return nil, 0, errors.New("no such snapshot")
	}
	l.open++
	return readFile{bytes.NewReader(l.snapshot[position:]), l}, int64(len(l.snapshot)), nil
}

type readFile struct {
	io.Reader
	log *readLog
}

func (f readFile) Close() error {
	f.log.open--
	return nil
}

// testVoters are 3000, 3001 and 3002, each with listeners CONTROLLER and SECURE.
func testVoters() *record.Voters {
	voters := new(record.Voters)
	for i := range 3 {
		id := int32(3000 + i)
		voters.Voters = append(voters.Voters,
			record.Voter{ID: id, DirectoryID: testUUID(int(id)), KRaftVersionMax: 1,
				Endpoints: []record.VoterEndpoint{
					{Name: "CONTROLLER", Host: "c", Port: uint16(9000 + i)}, {Name: "SECURE", Host: "s",
						Port: 65000},
				}})
	}
	return voters
}

// newReadController is node 3000, which follows 3001 in epoch 7, with an image of the records at
// metadata.version 4.3-IV0.
func newReadController(t testing.TB, records ...record.Record) (*Controller, *readLog) {
	t.Helper()
	cfg := testConfig()
	log := &readLog{fakeLog: fakeLog{quorum: Quorum{LeaderID: 3001, LeaderEpoch: 7}}}
	cfg.Log = log
	c := New(cfg)
	c.published.Store(testImage(t, records...))
	return c, log
}

func testImage(t testing.TB, records ...record.Record) *metadata.Image {
	t.Helper()
	e := metadata.Empty().Edit()
	e.Control(&record.KRaftVersion{Version: 1})
	e.Control(testVoters())
	for i, r := range append(metadata.BootstrapFeatures(metadata.LatestVersion), records...) {
		if err := e.Replay(int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return e.Done(100, 2, 1000)
}

// ask sends a request of a version over the wire to the controller, and its answer back.
func ask[R kmsg.Response](
	t testing.TB, c *Controller, caller protocol.Caller, req kmsg.Request, version int16,
) R {
	t.Helper()
	req.SetVersion(version)
	sent := kmsg.RequestForKey(req.Key())
	sent.SetVersion(version)
	if err := sent.ReadFrom(req.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	var answer kmsg.Response
	c.Handle(t.Context(), caller, sent, func(resp kmsg.Response) { answer = resp })
	if answer == nil {
		t.Fatalf("%T: no answer", req)
	}
	if piece, ok := answer.(snapshotPiece); ok {
		answer = readPiece(t, piece)
	}
	return overWire(t, answer).(R)
}

// readPiece puts into a response what is still in its file, as the protocol layer does.
func readPiece(t testing.TB, piece snapshotPiece) kmsg.Response {
	t.Helper()
	field, file, n := piece.Content()
	content := make([]byte, n)
	if _, err := io.ReadFull(file, content); err != nil {
		t.Fatal(err)
	}
	*field = content
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	return piece.FetchSnapshotResponse
}

func overWire(t testing.TB, resp kmsg.Response) kmsg.Response {
	t.Helper()
	b := resp.AppendTo(nil)
	back := kmsg.ResponseForKey(resp.Key())
	back.SetVersion(resp.GetVersion())
	if err := back.ReadFrom(b); err != nil {
		t.Fatal(err)
	}
	if again := back.AppendTo(nil); !bytes.Equal(b, again) {
		t.Fatalf("%T v%d changes when it is read and written again:\n%x\n%x", resp,
			resp.GetVersion(), b, again)
	}
	return back
}

// eachVersion runs a test for every version of an API.
func eachVersion(t *testing.T, key int16, f func(t *testing.T, version int16)) {
	low, high, ok := Versions(key)
	if !ok {
		t.Fatalf("%s is not served", kmsg.NameForKey(key))
	}
	for v := low; v <= high; v++ {
		f(t, v)
	}
}

// sameMessage compares messages but for unknown tags and the difference between null and empty.
func sameMessage(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(kmsg.Tags{})); d != "" {
		t.Errorf("%s: want -, got +\n%s", what, d)
	}
}

func TestControllerEndpoint(t *testing.T) {
	c, _ := newReadController(t, &record.RegisterController{ControllerID: 3005,
		Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "late", Port: 9}}})
	for _, test := range []struct {
		node           int32
		listener, host string
	}{
		{3001, "CONTROLLER", "c"}, {3001, "controller", "c"}, {3001, "SECURE", "s"}, {3001, "OTHER",
			""}, {3005, "CONTROLLER", "late"}, {3006, "CONTROLLER", ""},
	} {
		host, _, ok := c.controllerEndpoint(c.Image(), test.node, test.listener)
		if host != test.host || ok != (test.host != "") {
			t.Errorf("%d on %s: %q, %v", test.node, test.listener, host, ok)
		}
	}
	if host, port, ok := c.controllerEndpoint(metadata.Empty(), 3000, "CONTROLLER"); !ok ||
		host != "c1" || port != 9093 {
		t.Errorf("its own endpoint before there is a voter set: %s %d %v", host, port, ok)
	}
}
