package partition

import (
	"cmp"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// placer assigns the replicas of new partitions to brokers, as Kafka's StripedReplicaPlacer does:
// one rack after the other, and within a rack one broker after the other, so that leaders and
// replicas spread evenly, and a rack gets two replicas of a partition only when there are fewer
// racks than replicas. The first replica is on an active broker; others are on inactive brokers
// only when the rack has no active one left. The stripes start at random places.
//
// It differs from Kafka in that brokers in controlled shutdown count as fenced. Kafka leaves them
// out, and cannot create topics of full width during a rolling restart.
type placer struct {
	random Random
	racks  []*rack
	// epoch counts partitions since the last shuffle; each broker is used once in an epoch.
	epoch, offset int
	active, total int
}

// rack is the brokers of one rack; those without a rack form one of their own.
type rack struct {
	name             string // "" for none
	active, inactive ring
}

// Placement places the replicas of the topics of one request; it looks the brokers up once.
type Placement struct {
	img    *metadata.Image
	random Random
	all    *placer // the template of all placers; nil: not yet made
}

// Random is a source of random numbers; it need not be safe for several goroutines.
type Random interface{ Uint64() uint64 }

// NewPlacement places replicas on the brokers of an image.
func NewPlacement(img *metadata.Image, random Random) *Placement {
	return &Placement{img: img, random: random}
}

func newPlacer(img *metadata.Image, random Random) *placer {
	return NewPlacement(img, random).placer()
}

// placer returns a placer with new random starting points.
func (f *Placement) placer() *placer {
	if f.all == nil {
		f.all = allPlaceable(f.img)
	}
	p := &placer{random: f.random, racks: make([]*rack, len(f.all.racks)), active: f.all.active,
		total: f.all.total}
	for i, r := range f.all.racks { // copies: a placer shuffles them
		p.racks[i] = &rack{r.name, ring{ids: slices.Clone(r.active.ids)},
			ring{ids: slices.Clone(r.inactive.ids)}}
		p.racks[i].active.start = intn(f.random, len(r.active.ids))
		p.racks[i].inactive.start = intn(f.random, len(r.inactive.ids))
	}
	p.offset = intn(f.random, len(p.racks))
	return p
}

// allPlaceable returns the brokers that may get replicas, by rack.
func allPlaceable(img *metadata.Image) *placer {
	p := new(placer)
	racks := make(map[string]*rack)
	for id, b := range img.Brokers() {
		if !b.Placeable() {
			continue
		}
		r := racks[record.RackName(b.Rack)]
		if r == nil {
			r = &rack{name: record.RackName(b.Rack)}
			racks[r.name] = r
			p.racks = append(p.racks, r)
		}
		p.total++
		if b.Active() {
			p.active++
			r.active.ids = append(r.active.ids, id)
		} else {
			r.inactive.ids = append(r.inactive.ids, id)
		}
	}
	slices.SortFunc(p.racks, func(a, b *rack) int { return cmp.Compare(a.name, b.name) })
	return p
}

// place returns the replicas of n new partitions. The lists share one array.
func (p *placer) place(n, replicationFactor int) ([][]int32, *protocol.Error) {
	switch {
	case replicationFactor <= 0:
		return nil, protocol.Errorf(kerr.InvalidReplicationFactor,
			"Invalid replication factor %d: the "+
				"replication factor must be positive.", replicationFactor)
	case p.active == 0:
		return nil, protocol.Errorf(kerr.InvalidReplicationFactor,
			"All brokers are currently fenced, or have all their log directories cordoned.")
	case replicationFactor > p.total:
		return nil, protocol.Errorf(kerr.InvalidReplicationFactor,
			"The target replication factor of %d cannot be reached because only %d broker(s) are "+
				"registered or some brokers have all "+
				"their log directories cordoned.", replicationFactor, p.total)
	}
	ids := make([]int32, 0, n*replicationFactor)
	partitions := make([][]int32, n)
	for i := range partitions {
		from := len(ids)
		ids = p.stripe(ids, replicationFactor)
		partitions[i] = ids[from:len(ids):len(ids)]
	}
	return partitions, nil
}

// stripe appends the replicas of one partition. There must be enough brokers.
func (p *placer) stripe(ids []int32, replicationFactor int) []int32 {
	if p.epoch == p.active && p.active > 1 {
		p.shuffle()
		p.epoch = 0
	}
	lead := p.offset
	leader, ok := p.racks[lead].active.next(p.epoch)
	for !ok {
		lead = (lead + 1) % len(p.racks)
		leader, ok = p.racks[lead].active.next(p.epoch)
	}
	ids = append(ids, leader)
	skip := true // the leader's rack has had its turn in the first round
	for at, left := p.offset, replicationFactor-1; left > 0; at = (at + 1) % len(p.racks) {
		if skip && at == lead {
			skip = false
			continue
		}
		if id, ok := p.racks[at].next(p.epoch); ok {
			ids = append(ids, id)
			left--
		}
	}
	p.epoch++
	p.offset = (p.offset + 1) % len(p.racks)
	return ids
}

func (p *placer) shuffle() {
	Shuffle(p.random, p.racks)
	for _, r := range p.racks {
		Shuffle(p.random, r.active.ids)
		Shuffle(p.random, r.inactive.ids)
	}
}

// next returns a broker of the rack that is not used in this epoch yet, an active one if possible.
func (r *rack) next(epoch int) (id int32, ok bool) {
	if id, ok = r.active.next(epoch); ok {
		return id, true
	}
	return r.inactive.next(epoch)
}

// ring returns each of its brokers once in an epoch, and starts one broker later in the next.
type ring struct {
	ids                 []int32
	start, taken, epoch int
}

func (r *ring) next(epoch int) (id int32, ok bool) {
	if len(r.ids) == 0 {
		return NoBroker, false
	}
	if r.epoch != epoch {
		r.epoch, r.taken, r.start = epoch, 0, (r.start+1)%len(r.ids)
	}
	if r.taken == len(r.ids) {
		return NoBroker, false
	}
	id = r.ids[(r.start+r.taken)%len(r.ids)]
	r.taken++
	return id, true
}

// intn returns a number from 0 to n-1, 0 when n is 0.
func intn(r Random, n int) int {
	if n <= 1 {
		return 0
	}
	return int(r.Uint64() % uint64(n))
}

// Shuffle puts a list into random order, in place (Fisher-Yates).
func Shuffle[T any](r Random, list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j := intn(r, i+1)
		list[i], list[j] = list[j], list[i]
	}
}

// Partitions makes the records of n new partitions of a topic, beginning with the id first.
func (f *Placement) Partitions(
	topic protocol.UUID, first, n, replicationFactor int,
) ([]*record.Partition, *protocol.Error) {
	placed, err := f.placer().place(n, replicationFactor)
	if err != nil {
		return nil, err
	}
	partitions := make([]*record.Partition, n)
	for i, replicas := range placed {
		// the first replica is active
		partitions[i], _ = NewPartition(f.img, topic, int32(first+i), replicas)
	}
	return partitions, nil
}

// NewPartition returns the record of a new partition: the active replicas are its ISR, and the
// first of them leads. ok is false when none is active.
func NewPartition(
	img *metadata.Image, topic protocol.UUID, id int32, replicas []int32,
) (r *record.Partition, ok bool) {
	isr := activeOf(img, replicas)
	if len(isr) == 0 {
		return nil, false
	}
	r = &record.Partition{PartitionID: id, TopicID: topic, Replicas: replicas, ISR: isr,
		Leader: isr[0]}
	if img.Version().HasDirectories() {
		r.Directories = make([]protocol.UUID, len(replicas))
		for i, broker := range replicas {
			r.Directories[i] = img.Broker(broker).DefaultDirectory()
		}
	}
	return r, true
}

// activeOf returns the replicas that may be in an ISR; the same list when all may.
func activeOf(img *metadata.Image, replicas []int32) []int32 {
	may := func(id int32) bool { return img.Broker(id).Active() }
	n := 0
	for n < len(replicas) && may(replicas[n]) {
		n++
	}
	if n == len(replicas) {
		return replicas
	}
	active := slices.Clone(replicas[:n])
	for _, id := range replicas[n:] {
		if may(id) {
			active = append(active, id)
		}
	}
	return active
}

// CheckReplicas validates a replica list of a request; replicationFactor is the required length, 0
// for any. The broker with the lowest id that is wrong determines the message.
func CheckReplicas(img *metadata.Image, replicas []int32, replicationFactor int) *protocol.Error {
	switch {
	case len(replicas) == 0:
		return protocol.Errorf(kerr.InvalidReplicaAssignment,
			"The manual partition assignment includes an empty replica list.")
	case len(replicas) > math.MaxInt16: // the largest replication factor on the wire
		return protocol.Errorf(kerr.InvalidReplicaAssignment,
			"The manual partition assignment includes a list of %d replicas.", len(replicas))
	}
	sorted := slices.Sorted(slices.Values(replicas))
	for i, id := range sorted {
		b := img.Broker(id)
		switch {
		case b == nil:
			return protocol.Errorf(kerr.InvalidReplicaAssignment,
				"The manual partition assignment includes broker %d, but "+
					"no such broker is registered.", id)
		case !b.Placeable():
			return protocol.Errorf(kerr.InvalidReplicaAssignment,
				"The manual partition assignment includes broker %d, but "+
					"all its log directories are cordoned.", id)
		case i > 0 && sorted[i-1] == id:
			return protocol.Errorf(kerr.InvalidReplicaAssignment,
				"The manual partition assignment includes the broker %d more than once.", id)
		}
	}
	if replicationFactor != 0 && len(replicas) != replicationFactor {
		return protocol.Errorf(kerr.InvalidReplicaAssignment,
			"The manual partition assignment includes a partition with %d replica(s), but this is "+
				"not consistent with previous "+
				"partitions, which have %d replica(s).", len(replicas), replicationFactor)
	}
	return nil
}
