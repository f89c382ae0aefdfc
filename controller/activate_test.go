package controller

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/yakt/yakt/controller/controllertest"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

// show lists the records of batches, control batches in brackets.
func show(t testing.TB, batches []batch.Batch) []string {
	t.Helper()
	var all []string
	for _, b := range batches {
		err := b.Each(func(_ int64, key, value []byte) error {
			if b.IsControl() {
				r, err := record.DecodeControl(key, value)
				all = append(all, fmt.Sprintf("[%T]", r))
				return err
			}
			r, _, err := record.Decode(value)
			switch r := r.(type) {
			case *record.FeatureLevel:
				all = append(all, fmt.Sprintf("%s=%d", r.Name, r.Level))
			case *record.Config:
				if r.Value == nil {
					all = append(all, fmt.Sprintf("no config %d %q %s", r.ResourceType,
						r.ResourceName, r.Name))
					break
				}
				all = append(all, fmt.Sprintf("config %d %q %s=%s", r.ResourceType, r.ResourceName,
					r.Name, *r.Value))
			case *record.BeginTransaction:
				all = append(all, "begin "+*r.Name)
			case *record.AbortTransaction:
				all = append(all, "abort "+*r.Reason)
			case *record.RegisterController:
				all = append(all, fmt.Sprintf("controller %d", r.ControllerID))
			case *record.UnregisterController:
				all = append(all, fmt.Sprintf("no controller %d", r.ControllerID))
			default:
				all = append(all, r.Type().String())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ".")
	}
	return all
}

func wantLog(t testing.TB, batches []batch.Batch, want ...string) {
	t.Helper()
	if got := show(t, batches); !slices.Equal(got, want) {
		t.Errorf("the log holds\n%q\nwant\n%q", got, want)
	}
}

var newLog = []string{"[*record.LeaderChange]", "[*record.KRaftVersion]", "[*record.Voters]", "."}

func TestAnEmptyClusterIsBootstrappedInOneBatch(t *testing.T) {
	tc := newTestCore(t, func(cfg *Config) { cfg.MinISR = 2 })
	wantLog(t, tc.log.All, slices.Concat(newLog, []string{
		"begin Bootstrap " +
			"records", "metadata.version=33", "eligible.leader.replicas.version=1", "group.version=1",
		"share.version=2", "streams.version=1",
		"transaction.version=2", `config 4 "" min.insync.replicas=2`, "EndTransactionRecord", ".",
		"controller 3000", ".",
	})...)
	if v := tc.committed.Version(); v != metadata.LatestVersion ||
		tc.committed.KRaftVersion() != 1 || tc.committed.InTransaction() {
		t.Errorf("at %v, kraft.version %d, in a transaction %v", v, tc.committed.KRaftVersion(),
			tc.committed.InTransaction())
	}

	n := len(tc.log.All)
	tc.lead(2)
	wantLog(t, tc.log.All[n:], "[*record.LeaderChange]", ".")
}

func TestAnOldClusterStartsWithoutTransactionAndRegistrations(t *testing.T) {
	tc := newTestCore(t,
		func(cfg *Config) { cfg.Bootstrap = metadata.BootstrapFeatures(metadata.V3_6_IV0) })
	wantLog(t, tc.log.All, slices.Concat(newLog, []string{"metadata.version=12", "."})...)
}

func TestAnOpenTransactionIsAborted(t *testing.T) {
	name := "somebody's"
	tc := newTestCore(t)
	tc.apply(&record.BeginTransaction{Name: &name},
		&record.FeatureLevel{Name: metadata.FeatureGroup, Level: 0})
	if tc.committed.Stable().Feature(metadata.FeatureGroup) != 1 ||
		tc.committed.Feature(metadata.FeatureGroup) != 0 {
		t.Fatal("no open transaction to begin with")
	}
	n := len(tc.log.All)
	tc.lead(2)
	wantLog(t, tc.log.All[n:], "[*record.LeaderChange]", ".", "abort Controller failover", ".")
	if tc.committed.Feature(metadata.FeatureGroup) != 1 {
		t.Error("what the transaction did is still there")
	}

	// The same in the bootstrap itself: another controller's, which writes it in several batches.
	tc = newTestCore(t,
		func(cfg *Config) { cfg.Bootstrap = []record.Record{&record.BeginTransaction{Name: &name}} })
	tc.cfg.Bootstrap = metadata.BootstrapFeatures(metadata.V3_7_IV0)
	n = len(tc.log.All)
	tc.lead(2)
	wantLog(t, tc.log.All[n:], "[*record.LeaderChange]", ".",
		"abort Controller failover", "begin Bootstrap "+
			"records", "metadata.version=15", "EndTransactionRecord", ".", "controller 3000", ".")
}

func TestActivationTriesAgainWhenTheLogIsBusy(t *testing.T) {
	busy := true
	log := new(fakeLog)
	log.Refused = func() error {
		if busy {
			return ErrTooManyPending
		}
		return nil
	}
	d := &testDriver{t: t, log: log}
	cfg := testConfig()
	d.clock = cfg.Clock.(*controllertest.Clock)
	d.Controller = New(cfg)
	d.SetLog(log)
	d.LeaderChanged(d.cfg.NodeID, 1)
	d.work()
	busy = false
	d.advance(againAfter)
	if d.Image().Version() != metadata.LatestVersion || d.Image().Controller(3000) == nil {
		t.Errorf("at %v", d.Image().Version())
	}
}

func TestBootstrapRecordsThatCannotBeWrittenStopTheReplica(t *testing.T) {
	var stopped error
	cfg := testConfig()
	cfg.Bootstrap = append(cfg.Bootstrap, &record.RemoveTopic{TopicID: testUUID(1)})
	cfg.Stop = func(err error) { stopped = err }
	c := New(cfg)
	c.SetLog(new(fakeLog))
	c.LeaderChanged(cfg.NodeID, 1)
	c.work()
	if stopped == nil {
		t.Error("a controller that can never be bootstrapped does not stop")
	}
}

// threeVoters names voters of which only the first is known, as a configuration with static voters
// does.
func threeVoters(cfg *Config) {
	cfg.InitialVoters = func() record.Voters {
		var set record.Voters
		for i := range int32(3) {
			set.Voters = append(set.Voters, record.Voter{ID: 3000 + i,
				Endpoints: []record.VoterEndpoint{{Name: "CONTROLLER", Host: "static",
					Port: 9093}}})
		}
		return set
	}
}

func peer(t testing.TB, id int32, incarnation int) Peer {
	t.Helper()
	info, err := record.Append(nil, &record.RegisterController{
		ControllerID: id, IncarnationID: testUUID(incarnation),
		Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: fmt.Sprint("c", id), Port: 9093}},
		Features:  metadata.SupportedFeatures(false),
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return Peer{ID: id, DirectoryID: testUUID(int(id)), Info: info, Connected: true}
}

func TestPeersAreRegisteredAndBecomeKnownVoters(t *testing.T) {
	d := newTestDriver(t, threeVoters)
	if v := d.Image().Voters().Voters[0]; v.DirectoryID != testUUID(3000) ||
		v.Endpoints[0].Host != "c1" {
		t.Errorf("this node as a voter: %+v", v)
	}
	if v := d.Image().Voters().Voters[1]; !v.DirectoryID.IsZero() ||
		v.Endpoints[0].Host != "static" {
		t.Errorf("a voter that was never seen: %+v", v)
	}

	n := len(d.log.All)
	d.log.peers = []Peer{peer(t, 3001, 1), {ID: 3002, Connected: true},
		{ID: 3003, Info: []byte{9}, Connected: true}}
	d.advance(upkeepInterval)
	wantLog(t, d.log.All[n:], "controller 3001", ".", "[*record.Voters]", ".")
	if v := d.Image().Voters().Voters[1]; v.DirectoryID != testUUID(3001) ||
		v.Endpoints[0].Host != "c3001" || v.KRaftVersionMax != 1 {
		t.Errorf("a voter that has shaken hands: %+v", v)
	}
	n = len(d.log.All)
	d.advance(10 * upkeepInterval)
	wantLog(t, d.log.All[n:])

	// A new incarnation is registered; its directory, were it another, would be a replaced disk and
	// stays as it was.
	restarted := peer(t, 3001, 2)
	restarted.DirectoryID = testUUID(4711)
	d.log.peers = []Peer{restarted, peer(t, 3009, 1)}
	d.advance(upkeepInterval)
	wantLog(t, d.log.All[n:], "controller 3001", "controller 3009", ".")
	if v := d.Image().Voters().Voters[1]; v.DirectoryID != testUUID(3001) ||
		len(d.Image().Voters().Voters) != 3 {
		t.Errorf("voters %+v", d.Image().Voters().Voters)
	}

	// A node that is not connected may have been replaced by now.
	n = len(d.log.All)
	gone := peer(t, 3001, 3)
	gone.Connected = false
	d.log.peers = []Peer{gone}
	d.advance(upkeepInterval)
	wantLog(t, d.log.All[n:])
}

func TestUpkeepIsNotProposedAgainWhileItIsPending(t *testing.T) {
	d := newTestDriver(t, threeVoters)
	d.log.peers = []Peer{peer(t, 3001, 1)}
	n := len(d.log.All)
	d.clock.Advance(5*upkeepInterval, d.work) // nothing commits
	wantLog(t, d.log.All[n:], "controller 3001", ".", "[*record.Voters]", ".")
	d.settle()
}

func TestVotersStayOutOfALogWithoutThem(t *testing.T) {
	img := metadata.Empty()
	if v := updatedVoters(img, nil); v != nil {
		t.Errorf("%+v", v)
	}
	e := img.Edit()
	e.Control(&record.Voters{Voters: []record.Voter{{ID: 1}}})
	old := e.Done(1, 1, 0) // kraft.version 0
	if v := updatedVoters(old, []knownController{{record.RegisterController{ControllerID: 1},
		testUUID(1)}}); v != nil {
		t.Errorf("%+v", v)
	}
}

func TestEpochStart(t *testing.T) {
	d := newTestDriver(t, threeVoters)
	for _, test := range []struct {
		epoch int32
		first bool
		want  []string
	}{
		{7, false, []string{"[*record.LeaderChange]", "."}},
		{1, true, newLog},
	} {
		b, rest, err := batch.Parse(d.EpochStart(test.epoch, test.first))
		if err != nil || len(rest) != 0 || b.Epoch() != test.epoch || b.BaseOffset() != 0 {
			t.Fatalf("epoch %d: %v, %d bytes behind it, epoch %d at %d", test.epoch, err, len(rest),
				b.Epoch(), b.BaseOffset())
		}
		wantLog(t, []batch.Batch{b}, test.want...)
		err = b.Each(func(_ int64, key, value []byte) error {
			r, err := record.DecodeControl(key, value)
			if change, ok := r.(*record.LeaderChange); ok {
				want := []int32{3000, 3001, 3002}
				if change.LeaderID != 3000 || !slices.Equal(change.Voters, want) ||
					!slices.Equal(change.GrantingVoters, want) {
					t.Errorf("%+v", change)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestPeriodicTasks(t *testing.T) {
	d := newTestDriver(t, func(cfg *Config) {
		cfg.MaxIdle, cfg.PreferredInterval, cfg.UncleanInterval = 500*time.Millisecond, 10*time.Second, 0
	})
	d.addBroker(1)
	d.addBroker(2)
	d.addPartitions("foo", 1, func(int) []int32 { return []int32{2, 1} })
	d.answer(heartbeatRequest(2, d.Image().Broker(2).Epoch, 1<<40))
	change := record.NewPartitionChange(d.Image().TopicByName("foo").ID, 0)
	change.Leader = 1
	d.apply(change)
	end := d.Image().EndOffset()
	var names []string
	for _, task := range d.core.periodic {
		names = append(names, task.name)
	}
	if want := []string{"fenceStale", "upkeep", "noOp", "electPreferred"}; !slices.Equal(names,
		want) {
		t.Errorf("tasks %v, want %v", names, want)
	}
	d.advance(5 * time.Second)
	if n := d.Image().EndOffset() - end; n != 10 {
		t.Errorf("%d NoOps in 5 s, want 10", n)
	}
	for _, id := range []int32{1, 2} {
		d.answer(heartbeatRequest(id, d.Image().Broker(id).Epoch, 1<<40))
	}
	d.advance(5 * time.Second)
	if leader := d.Image().TopicByName("foo").Partition(0).Leader; leader != 2 {
		t.Errorf("leader %d after the preferred election's time", leader)
	}
	d.LeaderChanged(3001, 2)
	d.work()
	end = d.log.End
	d.advance(time.Minute)
	if d.log.End != end {
		t.Error("a standby writes")
	}
}
