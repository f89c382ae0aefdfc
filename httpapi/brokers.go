package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// registerArgs is the body of register.
type registerArgs struct {
	// Id of the broker.
	BrokerID int32 `json:"brokerId" minimum:"0" maximum:"2147483647" example:"1"`
	// Host at which clients reach the broker.
	BrokerHost string `json:"brokerHost" minLength:"1" maxLength:"253" example:"broker-1.example.com"`
	// Port at which clients reach the broker.
	BrokerPort int32 `json:"brokerPort" minimum:"1" maximum:"65535" example:"9092"`
	// Security protocol of that listener. It is also the listener's name.
	SecurityProtocol protocolText `json:"securityProtocol" example:"PLAINTEXT"`
	// Rack, for the placement of replicas; empty for none.
	RackID string `json:"rackId" maxLength:"255" example:"eu-1a"`
	// Further listeners.
	Listeners []listener `json:"listeners,omitempty" maxItems:"100"`
	// Ids of the broker's log directories. The default is those of its last registration, or else
	// one new id.
	LogDirs []uuidText `json:"logDirs,omitempty" maxItems:"1000"`
	// Incarnation of the broker: the incarnation of a registration changes it and keeps its epoch.
	// The default is a new one.
	InternalUUID uuidText `json:"internalUUID,omitempty" example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
}

// listener is a listener of a broker that is registered.
type listener struct {
	// Name of the listener.
	Name string `json:"name" pattern:"^[A-Z0-9_]{1,100}$" example:"INTERNAL"`
	// Host at which it is reached.
	Host string `json:"host" minLength:"1" maxLength:"253" example:"10.0.0.7"`
	// Port at which it is reached.
	Port int32 `json:"port" minimum:"1" maximum:"65535" example:"9093"`
	// Security protocol of the listener.
	SecurityProtocol protocolText `json:"securityProtocol" example:"PLAINTEXT"`
}

// Resolve checks the rules that a schema cannot express; huma calls it.
func (r *registerArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	var errs []error
	names := []string{string(r.SecurityProtocol)}
	for i, l := range r.Listeners {
		if slices.Contains(names, l.Name) {
			errs = append(errs, fieldError(at.With("listeners")+"["+itoa(i)+"].name",
				"there is already a listener of that name"))
		}
		names = append(names, l.Name)
	}
	for i, d := range r.LogDirs {
		if id, err := d.parse(); err == nil && id.Reserved() {
			errs = append(errs, fieldError(at.With("logDirs")+"["+itoa(i)+"]", "this id is reserved"))
		}
	}
	return errs
}

// BrokerArgs names a broker.
type BrokerArgs struct {
	// Id of the broker.
	BrokerID int32 `query:"brokerId" json:"brokerId" required:"true" minimum:"0" maximum:"2147483647"`
}

// changeArgs is the body of register_broker_change.
type changeArgs struct {
	// Id of the broker.
	BrokerID int32 `json:"brokerId" minimum:"0" maximum:"2147483647" example:"1"`
	// Epoch of the broker's registration.
	Epoch int64 `json:"epoch" minimum:"0" maximum:"9007199254740991" example:"7"`
	// New status. ALIVE means UNFENCED, CLOSED begins a controlled shutdown.
	BrokerStatus string `json:"brokerStatus,omitempty" enum:"FENCED,UNFENCED,ALIVE,CLOSED"`
	// New host of the first listener.
	BrokerHost *string `json:"brokerHost,omitempty" minLength:"1" maxLength:"253"`
	// New port of the first listener.
	BrokerPort *int32 `json:"brokerPort,omitempty" minimum:"1" maximum:"65535" example:"9092"`
	// New security protocol of the first listener.
	SecurityProtocol protocolText `json:"securityProtocol,omitempty" example:"PLAINTEXT"`
	// New rack; empty for none.
	RackID *string `json:"rackId,omitempty" maxLength:"255" example:"eu-1b"`
}

// Resolve refuses a change of nothing; huma calls it.
func (c *changeArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if c.BrokerStatus == "" && c.BrokerHost == nil && c.BrokerPort == nil &&
		c.SecurityProtocol == "" && c.RackID == nil {
		return []error{fieldError(at.String(), "nothing to change: set brokerStatus, brokerHost, "+
			"brokerPort, securityProtocol or rackId")}
	}
	return nil
}

// unregisterAnswer is the record of the unregistration, with the incarnation that it ended.
type unregisterAnswer struct {
	Record[UnregisterFields]
	// Incarnation of the broker that was unregistered.
	InternalUUID string `json:"internalUUID" example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	// What becomes of its partitions; only in a dry run.
	Impact *Impact `json:"impact,omitempty"`
}

// changedBroker is the record of a change, with its impact.
type changedBroker struct {
	Record[BrokerChangeFields]
	// What becomes of its partitions; only in a dry run.
	Impact *Impact `json:"impact,omitempty"`
}

// brokers registers the operations on brokers.
func (a *API) brokers() {
	handle(a, operation{
		kind: writeKind, name: "register", tag: tagBrokers,
		needs:   onCluster(acls.ClusterAction),
		summary: "Register a broker",
		text: "The broker starts fenced; its heartbeats by broker_mgmt unfence it. Its epoch is " +
			"fields.epoch of the answer.",
	}, a.register)
	handle(a, operation{
		kind: writeKind, name: "register_broker_change", tag: tagBrokers,
		needs:   onCluster(acls.Alter),
		summary: "Change a broker's registration",
		text: "Fences or unfences a broker, begins its controlled shutdown, or changes where it " +
			"listens. Heartbeats may change its status again.",
	}, a.changeBroker)
	unregister := operation{
		kind: writeKind, name: "unregister_broker", tag: tagBrokers,
		needs:   onCluster(acls.Alter),
		summary: "Unregister a broker",
		text:    "Removes a broker from all its partitions and deletes its registration, alive or not.",
	}
	handle(a, unregister, func(ctx context.Context, in *struct {
		WriteParams
		Body BrokerArgs
	}) (*answer[unregisterAnswer], error) {
		return a.unregister(ctx, in.WriteParams, in.Body.BrokerID)
	})
	handle(a, unregister.by(http.MethodDelete), func(ctx context.Context, in *struct {
		WriteParams
		BrokerArgs
	}) (*answer[unregisterAnswer], error) {
		return a.unregister(ctx, in.WriteParams, in.BrokerID)
	})
	a.brokerReads()
}

func (a *API) brokerReads() {
	list := operation{
		kind: readKind, name: "get_all_active_brokers", tag: tagBrokers,
		needs:   onCluster(acls.Describe),
		summary: "List live brokers",
		text: "All unfenced brokers, by id. The records are made from the state and have the state's " +
			"offset, epoch and timestamp.",
	}
	handle(a, list, a.activeBrokers)
	handle(a, list.by(http.MethodPost), func(ctx context.Context, in *struct {
		ReadParams
		Body *struct{}
	}) (*stateAnswer[[]Record[BrokerFields]], error) {
		return a.activeBrokers(ctx, &StateParams{ReadParams: in.ReadParams})
	})
	show := operation{
		kind: readKind, name: "get_broker_by_id", tag: tagBrokers,
		needs:   onCluster(acls.Describe),
		summary: "Show a broker",
		text:    "One broker, fenced or not.", statuses: []int{http.StatusNotFound},
	}
	handle(a, show, func(ctx context.Context, in *struct {
		StateParams
		BrokerArgs
	}) (*stateAnswer[Record[BrokerFields]], error) {
		return a.broker(ctx, in.ReadParams, in.BrokerID)
	})
	handle(a, show.by(http.MethodPost), func(ctx context.Context, in *struct {
		ReadParams
		Body BrokerArgs
	}) (*stateAnswer[Record[BrokerFields]], error) {
		return a.broker(ctx, in.ReadParams, in.Body.BrokerID)
	})
}

// brokerBytes is roughly the memory that a broker takes in an answer, as a value and as JSON.
const brokerBytes = 1000

func (a *API) activeBrokers(
	ctx context.Context, in *StateParams,
) (*stateAnswer[[]Record[BrokerFields]], error) {
	img, err := a.read(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	list := []Record[BrokerFields]{}
	for _, b := range img.Brokers() {
		if !b.Fenced {
			list = append(list, brokerRecord(img, b))
		}
	}
	if err := afford(ctx, int64(len(list))*brokerBytes); err != nil {
		return nil, err
	}
	return &stateAnswer[[]Record[BrokerFields]]{stateOf(img), list}, nil
}

// brokerRecord is a registered broker as a record at the image's position.
func brokerRecord(img *metadata.Image, b *metadata.Broker) Record[BrokerFields] {
	fields := brokerFields(b, img.Version())
	return newRecord(record.TypeRegisterBroker.String(), fields, imagePosition(img))
}

func (a *API) broker(
	ctx context.Context, p ReadParams, id int32,
) (*stateAnswer[Record[BrokerFields]], error) {
	img, err := a.read(ctx, p)
	if err != nil {
		return nil, err
	}
	b := img.Broker(id)
	if b == nil {
		return nil, kafkaProblem(kerr.BrokerIDNotRegistered, notRegistered(id))
	}
	return &stateAnswer[Record[BrokerFields]]{stateOf(img), brokerRecord(img, b)}, nil
}

func notRegistered(id int32) string { return "Broker " + itoa(id) + " is not registered." }

// register sends the registration that the broker's own process would send. Defaults stand in for
// what only such a process knows: its incarnation, its directories and its features.
func (a *API) register(ctx context.Context, in *struct {
	WriteParams
	Body registerArgs
}) (*answer[Record[BrokerFields]], error) {
	outcome, err := a.do(ctx, controller.Operation{
		Name: "register", DryRun: in.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			return in.Body.request(a.cfg.ClusterID, img), nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.BrokerRegistrationResponse)
	if err := codeProblem(resp.ErrorCode, outcome.Message); err != nil {
		return nil, err
	}
	for _, w := range outcome.Written {
		if r, ok := w.Record.(*record.RegisterBroker); ok {
			return recordAnswer(r.Type(), registerFields(r), writtenPosition(w)), nil
		}
	}
	return nil, newProblem(http.StatusInternalServerError, kerr.UnknownServerError,
		"The registration wrote no record.")
}

// recordAnswer is the answer of an operation that shows one record, with the record's position.
func recordAnswer[F any](t record.Type, fields F, at position) *answer[Record[F]] {
	return &answer[Record[F]]{at.headers(), newRecord(t.String(), fields, at)}
}

func (r *registerArgs) request(
	clusterID string, img *metadata.Image,
) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID = 4, r.BrokerID, clusterID
	req.IncarnationID = r.InternalUUID.orNew()
	if r.RackID != "" {
		req.Rack = &r.RackID
	}
	first := listener{string(r.SecurityProtocol), r.BrokerHost, r.BrokerPort, r.SecurityProtocol}
	for _, l := range append([]listener{first}, r.Listeners...) {
		protocol, _ := l.SecurityProtocol.number()
		e := kmsg.NewBrokerRegistrationRequestListener()
		e.Name, e.Host, e.Port, e.SecurityProtocol = l.Name, l.Host, uint16(l.Port), protocol
		req.Listeners = append(req.Listeners, e)
	}
	for _, f := range metadata.SupportedFeatures(img.Version() > metadata.LatestVersion) {
		feature := kmsg.NewBrokerRegistrationRequestFeature()
		feature.Name = f.Name
		feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Min, f.Max
		req.Features = append(req.Features, feature)
	}
	for _, d := range r.logDirs(img) {
		req.LogDirs = append(req.LogDirs, d)
	}
	return req
}

// logDirs returns the given directories, or those of the broker's last registration, or a new one.
func (r *registerArgs) logDirs(img *metadata.Image) []protocol.UUID {
	var dirs []protocol.UUID
	for _, d := range r.LogDirs {
		dirs = append(dirs, d.orNew())
	}
	if b := img.Broker(r.BrokerID); len(dirs) == 0 && b != nil {
		dirs = b.LogDirs
	}
	if len(dirs) == 0 {
		dirs = []protocol.UUID{protocol.NewUUID()}
	}
	return dirs
}

// brokerTargets are the values of brokerStatus in a change.
var brokerTargets = map[string]controller.BrokerTarget{
	statusFenced:   controller.TargetFenced,
	statusUnfenced: controller.TargetUnfenced,
	"ALIVE":        controller.TargetUnfenced,
	statusClosed:   controller.TargetShutdown,
}

func (a *API) changeBroker(ctx context.Context, in *struct {
	WriteParams
	Body changeArgs
}) (*answer[changedBroker], error) {
	change := in.Body.change()
	change.DryRun = in.DryRun
	var err error
	if change.Check, err = a.precondition(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	resume := turnOf(ctx).pause()
	outcome, err := a.cfg.Controller.ChangeBroker(ctx, caller(ctx), change)
	resume()
	if err != nil {
		return nil, problemOf(err)
	}
	at := imagePosition(outcome.Image)
	for _, w := range outcome.Written {
		switch w.Record.(type) {
		case *record.BrokerRegistrationChange, *record.RegisterBroker:
			at = writtenPosition(w)
		}
	}
	fields := changeFields(outcome.Broker, outcome.Image.Version())
	changed := recordAnswer(record.TypeBrokerRegistrationChange, fields, at)
	return &answer[changedBroker]{
		changed.PositionHeaders, changedBroker{changed.Body, a.impactOf(outcome)},
	}, nil
}

func (c *changeArgs) change() controller.BrokerChange {
	change := controller.BrokerChange{
		BrokerID: c.BrokerID, BrokerEpoch: c.Epoch, Host: c.BrokerHost, Rack: c.RackID,
	}
	if target, ok := brokerTargets[c.BrokerStatus]; ok {
		change.State = &target
	}
	if c.BrokerPort != nil {
		port := uint16(*c.BrokerPort)
		change.Port = &port
	}
	if protocol, ok := c.SecurityProtocol.number(); ok {
		change.SecurityProtocol = &protocol
	}
	return change
}

func (a *API) unregister(
	ctx context.Context, p WriteParams, id int32,
) (*answer[unregisterAnswer], error) {
	var incarnation protocol.UUID
	outcome, err := a.do(ctx, controller.Operation{
		Name: "unregister_broker", DryRun: p.DryRun,
		Make: func(img *metadata.Image) (kmsg.Request, error) {
			b := img.Broker(id)
			if b == nil {
				return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "%s", notRegistered(id))
			}
			incarnation = b.IncarnationID
			req := kmsg.NewPtrUnregisterBrokerRequest()
			req.BrokerID = id
			return req, nil
		},
	})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.UnregisterBrokerResponse)
	if err := codeProblem(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	last := outcome.Written[len(outcome.Written)-1]
	r := last.Record.(*record.UnregisterBroker)
	found := recordAnswer(r.Type(), UnregisterFields{r.BrokerID, r.BrokerEpoch}, writtenPosition(last))
	return &answer[unregisterAnswer]{
		found.PositionHeaders, unregisterAnswer{
			found.Body, incarnation.String(), a.impactOf(outcome),
		},
	}, nil
}
