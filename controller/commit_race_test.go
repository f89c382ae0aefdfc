//go:build race

package controller

import (
	"strings"
	"testing"

	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata/record"
)

// TestCommitChecksThePendingImage: a pending image that differs from what the batch replays to
// would make this node differ from the standbys. Race builds notice it at the commit.
func TestCommitChecksThePendingImage(t *testing.T) {
	t.Parallel()
	tc := newTestCore(t)
	if err := tc.append(tc.clock.Now(), result{records: []record.Record{&record.NoOp{}}}); err != nil {
		t.Fatal(err)
	}
	b := tc.log.Take()[0]
	other := tc.committed.Edit()
	if err := other.Replay(b.BaseOffset(), &record.ProducerIDs{NextProducerID: 7000}); err != nil {
		t.Fatal(err)
	}
	tc.pending[0] = other.Done(b.EndOffset(), b.Epoch(), b.TimestampMs())
	defer func() {
		if says, _ := recover().(string); !strings.Contains(says, "broken invariant") {
			t.Errorf("the commit of another image: %q", says)
		}
	}()
	_ = tc.commit([]*feed.Batch{{Batch: b}}, false)
}
