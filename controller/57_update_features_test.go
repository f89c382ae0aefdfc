package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller/features"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol/batch"
)

const (
	upgrade   = int8(features.Upgrade)
	downgrade = int8(features.SafeDowngrade)
	unsafely  = int8(features.UnsafeDowngrade)
)

// featureUpdates makes a request of "name=level" texts, all of the same type.
func featureUpdates(t testing.TB, kind int8, updates ...string) *kmsg.UpdateFeaturesRequest {
	t.Helper()
	req := kmsg.NewPtrUpdateFeaturesRequest()
	req.Version = 2
	for _, text := range updates {
		u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
		name, level, _ := strings.Cut(text, "=")
		if _, err := fmt.Sscan(level, &u.MaxVersionLevel); err != nil {
			t.Fatal(err)
		}
		u.Feature, u.UpgradeType = name, kind
		req.FeatureUpdates = append(req.FeatureUpdates, u)
	}
	return req
}

func (d *testDriver) update(req *kmsg.UpdateFeaturesRequest) (code int16, message string) {
	d.t.Helper()
	resp := d.answer(req).(*kmsg.UpdateFeaturesResponse)
	if resp.ErrorMessage != nil {
		message = *resp.ErrorMessage
	}
	return resp.ErrorCode, message
}

// atLevels makes a controller of a cluster that began at these levels, and at min.insync.replicas
// 2.
func atLevels(t testing.TB, levels ...string) *testDriver {
	return newTestDriver(t, threeVoters, func(cfg *Config) {
		cfg.Bootstrap, cfg.MinISR = nil, 2
		for _, u := range featureUpdates(t, upgrade, levels...).FeatureUpdates {
			cfg.Bootstrap = append(cfg.Bootstrap,
				&record.FeatureLevel{Name: u.Feature, Level: u.MaxVersionLevel})
		}
	})
}

// connectVoters lets the two other voters shake hands with the leader.
func (d *testDriver) connectVoters() {
	d.log.peers = []Peer{peer(d.t, 3001, 1), peer(d.t, 3002, 1)}
	d.advance(upkeepInterval)
}

// registers applies the registration of a broker with one range beside that of metadata.version.
func (d *testDriver) registers(id int32, name string, low, high int16) {
	d.apply(&record.RegisterBroker{BrokerID: id, IncarnationID: testUUID(int(id)), Fenced: true,
		BrokerEpoch: d.Image().EndOffset(), LogDirs: nil,
		Endpoints: []record.Endpoint{{Name: "PLAINTEXT", Host: "b", Port: 9092}},
		Features:  []record.FeatureRange{{Name: name, Min: low, Max: high}},
	})
}

func TestUpdateFeaturesRefusals(t *testing.T) {
	t.Parallel()
	const version, elr = metadata.FeatureMetadata, metadata.FeatureElr
	invalid := func(name string, level int, reason string) string {
		return fmt.Sprintf("Invalid update version %d for feature %s. %s", level, name, reason)
	}
	unsupported := func(from, to int, reason string) string {
		return fmt.Sprintf("Unsupported metadata.version downgrade from %d to %d. %s", from, to, reason)
	}
	const lost = "Refusing to perform the requested downgrade because it might delete metadata " +
		"information."
	for _, test := range []struct {
		level   string
		kind    int8
		updates []string
		want    string
	}{
		{"33", 0, []string{version + "=33"},
			invalid(version, 33, "The controller does not support the given upgrade type.")},
		{"33", 4, []string{version + "=33"},
			invalid(version, 33, "The controller does not support the given upgrade type.")},
		{"33", downgrade, []string{"share.version=-1"},
			invalid("share.version", -1, "A feature version cannot be less than 0.")},
		{"30", upgrade, []string{version + "=34"},
			invalid(version, 34, "Local controller 3000 only supports versions 7-33")},
		{"30", downgrade, []string{version + "=6"},
			invalid(version, 6, "Local controller 3000 only supports versions 7-33")},
		{"30", upgrade, []string{"none=1"},
			invalid("none", 1, "Local controller 3000 does not support this feature.")},
		{"30", upgrade, []string{"none=0"}, invalid("none", 0, "Feature none not found.")},
		{"30", upgrade, []string{version + "=33", "group.version=2"},
			invalid("group.version", 2, "Local controller 3000 only supports versions 0-1")},
		{"31", upgrade, []string{version + "=30"}, invalid(version, 30, "Can't downgrade the "+
			"version of this feature without setting the upgrade type to either safe or unsafe "+
			"downgrade.")},
		{"30", downgrade, []string{version + "=31"},
			invalid(version, 31, "Can't downgrade to a newer version.")},
		{"33", downgrade, []string{version + "=32"}, unsupported(33, 32, lost)},
		{"33", downgrade, []string{version + "=30"}, unsupported(33, 30, lost)},
		{"31", downgrade, []string{version + "=29"}, unsupported(31, 29, lost)},
		{"31", unsafely, []string{version + "=29"}, unsupported(31, 29, "Unsafe metadata downgrade "+
			"is not supported in this version.")},
		{"22", upgrade, []string{elr + "=1"}, invalid(elr, 1, elr+" could not be set to 1 because "+
			"it depends on metadata.version level 23")},
		{"30", downgrade, []string{"kraft.version=0"},
			invalid("kraft.version", 0, "Can't downgrade the version of this feature.")},
		{"30", upgrade, []string{"kraft.version=2"},
			invalid("kraft.version", 2, "Local controller 3000 only supports versions 0-1")},
	} {
		d := atLevels(t, version+"="+test.level)
		d.connectVoters()
		n := len(d.log.All)
		for v := int16(1); v <= 2; v++ {
			req := featureUpdates(t, test.kind, test.updates...)
			req.Version, req.ValidateOnly = v, v == 1
			code, message := d.update(req)
			if want := "The update failed for all features since the following feature had an " +
				"error: " + test.want; code != 95 || message != want {
				t.Errorf("%v: %d %q\nwant %q", test.updates, code, message, want)
			}
		}
		wantLog(t, d.log.All[n:])
	}
}

// TestNodesThatBlockAFeature: brokers come before controllers, each by id, and voters that have
// never been seen come last.
func TestNodesThatBlockAFeature(t *testing.T) {
	t.Parallel()
	const version = metadata.FeatureMetadata
	d := atLevels(t, version+"=30")
	try := func(update, want string) {
		t.Helper()
		code, message := d.update(featureUpdates(t, upgrade, update))
		if want == "" && code == 0 {
			return
		}
		if code != 95 || !strings.HasSuffix(message, ". "+want) {
			t.Errorf("%s: %d %q, want %q", update, code, message, want)
		}
	}
	blockers := func(name string, level int16) string {
		return strings.Join(d.FeatureCluster().Blockers(name, level), "|")
	}
	try(version+"=33", "controller 3001 has not registered, and may not support this feature")
	if got := blockers(version, 33); strings.Count(got, "has not registered") != 2 {
		t.Error(got)
	}
	d.connectVoters()
	try("share.version=1", "")
	old := peer(t, 3002, 2)
	old.Info = oldController(t, 3002)
	d.log.peers[1] = old
	d.advance(upkeepInterval)
	d.registers(2, version, 7, 30)
	d.registers(1, version, 7, 33)
	try(version+"=33", "Broker 2 only supports versions 7-30")
	try("streams.version=1", "Broker 1 does not support this feature.")
	if got := blockers(version, 33); got !=
		"Broker 2 only supports versions 7-30|Controller 3002 only supports versions 7-31" {
		t.Error(got)
	}
	d.apply(&record.UnregisterBroker{BrokerID: 2})
	try(version+"=33", "Controller 3002 only supports versions 7-31")
	// One that is gone stands in the way until it is unregistered.
	d.log.peers = d.log.peers[:1]
	try(version+"=33", "Controller 3002 only supports versions 7-31")
	d.apply(&record.UnregisterController{ControllerID: 3002})
	try(version+"=33", "")
	if d.Image().Version() != metadata.V4_4_IV2 {
		t.Error(d.Image().Version())
	}
}

func oldController(t *testing.T, id int32) []byte {
	t.Helper()
	info, err := record.Append(nil, &record.RegisterController{
		ControllerID: id, IncarnationID: testUUID(9),
		Endpoints: []record.Endpoint{{Name: "CONTROLLER", Host: "c", Port: 9093}},
		Features:  []record.FeatureRange{{Name: metadata.FeatureMetadata, Min: 7, Max: 31}},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestConnectedControllersCountBeforeTheyRegister: at levels without registrations an old
// controller that is connected is in the way.
func TestConnectedControllersCountBeforeTheyRegister(t *testing.T) {
	t.Parallel()
	d := atLevels(t, "metadata.version=14")
	old := peer(t, 3001, 1)
	old.Info = oldController(t, 3001)
	d.log.peers = []Peer{old}
	_, message := d.update(featureUpdates(t, upgrade, "metadata.version=33"))
	if !strings.HasSuffix(message, "Controller 3001 only supports versions 7-31") {
		t.Error(message)
	}
	if code, message := d.update(featureUpdates(t, upgrade, "metadata.version=31")); code != 0 {
		t.Error(message)
	}
}

func TestUpdateFeaturesRecords(t *testing.T) {
	t.Parallel()
	d := atLevels(t, "metadata.version=31")
	d.connectVoters()
	value := "3"
	d.apply(
		&record.Config{ResourceType: metadata.ConfigBroker, ResourceName: "7",
			Name: "min.insync.replicas", Value: &value},
		&record.Config{ResourceType: metadata.ConfigBroker, ResourceName: "8", Name: "a",
			Value: &value},
	)
	for _, test := range []struct {
		kind    int8
		updates []string
		want    []string
	}{
		{upgrade, []string{"share.version=2", "metadata.version=31", "group.version=1"},
			[]string{"share.version=2", "metadata.version=31", "group.version=1", "."}},
		{downgrade, []string{"share.version=0", "metadata.version=30"},
			[]string{"share.version=0", "metadata.version=30", "."}},
		{upgrade, []string{"kraft.version=1"}, []string{"NoOpRecord", "."}},
		{downgrade, []string{"kraft.version=1"}, nil},
		{upgrade, []string{metadata.FeatureElr + "=1"}, []string{
			`config 4 "" min.insync.replicas=2`, `no config 4 "7" min.insync.replicas`,
			metadata.FeatureElr + "=1", ".",
		}},
		{upgrade, []string{metadata.FeatureElr + "=1"}, []string{metadata.FeatureElr + "=1", "."}},
		{downgrade, []string{metadata.FeatureElr + "=0"}, []string{metadata.FeatureElr + "=0", "."}},
		// the last of equal names counts
		{upgrade, []string{"group.version=9", "share.version=1", "group.version=1"},
			[]string{"group.version=1", "share.version=1", "."}},
		{upgrade, nil, nil},
	} {
		for v := int16(1); v <= 2; v++ {
			req := featureUpdates(t, test.kind, test.updates...)
			req.Version, req.ValidateOnly = v, v == 1
			n, epoch := len(d.log.All), d.Image().FeaturesOffset()
			resp := d.answer(req).(*kmsg.UpdateFeaturesResponse)
			if resp.ErrorCode != 0 || resp.ErrorMessage != nil {
				t.Fatalf("%v: %d %v", test.updates, resp.ErrorCode, resp.ErrorMessage)
			}
			if v == 1 {
				wantLog(t, d.log.All[n:])
				checkResults(t, req, resp)
				continue
			}
			wantLog(t, d.log.All[n:], test.want...)
			moved := d.Image().FeaturesOffset() > epoch
			if want := slices.ContainsFunc(test.want, func(r string) bool {
				return strings.Contains(r, "version=") && !strings.HasPrefix(r, "config")
			}); moved != want || len(resp.Results) != 0 {
				t.Errorf("%v: the epoch moved from %d to %d, %d results", test.updates, epoch,
					d.Image().FeaturesOffset(), len(resp.Results))
			}
		}
	}
}

func checkResults(
	t *testing.T, req *kmsg.UpdateFeaturesRequest, resp *kmsg.UpdateFeaturesResponse,
) {
	t.Helper()
	if len(resp.Results) != len(req.FeatureUpdates) {
		t.Fatalf("%d results for %d updates", len(resp.Results), len(req.FeatureUpdates))
	}
	for i, r := range resp.Results {
		if r.Feature != req.FeatureUpdates[i].Feature || r.ErrorCode != 0 ||
			r.ErrorMessage == nil || *r.ErrorMessage != "NONE" {
			t.Errorf("%+v", r)
		}
	}
}

// TestVersionZeroOnlyUpgrades: its AllowDowngrade is ignored, as by Kafka.
func TestVersionZeroOnlyUpgrades(t *testing.T) {
	t.Parallel()
	d := atLevels(t, "metadata.version=31", "share.version=1")
	d.connectVoters()
	req := featureUpdates(t, downgrade, "share.version=0")
	req.Version, req.FeatureUpdates[0].AllowDowngrade = 0, true
	if code, message := d.update(req); code != 95 ||
		!strings.Contains(message, "without setting the upgrade type") {
		t.Error(code, message)
	}
	req.FeatureUpdates[0].MaxVersionLevel = 2
	if code, message := d.update(req); code != 0 {
		t.Error(message)
	}
}

// TestClimbThroughAllLevels: at each level everything that the controller writes fits into the log,
// in the version of the level, and replays.
func TestClimbThroughAllLevels(t *testing.T) {
	t.Parallel()
	d := atLevels(t, "metadata.version=7")
	d.connectVoters()
	for v := metadata.MinVersion; v <= metadata.LatestVersion; v++ {
		n := len(d.log.All)
		req := featureUpdates(t, upgrade, fmt.Sprintf("metadata.version=%d", v))
		if v.HasElr() {
			req.FeatureUpdates = append(req.FeatureUpdates,
				featureUpdates(t, upgrade, metadata.FeatureElr+"=1").FeatureUpdates...)
		}
		if code, message := d.update(req); code != 0 {
			t.Fatalf("%v: %s", v, message)
		}
		d.advance(upkeepInterval)
		for id := int32(1); id <= 3; id++ {
			d.addBroker(id)
		}
		topic := createTopicRequest(fmt.Sprintf("topic-%d", v), []int32{1, 2, 3}, []int32{2, 3, 1})
		created := d.answer(topic).(*kmsg.CreateTopicsResponse).Topics[0]
		if created.ErrorCode != 0 {
			t.Fatalf("%v: %v", v, created.ErrorMessage)
		}
		for id := int32(1); id <= 3; id++ { // the last goes with its leaderships
			gone := kmsg.NewPtrUnregisterBrokerRequest()
			gone.BrokerID = id
			if resp := d.answer(gone).(*kmsg.UnregisterBrokerResponse); resp.ErrorCode != 0 {
				t.Fatalf("%v: broker %d: %s", v, id, *resp.ErrorMessage)
			}
		}
		checkVersions(t, v, d.log.All[n:])
	}
	if len(d.stopped) > 0 {
		t.Error(d.stopped)
	}
}

// checkVersions checks that records were written in the versions of a level.
func checkVersions(t *testing.T, v metadata.Version, log []batch.Batch) {
	t.Helper()
	for _, b := range log {
		err := b.Each(func(_ int64, _, value []byte) error {
			if b.IsControl() {
				return nil
			}
			r, version, err := record.Decode(value)
			if err == nil && version != v.RecordVersion(r) {
				t.Errorf("%v: %v in version %d, want %d", v, r.Type(), version, v.RecordVersion(r))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
