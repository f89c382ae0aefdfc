package metadata

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// testdata was written by a controller of Kafka 4.3.0: its log, its snapshots and single batches of
// both. The files named kafka-4.4-* are the same of Kafka 4.4.0.

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenNames(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) < 9 {
		t.Fatal("testdata has lost files: ", names)
	}
	return names
}

// Every batch of Kafka's, decoded and encoded, is the same to the byte.
func TestGoldenBatches(t *testing.T) {
	for _, name := range goldenNames(t) {
		n := 0
		for rest := readTestdata(t, name); len(rest) > 0; n++ {
			b, after, err := batch.Parse(rest)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if again := reencode(t, b); !bytes.Equal(again, b) {
				t.Errorf("%s, batch at %d:\n got %x\nwant %x", name, b.BaseOffset(), again, b)
			}
			rest = after
		}
		if n == 0 {
			t.Errorf("%s holds no batch", name)
		}
	}
}

func reencode(t testing.TB, b batch.Batch) batch.Batch {
	t.Helper()
	var controls []record.Control
	w := batch.NewWriter(b.TimestampMs())
	err := b.Each(func(_ int64, key, value []byte) error {
		if b.IsControl() {
			r, err := record.DecodeControl(key, value)
			controls = append(controls, r)
			return err
		}
		r, version, err := record.Decode(value)
		if err != nil {
			return err
		}
		if want := LatestVersion.RecordVersion(r); version != want {
			t.Errorf("%v is written in version %d, by Kafka in %d", r.Type(), want, version)
		}
		again, err := record.Append(nil, r, version)
		w.Add(nil, again)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var again batch.Batch
	if b.IsControl() {
		again, err = EncodeControl(b.TimestampMs(), controls...)
	} else {
		again, err = w.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	again.SetPosition(b.BaseOffset(), b.Epoch())
	return again
}

// The first batch of a quorum, from values.
func TestGoldenFirstBatch(t *testing.T) {
	want := batch.Batch(readTestdata(t, "batch-epoch1-leaderchange-kraftversion-voters.bin"))
	directory, err := protocol.ParseUUID("v6Y2iOemTu2XY4BygOXx1w")
	if err != nil {
		t.Fatal(err)
	}
	b, err := EncodeControl(want.TimestampMs(),
		&record.LeaderChange{LeaderID: 3000, Voters: []int32{3000}, GrantingVoters: []int32{3000}},
		&record.KRaftVersion{Version: 1},
		&record.Voters{Voters: []record.Voter{{
			ID: 3000, DirectoryID: directory, KRaftVersionMax: 1,
			Endpoints: []record.VoterEndpoint{{Name: "CONTROLLER", Host: "127.0.0.1", Port: 21001}},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	b.SetPosition(0, 1)
	if !bytes.Equal(b, want) {
		t.Errorf("\n got %x\nwant %x", b, want)
	}
}

// Kafka's bootstrap records for a new cluster are ours, in content.
func TestGoldenBootstrap(t *testing.T) {
	text := func(records []record.Record) string {
		var lines []string
		for _, r := range records {
			lines = append(lines, fmt.Sprintf("%+v", r))
		}
		return strings.Join(lines, "\n")
	}
	for file, version := range map[string]Version{
		"bootstrap.checkpoint":                   V4_3_IV0,
		"kafka-4.4-format-static-0-0.checkpoint": V4_4_IV2,
	} {
		c, err := ReadCheckpoint(bytes.NewReader(readTestdata(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := text(BootstrapFeatures(version)), text(c.Records); got != want {
			t.Errorf("%s:\n got %s\nwant %s", file, got, want)
		}
		var again bytes.Buffer
		if err := WriteCheckpoint(&again, 0, nil, c.Records); err != nil {
			t.Fatal(err)
		}
		if back, err := ReadCheckpoint(&again); err != nil || text(back.Records) != text(c.Records) {
			t.Errorf("%s, written and read again: %v, %v", file, err, back)
		}
	}
	voters, err := ReadCheckpoint(
		bytes.NewReader(readTestdata(t, "00000000000000000000-0000000000.checkpoint")),
	)
	if err != nil || len(voters.Control) < 2 || len(voters.Records) != 0 {
		t.Errorf("%+v, %v", voters, err)
	}
}

// The replay of a log that Kafka wrote equals Kafka's own snapshot at the same offset.
func TestGoldenLogAndSnapshot(t *testing.T) {
	file := readTestdata(t, "00000000000000000676-0000000003.checkpoint")
	theirs, err := ReadSnapshot(bytes.NewReader(file), 676, 3)
	if err != nil {
		t.Fatal(err)
	}
	img := Empty()
	var at676 *Image
	for rest := readTestdata(t, "00000000000000000000.log"); len(rest) > 0; {
		b, after, err := batch.Parse(rest)
		if err == nil {
			img, err = img.ReplayBatch(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		if img.EndOffset() == 676 {
			at676 = img
		}
		rest = after
	}
	if at676 == nil || at676.Epoch() != 3 || at676.TimestampMs() != theirs.TimestampMs() {
		t.Fatalf("%+v", at676)
	}
	if ours, kafkas := recordBytes(t, at676), recordBytes(t, theirs); !bytes.Equal(ours, kafkas) {
		t.Errorf("the image at 676 is not that of the snapshot\n got %x\nwant %x", ours, kafkas)
	}
	if img.Version() != V4_3_IV0 || img.Broker(1) == nil || len(img.Voters().Voters) != 1 ||
		img.KRaftVersion() != 1 ||
		img.Config(ConfigBroker, "")["min.insync.replicas"] != "1" {
		t.Errorf(
			"version %v, broker %v, voters %v, config %v", img.Version(), img.Broker(1),
			img.Voters(), img.Config(ConfigBroker, ""),
		)
	}
	var kafka, ours []string
	records := func(into *[]string) func(record.Record) bool {
		return func(r record.Record) bool {
			*into = append(*into, r.Type().String())
			return true
		}
	}
	c, err := ReadCheckpoint(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Records {
		records(&kafka)(r)
	}
	at676.Records(records(&ours))
	if !slices.Equal(kafka, ours) {
		t.Errorf("sections in another order:\n%v\n%v", ours, kafka)
	}
}

// recordBytes are an image's records; a registration's features are in Kafka's snapshot by name, in
// its log in no order.
func recordBytes(t *testing.T, img *Image) (all []byte) {
	for r := range img.Records {
		if b, ok := r.(*record.RegisterBroker); ok {
			b.Features = slices.SortedFunc(
				slices.Values(b.Features),
				func(x, y record.FeatureRange) int { return strings.Compare(x.Name, y.Name) },
			)
		}
		var err error
		if all, err = record.Append(all, r, LatestVersion.RecordVersion(r)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestCheckpointRefusals(t *testing.T) {
	file := readTestdata(t, "00000000000000000676-0000000003.checkpoint")
	header := readTestdata(t, "snapshot-header-batch.bin")
	footer := readTestdata(t, "snapshot-footer-batch.bin")
	noop := readTestdata(t, "batch-noop.bin")
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	damaged := slices.Clone(file)
	damaged[len(header)+100]++
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"empty":         {nil, "without its footer"},
		"cut":           {file[:len(file)-10], "unexpected EOF"},
		"no footer":     {file[:len(file)-len(footer)], "without its footer"},
		"no header":     {file[len(header):], "does not begin with its header"},
		"data first":    {join(noop, header, footer), "does not begin with its header"},
		"after footer":  {join(header, footer, noop), "follow the footer"},
		"damaged":       {damaged, "damaged"},
		"a small rest":  {join(file, []byte{1, 2, 3}), "unexpected EOF"},
		"length":        {join(file[:8], []byte{0x7f, 0xff, 0xff, 0xff}, file[12:]), "not within"},
		"short length":  {join(file[:8], []byte{0, 0, 0, 3}, file[12:]), "not within"},
		"footer before": {join(footer, footer), "does not begin with its header"},
	} {
		_, err := ReadSnapshot(bytes.NewReader(test.file), 676, 3)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
