package metadata

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// An image as records, in whatever batches, is the image again.
func TestImageFromItsRecords(t *testing.T) {
	everyHistory(t, func(t *testing.T, h *history) {
		_, images := h.log(t, 60, 12)
		img := images[len(images)-1].Stable()
		want := snapshotOf(t, img)
		records := slices.Collect(img.Records)
		for range 5 {
			again := Empty()
			for rest := records; len(rest) > 0; {
				n := 1 + h.IntN(len(rest))
				b, err := EncodeData(rest[:n], h.version, img.TimestampMs())
				if err != nil {
					t.Fatal(err)
				}
				b.SetPosition(img.EndOffset()-int64(len(rest)), img.Epoch())
				if again, err = again.ReplayBatch(b); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if !bytes.Equal(snapshotOf(t, again), want) {
				t.Fatal("the image from the records differs")
			}
			checkIndexes(t, again)
		}
		loaded, err := ReadSnapshot(bytes.NewReader(want), img.EndOffset(), img.Epoch())
		if err != nil || !bytes.Equal(snapshotOf(t, loaded), want) {
			t.Fatal("the image from the snapshot differs", err)
		}
		checkIndexes(t, loaded)
	})
}

func TestIndexesAreWhatTheImageHolds(t *testing.T) {
	everyHistory(t, func(t *testing.T, h *history) {
		_, images := h.log(t, 80, 6)
		for _, img := range images {
			checkIndexes(t, img)
		}
	})
}

type partitionName struct {
	topic protocol.UUID
	id    int32
}

// checkIndexes computes the indexes of an image from its partitions.
func checkIndexes(t *testing.T, img *Image) {
	t.Helper()
	type names = map[partitionName]bool
	hosted, orphans, leads := map[int32]names{}, map[int32]names{}, map[int32]int{}
	leaderless, imbalanced, reassigning := names{}, names{}, names{}
	topics, partitions := 0, 0
	for topic := range img.Topics() {
		topics++
		if img.TopicByName(topic.Name) != topic || img.Topic(topic.ID) != topic {
			t.Fatalf("%s is not found by its name and id", topic.Name)
		}
		for id, p := range topic.Partitions() {
			name := partitionName{topic.ID, id}
			partitions++
			for _, b := range append(slices.Clone(p.ISR), p.ELR()...) {
				if hosted[b] == nil {
					hosted[b] = make(map[partitionName]bool)
				}
				hosted[b][name] = true
			}
			if p.Leader >= 0 {
				leads[p.Leader]++
			} else {
				leaderless[name] = true
				for _, b := range p.Replicas {
					if orphans[b] == nil {
						orphans[b] = make(map[partitionName]bool)
					}
					orphans[b][name] = true
				}
			}
			if len(p.Replicas) == 0 || p.Leader != p.Replicas[0] {
				imbalanced[name] = true
			}
			if len(p.Adding())+len(p.Removing()) > 0 {
				reassigning[name] = true
			}
		}
	}
	if img.TopicCount() != topics || img.PartitionCount() != partitions {
		t.Fatalf(
			"%d topics and %d partitions, counted %d and %d", topics, partitions, img.TopicCount(),
			img.PartitionCount(),
		)
	}
	for b := range int32(9) {
		sameIndex(t, img, "hosted", img.Hosted(b), hosted[b])
		sameIndex(
			t, img, "leaderless replicas", img.LeaderlessOnAfter(b, TopicPartition{}), orphans[b],
		)
		if img.Leads(b) != leads[b] {
			t.Fatalf("broker %d leads %d, counted %d", b, leads[b], img.Leads(b))
		}
	}
	sameIndex(t, img, "leaderless", img.Leaderless(), leaderless)
	sameIndex(t, img, "imbalanced", img.Imbalanced(), imbalanced)
	sameIndex(t, img, "reassigning", img.Reassigning(), reassigning)
	if img.LeaderlessCount() != len(leaderless) || img.ImbalancedCount() != len(imbalanced) {
		t.Fatal("a count differs")
	}
}

func sameIndex(
	t *testing.T, img *Image, what string, got func(func(TopicPartition) bool),
	want map[partitionName]bool,
) {
	t.Helper()
	seen := make(map[partitionName]bool)
	var last TopicPartition
	for tp := range got {
		name := partitionName{tp.Topic.ID, tp.ID}
		if seen[name] || tp.Partition == nil || img.Partition(tp.Topic.ID, tp.ID) != tp.Partition {
			t.Fatalf("%s: %+v comes twice or is not the image's", what, name)
		}
		if last.Topic == tp.Topic && last.ID >= tp.ID {
			t.Fatalf("%s: %d comes after %d", what, tp.ID, last.ID)
		}
		seen[name], last = true, tp
	}
	if !maps.Equal(seen, want) {
		t.Fatalf("%s: %v, computed %v", what, seen, want)
	}
}

// An iteration that continues after a partition sees the rest, even if that partition was deleted.
func TestIndexWalksGoOn(t *testing.T) {
	h := newHistory(7, LatestVersion)
	_, images := h.log(t, 60, 10)
	for _, img := range images {
		for b := range int32(9) {
			all := slices.Collect(img.Hosted(b))
			for i, tp := range all {
				if rest := slices.Collect(img.HostedAfter(b, tp)); !slices.Equal(rest, all[i+1:]) {
					t.Fatalf("broker %d behind %d of %d: %d", b, i, len(all), len(rest))
				}
			}
			if !slices.Equal(slices.Collect(img.HostedAfter(b, TopicPartition{})), all) {
				t.Fatal("the zero partition is not the beginning")
			}
		}
	}
}

func TestImagesDoNotChange(t *testing.T) {
	everyHistory(t, func(t *testing.T, h *history) {
		_, images := h.log(t, 1, 5)
		img := images[0]
		kept := map[*Image][]byte{img: snapshotOf(t, img)}
		for i := range 100 {
			next, err := img.ReplayBatch(h.batch(t, img, 10))
			if err != nil {
				t.Fatal(err)
			}
			if img = next; i%5 == 0 {
				kept[img] = snapshotOf(t, img)
			}
		}
		for old, want := range kept {
			if !bytes.Equal(snapshotOf(t, old), want) {
				t.Fatal("an image has changed")
			}
			checkIndexes(t, old)
		}
	})
}

// TestTwoSuccessorsOfAnImage: two successors of one image do not affect each other, so a proposal
// that a leader loses leaves no trace.
func TestTwoSuccessorsOfAnImage(t *testing.T) {
	everyHistory(t, func(t *testing.T, h *history) {
		log, images := h.log(t, 40, 8)
		base := images[len(images)-1]
		offset := h.offset
		left, right := base, base
		var leftLog, rightLog []batch.Batch
		for range 20 {
			var b batch.Batch
			b, left = h.step(t, left)
			leftLog = append(leftLog, b)
			b, right = h.step(t, right)
			rightLog = append(rightLog, b)
		}
		for _, side := range []struct {
			img *Image
			log []batch.Batch
		}{{left, leftLog}, {right, rightLog}} {
			fresh := Empty()
			for _, b := range append(slices.Clone(log), side.log...) {
				var err error
				if fresh, err = fresh.ReplayBatch(b); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(snapshotOf(t, fresh), snapshotOf(t, side.img)) {
				t.Fatal("a successor differs from the same log replayed alone")
			}
			checkIndexes(t, side.img)
		}
		if base.EndOffset() != offset {
			t.Fatal("the common image has moved")
		}
	})
}

// step makes the next batch of one of several logs, each with offsets of its own.
func (h *history) step(t *testing.T, img *Image) (batch.Batch, *Image) {
	t.Helper()
	h.offset = img.EndOffset()
	b := h.batch(t, img, 8)
	next, err := img.ReplayBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	return b, next
}

// A node that replayed the log and one that loaded a snapshot on the way write the same snapshot.
func TestSnapshotsAreEqualOnAllNodes(t *testing.T) {
	everyHistory(t, func(t *testing.T, h *history) {
		log, images := h.log(t, 60, 10)
		want := snapshotOf(t, images[len(images)-1])
		for range 6 {
			from := images[h.IntN(len(images))].Stable()
			img, err := ReadSnapshot(
				bytes.NewReader(snapshotOf(t, from)), from.EndOffset(), from.Epoch(),
			)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range log {
				if b.BaseOffset() < from.EndOffset() {
					continue
				}
				if img, err = img.ReplayBatch(b); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(snapshotOf(t, img), want) {
				t.Fatalf("loaded at %d of %d", from.EndOffset(), img.EndOffset())
			}
		}
	})
}

func TestReadersDoNotMindAnEditor(t *testing.T) {
	h := newHistory(1, LatestVersion)
	h.tx = true
	_, images := h.log(t, 5, 5)
	var published atomic.Pointer[Image]
	published.Store(images[4])
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				img := published.Load()
				if err := WriteSnapshot(io.Discard, img); err != nil {
					t.Error(err)
				}
				for b := range int32(9) {
					for tp := range img.Hosted(b) {
						_ = tp.Partition.ELR()
					}
				}
			}
		})
	}
	img := images[4]
	for range 400 {
		b := h.batch(t, img, 5)
		next, err := img.ReplayBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		img = next
		published.Store(img)
	}
	close(done)
	readers.Wait()
}

// A transaction is seen by nobody before its end, and by nobody at all when it is aborted.
func TestTransactions(t *testing.T) {
	topic := func(name string, n byte) record.Record {
		return &record.Topic{Name: name, TopicID: protocol.UUID{0: n, 15: n}}
	}
	img := replay(
		t, Empty(), 0, &record.FeatureLevel{Name: FeatureMetadata, Level: int16(LatestVersion)},
		topic("a", 1),
	)
	open := replay(t, img, 2, topic("b", 2), new(record.BeginTransaction), topic("c", 3))
	if open.Stable() != img || !open.InTransaction() || open.TopicCount() != 3 {
		t.Error("a snapshot of the open transaction would not end at a batch's end")
	}
	more := replay(t, open, 5, topic("d", 4))
	if more.Stable() != img {
		t.Error("the stable image has moved within a transaction")
	}
	aborted := replay(t, more, 6, &record.AbortTransaction{}, topic("e", 5))
	if aborted.Stable() != aborted || aborted.TopicByName("c") != nil ||
		aborted.TopicByName("d") != nil ||
		aborted.TopicByName("b") == nil ||
		aborted.TopicByName("e") == nil {
		t.Error("aborted")
	}
	checkIndexes(t, aborted)
	e := more.Edit() // control records are not part of transactions
	voters := &record.Voters{Voters: []record.Voter{{ID: 1}}}
	e.Control(voters)
	e.Control(&record.KRaftVersion{Version: 1})
	if kept := replay(t, e.Done(6, 1, 0), 6, &record.AbortTransaction{}); kept.Voters() != voters ||
		kept.KRaftVersion() != 1 {
		t.Error("an abort takes control records back")
	}
	ended := replay(t, more, 6, &record.EndTransaction{}, new(record.BeginTransaction))
	if ended.Stable() != img || ended.TopicCount() != 4 {
		t.Error("ended and begun in one batch")
	}
	if last := replay(t, ended, 8, &record.EndTransaction{}); last.Stable() != last ||
		last.TopicCount() != 4 {
		t.Error("ended")
	}
	for _, records := range [][]record.Record{
		{new(record.EndTransaction)}, {new(record.AbortTransaction)},
		{new(record.BeginTransaction), new(record.BeginTransaction)},
	} {
		e := img.Edit()
		var err error
		for _, r := range records {
			if err == nil {
				err = e.Replay(9, r)
			}
		}
		if err == nil {
			t.Errorf("%T fits", records[0])
		}
	}
}

func replay(t testing.TB, img *Image, offset int64, records ...record.Record) *Image {
	t.Helper()
	e := img.Edit()
	for i, r := range records {
		if err := e.Replay(offset+int64(i), r); err != nil {
			t.Fatal(err)
		}
	}
	return e.Done(offset+int64(len(records)), 1, offset)
}
