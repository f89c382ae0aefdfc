package configs

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

const (
	// topicNameSeparators are one character to metric names: topics that differ in nothing else collide.
	topicNameSeparators = "._"
)

// CheckTopicName says what is wrong with a name.
func CheckTopicName(name string) *protocol.Error {
	if problem := record.TopicNameProblem(name); problem != "" {
		return &protocol.Error{Kafka: kerr.InvalidTopicException, Message: "Topic name is invalid: " + problem} // a name's length at most
	}
	return nil
}

// Collisions finds topics whose names are those given but for dots in place of underscores or the
// reverse. It walks the sorted names, trying both characters wherever one stands, and so takes as many
// looks as there are topics that share a prefix with the name, in this sense. Topics could be made
// that share many; so a request may take no more looks than its names allow.
type Collisions struct {
	img   *metadata.Image
	looks int // that are left
}

// NewCollisions searches an image. A search belongs to one request.
func NewCollisions(img *metadata.Image) Collisions { return Collisions{img: img} }

// looksPerName is how many looks each name allows beyond those that it takes when nothing is like it.
const looksPerName = 64

// Find returns the topic that the name collides with, "" when there is none; ok is false when no
// looks were left.
func (s *Collisions) Find(name string) (other string, ok bool) {
	if !strings.ContainsAny(name, topicNameSeparators) {
		return "", true
	}
	for _, c := range topicNameSeparators {
		s.looks += 2 * strings.Count(name, string(c))
	}
	s.looks += looksPerName
	other = s.collision(name, 0)
	return other, s.looks >= 0
}

// collision is find for a name that is settled up to a position.
func (s *Collisions) collision(name string, settled int) string {
	i := strings.IndexAny(name[settled:], topicNameSeparators)
	if i < 0 {
		if s.img.TopicByName(name) == nil {
			return ""
		}
		return name
	}
	i += settled
	for _, separator := range topicNameSeparators {
		if s.looks--; s.looks < 0 {
			return ""
		}
		prefix := name[:i] + string(separator)
		if !anyTopicWithPrefix(s.img, prefix) {
			continue
		}
		if found := s.collision(prefix+name[i+1:], i+1); found != "" {
			return found
		}
	}
	return ""
}

func anyTopicWithPrefix(img *metadata.Image, prefix string) bool {
	for t := range img.TopicsByName(prefix) {
		return strings.HasPrefix(t.Name, prefix)
	}
	return false
}
