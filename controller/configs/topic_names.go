package configs

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

const (
	// topicNameSeparators are the same character in names of metrics: topics whose names differ
	// only in them collide.
	topicNameSeparators = "._"
)

// CheckTopicName returns the fault of a name, nil for none.
func CheckTopicName(name string) *protocol.Error {
	if problem := record.TopicNameProblem(name); problem != "" {
		// the problem repeats at most a name's length of it
		return &protocol.Error{Kafka: kerr.InvalidTopicException,
			Message: "Topic name is invalid: " + problem}
	}
	return nil
}

// Collisions finds topics whose names differ from a given one only in dots and underscores. It
// walks the sorted names and tries both characters at each separator, so the number of its looks
// grows with the topics that share such a prefix. Anybody may create many of these, so a request
// has a limited number of looks for each of its names.
type Collisions struct {
	img   *metadata.Image
	looks int // left for the request
}

// NewCollisions returns a search in an image, for one request.
func NewCollisions(img *metadata.Image) Collisions { return Collisions{img: img} }

// looksPerName is the number of looks for each name beyond those that a name without similar topics
// takes.
const looksPerName = 64

// Find returns the topic that the name collides with, "" for none; ok is false when the looks are
// used up.
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

// collision is Find for a name that is fixed up to a position.
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
