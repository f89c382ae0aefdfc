package httpapi

import (
	"testing"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// TestNoOpsAreNoChange: the newest state of an idle quorum has NoOpRecords which the state that a
// client has read does not contain. They do not fail its If-Match; a change does.
func TestNoOpsAreNoChange(t *testing.T) {
	t.Parallel()
	after := func(img *metadata.Image, r record.Record) *metadata.Image {
		edit := img.Edit()
		if err := edit.Replay(img.EndOffset(), r); err != nil {
			t.Fatal(err)
		}
		return edit.Done(img.EndOffset()+1, 1, 0)
	}
	quota := &record.ClientQuota{
		Entity: []record.QuotaEntity{{Type: "user"}}, Key: "producer_byte_rate", Value: 1,
	}
	read := after(metadata.Empty(), quota)
	idle := after(read, &record.NoOp{})
	check := unchangedFrom(read.EndOffset(), `"0-1"`)
	for _, img := range []*metadata.Image{read, idle} {
		if err := check(img); err != nil {
			t.Errorf("at %d: %v", img.EndOffset(), err)
		}
	}
	if check(after(idle, quota)) == nil {
		t.Error("a change is not noticed")
	}
}
