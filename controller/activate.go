package controller

import (
	"slices"
	"strconv"
	"time"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// activate is the first operation of a new active controller: it writes the bootstrap records of an
// empty cluster, or aborts a transaction that the last leader left open. Upkeep and repair follow,
// after the requests that wait.
func (c *core) activate(o op) result {
	r := result{atomic: true, then: func(int64) { c.activated, c.periodic = true, c.tasks(o.now) }}
	switch open := c.working.InTransaction(); {
	case c.working.Stable().Version() == 0:
		if open {
			r.records = append(r.records, abort())
		}
		r.records = append(r.records, c.bootstrap()...)
	case open:
		r.records = append(r.records, abort())
	}
	r.more = func(o op) result {
		r := c.upkeep(o)
		r.more = c.repair(inactive(c.working))
		return r
	}
	return r
}

func abort() record.Record {
	reason := "Controller failover"
	return &record.AbortTransaction{Reason: &reason}
}

// bootstrap returns the first records of an empty cluster, as Kafka's ActivationRecordsGenerator
// writes them: in a transaction where the metadata.version has them, and with a cluster-wide
// min.insync.replicas where ELR is on.
func (c *core) bootstrap() []record.Record {
	records := slices.Clone(c.cfg.Bootstrap)
	var version metadata.Version
	for _, r := range c.cfg.Bootstrap {
		f, ok := r.(*record.FeatureLevel)
		switch {
		case ok && f.Name == metadata.FeatureMetadata:
			version = metadata.Version(f.Level)
		case ok && f.Name == metadata.FeatureElr && f.Level > 0:
			value := strconv.Itoa(int(c.cfg.MinISR))
			records = append(records, &record.Config{ResourceType: metadata.ConfigBroker,
				Name: "min.insync.replicas", Value: &value})
		}
	}
	c.cfg.Logger.Info("the metadata log is empty: writing the bootstrap records", "records",
		len(records), "metadata.version", version)
	if !version.HasTransactions() {
		return records
	}
	name := "Bootstrap records"
	records = slices.Insert(records, 0, record.Record(&record.BeginTransaction{Name: &name}))
	return append(records, &record.EndTransaction{})
}

// upkeep updates the registrations of the controllers and the voter set from this node's settings
// and its peers' handshakes. It compares with the working image, so it does not propose a change
// twice.
func (c *core) upkeep(op) result {
	r := result{atomic: true}
	known := c.knownControllers()
	if c.working.Version().HasControllerRegistration() {
		for _, k := range known {
			if !sameController(c.working.Controller(k.ControllerID), &k.RegisterController) {
				r.records = append(r.records, &k.RegisterController)
			}
		}
	}
	if voters := updatedVoters(c.working, known); voters != nil {
		c.cfg.Logger.Info("the voter set is brought up to date", "voters", voters.Voters)
		r.controls = append(r.controls, voters)
	}
	return r
}

// knownController is a controller's description of itself.
type knownController struct {
	record.RegisterController
	directory protocol.UUID
}

// knownControllers are this node and the peers that it is connected to.
func (c *core) knownControllers() []knownController {
	own := knownController{c.cfg.Registration, c.cfg.DirectoryID}
	own.ControllerID = c.cfg.NodeID
	known := []knownController{own}
	for _, p := range c.cfg.Log.Peers() {
		if !p.Connected || len(p.Info) == 0 {
			continue
		}
		decoded, _, err := record.Decode(p.Info)
		r, ok := decoded.(*record.RegisterController)
		if ok {
			err = record.Check(r)
		}
		if err != nil || !ok || r.ControllerID != p.ID {
			c.cfg.Logger.Warn("a peer's description of itself is not understood", "peer", p.ID,
				"err", err)
			continue
		}
		known = append(known, knownController{*r, p.DirectoryID})
	}
	return known
}

func sameController(a, b *record.RegisterController) bool {
	return a != nil && a.IncarnationID == b.IncarnationID &&
		a.ZkMigrationReady == b.ZkMigrationReady &&
		slices.Equal(a.Endpoints, b.Endpoints) && slices.Equal(a.Features, b.Features)
}

// updatedVoters is the voter set with the current endpoints and directories of its members; nil
// when it is the same. Membership does not change here, and a known directory is kept: another one
// would be a replaced disk.
func updatedVoters(img *metadata.Image, known []knownController) *record.Voters {
	old := img.Voters()
	if old == nil || img.KRaftVersion() == 0 {
		return nil
	}
	voters := &record.Voters{Voters: slices.Clone(old.Voters)}
	changed := false
	for i := range voters.Voters {
		for _, k := range known {
			if v := updatedVoter(voters.Voters[i], k); k.ControllerID == v.ID &&
				!sameVoter(v, voters.Voters[i]) {
				voters.Voters[i], changed = v, true
			}
		}
	}
	if !changed {
		return nil
	}
	return voters
}

func updatedVoter(v record.Voter, k knownController) record.Voter {
	if v.DirectoryID.IsZero() {
		v.DirectoryID = k.directory
	}
	if len(k.Endpoints) > 0 {
		v.Endpoints = nil
		for _, e := range k.Endpoints {
			v.Endpoints = append(v.Endpoints,
				record.VoterEndpoint{Name: e.Name, Host: e.Host, Port: e.Port})
		}
	}
	for _, f := range k.Features {
		if f.Name == metadata.FeatureKRaft {
			v.KRaftVersionMin, v.KRaftVersionMax = f.Min, f.Max
		}
	}
	return v
}

func sameVoter(a, b record.Voter) bool {
	return a.DirectoryID == b.DirectoryID && a.KRaftVersionMin == b.KRaftVersionMin &&
		a.KRaftVersionMax == b.KRaftVersionMax &&
		slices.Equal(a.Endpoints, b.Endpoints)
}

// upkeepInterval is how often upkeep runs: as often as Kafka's controllers try to register.
const upkeepInterval = time.Second

// tasks are the periodic operations of the active controller. Each runs for the first time one
// period after the claim.
func (c *core) tasks(now time.Time) []*task {
	tasks := []*task{
		{name: "fenceStale", period: c.stalePeriod(), prepare: c.extendAfterPause,
			run: c.fenceStale},
		{name: "upkeep", period: upkeepInterval,
			run: func(o op) (result, bool) { return c.upkeep(o), false }},
		{name: "noOp", period: c.cfg.MaxIdle,
			run: func(op) (result, bool) {
				return result{records: []record.Record{&record.NoOp{}}}, false
			}},
		{name: "electPreferred", period: c.cfg.PreferredInterval, run: c.electPreferred},
		{name: "electUnclean", period: c.cfg.UncleanInterval, run: c.electUnclean},
	}
	if c.cfg.Tokens.enabled() {
		tasks = append(tasks, &task{name: "expireTokens", period: c.cfg.Tokens.CheckInterval,
			run: c.expireTokens})
	}
	tasks = slices.DeleteFunc(tasks, func(t *task) bool { return t.period <= 0 })
	for _, t := range tasks {
		t.next = now.Add(t.period)
	}
	return tasks
}
