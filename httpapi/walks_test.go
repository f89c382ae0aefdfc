package httpapi

import (
	"testing"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// threeTopics is an image of the topics a, b and c, each of one partition.
func threeTopics(t *testing.T) *metadata.Image {
	var records []record.Record
	for i, name := range []string{"a", "b", "c"} {
		id := protocol.UUID{0: byte(i + 1)}
		records = append(records, &record.Topic{Name: name, TopicID: id}, &record.Partition{
			TopicID: id, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1,
			Directories: make([]protocol.UUID, 1),
		})
	}
	return controllertest.Image(t, records...)
}

func everything(string) bool { return true }

// TestPagesOfNothingEnd: a page ends after scanMax topics whose names do not match, with a cursor
// from which the next one goes on.
func TestPagesOfNothingEnd(t *testing.T) {
	t.Parallel()
	img := threeTopics(t)
	almost := scanner{n: scanMax - 2}
	in := &TopicListInput{NameFilter: NameFilter{Glob: "*c"}, PageParams: PageParams{Limit: 9}}
	topics := topicWalk{in: in, sees: everything, scan: almost}
	in.topics(img, "", topics.topic)
	if want := (cursor{Name: "b"}).text(); len(topics.page.Topics) != 0 ||
		topics.page.NextCursor != want {
		t.Errorf("topics: %+v, want the cursor %s", topics.page, want)
	}
	parts := partitionWalk{scan: almost, sees: everything, in: &PartitionListInput{
		NameFilter: in.NameFilter, PageParams: in.PageParams,
	}}
	parts.in.topics(img, "", parts.topic)
	if want := (cursor{Name: "b"}).text(); len(parts.page.Partitions) != 0 ||
		parts.page.NextCursor != want {
		t.Errorf("partitions: %+v, want the cursor %s", parts.page, want)
	}
}

// TestCursorsOfNoPartition: a cursor that no answer had does not make a walk look at partitions
// that do not exist.
func TestCursorsOfNoPartition(t *testing.T) {
	t.Parallel()
	img := threeTopics(t)
	for id, want := range map[int32]int{-1 << 31: 1, -5: 1, 0: 0, 7: 0, 1<<31 - 1: 0} {
		w := partitionWalk{
			in:    &PartitionListInput{Topic: "a", PageParams: PageParams{Limit: 9}},
			sees:  everything,
			after: &cursor{"a", id}, sizes: new(controller.Controller).ISRSizes(img),
		}
		w.in.topics(img, "a", w.topic)
		if len(w.page.Partitions) != want || w.scan.n > 1 {
			t.Errorf("after %d: %+v, %d looked at", id, w.page, w.scan.n)
		}
	}
}
