package differential

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
	"github.com/yakt/yakt/protocol/batch"
)

// setting is the initial state of a run.
type setting struct {
	version metadata.Version
	elr     bool
	minISR  int32
	unclean bool // the cluster's unclean.leader.election.enable
	tiered  bool // tiered storage is allowed, with other defaults for new topics and groups
	keeps   bool // topics are not deleted
}

func (s setting) String() string {
	return fmt.Sprintf("metadata.version %v, ELR %v, min.insync.replicas %d, unclean elections "+
		"%v, tiered storage %v, topics stay %v",
		s.version, s.elr, s.minISR, s.unclean, s.tiered, s.keeps)
}

// settings are the most relevant ones; every other run has a random one of all possible settings.
var settings = []setting{
	{version: metadata.LatestVersion, elr: true, minISR: 2},
	{version: metadata.LatestVersion, minISR: 1},
	{version: metadata.V4_0_IV1, elr: true, minISR: 2, unclean: true},
	{version: metadata.V3_7_IV2, minISR: 1},
	{version: metadata.V4_0_IV3, elr: true, minISR: 3},
	{version: metadata.MinVersion, minISR: 2},
	{version: metadata.V3_6_IV0, minISR: 1, unclean: true},
	{version: metadata.V4_0_IV1, minISR: 2},
}

func settingOf(run uint64) setting {
	if run%2 == 0 {
		return settings[run/2%uint64(len(settings))]
	}
	rng := rand.New(rand.NewPCG(run, 2))
	s := setting{
		version: metadata.MinVersion +
			metadata.Version(rng.IntN(int(metadata.LatestVersion-metadata.MinVersion)+1)),
		minISR: int32(1 + rng.IntN(3)), unclean: rng.IntN(3) == 0, tiered: rng.IntN(2) == 0,
		keeps: rng.IntN(16) == 0,
	}
	s.elr = s.version.HasElr() && rng.IntN(2) == 0
	return s
}

// defaults are the configs of a new topic that sets none.
func (s setting) defaults() (partitions, factor int32) {
	if s.tiered {
		return 3, 2
	}
	return 1, 1
}

func (s setting) bootstrap() []record.Record {
	all := slices.DeleteFunc(metadata.BootstrapFeatures(s.version), func(r record.Record) bool {
		return r.(*record.FeatureLevel).Name == metadata.FeatureElr
	})
	if s.elr {
		all = append(all, &record.FeatureLevel{Name: metadata.FeatureElr, Level: 1})
	}
	return all
}

// properties are the configuration file of both controllers.
func (s setting) properties() map[string]string {
	p := map[string]string{
		"process.roles": "controller", "node.id": fmt.Sprint(nodeID),
		"controller.quorum.voters":  fmt.Sprintf("%d@localhost:9093", nodeID),
		"controller.listener.names": "CONTROLLER", "listeners": "CONTROLLER://localhost:9093",
		"log.dirs":                  "/nowhere",
		"broker.session.timeout.ms": fmt.Sprint(sessionTimeout.Milliseconds()),
		"cluster.id":                clusterID, "delete.topic.enable": fmt.Sprint(!s.keeps),
	}
	if s.minISR > 1 {
		p["min.insync.replicas"] = fmt.Sprint(s.minISR)
	}
	if s.unclean {
		p["unclean.leader.election.enable"] = "true"
	}
	if s.tiered {
		partitions, factor := s.defaults()
		p["num.partitions"], p["default.replication.factor"],
			p["remote.log.storage.system.enable"] = fmt.Sprint(partitions), fmt.Sprint(factor),
			"true"
		p["group.consumer.min.session.timeout.ms"], p["group.share.session.timeout.ms"] = "5000",
			"50000"
		p["log.retention.hours"], p["log.cleaner.min.compaction.lag.ms"] = "7", "100"
	}
	return p
}

// pair is the two controllers in one run.
type pair struct {
	kafka *kafkaSide
	ours  *ours
	setting
	rules []difference

	nextPreferred, nextUnclean time.Time
	kafkaNow                   time.Time // the time on Kafka's side

	counts *counts
	trace  []string // the operations so far, to be printed with a failure
}

// failure is an unintended difference; a run ends with it as a panic.
type failure struct{ text string }

func (p *pair) fail(format string, args ...any) {
	panic(&failure{fmt.Sprintf(format, args...) + "\nwhat happened:\n" +
		strings.Join(p.trace, "\n")})
}

func newPair(k *kafkaSide, s setting, seed uint64, c *counts) *pair {
	p := &pair{kafka: k, setting: s, counts: c, rules: differences()}
	var levels, properties []string
	for _, r := range s.bootstrap() {
		f := r.(*record.FeatureLevel)
		levels = append(levels, fmt.Sprintf("%s=%d", f.Name, f.Level))
	}
	for k, v := range s.properties() {
		properties = append(properties, k+"="+v)
	}
	p.ours = startOurs(s, seed)
	p.must(k.call("new %s %s", strings.Join(levels, ","), strings.Join(properties, ";")))
	p.tellTime()
	p.begin(p.ours.lead())
	return p
}

// begin compares the bootstrap of an empty cluster and brings Kafka's controller to the state of
// ours.
func (p *pair) begin(batches []batch.Batch) {
	controls, first, rest := batches[0], batches[1], batches[2:]
	ours := dataRecords([]batch.Batch{first})
	a := p.must(p.kafka.call("lead %d %d %s", p.ours.epoch, controls.EndOffset(),
		recordsText(ours)))
	p.compare("bootstrap", &divergence{ours: side{records: ours}, kafka: side{records: a.records}})
	p.must(p.kafka.call("lose %d", p.ours.epoch))
	p.follow(rest)
	p.reign(p.ours.lead())
}

// must returns an answer, which must be without faults.
func (p *pair) must(a answer) answer {
	if len(a.faults) > 0 {
		p.fail("Kafka's controller failed: %q", a.faults)
	}
	return a
}

// follow has Kafka's controller replay batches as a standby.
func (p *pair) follow(batches []batch.Batch) {
	for _, b := range batches {
		p.must(p.kafka.call("follow %d %s", b.EndOffset(),
			recordsText(dataRecords([]batch.Batch{b}))))
	}
}

// reign makes Kafka's controller active after the batches with which ours became active.
func (p *pair) reign(batches []batch.Batch) {
	p.follow(batches)
	a := p.must(p.kafka.call("lead %d %d -", p.ours.epoch, p.ours.log.End))
	if len(a.records) > 0 {
		p.fail("Kafka's controller writes when it becomes active: %s", describe(a.records))
	}
	now := p.ours.clock.Now()
	p.nextPreferred, p.nextUnclean = now.Add(preferredInterval), now.Add(uncleanInterval)
}

// failover takes the leadership from both and returns it; another leader may have written records
// in between. State that a leader keeps outside the log is lost.
func (p *pair) failover(records ...record.Record) {
	p.tellTime()
	p.must(p.kafka.call("lose %d", p.ours.epoch))
	if len(records) > 0 {
		p.ours.LeaderChanged(-1, p.ours.epoch)
		p.ours.commitAll()
		p.ours.epoch++
		b, err := metadata.EncodeData(records, p.ours.Image().Version(), start.UnixMilli())
		if err != nil {
			panic(err)
		}
		from := len(p.ours.log.All)
		if _, err := p.ours.log.Propose(p.ours.epoch, b); err != nil {
			panic(err)
		}
		p.ours.commitAll()
		p.follow(p.ours.log.All[from:])
	}
	p.reign(p.ours.lead())
}

func (p *pair) tellTime() {
	if now := p.ours.clock.Now(); !now.Equal(p.kafkaNow) {
		p.must(p.kafka.call("time %d", now.Sub(start)+time.Hour))
		p.kafkaNow = now
	}
}

// request runs a request through both and compares the outcomes.
func (p *pair) request(req kmsg.Request) kmsg.Response {
	p.count(kmsg.NameForKey(req.Key()))
	p.counts.versions.add(kmsg.NameForKey(req.Key()), fmt.Sprintf("v%d", req.GetVersion()))
	p.tellTime()
	req = onTheWire(req)
	d := &divergence{request: req, setting: p.setting, before: p.ours.Image()}
	d.ours.response, d.ours.records = p.ours.request(req)
	d.after = p.ours.Image()
	for _, part := range p.translate(req, d) {
		a, resp := p.kafka.request(part.req, part.ours)
		d.kafka = side{resp, append(d.kafka.records, a.records...),
			append(d.kafka.faults, a.faults...)}
	}
	answered := d.ours.response
	p.trace = append(p.trace,
		fmt.Sprintf("  %v %T %s\n    -> %s\n%s", p.kafkaNow.Sub(start), req, text(req),
			text(answered),
			describe(d.ours.records)))
	p.counts.answered(kmsg.NameForKey(req.Key()), answered)
	failedOver := len(d.kafka.faults) > 0
	p.compare(fmt.Sprintf("%T v%d %s", req, req.GetVersion(), text(req)), d)
	p.remember(d)
	if failedOver { // an intended difference, or compare would have failed
		p.follow(nil)
		p.failover()
	}
	return answered
}

// onTheWire is a request as it arrives: without the fields that its version does not have.
func onTheWire(req kmsg.Request) kmsg.Request {
	arrived := kmsg.RequestForKey(req.Key())
	arrived.SetVersion(req.GetVersion())
	if err := arrived.ReadFrom(req.AppendTo(nil)); err != nil {
		panic(err)
	}
	return arrived
}

// remember brings the state that Kafka's controller keeps outside the log to that of ours, where it
// differs on purpose.
//
// A granted shutdown ends the session, so that a restart need not wait for the end of the session:
// Kafka refuses one until then. And the metadata offset that a broker reported survives a change of
// its registration, so others need not wait for its next heartbeat; Kafka forgets it.
func (p *pair) remember(d *divergence) {
	req, ok := d.request.(*kmsg.BrokerHeartbeatRequest)
	if !ok || d.ours.response.(*kmsg.BrokerHeartbeatResponse).ErrorCode != 0 {
		return
	}
	if d.ours.response.(*kmsg.BrokerHeartbeatResponse).ShouldShutdown {
		p.must(p.kafka.call("end %d %d", req.BrokerID, req.BrokerEpoch))
		p.counts.differences.add("", "a granted shutdown ends the session")
	}
	if len(d.ours.records) > 0 {
		p.must(p.kafka.call("read %d %v %d", req.BrokerID, d.after.Broker(req.BrokerID).Fenced,
			req.CurrentMetadataOffset))
	}
}

// advance lets time pass.
func (p *pair) advance(d time.Duration) {
	p.count("time passes")
	end := p.ours.clock.Now().Add(d)
	for {
		f, ok := p.ours.clock.Next(end)
		if !ok {
			break
		}
		from := len(p.ours.log.All)
		before := p.ours.Image()
		f()
		p.ours.commitAll()
		p.tick(before, dataRecords(p.ours.log.All[from:]))
	}
	p.tellTime()
	p.forget()
}

// tick compares the records of the task that our controller has just run with those of Kafka's task
// of that name.
func (p *pair) tick(before *metadata.Image, ours []written) {
	now := p.ours.clock.Now()
	d := &divergence{setting: p.setting, before: before, after: p.ours.Image()}
	var what string
	var a answer
	switch {
	case now.Equal(p.nextPreferred):
		p.nextPreferred = now.Add(preferredInterval)
		p.tellTime()
		what, a = "preferred elections", p.kafka.call("preferred %s", recordsText(ours))
	case now.Equal(p.nextUnclean):
		p.nextUnclean = now.Add(uncleanInterval)
		p.tellTime()
		what, a = "unclean elections", p.kafka.call("unclean %s", recordsText(ours))
	case ownRegistration(ours) != nil:
		p.tellTime()
		what = "registration of the controller"
		a, _ = p.kafka.request(ownRegistration(ours), ours)
	case len(ours) > 0:
		p.tellTime()
		id := fenced(ours)
		what, a = fmt.Sprintf("broker %d is silent", id),
			p.kafka.call("stale %d %s", id, recordsText(ours))
		if want := fmt.Sprintf("=%d,", id); a.result != want {
			p.fail("our controller fences broker %d; Kafka's does not: %q", id, a.result)
		}
	default:
		return
	}
	p.count(what[:strings.IndexByte(what+" ", ' ')])
	d.ours.records, d.kafka.records, d.kafka.faults = ours, a.records, a.faults
	p.trace = append(p.trace,
		fmt.Sprintf("  %v %s\n%s", p.kafkaNow.Sub(start), what, describe(ours)))
	p.compare(what, d)
}

func fenced(records []written) int32 {
	for _, w := range records {
		if c, ok := w.record.(*record.BrokerRegistrationChange); ok &&
			c.Fenced == record.FencedFence {
			return c.BrokerID
		}
	}
	return -1
}

// forget ends sessions on Kafka's side whose end writes nothing relevant, and checks that no live
// broker has been silent for too long.
func (p *pair) forget() {
	a := p.must(p.kafka.call("stale -1 -"))
	d := &divergence{before: p.ours.Image(), after: p.ours.Image(), kafka: side{records: a.records}}
	if len(a.records) > 0 && (!notFencedAgain(d) || len(d.kafka.records) > 0) {
		p.fail("Kafka's controller writes for a session of no importance: %s", describe(a.records))
	}
	limit := sessionTimeout + sessionTimeout/8 + 100*time.Millisecond
	if a := p.must(p.kafka.call("silent %d", limit)); a.result != "=" {
		p.fail("brokers %s have been silent for more than %v and are not fenced", a.result[1:],
			limit)
	}
}

// seeded is a UUID that is not reserved and that sorts by n.
func seeded(kind byte, n uint64) protocol.UUID {
	u := protocol.UUID{0: 0x40, 1: kind}
	binary.BigEndian.PutUint64(u[8:], n)
	return u
}
