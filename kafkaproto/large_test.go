package kafkaproto

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchResponse is a FETCH response of one partition, with random values in all its other fields.
func fetchResponse(r *rand.Rand, version int16) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	fill(r, reflect.ValueOf(resp).Elem(), math.MaxInt16, true)
	resp.Version = version
	topic, partition := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	fill(r, reflect.ValueOf(&topic).Elem(), math.MaxInt16, true)
	fill(r, reflect.ValueOf(&partition).Elem(), math.MaxInt16, true)
	topic.Partitions = []kmsg.FetchResponseTopicPartition{partition}
	resp.Topics = []kmsg.FetchResponseTopic{topic}
	return resp
}

func snapshotResponse(r *rand.Rand, version int16) *kmsg.FetchSnapshotResponse {
	resp := kmsg.NewPtrFetchSnapshotResponse()
	fill(r, reflect.ValueOf(resp).Elem(), math.MaxInt16, true)
	resp.Version = version
	topic, partition := kmsg.NewFetchSnapshotResponseTopic(),
		kmsg.NewFetchSnapshotResponseTopicPartition()
	fill(r, reflect.ValueOf(&partition).Elem(), math.MaxInt16, true)
	topic.Partitions = []kmsg.FetchSnapshotResponseTopicPartition{partition}
	resp.Topics = []kmsg.FetchSnapshotResponseTopic{topic}
	return resp
}

// FuzzAround: head, content and tail together equal kmsg's encoding of the whole response, whatever
// its other fields.
func FuzzAround(f *testing.F) {
	for version := range int16(19) {
		f.Add(uint64(version), version, []byte("records"))
	}
	f.Add(uint64(77), int16(18), []byte{})
	f.Add(uint64(78), int16(18), make([]byte, 127))
	f.Add(uint64(79), int16(11), make([]byte, 70_000))
	f.Fuzz(func(t *testing.T, seed uint64, version int16, content []byte) {
		r := rand.New(rand.NewPCG(seed, 1))
		fetched := fetchResponse(r, 4+positive(version)%15)
		snapshot := snapshotResponse(r, positive(version)%2)
		for _, c := range []struct {
			resp  kmsg.Response
			field *[]byte
		}{{fetched, &fetched.Topics[0].Partitions[0].RecordBatches},
			{snapshot, &snapshot.Topics[0].Partitions[0].Bytes}} {
			*c.field = append([]byte{}, content...)
			want := frame(AppendResponse(nil, 7, c.resp))
			head, tail, err := around(7, c.resp, c.field, int64(len(content)))
			if got := bytes.Join([][]byte{head, content, tail}, nil); err != nil ||
				!bytes.Equal(got, want) {
				t.Fatalf("%T version %d: %v\n%x\nwant\n%x", c.resp, c.resp.GetVersion(), err, got,
					want)
			}
		}
	})
}

func positive(v int16) int16 { return max(v, -(v + 1)) }

func TestAroundWhatFitsNoFrame(t *testing.T) {
	resp := snapshotResponse(rand.New(rand.NewPCG(1, 2)), 1)
	for _, n := range []int64{-1, 1 << 31} {
		if _, _, err := around(1, resp, &resp.Topics[0].Partitions[0].Bytes, n); err == nil {
			t.Errorf("%d bytes pass", n)
		}
	}
}

// Records arrive as kmsg would have encoded them, both those copied into the response and those
// written beside it.
func TestLargeRecords(t *testing.T) {
	for _, size := range []int{0, 100, largeBytes - 1, largeBytes, 3 << 20} {
		for _, version := range []int16{4, 11, 12, 18} {
			resp := fetchResponse(rand.New(rand.NewPCG(uint64(size), uint64(version))), version)
			records := &resp.Topics[0].Partitions[0].RecordBatches
			*records = bytes.Repeat([]byte("r"), size)
			want := AppendResponse(nil, 7, resp)
			cfg, _ := testConfig(
				func(_ context.Context, _ Caller, _ kmsg.Request, reply replyFunc) {
					reply(resp)
				})
			s, addr := start(t, cfg)
			c := dial(t, addr)
			c.send(request(kmsg.NewPtrFetchRequest(), version, 7))
			if got := c.receive(); !bytes.Equal(got, want) {
				t.Errorf("%d bytes of records, version %d: %d bytes arrive, want %d", size, version,
					len(got), len(want))
			}
			eventually(t, func() string {
				if out := s.Stats().BytesOut; out != int64(len(want)+4) {
					return "bytes out are not counted"
				}
				return ""
			})
		}
	}
}

// fromFile is a FETCH_SNAPSHOT response with n bytes from a file.
type fromFile struct {
	*kmsg.FetchSnapshotResponse
	file io.ReadCloser
	n    int64
}

func (r fromFile) Content() (*[]byte, io.ReadCloser, int64) {
	return &r.Topics[0].Partitions[0].Bytes, r.file, r.n
}

// closing is a reader, but no file, that counts its closings.
type closing struct {
	io.Reader
	closed atomic.Int32
}

func (c *closing) Close() error {
	c.closed.Add(1)
	return nil
}

// contentServer answers every FETCH_SNAPSHOT with n bytes from the reader that open returns.
func contentServer(t *testing.T, open func() io.ReadCloser, n int64) (*Server, client) {
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		reply(fromFile{snapshotResponse(rand.New(rand.NewPCG(1, 2)), req.GetVersion()), open(), n})
	})
	s, addr := start(t, cfg)
	c := dial(t, addr)
	c.send(request(kmsg.NewPtrFetchSnapshotRequest(), 1, 7))
	return s, c
}

func TestContentOfAFile(t *testing.T) {
	content := make([]byte, 5<<20)
	r := rand.New(rand.NewPCG(3, 4))
	for i := 0; i < len(content); i += 8 {
		binary.BigEndian.PutUint64(content[i:], r.Uint64())
	}
	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	const from, n = 1<<20 + 7, 3 << 20
	fromDisk := func() io.ReadCloser {
		f, err := os.Open(path)
		if err == nil {
			_, err = f.Seek(from, io.SeekStart)
		}
		if err != nil {
			t.Error(err)
		}
		return f
	}
	inMemory := &closing{Reader: bytes.NewReader(content[from:])}
	for name, open := range map[string]func() io.ReadCloser{"a file": fromDisk,
		"a reader": func() io.ReadCloser { return inMemory }} {
		_, c := contentServer(t, open, n)
		resp := snapshotResponse(rand.New(rand.NewPCG(1, 2)), 1)
		resp.Topics[0].Partitions[0].Bytes = content[from : from+n]
		if got, want := c.receive(), AppendResponse(nil, 7, resp); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes arrive, want %d", name, len(got), len(want))
		}
	}
	eventually(t, func() string {
		if inMemory.closed.Load() != 1 {
			return "the reader is not closed once"
		}
		return ""
	})
}

// A file that is shorter than announced ends the connection: the next bytes would be taken for its
// contents.
func TestContentThatIsCutShort(t *testing.T) {
	short := &closing{Reader: bytes.NewReader(make([]byte, 1000))}
	s, c := contentServer(t, func() io.ReadCloser { return short }, 1001)
	if _, err := io.ReadAll(c); err != nil {
		t.Error(err)
	}
	expectClosed(t, s, closedFault, 1)
	if short.closed.Load() != 1 {
		t.Error("the reader is not closed")
	}
}

// The file of a response that is not written is closed.
func TestContentThatIsNotSent(t *testing.T) {
	for name, handle := range map[string]func(resp func() kmsg.Response, reply replyFunc){
		"the second reply": func(resp func() kmsg.Response, reply replyFunc) {
			reply(snapshotResponse(rand.New(rand.NewPCG(1, 2)), 1))
			reply(resp())
		},
		"another version": func(resp func() kmsg.Response, reply replyFunc) {
			other := resp().(fromFile)
			other.Version = 0
			reply(other)
		},
		"a panic after it": func(resp func() kmsg.Response, reply replyFunc) {
			reply(resp())
			panic("oh no")
		},
	} {
		content := &closing{Reader: bytes.NewReader(nil)}
		cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
			handle(func() kmsg.Response {
				return fromFile{snapshotResponse(rand.New(rand.NewPCG(1, 2)), req.GetVersion()),
					content, 0}
			}, reply)
		})
		_, addr := start(t, cfg)
		dial(t, addr).send(request(kmsg.NewPtrFetchSnapshotRequest(), 1, 7))
		eventually(t, func() string {
			if n := content.closed.Load(); n != 1 {
				return name + ": closed " + strconv.Itoa(int(n)) + " times"
			}
			return ""
		})
	}
}

// So is that of a response after the end of its connection.
func TestContentThatComesLate(t *testing.T) {
	content := &closing{Reader: bytes.NewReader(nil)}
	late := make(chan func(), 1)
	cfg, _ := testConfig(func(_ context.Context, _ Caller, req kmsg.Request, reply replyFunc) {
		late <- func() {
			reply(fromFile{snapshotResponse(rand.New(rand.NewPCG(1, 2)), req.GetVersion()), content,
				0})
		}
	})
	s, addr := start(t, cfg)
	dial(t, addr).send(request(kmsg.NewPtrFetchSnapshotRequest(), 1, 7))
	reply := <-late
	for _, c := range s.snapshot() {
		c.close(errShutdown)
	}
	reply()
	eventually(t, func() string {
		if content.closed.Load() != 1 {
			return "the reader is not closed once"
		}
		return ""
	})
}
