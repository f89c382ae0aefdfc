package partition

import (
	"slices"

	"github.com/yakt/yakt/controller/configs"
	"github.com/yakt/yakt/metadata"
)

// Rules holds everything that changes of partitions depend on besides the partition: one image, an
// update of a broker, and the configs of one topic at a time.
type Rules struct {
	img    *metadata.Image
	mv     metadata.Version
	elr    bool
	update Update
	config configs.TopicDefaults
	away   []int32 // brokers that count as inactive; see Away

	topic   *metadata.Topic // the current one; minISR and unclean are its configs
	minISR  int
	unclean bool // unclean.leader.election.enable
}

// NewRules returns the rules that hold in an image, for an update of brokers in it.
func NewRules(img *metadata.Image, u Update, defaults configs.TopicDefaults) *Rules {
	return &Rules{
		img: img, mv: img.Version(), elr: img.ElrEnabled(), update: u, config: defaults,
	}
}

// Away makes brokers count as inactive, whatever the image says, for questions about a future in
// which they are.
func (r *Rules) Away(brokers ...int32) *Rules {
	r.away = brokers
	return r
}

// Image is the image that the rules hold for.
func (r *Rules) Image() *metadata.Image { return r.img }

// Topic is the topic of the last call of Of.
func (r *Rules) Topic() *metadata.Topic { return r.topic }

// AllowsUnclean reports whether the current topic allows unclean elections.
func (r *Rules) AllowsUnclean() bool { return r.unclean }

// Of makes a topic the current one. Partitions come grouped by topic, so its configs are looked up
// once.
func (r *Rules) Of(t *metadata.Topic) *Rules {
	if r.topic == t {
		return r
	}
	r.topic = t
	overrides := r.img.Config(metadata.ConfigTopic, t.Name)
	r.unclean = r.config.UncleanElection(overrides)
	if r.elr {
		r.minISR = r.config.MinISR(overrides)
		if first := t.Partition(0); first != nil {
			r.minISR = min(r.minISR, len(first.Replicas))
		}
	}
	return r
}

// Election is the kind of election that the current topic allows.
func (r *Rules) Election() Election {
	if r.unclean {
		return Uncleanly
	}
	return Online
}

// Acceptable reports whether a broker may lead p: it is active and p's directory there is online.
func (r *Rules) Acceptable(p *metadata.Partition, id int32) bool {
	if id < 0 || id == r.update.remove || id == r.update.unclean || slices.Contains(r.away, id) {
		return false
	}
	b := r.img.Broker(id)
	return b != nil && (b.Active() || id == r.update.add) && b.DirectoryOnline(p.Directory(id))
}
