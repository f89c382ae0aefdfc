package controller

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

const (
	// clusterMetadataTopic is the name of the metadata log's own topic, which nobody may create.
	clusterMetadataTopic = "__cluster_metadata"
	// topicNameSeparators are one character to metric names: topics that differ in nothing else collide.
	topicNameSeparators = "._"
)

// checkTopicName says what is wrong with a name.
func checkTopicName(name string) *apiError {
	if problem := record.TopicNameProblem(name); problem != "" {
		return errorf(kerr.InvalidTopicException, "Topic name is invalid: %s", problem)
	}
	return nil
}

// collidingTopic finds a topic whose name is the given one but for dots in place of underscores or the reverse; "" when there
// is none. It walks the sorted names, trying both characters wherever one stands, and so costs what shares a prefix with the name.
func collidingTopic(img *metadata.Image, name string) string {
	if !strings.ContainsAny(name, topicNameSeparators) {
		return ""
	}
	return collision(img, name, 0)
}

// collision is collidingTopic for a name that is settled up to a position.
func collision(img *metadata.Image, name string, settled int) string {
	i := strings.IndexAny(name[settled:], topicNameSeparators)
	if i < 0 {
		if img.TopicByName(name) == nil {
			return ""
		}
		return name
	}
	i += settled
	for _, separator := range topicNameSeparators {
		prefix := name[:i] + string(separator)
		if !anyTopicWithPrefix(img, prefix) {
			continue
		}
		if found := collision(img, prefix+name[i+1:], i+1); found != "" {
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
