package httpapi

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/yakt/yakt/controller/acls"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/protocol"
)

// brokerFilter is an optional broker's id in a query.
type brokerFilter struct {
	Value int32
	Set   bool
}

// Receiver is the field for the parameter's value; huma calls it.
func (f *brokerFilter) Receiver() reflect.Value { return reflect.ValueOf(f).Elem().Field(0) }

// OnParamSet records whether the query has the parameter; huma calls it.
func (f *brokerFilter) OnParamSet(set bool, _ any) { f.Set = set }

// Schema describes the value; huma calls it.
func (f *brokerFilter) Schema(huma.Registry) *huma.Schema {
	least, most := 0.0, float64(1<<31-1)
	return &huma.Schema{
		Type: huma.TypeInteger, Format: "int32", Minimum: &least, Maximum: &most, Examples: []any{1},
	}
}

// BrokerListInput is the input of brokers.
type BrokerListInput struct {
	ReadParams
	PageParams
	// Only brokers with this status.
	Status string `query:"status" enum:"INIT,FENCED,UNFENCED,CLOSED" example:"FENCED"`
}

// BrokerState is one broker in a list, with what the controllers know of it.
type BrokerState struct {
	// Id of the broker.
	BrokerID int32 `json:"brokerId" example:"1"`
	// INIT: registered and never unfenced. UNFENCED: alive and caught up. FENCED: not alive, or not
	// caught up. CLOSED: in a controlled shutdown, or after it.
	Status string `json:"brokerStatus" enum:"INIT,FENCED,UNFENCED,CLOSED" example:"FENCED"`
	// Whether the broker leads nothing and is in no ISR that could do without it. A broker with the
	// status CLOSED is fenced when its shutdown has ended.
	Fenced bool `json:"fenced" example:"true"`
	// Why the broker is not active, as far as the node that answers knows; empty if it is active.
	Why string `json:"why" example:"No heartbeat arrived for 9s, and its session ended."`
	// Rack of the broker; empty if it has none.
	RackID string `json:"rackId" example:"eu-1a"`
	// Epoch of the registration.
	Epoch int64 `json:"epoch" example:"7"`
	// Incarnation of the broker.
	InternalUUID string `json:"internalUUID" example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	// Where clients and brokers reach it.
	Listeners []BrokerListener `json:"listeners"`
	// Ids of its log directories.
	LogDirs []string `json:"logDirs" example:"[\"rTudty6ITOCcO_ldVyzZYg\"]"`
	// Ids of its log directories that get no new replicas.
	CordonedLogDirs []string `json:"cordonedLogDirs" example:"[]"`
	// Number of partitions that it leads.
	Leads int `json:"leads" example:"12"`
	// Offset of its registration: it is unfenced after it has read the log up to there.
	RegisteredAt int64 `json:"registeredAt" example:"41"`
	// When its last heartbeat reached the active controller, which alone knows it.
	LastHeartbeat string `json:"lastHeartbeat,omitempty" example:"2026-11-22T10:00:00.000Z"`
	// Offset up to which it had read the log then; -1 if it is not known.
	MetadataOffset int64 `json:"metadataOffset" minimum:"-1" example:"42"`
}

// BrokerListener is a listener of a registered broker.
type BrokerListener struct {
	// Name of the listener.
	Name string `json:"name" example:"PLAINTEXT"`
	// Host at which it is reached.
	Host string `json:"host" example:"broker-1.example.com"`
	// Port at which it is reached.
	Port int32 `json:"port" example:"9092"`
	// Security protocol of the listener.
	SecurityProtocol string `json:"securityProtocol" example:"PLAINTEXT"`
}

// BrokerPage is the answer of brokers.
type BrokerPage struct {
	// The brokers, by id.
	Brokers []BrokerState `json:"brokers"`
	Page
}

func (a *API) brokerLists() {
	handle(a, operation{
		kind: readKind, name: "brokers", tag: tagBrokers,
		needs:   onCluster(acls.Describe),
		summary: "List brokers in all states",
		text: "A page of registered brokers by id. Only the active controller receives heartbeats, so " +
			"only it knows when the last one came and, for most brokers that are fenced, why: ask " +
			"with consistency=linearizable.",
	}, a.brokerPage)
}

func (a *API) brokerPage(ctx context.Context, in *BrokerListInput) (*answer[BrokerPage], error) {
	after, more, err := in.Cursor.parse()
	if err != nil {
		return nil, err
	}
	img, err := a.image(ctx, in.ReadParams)
	if err != nil {
		return nil, err
	}
	if err := afford(ctx, int64(min(int(in.Limit), img.BrokerCount()))*brokerBytes); err != nil {
		return nil, err
	}
	page, last := BrokerPage{Brokers: []BrokerState{}}, int32(-1)
	for id, b := range img.Brokers() {
		if more && id <= after.ID || in.Status != "" && status(b, img.Version()) != in.Status {
			continue
		}
		if len(page.Brokers) == int(in.Limit) {
			page.NextCursor = cursor{ID: last}.text()
			break
		}
		page.Brokers, last = append(page.Brokers, a.brokerState(img, b)), id
	}
	return &answer[BrokerPage]{headersOf(img), page}, nil
}

func (a *API) brokerState(img *metadata.Image, b *metadata.Broker) BrokerState {
	s := BrokerState{
		BrokerID: b.ID, Status: status(b, img.Version()), Fenced: b.Fenced, RackID: orEmpty(b.Rack),
		Epoch: b.Epoch, InternalUUID: b.IncarnationID.String(), Listeners: []BrokerListener{},
		LogDirs: []string{}, CordonedLogDirs: []string{}, Leads: img.Leads(b.ID),
		RegisteredAt: b.RegisteredAt, MetadataOffset: -1,
	}
	for _, e := range b.Endpoints {
		s.Listeners = append(s.Listeners, BrokerListener{
			e.Name, e.Host, int32(e.Port), protocolName(e.SecurityProtocol),
		})
	}
	for _, d := range b.LogDirs {
		s.LogDirs = append(s.LogDirs, d.String())
	}
	for _, d := range b.CordonedLogDirs {
		s.CordonedLogDirs = append(s.CordonedLogDirs, d.String())
	}
	known, active := a.cfg.Controller.Contact(b)
	s.LastHeartbeat, s.MetadataOffset = Time(known.Last), known.MetadataOffset
	s.Why = a.whyInactive(b, known.Last, known.MetadataOffset, active)
	return s
}

// whyInactive says why a broker is not active; "" if it is.
func (a *API) whyInactive(
	b *metadata.Broker, last time.Time, offset int64, knows bool,
) string {
	cordoned := len(b.LogDirs) > 0 && !slices.ContainsFunc(b.LogDirs,
		func(d protocol.UUID) bool { return !slices.Contains(b.CordonedLogDirs, d) })
	switch {
	case b.InControlledShutdown && b.Fenced:
		return "It has shut down, and has not registered again."
	case b.InControlledShutdown:
		return "It is in a controlled shutdown: its leaderships move to other brokers."
	case !b.Fenced && cordoned:
		return "It is active, and gets no new replicas: all its log directories are cordoned."
	case !b.Fenced:
		return ""
	case !knows:
		return "It is fenced. Only the active controller knows more: ask with consistency=linearizable."
	case last.IsZero():
		return fmt.Sprintf("No heartbeat has arrived since it was fenced or registered: it is not "+
			"running, cannot reach the active controller, or its session of %v ended.",
			a.cfg.SessionTimeout)
	case offset < b.RegisteredAt:
		return fmt.Sprintf("It sends heartbeats and has read the metadata log up to offset %d, but "+
			"not yet up to its own registration at %d.", offset, b.RegisteredAt)
	}
	return "It sends heartbeats and has caught up: it asks to stay fenced, or an operator fenced it " +
		"and its next heartbeat unfences it."
}
