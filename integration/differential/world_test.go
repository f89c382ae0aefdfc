package differential

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// world is a cluster as its brokers know it. It invents the requests of brokers and clients.
type world struct {
	*pair
	rng     *rand.Rand
	brokers []*broker
}

// broker is a broker that may or may not be registered.
type broker struct {
	id           int32
	incarnation  protocol.UUID
	dirs         []protocol.UUID
	offline      []protocol.UUID
	rack         *string
	down         bool
	shuttingDown bool
	lastEpoch    int64 // epoch of its last registration
}

const (
	brokerCount = 7
	topicCount  = 8
)

// step is one move of the world: everything in it is drawn from its own seed and from the current
// state, so that a run with some steps omitted is still a valid run.
type step uint64

// moves are the possible events with their weights.
var moves = []struct {
	weight int
	name   string
	make   func(*world)
}{
	{14, "beats", (*world).beats},
	{10, "beat", (*world).oddBeat},
	{4, "crash", (*world).crash},
	{7, "restart", (*world).restart},
	{3, "shutdown", (*world).shutDown},
	{3, "odd registration", (*world).oddRegistration},
	{12, "time", (*world).passTime},
	{6, "create topics", (*world).createTopics},
	{3, "create partitions", (*world).createPartitions},
	{1, "delete topics", (*world).deleteTopics},
	{18, "alter partition", (*world).alterPartition},
	{10, "reassign", (*world).reassign},
	{6, "elect", (*world).elect},
	{6, "assign directories", (*world).assignDirs},
	{6, "configs", (*world).alterConfigs},
	{1, "unregister", (*world).unregister},
	{1, "failover", (*world).changeLeader},
	{1, "controller", (*world).registerController},
	{1, "producer ids", (*world).producerIDs},
	{2, "list", (*world).list},
	{2, "features", (*world).updateFeatures},
	{1, "unregister controller", (*world).unregisterController},
	{2, "quotas", (*world).alterClientQuotas},
	{2, "users", (*world).alterUsers},
}

var totalWeight = func() (n int) {
	for _, m := range moves {
		n += m.weight
	}
	return n
}()

func newWorld(p *pair) *world {
	w := &world{pair: p}
	for i := range brokerCount {
		b := &broker{id: int32(i + 1), down: true, lastEpoch: -1}
		if rack := fmt.Sprintf("r%d", i%3); i > 1 {
			b.rack = &rack
		}
		w.brokers = append(w.brokers, b)
	}
	return w
}

func (w *world) take(s step) {
	w.rng = rand.New(rand.NewPCG(uint64(s), 7))
	n := w.rng.IntN(totalWeight)
	for _, m := range moves {
		if n -= m.weight; n < 0 {
			w.trace = append(w.trace, fmt.Sprintf("%#x %s", uint64(s), m.name))
			m.make(w)
			return
		}
	}
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

// unique makes an id that was never used. It depends on the step's seed, not on earlier steps.
func (w *world) unique(kind byte) protocol.UUID { return seeded(kind, w.rng.Uint64()) }

func (w *world) img() *metadata.Image { return w.ours.Image() }

// version draws one that both controllers serve.
func version(rng *rand.Rand, req kmsg.Request) {
	min, max, _ := controller.Versions(req.Key())
	req.SetVersion(min + int16(rng.IntN(int(max-min)+1)))
	if rng.IntN(3) > 0 {
		req.SetVersion(max)
	}
}

func pick[T any](rng *rand.Rand, all []T) T { return all[rng.IntN(len(all))] }

func (w *world) anyBroker() *broker { return pick(w.rng, w.brokers) }

// epoch is the broker's registered epoch; an invented one if it is not registered.
func (w *world) epoch(id int32) int64 {
	if b := w.img().Broker(id); b != nil {
		return b.Epoch
	}
	return 3
}

// running are the registered brokers that are up.
func (w *world) running() iter.Seq2[*broker, *metadata.Broker] {
	return func(yield func(*broker, *metadata.Broker) bool) {
		for _, b := range w.brokers {
			if r := w.img().Broker(b.id); r != nil && !b.down && !yield(b, r) {
				return
			}
		}
	}
}

// beats has every running broker send a heartbeat, as brokers do all the time.
func (w *world) beats() {
	for b := range w.running() {
		w.beat(b, w.img().EndOffset()-int64(max(0, w.rng.IntN(8)-5)))
	}
}

func (w *world) beat(b *broker, offset int64) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version = 2
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = b.id, w.epoch(b.id), offset
	req.WantShutdown = b.shuttingDown
	req.OfflineLogDirs, req.CordonedLogDirs = raw(b.offline), [][16]byte{}
	resp := w.request(req).(*kmsg.BrokerHeartbeatResponse)
	if resp.ShouldShutdown {
		b.down, b.shuttingDown = true, false
	}
}

func raw(ids []protocol.UUID) [][16]byte {
	var all [][16]byte
	for _, id := range ids {
		all = append(all, id)
	}
	return all
}

// oddBeat is a heartbeat with arbitrary contents.
func (w *world) oddBeat() {
	b := w.anyBroker()
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	version(w.rng, req)
	end := w.img().EndOffset()
	req.BrokerID, req.BrokerEpoch = b.id, w.epoch(b.id)
	req.CurrentMetadataOffset = pick(w.rng,
		[]int64{end, end - 1, end - 3, end - 20, end + 10, 0, -1})
	req.WantFence, req.WantShutdown = w.chance(20), w.chance(15)
	if w.chance(10) {
		req.BrokerEpoch += pick(w.rng, []int64{-1, -10, 1_000_000_000})
	}
	if w.chance(3) {
		req.BrokerID = 99
	}
	if req.Version >= 1 && w.chance(25) {
		req.OfflineLogDirs = raw(w.someDirs(b))
		if w.chance(70) {
			b.offline = b.offline[:0:0]
			for _, d := range req.OfflineLogDirs {
				b.offline = append(b.offline, d)
			}
		}
	}
	if req.Version >= 2 && w.chance(50) {
		req.CordonedLogDirs = append([][16]byte{}, raw(w.someDirs(b))...)
	}
	w.request(req)
}

// someDirs are some of the broker's directories, and rarely one that it does not have.
func (w *world) someDirs(b *broker) []protocol.UUID {
	var dirs []protocol.UUID
	for _, d := range b.dirs {
		if w.chance(40) {
			dirs = append(dirs, d)
		}
	}
	if w.chance(10) {
		dirs = append(dirs, pick(w.rng,
			[]protocol.UUID{w.unique('?'), protocol.DirLost, protocol.DirUnassigned,
				protocol.DirMigrating}))
	}
	return dirs
}

func (w *world) crash() { w.anyBroker().down = true }

func (w *world) shutDown() { w.anyBroker().shuttingDown = true }

// restart starts a new incarnation of a broker that is down, or of one that is up, as after an
// unnoticed crash.
func (w *world) restart() {
	var candidates []*broker
	for _, b := range w.brokers {
		if b.down {
			candidates = append(candidates, b)
		}
	}
	b := w.anyBroker()
	switch {
	case len(candidates) == brokerCount && w.chance(70): // the whole cluster
		for _, b := range candidates {
			w.restartOne(b)
		}
		w.beats()
		return
	case len(candidates) > 0 && w.chance(85):
		b = pick(w.rng, candidates)
	}
	w.restartOne(b)
}

func (w *world) restartOne(b *broker) {
	b.incarnation = w.unique('i')
	if b.dirs == nil || w.chance(10) {
		b.dirs = nil
		for range 1 + w.rng.IntN(3) {
			b.dirs = append(b.dirs, w.unique('d'))
		}
	}
	b.offline, b.shuttingDown = nil, false
	req := w.registration(b)
	if w.chance(50) {
		req.PreviousBrokerEpoch = b.lastEpoch
	}
	w.register(b, req)
	if w.chance(70) && !b.down {
		w.beat(b, w.img().EndOffset())
	}
}

func (w *world) register(b *broker, req *kmsg.BrokerRegistrationRequest) {
	if resp := w.request(req).(*kmsg.BrokerRegistrationResponse); resp.ErrorCode == 0 {
		b.down, b.lastEpoch = false, resp.BrokerEpoch
	}
}

func (w *world) registration(b *broker) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version = 4
	req.BrokerID, req.ClusterID, req.IncarnationID, req.Rack = b.id, clusterID, b.incarnation,
		b.rack
	req.LogDirs = raw(b.dirs)
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", fmt.Sprintf("b%d", b.id), 9092
	req.Listeners = append(req.Listeners, l)
	for _, f := range metadata.SupportedFeatures(false) {
		req.Features = append(req.Features,
			kmsg.BrokerRegistrationRequestFeature{Name: f.Name, MinSupportedVersion: f.Min,
				MaxSupportedVersion: f.Max})
	}
	return req
}

// oddRegistration is invalid in some way, or amends a registration.
func (w *world) oddRegistration() {
	b := w.anyBroker()
	if b.dirs == nil {
		return
	}
	other := w.anyBroker()
	req := w.registration(b)
	version(w.rng, req)
	if req.Version < 2 {
		req.LogDirs = nil
	}
	if w.chance(60) {
		req.IncarnationID = w.unique('i')
	}
	for range 1 + w.rng.IntN(2) {
		switch w.rng.IntN(12) {
		case 0:
			req.ClusterID = "another"
		case 1:
			req.IsMigratingZkBroker = req.Version >= 1
		case 2:
			req.LogDirs = nil
		case 3:
			req.LogDirs = raw(other.dirs)
		case 4:
			req.LogDirs = append(req.LogDirs,
				pick(w.rng, []protocol.UUID{b.dirs[0], protocol.DirLost, protocol.DirMigrating, {15: 99},
					{15: 100}}))
		case 5:
			i := w.rng.IntN(len(req.Features))
			req.Features = slices.Delete(req.Features, i, i+1)
		case 6:
			f := &req.Features[w.rng.IntN(len(req.Features))]
			f.MinSupportedVersion, f.MaxSupportedVersion = pick(w.rng, []int16{0, 1, 7, 30}),
				pick(w.rng, []int16{30, 31, 32})
		case 7:
			f := &req.Features[w.rng.IntN(len(req.Features))]
			f.MinSupportedVersion, f.MaxSupportedVersion = 0, int16(w.rng.IntN(8))
		case 8:
			l := kmsg.NewBrokerRegistrationRequestListener()
			l.Name, l.Host, l.Port, l.SecurityProtocol = "OTHER", "b", 9094, int16(w.rng.IntN(6))
			if len(req.Listeners) == 1 { // only ours refuses two of one name
				req.Listeners = append(req.Listeners, l)
			}
		case 9:
			if !slices.ContainsFunc(req.Features,
				func(f kmsg.BrokerRegistrationRequestFeature) bool {
					return f.Name == "new.version"
				}) {
				req.Features = append(req.Features,
					kmsg.BrokerRegistrationRequestFeature{Name: "new.version",
						MinSupportedVersion: int16(w.rng.IntN(2)), MaxSupportedVersion: 1})
			}
		case 10:
			req.Listeners = req.Listeners[:1]
			if w.chance(50) {
				req.Rack = nil
			}
		case 11:
			req.PreviousBrokerEpoch = w.epoch(b.id)
		}
	}
	if resp := w.request(req).(*kmsg.BrokerRegistrationResponse); resp.ErrorCode == 0 {
		b.incarnation, b.dirs, b.offline = req.IncarnationID, nil, nil
		for _, d := range req.LogDirs {
			b.dirs = append(b.dirs, d)
		}
		b.down, b.shuttingDown, b.lastEpoch = false, false, resp.BrokerEpoch
	}
}

func (w *world) passTime() {
	w.advance(pick(w.rng, []time.Duration{
		time.Millisecond, 100 * time.Millisecond, time.Second, 2 * time.Second, 2 * time.Second,
		4 * time.Second, 5 * time.Second, sessionTimeout, 12 * time.Second,
		30 * time.Second,
	}))
}

func (w *world) unregister() {
	req := kmsg.NewPtrUnregisterBrokerRequest()
	b := w.anyBroker()
	req.BrokerID = b.id
	if w.chance(20) {
		req.BrokerID = 99
	}
	w.request(req)
	if w.chance(50) {
		b.down = true
	}
}

// changeLeader simulates a term of another leader, which may have changed the level of a feature.
func (w *world) changeLeader() {
	w.count("failover")
	switch w.rng.IntN(5) {
	case 2: // only brokers may do so, for themselves
		if w.img().Version().HasCordonedDirectories() {
			dirs := "/a,/b"
			w.failover(&record.Config{ResourceType: metadata.ConfigBroker,
				ResourceName: fmt.Sprint(w.anyBroker().id % 3), Name: "cordoned.log.dirs",
				Value: &dirs})
			return
		}
	case 0:
		if w.img().Version().HasElr() {
			w.failover(&record.FeatureLevel{Name: metadata.FeatureElr, Level: int16(w.rng.IntN(2))})
			return
		}
	case 1:
		if v := w.img().Version(); v < metadata.LatestVersion {
			up := v + 1 + metadata.Version(w.rng.IntN(int(metadata.LatestVersion-v)))
			w.failover(&record.FeatureLevel{Name: metadata.FeatureMetadata, Level: int16(up)})
			return
		}
	}
	w.failover()
}

func (w *world) registerController() {
	req := kmsg.NewPtrControllerRegistrationRequest()
	req.ControllerID, req.IncarnationID = 3001+int32(w.rng.IntN(3)), w.unique('c')
	l := kmsg.NewControllerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "CONTROLLER", "c", 9093
	if w.chance(5) {
		l.SecurityProtocol = int16(w.rng.IntN(6) - 1)
	}
	req.Listeners = append(req.Listeners, l)
	if w.chance(20) {
		l.Name, l.Port = "OTHER", 9094
		req.Listeners = append(req.Listeners, l)
	}
	req.ZkMigrationReady = w.chance(5)
	f := kmsg.NewControllerRegistrationRequestFeature()
	f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = metadata.FeatureMetadata, 7, 30
	req.Features = append(req.Features, f)
	w.request(req)
}

func (w *world) producerIDs() {
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	b := w.anyBroker()
	req.BrokerID, req.BrokerEpoch = b.id, w.epoch(b.id)+int64(w.rng.IntN(5)/4)
	w.request(req)
}
