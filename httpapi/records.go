package httpapi

import (
	"time"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/controller/feed"
	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
)

// Record is one record of the metadata log, with the fields of its kind.
type Record[F any] struct {
	Type      string `json:"type" doc:"What the record is of." enum:"metadata,control" example:"metadata"`
	Name      string `json:"name" doc:"The record's name in Kafka's schemas." example:"TopicRecord"`
	Fields    F      `json:"fields" doc:"The record's content."`
	Timestamp string `json:"timestamp" format:"date-time" doc:"When its batch was appended to the log." example:"2026-11-22T10:00:00.000Z"`
	Offset    int64  `json:"offset" minimum:"-1" doc:"Its place in the log; -1 for one that was only rehearsed." example:"42"`
	Epoch     int32  `json:"epoch" minimum:"-1" doc:"Leader epoch of the controller that wrote it." example:"3"`
}

// BrokerFields are those of a RegisterBrokerRecord.
type BrokerFields struct {
	InternalUUID     string `json:"internalUUID" doc:"Incarnation of the broker." example:"Xl7fYz0kQJyf3J0Wm3W1Xg"`
	BrokerID         int32  `json:"brokerId" doc:"The broker." example:"1"`
	BrokerHost       string `json:"brokerHost" doc:"Host of its first listener; empty when it has none." example:"broker-1.example.com"`
	BrokerPort       int32  `json:"brokerPort" doc:"Port of its first listener." example:"9092"`
	SecurityProtocol string `json:"securityProtocol" doc:"Protocol of its first listener." example:"PLAINTEXT"`
	BrokerStatus     string `json:"brokerStatus" enum:"INIT,FENCED,UNFENCED,CLOSED" doc:"INIT registered, never yet unfenced; UNFENCED alive and caught up; FENCED not; CLOSED in or after a controlled shutdown." example:"INIT"`
	RackID           string `json:"rackId" doc:"Its rack; empty for none." example:"eu-1a"`
	Epoch            int64  `json:"epoch" doc:"Epoch of this registration." example:"7"`
}

// TopicFields are those of a TopicRecord.
type TopicFields struct {
	TopicUUID string `json:"topicUUID" doc:"The topic's id." example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	Name      string `json:"name" doc:"The topic's name." example:"orders"`
}

// PartitionFields are those of a PartitionRecord.
type PartitionFields struct {
	PartitionID      int32   `json:"partitionId" doc:"The partition." example:"0"`
	TopicUUID        string  `json:"topicUUID" doc:"Its topic." example:"Jb1aPjOFQJ2pUL4xzHq1Lg"`
	Replicas         []int32 `json:"replicas" doc:"Brokers that hold it, the preferred leader first." example:"[1,2,3]"`
	ISR              []int32 `json:"ISR" doc:"Replicas in sync." example:"[1,2,3]"`
	RemovingReplicas []int32 `json:"removingReplicas" doc:"Replicas that a running reassignment takes away." example:"[]"`
	AddingReplicas   []int32 `json:"addingReplicas" doc:"Replicas that a running reassignment brings." example:"[]"`
	Leader           int32   `json:"leader" doc:"The leader; -1 for none." example:"1"`
	PartitionEpoch   int32   `json:"partitionEpoch" doc:"Counts the partition's changes." example:"0"`
}

// ProducerIDsFields are those of a ProducerIdsRecord.
type ProducerIDsFields struct {
	BrokerID    int32 `json:"brokerId" doc:"Who got the block." example:"1"`
	BrokerEpoch int64 `json:"brokerEpoch" doc:"Its epoch." example:"7"`
	ProducerID  int64 `json:"producerId" doc:"First id of the block." example:"0"`
}

// BrokerChangeFields are those of a BrokerRegistrationChangeRecord.
type BrokerChangeFields struct {
	BrokerID         int32  `json:"brokerId" doc:"The broker." example:"1"`
	BrokerHost       string `json:"brokerHost" doc:"Host of its first listener." example:"broker-1.example.com"`
	BrokerPort       int32  `json:"brokerPort" doc:"Port of its first listener." example:"9092"`
	SecurityProtocol string `json:"securityProtocol" doc:"Protocol of its first listener." example:"PLAINTEXT"`
	BrokerStatus     string `json:"brokerStatus" enum:"INIT,FENCED,UNFENCED,CLOSED" doc:"Its status from here on." example:"UNFENCED"`
	Epoch            int64  `json:"epoch" doc:"Epoch of its registration." example:"7"`
}

// UnregisterFields are those of an UnregisterBrokerRecord.
type UnregisterFields struct {
	BrokerID int32 `json:"brokerId" doc:"The broker." example:"1"`
	Epoch    int64 `json:"epoch" doc:"Epoch of the registration that is gone." example:"7"`
}

// Statuses of a broker.
const (
	statusInit     = "INIT"
	statusFenced   = "FENCED"
	statusUnfenced = "UNFENCED"
	statusClosed   = "CLOSED"
)

var protocolNames = [...]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}

func protocolName(p int16) string {
	if p < 0 || int(p) >= len(protocolNames) {
		return "UNKNOWN"
	}
	return protocolNames[p]
}

func protocolNumber(name string) (int16, bool) {
	for i, n := range protocolNames {
		if n == name {
			return int16(i), true
		}
	}
	return 0, false
}

// status tells a broker's state by its registration. That a fenced broker was never unfenced shows, from metadata.version 4.3 on, in its
// cordoned directories: they are unknown until its first heartbeat that has caught up.
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

// place is where a record stands.
type place struct {
	offset      int64
	epoch       int32
	timestampMs int64
}

func placeOf(w controller.Written) place { return place{w.Offset, w.Epoch, w.TimestampMs} }

// placeOfImage is that of the last record that an image contains; records made from an image carry it.
func placeOfImage(img *metadata.Image) place {
	return place{img.EndOffset() - 1, img.Epoch(), img.TimestampMs()}
}

func newRecord[F any](name string, fields F, at place) Record[F] {
	return Record[F]{Type: "metadata", Name: name, Fields: fields, Timestamp: timestamp(at.timestampMs), Offset: at.offset, Epoch: at.epoch}
}

func timestamp(ms int64) string {
	return time.UnixMilli(max(ms, 0)).UTC().Format("2006-01-02T15:04:05.000Z")
}

func firstEndpoint(endpoints []record.Endpoint) record.Endpoint {
	if len(endpoints) == 0 {
		return record.Endpoint{}
	}
	return endpoints[0]
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func brokerFields(b *metadata.Broker, v metadata.Version) BrokerFields {
	e := firstEndpoint(b.Endpoints)
	return BrokerFields{
		InternalUUID: b.IncarnationID.String(), BrokerID: b.ID, BrokerHost: e.Host, BrokerPort: int32(e.Port), SecurityProtocol: protocolName(e.SecurityProtocol),
		BrokerStatus: status(b, v), RackID: text(b.Rack), Epoch: b.Epoch,
	}
}

// registerFields are those of a registration as it is written: fenced is INIT there.
func registerFields(r *record.RegisterBroker) BrokerFields {
	e := firstEndpoint(r.Endpoints)
	f := BrokerFields{
		InternalUUID: r.IncarnationID.String(), BrokerID: r.BrokerID, BrokerHost: e.Host, BrokerPort: int32(e.Port), SecurityProtocol: protocolName(e.SecurityProtocol),
		BrokerStatus: statusUnfenced, RackID: text(r.Rack), Epoch: r.BrokerEpoch,
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
	return BrokerChangeFields{f.BrokerID, f.BrokerHost, f.BrokerPort, f.SecurityProtocol, f.BrokerStatus, f.Epoch}
}

func partitionFields(topic record.UUID, id int32, p *metadata.Partition) PartitionFields {
	return PartitionFields{
		PartitionID: id, TopicUUID: topic.String(), Replicas: ids(p.Replicas), ISR: ids(p.ISR), RemovingReplicas: ids(p.Removing()),
		AddingReplicas: ids(p.Adding()), Leader: p.Leader, PartitionEpoch: p.PartitionEpoch,
	}
}

// ids is never null in JSON.
func ids(list []int32) []int32 {
	if list == nil {
		return []int32{}
	}
	return list
}

// producerIDBlock is how many ids a block has; the log only has the id after it.
const producerIDBlock = 1000

// tell is a record as the operations show it: the kinds that have fields of their own here, with what they come to; the others as they
// stand in the log.
func tell(r record.Record, s feed.State, v metadata.Version) (name string, fields any) {
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
		return name, PartitionFields{
			PartitionID: r.PartitionID, TopicUUID: r.TopicID.String(), Replicas: ids(r.Replicas), ISR: ids(r.ISR), RemovingReplicas: ids(r.RemovingReplicas),
			AddingReplicas: ids(r.AddingReplicas), Leader: r.Leader, PartitionEpoch: r.PartitionEpoch,
		}
	case *record.ProducerIDs:
		return name, ProducerIDsFields{r.BrokerID, r.BrokerEpoch, r.NextProducerID - producerIDBlock}
	}
	switch r := r.(type) {
	case *record.PartitionChange:
		if s.Partition != nil {
			return record.TypePartition.String(), partitionFields(r.TopicID, r.PartitionID, s.Partition)
		}
	case *record.BrokerRegistrationChange, *record.FenceBroker, *record.UnfenceBroker:
		if s.Broker != nil {
			return record.TypeBrokerRegistrationChange.String(), changeFields(s.Broker, v)
		}
	}
	return name, rawFields(r)
}

// appendTold appends a record as tell shows it.
func appendTold(dst []byte, r record.Record, s feed.State, v metadata.Version, at place) []byte {
	name, fields := tell(r, s, v)
	return appendJSON(dst, newRecord(name, fields, at))
}

// Time is a time as the API writes it; "" for one that is not known.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timestamp(t.UnixMilli())
}
