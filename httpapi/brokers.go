package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// registerArgs is the body of register.
type registerArgs struct {
	BrokerID         int32      `json:"brokerId" minimum:"0" maximum:"2147483647" doc:"Id of the broker." example:"1"`
	BrokerHost       string     `json:"brokerHost" minLength:"1" maxLength:"253" doc:"Host under which clients reach it." example:"broker-1.example.com"`
	BrokerPort       int32      `json:"brokerPort" minimum:"1" maximum:"65535" doc:"Port under which clients reach it." example:"9092"`
	SecurityProtocol string     `json:"securityProtocol" enum:"PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL" doc:"What is spoken there. It is the listener's name, too." example:"PLAINTEXT"`
	RackID           string     `json:"rackId" maxLength:"255" doc:"Rack, for placement; empty for none." example:"eu-1a"`
	Listeners        []listener `json:"listeners,omitempty" maxItems:"100" doc:"Further listeners."`
	LogDirs          []string   `json:"logDirs,omitempty" maxItems:"1000" pattern:"^([A-Za-z0-9_-]{21}[AQgw]|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$" doc:"Ids of its log directories; without any, those of its last registration or one that is made up." example:"[\"rTudty6ITOCcO_ldVyzZYg\"]"`
	InternalUUID     string     `json:"internalUUID,omitempty" pattern:"^([A-Za-z0-9_-]{21}[AQgw]|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$" doc:"Incarnation: the same one amends a registration and keeps its epoch. Made by the server when absent." example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
}

type listener struct {
	Name             string `json:"name" pattern:"^[A-Z0-9_]{1,100}$" doc:"The listener's name." example:"INTERNAL"`
	Host             string `json:"host" minLength:"1" maxLength:"253" doc:"Host." example:"10.0.0.7"`
	Port             int32  `json:"port" minimum:"1" maximum:"65535" doc:"Port." example:"9093"`
	SecurityProtocol string `json:"securityProtocol" enum:"PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL" doc:"What is spoken there." example:"PLAINTEXT"`
}

// Resolve checks what a schema cannot say.
func (r *registerArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	var errs []error
	names := []string{r.SecurityProtocol}
	for i, l := range r.Listeners {
		if slices.Contains(names, l.Name) {
			errs = append(errs, &huma.ErrorDetail{Location: at.With("listeners") + "[" + itoa(i) + "].name", Message: "there is already a listener of that name"})
		}
		names = append(names, l.Name)
	}
	for i, d := range r.LogDirs {
		if id, err := parseUUID(d); err == nil && id.Reserved() {
			errs = append(errs, &huma.ErrorDetail{Location: at.With("logDirs") + "[" + itoa(i) + "]", Message: "this id is reserved"})
		}
	}
	return errs
}

// BrokerArgs names a broker.
type BrokerArgs struct {
	BrokerID int32 `query:"brokerId" json:"brokerId" required:"true" minimum:"0" maximum:"2147483647" doc:"Id of the broker." example:"1"`
}

// changeArgs is the body of register_broker_change.
type changeArgs struct {
	BrokerID         int32   `json:"brokerId" minimum:"0" maximum:"2147483647" doc:"Id of the broker." example:"1"`
	Epoch            int64   `json:"epoch" minimum:"0" maximum:"9007199254740991" doc:"Epoch of its registration." example:"7"`
	BrokerStatus     string  `json:"brokerStatus,omitempty" enum:"FENCED,UNFENCED,ALIVE,CLOSED" doc:"Status to bring it to; ALIVE is UNFENCED, CLOSED begins a controlled shutdown." example:"UNFENCED"`
	BrokerHost       *string `json:"brokerHost,omitempty" minLength:"1" maxLength:"253" doc:"New host of its first listener." example:"broker-1b.example.com"`
	BrokerPort       *int32  `json:"brokerPort,omitempty" minimum:"1" maximum:"65535" doc:"New port of its first listener." example:"9092"`
	SecurityProtocol string  `json:"securityProtocol,omitempty" enum:"PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL" doc:"New protocol of its first listener." example:"PLAINTEXT"`
	RackID           *string `json:"rackId,omitempty" maxLength:"255" doc:"New rack; empty for none." example:"eu-1b"`
}

func (c *changeArgs) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if c.BrokerStatus == "" && c.BrokerHost == nil && c.BrokerPort == nil && c.SecurityProtocol == "" && c.RackID == nil {
		return []error{&huma.ErrorDetail{Location: at.String(), Message: "nothing is to change: give brokerStatus, brokerHost, brokerPort, securityProtocol or rackId"}}
	}
	return nil
}

// unregisterAnswer is the record and what it ended.
type unregisterAnswer struct {
	Record[UnregisterFields]
	InternalUUID string `json:"internalUUID" doc:"Incarnation of the broker that is gone." example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
}

// brokers registers the operations on brokers.
func (a *API) brokers() {
	huma.Register(a.huma, describe(http.MethodPost, "register", tagBrokers, "Register a broker",
		"The broker starts fenced; broker_mgmt brings it to life. Its epoch is the answer's fields.epoch.", writeStatuses...), a.register)
	huma.Register(a.huma, describe(http.MethodPost, "register_broker_change", tagBrokers, "Change a broker's registration",
		"Fence, unfence or shut a broker down, or change where it listens. Heartbeats may move its status on.", writeStatuses...), a.changeBroker)
	unregister := "Takes a broker out of all its partitions and drops its registration, alive or not."
	huma.Register(a.huma, describe(http.MethodPost, "unregister_broker", tagBrokers, "Unregister a broker", unregister, writeStatuses...),
		func(ctx context.Context, in *struct {
			WriteParams
			Body BrokerArgs
		}) (*answer[unregisterAnswer], error) {
			return a.unregister(ctx, in.Body.BrokerID)
		})
	huma.Register(a.huma, describe(http.MethodDelete, "unregister_broker", tagBrokers, "Unregister a broker", unregister, writeStatuses...),
		func(ctx context.Context, in *struct {
			WriteParams
			BrokerArgs
		}) (*answer[unregisterAnswer], error) {
			return a.unregister(ctx, in.BrokerID)
		})
	a.brokerReads()
}

func (a *API) brokerReads() {
	all := "All unfenced brokers, by id. Records made from the state carry the state's offset, epoch and timestamp."
	huma.Register(a.huma, describe(http.MethodGet, "get_all_active_brokers", tagBrokers, "List live brokers", all, readStatuses...), a.activeBrokers)
	huma.Register(a.huma, describe(http.MethodPost, "get_all_active_brokers", tagBrokers, "List live brokers", all, readStatuses...),
		func(ctx context.Context, in *struct {
			ReadParams
			Body *struct{}
		}) (*answer[[]Record[BrokerFields]], error) {
			return a.activeBrokers(ctx, &in.ReadParams)
		})
	one := "One broker, fenced or not."
	statuses := append([]int{http.StatusNotFound}, readStatuses...)
	huma.Register(a.huma, describe(http.MethodGet, "get_broker_by_id", tagBrokers, "Show a broker", one, statuses...),
		func(ctx context.Context, in *struct {
			ReadParams
			BrokerArgs
		}) (*answer[Record[BrokerFields]], error) {
			return a.broker(ctx, in.ReadParams, in.BrokerID)
		})
	huma.Register(a.huma, describe(http.MethodPost, "get_broker_by_id", tagBrokers, "Show a broker", one, statuses...),
		func(ctx context.Context, in *struct {
			ReadParams
			Body BrokerArgs
		}) (*answer[Record[BrokerFields]], error) {
			return a.broker(ctx, in.ReadParams, in.Body.BrokerID)
		})
}

// brokerBytes is what a broker takes in an answer, as a value and as JSON, about.
const brokerBytes = 1000

func (a *API) activeBrokers(ctx context.Context, in *ReadParams) (*answer[[]Record[BrokerFields]], error) {
	img, err := a.read(ctx, *in)
	if err != nil {
		return nil, err
	}
	list := []Record[BrokerFields]{}
	for _, b := range img.Brokers() {
		if !b.Fenced {
			list = append(list, newRecord(record.TypeRegisterBroker.String(), brokerFields(b, img.Version()), placeOfImage(img)))
		}
	}
	if err := afford(ctx, int64(len(list))*brokerBytes); err != nil {
		return nil, err
	}
	return &answer[[]Record[BrokerFields]]{headersOf(img), list}, nil
}

func (a *API) broker(ctx context.Context, p ReadParams, id int32) (*answer[Record[BrokerFields]], error) {
	img, err := a.read(ctx, p)
	if err != nil {
		return nil, err
	}
	b := img.Broker(id)
	if b == nil {
		return nil, kafkaProblem(kerr.BrokerIDNotRegistered, notRegistered(id))
	}
	return &answer[Record[BrokerFields]]{headersOf(img), newRecord(record.TypeRegisterBroker.String(), brokerFields(b, img.Version()), placeOfImage(img))}, nil
}

func notRegistered(id int32) string { return "Broker " + itoa(id) + " is not registered." }

// register is a BrokerRegistration as a broker's process would send it, with what such a process knows of itself made up.
func (a *API) register(ctx context.Context, in *struct {
	WriteParams
	Body registerArgs
}) (*answer[Record[BrokerFields]], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	outcome, err := a.do(ctx, controller.Operation{Name: "register", Make: func(img *metadata.Image) (kmsg.Request, error) {
		return in.Body.request(a.cfg.ClusterID, img), nil
	}})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.BrokerRegistrationResponse)
	if err := codeProblem(resp.ErrorCode, outcome.Message); err != nil {
		return nil, err
	}
	for _, w := range outcome.Written {
		if r, ok := w.Record.(*record.RegisterBroker); ok {
			at := placeOf(w)
			return &answer[Record[BrokerFields]]{PositionHeaders{at.offset, at.epoch}, newRecord(r.Type().String(), registerFields(r), at)}, nil
		}
	}
	return nil, newProblem(http.StatusInternalServerError, kerr.UnknownServerError, "The registration wrote no record.")
}

func (r *registerArgs) request(clusterID string, img *metadata.Image) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.Version, req.BrokerID, req.ClusterID = 4, r.BrokerID, clusterID
	req.IncarnationID = uuidOr(r.InternalUUID, newUUID)
	if r.RackID != "" {
		req.Rack = &r.RackID
	}
	main := listener{r.SecurityProtocol, r.BrokerHost, r.BrokerPort, r.SecurityProtocol}
	for _, l := range append([]listener{main}, r.Listeners...) {
		protocol, _ := protocolNumber(l.SecurityProtocol)
		e := kmsg.NewBrokerRegistrationRequestListener()
		e.Name, e.Host, e.Port, e.SecurityProtocol = l.Name, l.Host, uint16(l.Port), protocol
		req.Listeners = append(req.Listeners, e)
	}
	for _, f := range metadata.SupportedFeatures(img.Version() > metadata.LatestVersion) {
		feature := kmsg.NewBrokerRegistrationRequestFeature()
		feature.Name, feature.MinSupportedVersion, feature.MaxSupportedVersion = f.Name, f.Min, f.Max
		req.Features = append(req.Features, feature)
	}
	for _, d := range r.logDirs(img) {
		req.LogDirs = append(req.LogDirs, d)
	}
	return req
}

// logDirs are those given, those of the broker's last registration, or one that is new.
func (r *registerArgs) logDirs(img *metadata.Image) []record.UUID {
	var dirs []record.UUID
	for _, d := range r.LogDirs {
		dirs = append(dirs, uuidOr(d, newUUID))
	}
	if b := img.Broker(r.BrokerID); len(dirs) == 0 && b != nil {
		dirs = b.LogDirs
	}
	if len(dirs) == 0 {
		dirs = []record.UUID{newUUID()}
	}
	return dirs
}

var targets = map[string]controller.BrokerTarget{
	statusFenced: controller.TargetFenced, statusUnfenced: controller.TargetUnfenced, "ALIVE": controller.TargetUnfenced, statusClosed: controller.TargetShutdown,
}

func (a *API) changeBroker(ctx context.Context, in *struct {
	WriteParams
	Body changeArgs
}) (*answer[Record[BrokerChangeFields]], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	resume := turnOf(ctx).pause()
	outcome, err := a.cfg.Controller.ChangeBroker(ctx, caller(ctx), in.Body.change())
	resume()
	if err != nil {
		return nil, problemOf(err)
	}
	at := placeOfImage(outcome.Image)
	for _, w := range outcome.Written {
		switch w.Record.(type) {
		case *record.BrokerRegistrationChange, *record.RegisterBroker:
			at = placeOf(w)
		}
	}
	fields := changeFields(outcome.Broker, outcome.Image.Version())
	return &answer[Record[BrokerChangeFields]]{PositionHeaders{at.offset, at.epoch}, newRecord(record.TypeBrokerRegistrationChange.String(), fields, at)}, nil
}

func (c *changeArgs) change() controller.BrokerChange {
	change := controller.BrokerChange{BrokerID: c.BrokerID, BrokerEpoch: c.Epoch, Host: c.BrokerHost, Rack: c.RackID}
	if target, ok := targets[c.BrokerStatus]; ok {
		change.State = &target
	}
	if c.BrokerPort != nil {
		port := uint16(*c.BrokerPort)
		change.Port = &port
	}
	if protocol, ok := protocolNumber(c.SecurityProtocol); ok {
		change.SecurityProtocol = &protocol
	}
	return change
}

func (a *API) unregister(ctx context.Context, id int32) (*answer[unregisterAnswer], error) {
	ctx, cancel := a.bounded(ctx)
	defer cancel()
	var incarnation record.UUID
	outcome, err := a.do(ctx, controller.Operation{Name: "unregister_broker", Make: func(img *metadata.Image) (kmsg.Request, error) {
		b := img.Broker(id)
		if b == nil {
			return nil, protocol.Errorf(kerr.BrokerIDNotRegistered, "%s", notRegistered(id))
		}
		incarnation = b.IncarnationID
		req := kmsg.NewPtrUnregisterBrokerRequest()
		req.BrokerID = id
		return req, nil
	}})
	if err != nil {
		return nil, problemOf(err)
	}
	resp := outcome.Response.(*kmsg.UnregisterBrokerResponse)
	if err := codeProblem(resp.ErrorCode, resp.ErrorMessage); err != nil {
		return nil, err
	}
	last := outcome.Written[len(outcome.Written)-1]
	r := last.Record.(*record.UnregisterBroker)
	at := placeOf(last)
	told := newRecord(r.Type().String(), UnregisterFields{r.BrokerID, r.BrokerEpoch}, at)
	return &answer[unregisterAnswer]{PositionHeaders{at.offset, at.epoch}, unregisterAnswer{told, incarnation.String()}}, nil
}

// parseUUID reads Kafka's form of an id, or the one with hyphens.
func parseUUID(s string) (record.UUID, error) {
	if len(s) == 36 {
		var u record.UUID
		_, err := hex.Decode(u[:], []byte(strings.ReplaceAll(s, "-", "")))
		return u, err
	}
	return record.ParseUUID(s)
}

func uuidOr(s string, other func() record.UUID) record.UUID {
	u, err := parseUUID(s)
	if s == "" || err != nil {
		return other()
	}
	return u
}

// newUUID is a random id that tools do not take for an option.
func newUUID() record.UUID {
	for {
		var u record.UUID
		_, _ = rand.Read(u[:]) // never fails
		u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
		if u.String()[0] != '-' {
			return u
		}
	}
}
