package protocol

import "testing"

func TestInternalTopic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{OffsetsTopic, TransactionsTopic, ShareGroupStateTopic} {
		if !InternalTopic(name) {
			t.Errorf("%s is internal", name)
		}
	}
	for _, name := range []string{MetadataTopic, "", "t", "__consumer_offsets2"} {
		if InternalTopic(name) {
			t.Errorf("%s is not internal", name)
		}
	}
}
