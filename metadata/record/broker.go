package record

import "github.com/yakt/yakt/protocol"

// Endpoint is a listener's address as brokers and controllers register it.
type Endpoint struct {
	Name             string
	Host             string
	Port             uint16
	SecurityProtocol int16 // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
}

func (e *Endpoint) code(c *coder) {
	c.string(&e.Name)
	c.string(&e.Host)
	c.uint16(&e.Port)
	c.int16(&e.SecurityProtocol)
	c.noTags()
}

// FeatureRange is a feature with the levels that a node supports.
type FeatureRange struct {
	Name string
	Min  int16
	Max  int16
}

func (f *FeatureRange) code(c *coder) {
	c.string(&f.Name)
	c.int16(&f.Min)
	c.int16(&f.Max)
	c.noTags()
}

const (
	endpointMinBytes = 1 + 1 + 2 + 2 + 1
	featureMinBytes  = 1 + 2 + 2 + 1
)

// RegisterBroker replaces a broker's registration as a whole.
type RegisterBroker struct {
	BrokerID             int32
	IsMigratingZkBroker  bool // v2+
	IncarnationID        protocol.UUID
	BrokerEpoch          int64
	Endpoints            []Endpoint
	Features             []FeatureRange
	Rack                 *string
	Fenced               bool
	InControlledShutdown bool            // v1+
	LogDirs              []protocol.UUID // v3+
	CordonedLogDirs      []protocol.UUID // v4+; nil is unknown, empty is none
}

// RackName is the name of a rack, "" for a broker without one.
func RackName(rack *string) string {
	if rack == nil {
		return ""
	}
	return *rack
}

// Type implements Record.
func (*RegisterBroker) Type() Type { return TypeRegisterBroker }

func (r *RegisterBroker) code(c *coder) {
	c.int32(&r.BrokerID)
	if c.since(2, r.IsMigratingZkBroker) {
		c.bool(&r.IsMigratingZkBroker)
	}
	c.uuid(&r.IncarnationID)
	c.int64(&r.BrokerEpoch)
	array(c, &r.Endpoints, endpointMinBytes, func(c *coder, e *Endpoint) { e.code(c) })
	array(c, &r.Features, featureMinBytes, func(c *coder, f *FeatureRange) { f.code(c) })
	c.nullableString(&r.Rack)
	c.bool(&r.Fenced)
	if c.since(1, r.InControlledShutdown) {
		c.bool(&r.InControlledShutdown)
	}
	c.tags(
		tagged{0, 3, len(r.LogDirs) > 0, func(c *coder) { c.uuids(&r.LogDirs) }},
		tagged{
			1, 4, r.CordonedLogDirs != nil, func(c *coder) { c.nullableUUIDs(&r.CordonedLogDirs) },
		},
	)
}

// UnregisterBroker removes a registration.
type UnregisterBroker struct {
	BrokerID    int32
	BrokerEpoch int64
}

// Type implements Record.
func (*UnregisterBroker) Type() Type { return TypeUnregisterBroker }

func (r *UnregisterBroker) code(c *coder) {
	c.int32(&r.BrokerID)
	c.int64(&r.BrokerEpoch)
	c.noTags()
}

// FenceBroker is a legacy form of BrokerRegistrationChange. It is replayed and no longer written.
type FenceBroker struct {
	ID    int32
	Epoch int64
}

// Type implements Record.
func (*FenceBroker) Type() Type { return TypeFenceBroker }

func (r *FenceBroker) code(c *coder) {
	c.int32(&r.ID)
	c.int64(&r.Epoch)
	c.noTags()
}

// UnfenceBroker is a legacy form of BrokerRegistrationChange. It is replayed and no longer written.
type UnfenceBroker struct {
	ID    int32
	Epoch int64
}

// Type implements Record.
func (*UnfenceBroker) Type() Type { return TypeUnfenceBroker }

func (r *UnfenceBroker) code(c *coder) {
	c.int32(&r.ID)
	c.int64(&r.Epoch)
	c.noTags()
}

// Values of BrokerRegistrationChange.Fenced.
const (
	FencedUnfence  int8 = -1
	FencedNoChange int8 = 0
	FencedFence    int8 = 1
)

// BrokerRegistrationChange changes single fields of a registration. It is written in the lowest
// version that has the fields it sets.
type BrokerRegistrationChange struct {
	BrokerID             int32
	BrokerEpoch          int64
	Fenced               int8            // FencedUnfence, FencedNoChange, FencedFence
	InControlledShutdown int8            // v1+; 1 enters controlled shutdown, 0 no change
	LogDirs              []protocol.UUID // v2+; empty is no change
	CordonedLogDirs      []protocol.UUID // v3+; nil is no change, empty is none
}

// Type implements Record.
func (*BrokerRegistrationChange) Type() Type { return TypeBrokerRegistrationChange }

func (r *BrokerRegistrationChange) code(c *coder) {
	c.int32(&r.BrokerID)
	c.int64(&r.BrokerEpoch)
	c.tags(
		tagged{0, 0, r.Fenced != 0, func(c *coder) { c.int8(&r.Fenced) }},
		tagged{
			1, 1, r.InControlledShutdown != 0, func(c *coder) { c.int8(&r.InControlledShutdown) },
		},
		tagged{2, 2, len(r.LogDirs) > 0, func(c *coder) { c.uuids(&r.LogDirs) }},
		tagged{
			3, 3, r.CordonedLogDirs != nil, func(c *coder) { c.nullableUUIDs(&r.CordonedLogDirs) },
		},
	)
}

// RegisterController replaces a controller's registration.
type RegisterController struct {
	ControllerID     int32
	IncarnationID    protocol.UUID
	ZkMigrationReady bool
	Endpoints        []Endpoint
	Features         []FeatureRange
}

// Type implements Record.
func (*RegisterController) Type() Type { return TypeRegisterController }

func (r *RegisterController) code(c *coder) {
	c.int32(&r.ControllerID)
	c.uuid(&r.IncarnationID)
	c.bool(&r.ZkMigrationReady)
	array(c, &r.Endpoints, endpointMinBytes, func(c *coder, e *Endpoint) { e.code(c) })
	array(c, &r.Features, featureMinBytes, func(c *coder, f *FeatureRange) { f.code(c) })
	c.noTags()
}

// UnregisterController removes a controller's registration. It is written from metadata.version
// 4.4-IV2 on.
type UnregisterController struct {
	ControllerID int32
}

// Type implements Record.
func (*UnregisterController) Type() Type { return TypeUnregisterController }

func (r *UnregisterController) code(c *coder) {
	c.int32(&r.ControllerID)
	c.noTags()
}
