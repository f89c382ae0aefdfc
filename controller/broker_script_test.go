package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// TestBrokerScripts runs testdata/brokers/*: the requests of brokers and the clock, each with
// the records written and the response.
//
//	cluster [mv=L] [elr=L] [session=D]              a new cluster; elr defaults to 0
//	register id=N [inc=N] [dirs=(N,…)] …            BROKER_REGISTRATION; … is any of prev,
//	                                                version, cluster, features=none|old, protocol, zk
//	heartbeat id=N [epoch=N] offset=N [fence] [shutdown] [offline=(N,…)] [cordoned=(N,…)]
//	unregister id=N | producer-ids id=N [epoch=N]
//	controller id=N inc=N                           CONTROLLER_REGISTRATION; 3000 is the voter,
//	                                                1 and 3001 are observers
//	topic name=T / 1,2,3 per line                   replicas of each partition
//	isr name=T / partition: 1,2 per line
//	advance d=D                                     the clock, without running tasks
//	fence-stale                                     one run of that task
//	failover                                        the leader loses its soft state and claims the
//	                                                next epoch
//	config topic=T key=K value=V
//	end                                             the end offset
//	broker id=N                                     the registration and the soft state
func TestBrokerScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/brokers", func(t *testing.T, path string) {
		s := &brokerScript{testCore: newTestCore(t)}
		datadriven.RunTest(t, path, s.command)
	})
}

type brokerScript struct {
	*testCore
}

func (s *brokerScript) command(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "cluster":
		return s.cluster(t, d)
	case "register":
		return s.request(s.register(t, d))
	case "heartbeat":
		return s.request(s.heartbeat(t, d))
	case "unregister":
		req := kmsg.NewPtrUnregisterBrokerRequest()
		d.ScanArgs(t, "id", &req.BrokerID)
		return s.request(req)
	case "producer-ids":
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = s.idAndEpoch(t, d)
		return s.request(req)
	case "controller":
		return s.request(s.controllerRequest(t, d))
	case "topic":
		return s.topic(t, d)
	case "isr":
		return s.isr(t, d)
	case "advance":
		s.clock.Jump(duration(t, d, "d", 0))
		s.staleChecked = s.clock.Now()
		return ""
	case "fence-stale":
		again := false
		out := s.written(func() {
			s.do(func(o op) result {
				var r result
				s.extendAfterPause(o.now)
				r, again = s.fenceStale(o)
				return r
			})
		})
		return out + fmt.Sprintf("again: %v\n", again)
	case "failover":
		return s.written(func() { s.lead(s.epoch + 1) })
	case "config":
		var topic, key, value string
		d.ScanArgs(t, "topic", &topic)
		d.ScanArgs(t, "key", &key)
		d.ScanArgs(t, "value", &value)
		s.apply(&record.Config{ResourceType: metadata.ConfigTopic, ResourceName: topic, Name: key,
			Value: &value})
		return ""
	case "end":
		return fmt.Sprintf("%d\n", s.nextOffset())
	case "broker":
		return s.broker(t, d)
	}
	t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return ""
}

func (s *brokerScript) cluster(t *testing.T, d *datadriven.TestData) string {
	mv, elr := int(metadata.LatestVersion), 0
	d.MaybeScanArgs(t, "mv", &mv)
	d.MaybeScanArgs(t, "elr", &elr)
	s.testCore = newTestCore(t, func(cfg *Config) {
		cfg.SessionTimeout = duration(t, d, "session", cfg.SessionTimeout)
		cfg.Bootstrap = []record.Record{&record.FeatureLevel{Name: metadata.FeatureMetadata,
			Level: int16(mv)}}
		if elr > 0 {
			cfg.Bootstrap = append(cfg.Bootstrap,
				&record.FeatureLevel{Name: metadata.FeatureElr, Level: int16(elr)})
			cfg.MinISR = 2
		}
	})
	return fmt.Sprintf("end %d\n", s.nextOffset())
}

func (s *brokerScript) register(
	t *testing.T, d *datadriven.TestData,
) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	inc, version, features, protocol := 1, 4, "", int16(0)
	req.ClusterID = s.cfg.ClusterID
	d.ScanArgs(t, "id", &req.BrokerID)
	d.MaybeScanArgs(t, "inc", &inc)
	d.MaybeScanArgs(t, "version", &version)
	d.MaybeScanArgs(t, "cluster", &req.ClusterID)
	d.MaybeScanArgs(t, "prev", &req.PreviousBrokerEpoch)
	d.MaybeScanArgs(t, "features", &features)
	d.MaybeScanArgs(t, "protocol", &protocol)
	req.Version, req.IsMigratingZkBroker = int16(version), d.HasArg("zk")
	req.IncarnationID = testUUID(int(req.BrokerID)*1000 + inc)
	req.Listeners = []kmsg.BrokerRegistrationRequestListener{{Name: "PLAINTEXT", Host: "b",
		Port: 9092, SecurityProtocol: protocol}}
	for _, f := range s.cfg.supportedFeatures() {
		low, high := f.Min, f.Max
		switch {
		case features == "none" || features == "only-metadata" &&
			f.Name != metadata.FeatureMetadata:
			continue
		case features == "old" && f.Name == metadata.FeatureMetadata:
			high = low
		}
		req.Features = append(req.Features, kmsg.BrokerRegistrationRequestFeature{Name: f.Name,
			MinSupportedVersion: low, MaxSupportedVersion: high})
	}
	req.LogDirs = [][16]byte{testUUID(int(req.BrokerID))}
	if d.HasArg("dirs") {
		req.LogDirs = dirs(t, d, "dirs")
	}
	return req
}

// dirs reads directory numbers; 0 is a reserved id.
func dirs(t *testing.T, d *datadriven.TestData, key string) [][16]byte {
	all := [][16]byte{}
	for _, a := range d.CmdArgs {
		if a.Key != key {
			continue
		}
		for i, v := range a.Vals {
			if v == "" {
				continue
			}
			var n int
			a.Scan(t, i, &n)
			dir := testUUID(n)
			switch n {
			case 0:
				dir = protocol.DirLost
			case -1:
				dir = protocol.DirUnassigned
			}
			all = append(all, dir)
		}
	}
	return all
}

func (s *brokerScript) idAndEpoch(t *testing.T, d *datadriven.TestData) (id int32, epoch int64) {
	d.ScanArgs(t, "id", &id)
	if b := s.working.Broker(id); b != nil {
		epoch = b.Epoch
	}
	d.MaybeScanArgs(t, "epoch", &epoch)
	return id, epoch
}

func (s *brokerScript) heartbeat(
	t *testing.T, d *datadriven.TestData,
) *kmsg.BrokerHeartbeatRequest {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.Version = 2
	req.BrokerID, req.BrokerEpoch = s.idAndEpoch(t, d)
	d.ScanArgs(t, "offset", &req.CurrentMetadataOffset)
	req.WantFence, req.WantShutdown = d.HasArg("fence"), d.HasArg("shutdown")
	req.OfflineLogDirs = dirs(t, d, "offline")
	if d.HasArg("cordoned") {
		req.CordonedLogDirs = dirs(t, d, "cordoned")
	}
	return req
}

func (s *brokerScript) controllerRequest(
	t *testing.T, d *datadriven.TestData,
) *kmsg.ControllerRegistrationRequest {
	req := kmsg.NewPtrControllerRegistrationRequest()
	inc, protocol := 1, int16(0)
	d.ScanArgs(t, "id", &req.ControllerID)
	d.MaybeScanArgs(t, "inc", &inc)
	d.MaybeScanArgs(t, "protocol", &protocol)
	s.log.quorum = Quorum{Voters: []ReplicaState{{ID: 3000}},
		Observers: []ReplicaState{{ID: 1}, {ID: 3001}}}
	req.IncarnationID = testUUID(inc)
	req.Listeners = []kmsg.ControllerRegistrationRequestListener{{Name: "CONTROLLER", Host: "c",
		Port: 9093, SecurityProtocol: protocol}}
	return req
}

func (s *brokerScript) topic(t *testing.T, d *datadriven.TestData) string {
	var name string
	d.ScanArgs(t, "name", &name)
	var partitions [][]int32
	for line := range strings.Lines(d.Input) {
		partitions = append(partitions, int32s(t, line))
	}
	return s.written(func() { s.addTopic(name, partitions...) })
}

func (s *brokerScript) isr(t *testing.T, d *datadriven.TestData) string {
	var name string
	d.ScanArgs(t, "name", &name)
	var changes []record.Record
	for line := range strings.Lines(d.Input) {
		id, list, _ := strings.Cut(line, ":")
		change := record.NewPartitionChange(s.working.TopicByName(name).ID, int32s(t, id)[0])
		change.ISR = int32s(t, list)
		changes = append(changes, change)
	}
	return s.written(func() { s.apply(changes...) })
}

func (s *brokerScript) broker(t *testing.T, d *datadriven.TestData) string {
	var id int32
	d.ScanArgs(t, "id", &id)
	b := s.working.Broker(id)
	if b == nil {
		return "not registered\n"
	}
	k := s.brokers.contact(sessionOf(b))
	age := "none"
	if !k.last.IsZero() {
		age = s.clock.Now().Sub(k.last).String()
	}
	return fmt.Sprintf("%v epoch=%d registered-at=%d fenced=%v shutdown=%v heartbeat-age=%s "+
		"offset=%d shutdown-offset=%d\n",
		stateOf(b, k), b.Epoch, b.RegisteredAt, b.Fenced, b.InControlledShutdown, age,
		k.metadataOffset, k.shutdownOffset)
}

// request runs a request and shows what it wrote and its answer.
func (s *brokerScript) request(req kmsg.Request) string {
	var resp kmsg.Response
	out := s.written(func() { _, resp = s.handle(req) })
	return out + showResponse(resp)
}

// written shows the batches that f proposes.
func (s *brokerScript) written(f func()) string {
	n := len(s.log.All)
	f()
	var b strings.Builder
	for i, batch := range s.log.All[n:] {
		if i > 0 {
			b.WriteString("--\n")
		}
		err := batch.Each(func(offset int64, key, value []byte) error {
			if batch.IsControl() {
				r, err := record.DecodeControl(key, value)
				fmt.Fprintf(&b, "@%d %T\n", offset, r)
				return err
			}
			r, version, err := record.Decode(value)
			fmt.Fprintf(&b, "@%d %s\n", offset, s.show(r, version))
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return b.String()
}

// show is a record in one line.
func (s *brokerScript) show(r record.Record, version int16) string {
	switch r := r.(type) {
	case *record.RegisterBroker:
		return fmt.Sprintf("RegisterBroker v%d %d epoch=%d fenced=%v shutdown=%v dirs=%s", version,
			r.BrokerID, r.BrokerEpoch, r.Fenced, r.InControlledShutdown, showDirs(r.LogDirs))
	case *record.BrokerRegistrationChange:
		out := fmt.Sprintf("BrokerRegistrationChange v%d %d epoch=%d", version, r.BrokerID,
			r.BrokerEpoch)
		if r.Fenced != 0 {
			out += fmt.Sprintf(" fenced=%d", r.Fenced)
		}
		if r.InControlledShutdown != 0 {
			out += fmt.Sprintf(" shutdown=%d", r.InControlledShutdown)
		}
		if r.LogDirs != nil {
			out += " dirs=" + showDirs(r.LogDirs)
		}
		if r.CordonedLogDirs != nil {
			out += " cordoned=" + showDirs(r.CordonedLogDirs)
		}
		return out
	case *record.PartitionChange:
		return s.showChange(r)
	case *record.Topic, *record.Partition:
		return fmt.Sprintf("%v v%d", r.Type(), version)
	case *record.UnregisterBroker:
		return fmt.Sprintf("UnregisterBroker %d epoch=%d", r.BrokerID, r.BrokerEpoch)
	case *record.ProducerIDs:
		return fmt.Sprintf("ProducerIDs %d epoch=%d next=%d", r.BrokerID, r.BrokerEpoch,
			r.NextProducerID)
	}
	return fmt.Sprintf("%v v%d", r.Type(), version)
}

func (s *brokerScript) showChange(r *record.PartitionChange) string {
	out := fmt.Sprintf("PartitionChange %s-%d", s.working.Topic(r.TopicID).Name, r.PartitionID)
	if r.ISR != nil {
		out += fmt.Sprintf(" isr=%v", r.ISR)
	}
	if r.Leader != record.NoLeaderChange {
		out += fmt.Sprintf(" leader=%d", r.Leader)
	}
	if r.LeaderRecoveryState != record.NoRecoveryChange {
		out += fmt.Sprintf(" recovery=%d", r.LeaderRecoveryState)
	}
	if r.EligibleLeaderReplicas != nil {
		out += fmt.Sprintf(" elr=%v", r.EligibleLeaderReplicas)
	}
	if r.LastKnownELR != nil {
		out += fmt.Sprintf(" lastKnownElr=%v", r.LastKnownELR)
	}
	return out
}

// showDirs shows directories by the numbers that testUUID made them of.
func showDirs(ids []protocol.UUID) string {
	var n []int
	for _, id := range ids {
		n = append(n, int(id[12])<<24|int(id[13])<<16|int(id[14])<<8|int(id[15]))
	}
	slices.Sort(n)
	return fmt.Sprint(n)
}

func showResponse(resp kmsg.Response) string {
	switch r := resp.(type) {
	case *kmsg.BrokerRegistrationResponse:
		return fmt.Sprintf("-> %sepoch=%d\n", showCode(r.ErrorCode), r.BrokerEpoch)
	case *kmsg.BrokerHeartbeatResponse:
		return fmt.Sprintf("-> %scaughtUp=%v fenced=%v shutDown=%v\n", showCode(r.ErrorCode),
			r.IsCaughtUp, r.IsFenced, r.ShouldShutdown)
	case *kmsg.AllocateProducerIDsResponse:
		return fmt.Sprintf("-> %sstart=%d len=%d\n", showCode(r.ErrorCode), r.ProducerIDStart,
			r.ProducerIDLen)
	case *kmsg.UnregisterBrokerResponse:
		return fmt.Sprintf("-> %sok=%v\n", showCode(r.ErrorCode), r.ErrorCode == 0)
	case *kmsg.ControllerRegistrationResponse:
		return fmt.Sprintf("-> %sok=%v\n", showCode(r.ErrorCode), r.ErrorCode == 0)
	}
	return fmt.Sprintf("-> %T\n", resp)
}

func showCode(code int16) string {
	if code == 0 {
		return ""
	}
	return kerr.TypedErrorForCode(code).Message + " "
}

func int32s(t *testing.T, text string) []int32 {
	var all []int32
	for _, field := range strings.FieldsFunc(text,
		func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		var n int32
		if _, err := fmt.Sscan(field, &n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func duration(
	t *testing.T, d *datadriven.TestData, key string, otherwise time.Duration,
) time.Duration {
	var text string
	if !d.MaybeScanArgs(t, key, &text) {
		return otherwise
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
