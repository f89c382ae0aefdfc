package httpapi

import (
	"time"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Record is one record of the metadata log, with the fields of its kind.
type Record[F any] struct {
	// metadata, or control for the quorum's own records.
	Type string `json:"type" enum:"metadata,control" example:"metadata"`
	// The record's name in Kafka's schemas.
	Name string `json:"name" example:"TopicRecord"`
	// The record's content.
	Fields F `json:"fields"`
	// When the record's batch was appended to the log.
	Timestamp string `json:"timestamp" format:"date-time" example:"2026-11-22T10:00:00.000Z"`
	// The record's offset in the log; -1 after validateOnly, which appends nothing.
	Offset int64 `json:"offset" minimum:"-1" example:"42"`
	// Leader epoch of the controller that appended the record.
	Epoch int32 `json:"epoch" minimum:"-1" example:"3"`
}

// BrokerFields are the fields of a RegisterBrokerRecord.
type BrokerFields struct {
	// Incarnation of the broker.
	InternalUUID string `json:"internalUUID" example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	// Id of the broker.
	BrokerID int32 `json:"brokerId" example:"1"`
	// Host of the broker's first listener; empty if it has none.
	BrokerHost string `json:"brokerHost" example:"broker-1.example.com"`
	// Port of the broker's first listener.
	BrokerPort int32 `json:"brokerPort" example:"9092"`
	// Security protocol of the broker's first listener.
	SecurityProtocol string `json:"securityProtocol" example:"PLAINTEXT"`
	// INIT: registered and never unfenced. UNFENCED: alive and caught up. FENCED: not alive, or not
	// caught up. CLOSED: in a controlled shutdown, or after it.
	BrokerStatus string `json:"brokerStatus" enum:"INIT,FENCED,UNFENCED,CLOSED" example:"INIT"`
	// Rack of the broker; empty if it has none.
	RackID string `json:"rackId" example:"eu-1a"`
	// Epoch of the registration.
	Epoch int64 `json:"epoch" example:"7"`
}

// TopicFields are the fields of a TopicRecord.
type TopicFields struct {
	// Id of the topic.
	TopicUUID string `json:"topicUUID" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Name of the topic.
	Name string `json:"name" example:"orders"`
}

// PartitionFields are the fields of a PartitionRecord.
type PartitionFields struct {
	// Id of the partition.
	PartitionID int32 `json:"partitionId" example:"0"`
	// Id of the partition's topic.
	TopicUUID string `json:"topicUUID" example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	// Brokers that hold a replica, the preferred leader first.
	Replicas []int32 `json:"replicas" example:"[1,2,3]"`
	// Replicas in sync with the leader.
	ISR []int32 `json:"ISR" example:"[1,2,3]"`
	// Replicas that the current reassignment removes.
	RemovingReplicas []int32 `json:"removingReplicas" example:"[]"`
	// Replicas that the current reassignment adds.
	AddingReplicas []int32 `json:"addingReplicas" example:"[]"`
	// Broker that leads the partition; -1 if none does.
	Leader int32 `json:"leader" example:"1"`
	// Number of changes of the partition since its creation.
	PartitionEpoch int32 `json:"partitionEpoch" example:"0"`
}

// ProducerIDsFields are the fields of a ProducerIdsRecord.
type ProducerIDsFields struct {
	// Broker that the block is allocated to.
	BrokerID int32 `json:"brokerId" example:"1"`
	// Epoch of the broker's registration.
	BrokerEpoch int64 `json:"brokerEpoch" example:"7"`
	// First id of the block.
	ProducerID int64 `json:"producerId" example:"0"`
}

// BrokerChangeFields are the fields of a BrokerRegistrationChangeRecord.
type BrokerChangeFields struct {
	// Id of the broker.
	BrokerID int32 `json:"brokerId" example:"1"`
	// Host of the broker's first listener.
	BrokerHost string `json:"brokerHost" example:"broker-1.example.com"`
	// Port of the broker's first listener.
	BrokerPort int32 `json:"brokerPort" example:"9092"`
	// Security protocol of the broker's first listener.
	SecurityProtocol string `json:"securityProtocol" example:"PLAINTEXT"`
	// Status of the broker after the change.
	BrokerStatus string `json:"brokerStatus" enum:"INIT,FENCED,UNFENCED,CLOSED" example:"UNFENCED"`
	// Epoch of the registration.
	Epoch int64 `json:"epoch" example:"7"`
}

// UnregisterFields are the fields of an UnregisterBrokerRecord.
type UnregisterFields struct {
	// Id of the broker.
	BrokerID int32 `json:"brokerId" example:"1"`
	// Epoch of the registration that was removed.
	Epoch int64 `json:"epoch" example:"7"`
}

// Statuses of a broker.
const (
	statusInit     = "INIT"
	statusFenced   = "FENCED"
	statusUnfenced = "UNFENCED"
	statusClosed   = "CLOSED"
)

// status is the status of a registered broker. From metadata.version 4.3 on the cordoned
// directories of a broker are unknown until its first heartbeat after it has caught up, which
// distinguishes a broker that was never unfenced.
func status(b *metadata.Broker, v metadata.Version) string {
	switch {
	case b.InControlledShutdown:
		return statusClosed
	case !b.Fenced:
		return statusUnfenced
	case b.CordonedLogDirs == nil && v.HasCordonedDirectories():
		return statusInit
	}
	return statusFenced
}

// position is a record's position in the log.
type position struct {
	offset      int64 // -1: not in the log
	epoch       int32
	timestampMs int64
}

// writtenPosition is the position of a record that an operation has written.
func writtenPosition(w controller.Written) position {
	return position{w.Offset, w.Epoch, w.TimestampMs}
}

// imagePosition is the position of the last record in an image. Records that are made from an image
// carry it.
func imagePosition(img *metadata.Image) position {
	return position{img.EndOffset() - 1, img.Epoch(), img.TimestampMs()}
}

func (p position) headers() PositionHeaders { return PositionHeaders{p.offset, p.epoch} }

func newRecord[F any](name string, fields F, at position) Record[F] {
	return Record[F]{
		Type: "metadata", Name: name, Fields: fields, Timestamp: timestamp(at.timestampMs),
		Offset: at.offset, Epoch: at.epoch,
	}
}

// timestamp writes a time in Unix milliseconds as RFC 3339 in UTC.
func timestamp(ms int64) string {
	return time.UnixMilli(max(ms, 0)).UTC().Format("2006-01-02T15:04:05.000Z")
}

// Time writes a time as the API's answers do, in RFC 3339 with milliseconds; "" for the zero time.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timestamp(t.UnixMilli())
}

func firstEndpoint(endpoints []record.Endpoint) record.Endpoint {
	if len(endpoints) == 0 {
		return record.Endpoint{}
	}
	return endpoints[0]
}

// orEmpty is the text that s points to; "" for nil.
func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func brokerFields(b *metadata.Broker, v metadata.Version) BrokerFields {
	e := firstEndpoint(b.Endpoints)
	return BrokerFields{
		InternalUUID: b.IncarnationID.String(), BrokerID: b.ID, BrokerHost: e.Host,
		BrokerPort: int32(e.Port), SecurityProtocol: protocolName(e.SecurityProtocol),
		BrokerStatus: status(b, v), RackID: orEmpty(b.Rack), Epoch: b.Epoch,
	}
}

// registerFields are the fields of a registration record. Its status is INIT if it is fenced and
// has no cordoned directories, since an earlier registration is not known here.
func registerFields(r *record.RegisterBroker) BrokerFields {
	e := firstEndpoint(r.Endpoints)
	f := BrokerFields{
		InternalUUID: r.IncarnationID.String(), BrokerID: r.BrokerID, BrokerHost: e.Host,
		BrokerPort: int32(e.Port), SecurityProtocol: protocolName(e.SecurityProtocol),
		BrokerStatus: statusUnfenced, RackID: orEmpty(r.Rack), Epoch: r.BrokerEpoch,
	}
	switch {
	case r.InControlledShutdown:
		f.BrokerStatus = statusClosed
	case r.Fenced && r.CordonedLogDirs == nil:
		f.BrokerStatus = statusInit
	case r.Fenced:
		f.BrokerStatus = statusFenced
	}
	return f
}

func changeFields(b *metadata.Broker, v metadata.Version) BrokerChangeFields {
	f := brokerFields(b, v)
	return BrokerChangeFields{
		f.BrokerID, f.BrokerHost, f.BrokerPort, f.SecurityProtocol, f.BrokerStatus, f.Epoch,
	}
}

func partitionFields(topic protocol.UUID, id int32, p *metadata.Partition) PartitionFields {
	return PartitionFields{
		PartitionID: id, TopicUUID: topic.String(), Replicas: ids(p.Replicas), ISR: ids(p.ISR),
		RemovingReplicas: ids(p.Removing()), AddingReplicas: ids(p.Adding()), Leader: p.Leader,
		PartitionEpoch: p.PartitionEpoch,
	}
}

func newPartitionFields(r *record.Partition) PartitionFields {
	return PartitionFields{
		PartitionID: r.PartitionID, TopicUUID: r.TopicID.String(), Replicas: ids(r.Replicas),
		ISR: ids(r.ISR), RemovingReplicas: ids(r.RemovingReplicas),
		AddingReplicas: ids(r.AddingReplicas), Leader: r.Leader, PartitionEpoch: r.PartitionEpoch,
	}
}

// ids returns a list that JSON does not write as null.
func ids(list []int32) []int32 {
	if list == nil {
		return []int32{}
	}
	return list
}

// producerIDBlock is the number of ids in a block; the log contains only the id after the block.
const producerIDBlock = 1000

// present returns the name and the fields under which operations show a record. Kinds of records
// with a type of their own here show the state after the record, from s; all others show what is in
// the log.
func present(r record.Record, s feed.State, v metadata.Version) (name string, fields any) {
	name = r.Type().String()
	switch r := r.(type) {
	case *record.RegisterBroker:
		if s.Broker != nil {
			return name, brokerFields(s.Broker, v)
		}
		return name, registerFields(r)
	case *record.UnregisterBroker:
		return name, UnregisterFields{r.BrokerID, r.BrokerEpoch}
	case *record.Topic:
		return name, TopicFields{r.TopicID.String(), r.Name}
	case *record.RemoveTopic:
		return name, TopicFields{r.TopicID.String(), s.TopicName}
	case *record.Partition:
		return name, newPartitionFields(r)
	case *record.ProducerIDs:
		return name, ProducerIDsFields{r.BrokerID, r.BrokerEpoch, r.NextProducerID - producerIDBlock}
	}
	return presentChange(r, s, v)
}

// presentChange shows a record that changes something by the state after it, where s has that
// state, under the name of the record that describes such a state.
func presentChange(r record.Record, s feed.State, v metadata.Version) (string, any) {
	switch r := r.(type) {
	case *record.PartitionChange:
		if s.Partition != nil {
			fields := partitionFields(r.TopicID, r.PartitionID, s.Partition)
			return record.TypePartition.String(), fields
		}
	case *record.BrokerRegistrationChange, *record.FenceBroker, *record.UnfenceBroker:
		if s.Broker != nil {
			return record.TypeBrokerRegistrationChange.String(), changeFields(s.Broker, v)
		}
	}
	return r.Type().String(), rawFields(r)
}

// appendRecord appends the JSON of a record as operations show it.
func appendRecord(
	dst []byte, r record.Record, s feed.State, v metadata.Version, at position,
) []byte {
	name, fields := present(r, s, v)
	return appendJSON(dst, newRecord(name, fields, at))
}
