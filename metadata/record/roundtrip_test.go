package record_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/metadata/record/recordtest"
	"github.com/yakt/yakt/protocol"
)

func eachTypeAndVersion(f func(t record.Type, version int16)) {
	for _, t := range record.Types() {
		for v := range t.MaxVersion() + 1 {
			f(t, v)
		}
	}
}

func TestRoundTripOfRandomRecords(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var decoder record.Decoder
	eachTypeAndVersion(func(kind record.Type, version int16) {
		for range 200 {
			r := recordtest.Random(rng, kind, version)
			b, err := record.Append(nil, r, version)
			if err != nil {
				t.Fatal(err)
			}
			for name, decode := range map[string]func([]byte) (record.Record, int16, error){
				"Decode": record.Decode, "Decoder": decoder.Decode,
			} {
				back, v, err := decode(b)
				if err != nil || v != version {
					t.Fatalf("%s %v v%d: %d, %v", name, kind, version, v, err)
				}
				if d := cmp.Diff(r, back, cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("%s %v v%d: %s", name, kind, version, d)
				}
				again, err := record.Append(nil, back, version)
				if err != nil || !bytes.Equal(again, b) {
					t.Fatalf("%s %v v%d: %v\n got %x\nwant %x", name, kind, version, err, again, b)
				}
			}
		}
	})
}

// Encoding reads and nothing else: readers share the records of an image.
func TestAppendDoesNotTouchTheRecord(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	done := make(chan struct{})
	for _, kind := range record.Types() {
		r := recordtest.Random(rng, kind, kind.MaxVersion())
		for range 2 { // under the race detector
			go func() {
				_, _ = record.Append(nil, r, kind.MaxVersion())
				done <- struct{}{}
			}()
		}
		<-done
		<-done
	}
}

// Records that a Decoder has returned do not change when it continues, except for the struct of a
// partition.
func TestDecoderSharesLists(t *testing.T) {
	var d record.Decoder
	encode := func(p *record.Partition) []byte {
		b, err := record.Append(nil, p, 2)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	decode := func(b []byte) record.Partition {
		r, _, err := d.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b) // the input is the caller's again
		return *r.(*record.Partition)
	}
	dirs := []protocol.UUID{{1}, {2}, {3}}
	first := decode(encode(
		&record.Partition{Replicas: []int32{1, 2, 3}, ISR: []int32{1, 2, 3}, Directories: dirs},
	))
	second := decode(encode(
		&record.Partition{
			Replicas: []int32{1, 2, 3}, ISR: []int32{3, 2}, Directories: dirs,
			Leader: 3,
		},
	))
	if &first.Replicas[0] != &second.Replicas[0] || &first.Replicas[0] != &first.ISR[0] ||
		&first.Directories[0] != &second.Directories[0] {
		t.Error("equal lists are not one")
	}
	if !slices.Equal(first.ISR, []int32{1, 2, 3}) || !slices.Equal(second.ISR, []int32{3, 2}) ||
		!slices.Equal(first.Directories, dirs) ||
		first.Leader != 0 {
		t.Errorf("%+v %+v", first, second)
	}
	if cap(first.Replicas) != 3 || cap(first.Directories) != 3 {
		t.Error("who appends to a shared list would write into it")
	}
}

// A field that the version does not have is an error, never lost without a word.
func TestFieldsNeedTheirVersion(t *testing.T) {
	some := []protocol.UUID{{1}}
	change := func(f func(*record.PartitionChange)) record.Record {
		c := record.NewPartitionChange(protocol.UUID{}, 0)
		f(c)
		return c
	}
	for _, test := range []struct {
		since int16
		r     record.Record
	}{
		{1, &record.RegisterBroker{InControlledShutdown: true}},
		{2, &record.RegisterBroker{IsMigratingZkBroker: true}},
		{3, &record.RegisterBroker{LogDirs: some}},
		{4, &record.RegisterBroker{CordonedLogDirs: []protocol.UUID{}}},
		{1, &record.BrokerRegistrationChange{InControlledShutdown: 1}},
		{2, &record.BrokerRegistrationChange{LogDirs: some}},
		{3, &record.BrokerRegistrationChange{CordonedLogDirs: []protocol.UUID{}}},
		{1, &record.Partition{Replicas: []int32{1}, Directories: some}},
		{2, &record.Partition{EligibleLeaderReplicas: []int32{}}},
		{2, &record.Partition{LastKnownELR: []int32{}}},
		{1, change(func(c *record.PartitionChange) { c.Directories = some })},
		{2, change(func(c *record.PartitionChange) { c.EligibleLeaderReplicas = []int32{} })},
		{2, change(func(c *record.PartitionChange) { c.LastKnownELR = []int32{} })},
	} {
		for v := range test.r.Type().MaxVersion() + 1 {
			if _, err := record.Append(nil, test.r, v); (err == nil) != (v >= test.since) {
				t.Errorf("%v v%d %+v: %v", test.r.Type(), v, test.r, err)
			}
		}
	}
}

func TestVersionsAreGated(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	eachTypeAndVersion(func(kind record.Type, _ int16) {
		for _, v := range []int16{-1, kind.MaxVersion() + 1} {
			if _, err := record.Append(nil, kind.New(), v); err == nil {
				t.Errorf("%v is written in version %d", kind, v)
			}
		}
		b, err := record.Append(
			nil, recordtest.Random(rng, kind, kind.MaxVersion()), kind.MaxVersion(),
		)
		if err != nil {
			t.Fatal(err)
		}
		b[2]++
		if _, _, err := record.Decode(b); err == nil ||
			!strings.Contains(err.Error(), "newer than this release reads") {
			t.Errorf("%v v%d: %v", kind, b[2], err)
		}
	})
	for _, b := range [][]byte{
		nil, {0, 20, 0, 0}, {2, 20, 0, 0}, {1, 6, 0, 0}, {1, 13, 0, 0}, {1, 16, 0, 0}, {1, 29, 0, 0},
		{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0}, {1, 20, 0x80, 0x80, 0x80, 0x80, 0x80, 0},
	} {
		if r, _, err := record.Decode(b); err == nil {
			t.Errorf("% x is %+v", b, r)
		}
	}
}

// A tagged field that this release does not know is passed over, as in Kafka; tags out of order are
// refused.
func TestUnknownTags(t *testing.T) {
	for text, ok := range map[string]bool{
		"\x01\x14\x00\x01\x05\x02ab":           true,
		"\x01\x14\x00\x02\x05\x00\x07\x01x":    true,
		"\x01\x14\x00\x02\x07\x00\x05\x00":     false,
		"\x01\x14\x00\x02\x05\x00\x05\x00":     false,
		"\x01\x14\x00\x01\x05\x03ab":           false,
		"\x01\x17\x00\x01\x00\x03\x02a\x00":    false, // two bytes more than the name
		"\x01\x17\x00\x01\x00\x02\x02a":        true,
		"\x01\x17\x00\x01\x00\x02\x03a":        false,
		"\x01\x14\x00\xff\xff\xff\xff\x0f":     false,
		"\x01\x14\x00\x01\x05\xff\xff\xff\x7f": false,
	} {
		if _, _, err := record.Decode([]byte(text)); (err == nil) != ok {
			t.Errorf("% x: %v", text, err)
		}
	}
}

var controls = []record.Control{
	&record.LeaderChange{LeaderID: 1, Voters: []int32{1, 2}, GrantingVoters: []int32{2}},
	&record.SnapshotHeader{LastContainedLogTimestamp: 1 << 40},
	&record.SnapshotFooter{},
	&record.KRaftVersion{Version: 1},
	&record.Voters{
		Voters: []record.Voter{
			{
				ID: 1, DirectoryID: protocol.UUID{9}, KRaftVersionMax: 1,
				Endpoints: []record.VoterEndpoint{{Name: "C", Host: "h", Port: 65535}},
			},
		},
	},
}

func TestControlRecords(t *testing.T) {
	for _, r := range controls {
		key := record.AppendControlKey(nil, r.ControlType())
		value, err := record.AppendControl(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := record.DecodeControl(key, value)
		if d := cmp.Diff(r, back); err != nil || d != "" {
			t.Errorf("%T: %v %s", r, err, d)
		}
		for n := range value {
			if _, err := record.DecodeControl(key, value[:n]); err == nil {
				t.Errorf("%T: the first %d of %d bytes decode", r, n, len(value))
			}
		}
		if _, err := record.DecodeControl(key, append(value, 0)); err == nil {
			t.Errorf("%T: a trailing byte is not refused", r)
		}
		value[1] = 2
		if _, err := record.DecodeControl(key, value); err == nil {
			t.Errorf("%T: version 2 is read", r)
		}
	}
	for _, key := range []string{
		"", "\x00\x00\x00", "\x00\x01\x00\x02", "\x00\x00\x00\x00", "\x00\x00\x00\x01",
		"\x00\x00\x00\x07", "\x00\x00\xff\xff", "\x00\x00\x00\x04\x00",
	} {
		if r, err := record.DecodeControl([]byte(key), []byte{0, 0, 0}); err == nil {
			t.Errorf("key % x is %+v", key, r)
		}
	}
}

// LeaderChange of version 1 names directories, which nothing here needs.
func TestLeaderChangeV1(t *testing.T) {
	dir := strings.Repeat("d", 16)
	value := "\x00\x01" + "\x00\x00\x00\x07" + "\x02\x00\x00\x00\x07" + dir + "\x00" +
		"\x02\x00\x00\x00\x07" + dir + "\x00" + "\x00"
	r, err := record.DecodeControl(
		record.AppendControlKey(nil, record.ControlLeaderChange), []byte(value),
	)
	want := &record.LeaderChange{LeaderID: 7, Voters: []int32{7}, GrantingVoters: []int32{7}}
	if err != nil || !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, %v", r, err)
	}
}

// allocated is how many bytes f allocates, about.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The smallest element on the wire that is largest in memory is an empty string: 1 byte, 16 bytes.
const (
	allocFactor = 32
	allocBase   = 32 << 10
)

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	eachTypeAndVersion(func(kind record.Type, version int16) {
		b, err := record.Append(nil, recordtest.Random(rng, kind, version), version)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r record.Record
		var version int16
		var err error
		if used := allocated(
			func() { r, version, err = record.Decode(b) },
		); used > allocBase+allocFactor*uint64(
			len(b),
		) {
			t.Errorf("%d bytes allocated for %d", used, len(b))
		}
		shared, _, sharedErr := new(record.Decoder).Decode(b)
		if (err == nil) != (sharedErr == nil) {
			t.Fatalf("%v, but by a Decoder %v", err, sharedErr)
		}
		if err != nil {
			return
		}
		first, err := record.Append(nil, r, version)
		var invalid *record.InvalidError
		if errors.As(err, &invalid) && record.Check(r) != nil {
			return
		}
		if err != nil {
			t.Fatalf("%+v was read and cannot be written: %v", r, err)
		}
		second, err := record.Append(nil, shared, version)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("by a Decoder: %x, not %x, %v", second, first, err)
		}
		back, _, err := record.Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := record.Append(nil, back, version); err != nil ||
			!bytes.Equal(again, first) {
			t.Fatalf("%x becomes %x, %v", first, again, err)
		}
	})
}

func FuzzDecodeControl(f *testing.F) {
	for _, r := range controls {
		value, err := record.AppendControl(nil, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(record.AppendControlKey(nil, r.ControlType()), value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		var r record.Control
		var err error
		if used := allocated(
			func() { r, err = record.DecodeControl(key, value) },
		); used > allocBase+allocFactor*uint64(
			len(key)+len(value),
		) {
			t.Errorf("%d bytes allocated for %d", used, len(value))
		}
		if err != nil {
			return
		}
		b, err := record.AppendControl(nil, r)
		if _, ruled := r.(*record.Voters); ruled && err != nil {
			return // read, and not to be written
		}
		if err != nil {
			t.Fatal(err)
		}
		back, err := record.DecodeControl(key, b)
		if d := cmp.Diff(r, back); err != nil || d != "" {
			t.Fatal(err, d)
		}
	})
}
