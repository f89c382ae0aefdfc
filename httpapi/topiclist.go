package httpapi

import (
	"context"
	"path"
	"strings"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// scanMax bounds the partitions that one page looks at, and topics whose names do not match, so
// that a filter which matches nothing does not keep a request busy: such a page is short or empty,
// and has a nextCursor.
const scanMax = 50_000

// scanPerYield is how many partitions are looked at between two chances for other requests.
const scanPerYield = 2000

// NameFilter chooses topics by name.
type NameFilter struct {
	// Only topics whose names begin with this.
	Prefix string `query:"prefix" maxLength:"249" example:"ord"`
	// Only topics whose names match this: * stands for any characters, ? for one.
	Glob string `query:"glob" maxLength:"249" pattern:"^[A-Za-z0-9._*?-]+$" example:"orders-*"`
	// Only Kafka's internal topics, or only others.
	Internal string `query:"internal" enum:"true,false" example:"false"`
}

func (f *NameFilter) matches(name string) bool {
	if !strings.HasPrefix(name, f.Prefix) {
		return false
	}
	if f.Internal != "" && protocol.InternalTopic(name) != (f.Internal == "true") {
		return false
	}
	if f.Glob == "" {
		return true
	}
	matched, _ := path.Match(f.Glob, name) // the schema admits no malformed pattern
	return matched
}

// prefix is the text with which every matching name begins.
func (f *NameFilter) prefix() string {
	literal := f.Glob
	if i := strings.IndexAny(literal, "*?"); i >= 0 {
		literal = literal[:i]
	}
	return max(f.Prefix, literal) // names must have both: the later one in order is where to begin
}

// topics calls yield for the topics by name, from a name on, and says of each whether it matches.
// Only those that are before or after all that can match are left out.
func (f *NameFilter) topics(
	img *metadata.Image, from string, yield func(t *metadata.Topic, matches bool) bool,
) {
	prefix := f.prefix()
	for t := range img.TopicsByName(max(from, prefix)) {
		if !strings.HasPrefix(t.Name, prefix) && t.Name > prefix {
			return
		}
		if !yield(t, f.matches(t.Name)) {
			return
		}
	}
}

// TopicListInput is the input of topics.
type TopicListInput struct {
	StateParams
	PageParams
	NameFilter
	// Only topics that have a partition in this state.
	With string `query:"with" enum:"underReplicated,underMinISR,offline,reassigning" example:"offline"`
}

// TopicSummary is one topic in a list.
type TopicSummary struct {
	// Name of the topic.
	Name string `json:"name" example:"orders"`
	// Id of the topic.
	TopicUUID string `json:"topicUUID" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Whether the topic is one of Kafka's own.
	Internal bool `json:"internal" example:"false"`
	// Number of partitions.
	Partitions int `json:"partitions" example:"3"`
	// Number of replicas of the first partition.
	ReplicationFactor int `json:"replicationFactor" example:"3"`
	// Number of partitions with a replica that is not in sync.
	UnderReplicated int `json:"underReplicatedPartitions" example:"0"`
	// Number of partitions with fewer in-sync replicas than min.insync.replicas.
	UnderMinISR int `json:"underMinISRPartitions" example:"0"`
	// Number of partitions without a leader.
	Leaderless int `json:"leaderlessPartitions" example:"0"`
	// Number of partitions whose replicas are being reassigned.
	Reassigning int `json:"reassigningPartitions" example:"0"`
}

func summarize(t *metadata.Topic, sizes *controller.ISRSizes) TopicSummary {
	s := TopicSummary{
		Name: t.Name, TopicUUID: t.ID.String(), Internal: protocol.InternalTopic(t.Name),
		Partitions: t.Len(),
	}
	if first := t.Partition(0); first != nil {
		s.ReplicationFactor = len(first.Replicas)
	}
	for _, p := range t.Partitions() {
		for counter, counts := range map[*int]bool{
			&s.UnderReplicated: len(p.ISR) < len(p.Replicas), &s.Leaderless: p.Leader < 0,
			&s.UnderMinISR: len(p.ISR) < sizes.Min(t, p), &s.Reassigning: p.Reassigning(),
		} {
			if counts {
				*counter++
			}
		}
	}
	return s
}

// has reports whether a partition is in the state that the parameter with names.
func (s *TopicSummary) has(with string) bool {
	switch with {
	case "underReplicated":
		return s.UnderReplicated > 0
	case "underMinISR":
		return s.UnderMinISR > 0
	case "offline":
		return s.Leaderless > 0
	case "reassigning":
		return s.Reassigning > 0
	}
	return true
}

// TopicPage is the answer of topics.
type TopicPage struct {
	// The topics, by name.
	Topics []TopicSummary `json:"topics"`
	Page
}

func (a *API) topicLists() {
	handle(a, operation{
		kind: readKind, name: "topics", tag: tagTopics,
		needs:   filtered(grant{acls.Describe, acls.Topic}),
		summary: "List topics",
		text: "A page of topics by name, with how many of their partitions have a problem. The " +
			"filters exclude all topics that do not match each of them.",
	}, a.topicPage)
}

// summaryBytes is roughly the memory that a topic takes in a list.
const summaryBytes = 800

func (a *API) topicPage(ctx context.Context, in *TopicListInput) (*stateAnswer[TopicPage], error) {
	after, more, err := in.Cursor.parse()
	if err != nil {
		return nil, err
	}
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	limit := min(int(in.Limit), img.TopicCount())
	if err := afford(ctx, int64(limit)*summaryBytes); err != nil {
		return nil, err
	}
	from := after.Name
	if more {
		from += "\x00" // the first possible name after it
	}
	w := topicWalk{
		in: in, sees: a.sees(ctx),
		sizes: a.cfg.Controller.ISRSizes(img), scan: scanner{turn: turnOf(ctx)},
		page: TopicPage{Topics: []TopicSummary{}},
	}
	in.topics(img, from, w.topic)
	return &stateAnswer[TopicPage]{stateOf(img), w.page}, nil
}

// topicWalk collects a page of topics.
type topicWalk struct {
	in    *TopicListInput
	sees  func(topic string) bool
	last  string // the last topic looked at
	sizes controller.ISRSizes
	scan  scanner
	page  TopicPage
}

// topic adds a topic that matches. It returns false if the page is complete.
func (w *topicWalk) topic(t *metadata.Topic, matches bool) bool {
	if w.scan.full() || matches && len(w.page.Topics) == int(w.in.Limit) {
		w.page.NextCursor = cursor{Name: w.last}.text()
		return false
	}
	w.last = t.Name
	if !matches || !w.sees(t.Name) {
		w.scan.looked(1)
		return true
	}
	w.scan.looked(t.Len())
	if summary := summarize(t, &w.sizes); summary.has(w.in.With) {
		w.page.Topics = append(w.page.Topics, summary)
	}
	return true
}

// scanner bounds the work of a page, and lets others have their turn.
type scanner struct {
	turn  *turn
	n     int // what was looked at, see scanMax
	yield int // n at which the turn yields
}

func (s *scanner) full() bool { return s.n >= scanMax }

func (s *scanner) looked(n int) {
	if s.n += n; s.n >= s.yield {
		s.yield = s.n + scanPerYield
		s.turn.yield()
	}
}
