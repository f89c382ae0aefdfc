package configs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

func TestLookalikeNamesDoNotMakeASearchLong(t *testing.T) {
	t.Parallel()
	var topics []record.Record
	for i := range 1 << 10 { // every way to write ten separators, each with an end of its own
		name := strings.Map(func(r rune) rune {
			if r == '0' {
				return '.'
			}
			return '_'
		}, fmt.Sprintf("%010b", i))
		topics = append(topics, &record.Topic{
			Name: fmt.Sprintf("%s%d", name, i), TopicID: protocol.UUID{1, byte(i >> 8), byte(i)},
		})
	}
	s := NewCollisions(imageOf(t, topics...))
	if other, ok := s.Find("..........x"); ok || other != "" {
		t.Errorf("found %q, ok %v", other, ok)
	}
	if s.looks < -(1 << 5) {
		t.Errorf("%d looks beyond what the name allows", -s.looks)
	}
	if other, ok := s.Find("a.b"); !ok || other != "" {
		t.Errorf("a name like no other: found %q, ok %v", other, ok)
	}
}

func TestLegalTopicName(t *testing.T) {
	t.Parallel()
	long := make([]byte, 249)
	for i := range long {
		long[i] = 'x'
	}
	for name, legal := range map[string]bool{
		"a": true, "A.b_c-9": true, "...": true, string(long): true,
		"": false, ".": false, "..": false, string(long) + "x": false, "a b": false, "ä": false,
		"a/b": false, "a\x00": false,
	} {
		if (CheckTopicName(name) == nil) != legal {
			t.Errorf("%q: legal is %v", name, !legal)
		}
	}
}
