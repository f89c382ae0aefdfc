package metadata

import (
	"bytes"
	"os"
	"testing"
)

// TestApacheLogAndSnapshot replays a log that a real 4.3.0 controller wrote, and brings the image through a snapshot.
func TestApacheLogAndSnapshot(t *testing.T) {
	log, err := os.ReadFile("testdata/00000000000000000000.log")
	if err != nil {
		t.Fatal(err)
	}
	img := Empty()
	for len(log) > 0 {
		b, rest, err := ParseBatch(log)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = img.ReplayBatch(b); err != nil {
			t.Fatal(err)
		}
		log = rest
	}
	if img.Version() != V4_3_IV0 || img.Epoch() != 3 || img.Broker(1) == nil || len(img.Voters().Voters) != 1 {
		t.Fatalf("version %v, epoch %d, broker %v, voters %v", img.Version(), img.Epoch(), img.Broker(1), img.Voters())
	}
	var first, second bytes.Buffer
	if err := WriteSnapshot(&first, img); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSnapshot(bytes.NewReader(first.Bytes()), img.EndOffset(), img.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteSnapshot(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatal("the snapshot of a loaded snapshot differs", err)
	}
}
