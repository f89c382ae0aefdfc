package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// A record as it stands in the log has the field names of Kafka's schemas. Ours follow from them by Go's rules for names, so the way back is
// a rule too, but for the few in kafkaNames.

// rawFields are a record's fields by Kafka's names. Secrets are hidden; what a PartitionChange or BrokerRegistrationChange leaves as it was
// is left out.
func rawFields(r any) map[string]any {
	fields, _ := rawValue(reflect.ValueOf(r), sparse(r)).(map[string]any)
	switch r := r.(type) {
	case *record.UserScramCredential:
		fields["salt"], fields["storedKey"], fields["serverKey"] = hidden, hidden, hidden
	case *record.Config:
		if r.Value != nil {
			fields["value"] = shown(r.Name, *r.Value)
		}
	case *record.PartitionChange:
		if r.Leader == record.NoLeaderChange {
			delete(fields, "leader")
		}
		if r.LeaderRecoveryState == record.NoRecoveryChange {
			delete(fields, "leaderRecoveryState")
		}
	}
	return fields
}

const hidden = "(hidden)"

// shown is a configuration value as anybody may see it.
func shown(name, value string) string {
	if protocol.Secret(name) {
		return hidden
	}
	return value
}

// sparse reports whether nil lists of a record say nothing: "as before", or none of a field that is not Kafka's.
func sparse(r any) bool {
	switch r.(type) {
	case *record.PartitionChange, *record.BrokerRegistrationChange, *record.NoOp:
		return true
	}
	return false
}

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// rawValue turns a value of package record into what encoding/json writes as Kafka names it.
func rawValue(v reflect.Value, sparse bool) any {
	if v.Type().Implements(textMarshaler) {
		return v.Interface()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return rawValue(v.Elem(), sparse)
	case reflect.Struct:
		return rawStruct(v, sparse)
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64) // which JSON has no number for
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Interface()
		}
		list := make([]any, v.Len())
		for i := range list {
			list[i] = rawValue(v.Index(i), false)
		}
		return list
	}
	return v.Interface()
}

func rawStruct(v reflect.Value, sparse bool) map[string]any {
	t := v.Type()
	fields := make(map[string]any, t.NumField())
	for i := range t.NumField() {
		f, name := v.Field(i), t.Field(i).Name
		switch absent := f.Kind() == reflect.Slice && f.IsNil(); {
		case absent && sparse:
		case absent && nullable[name]:
			fields[kafkaName(t, name)] = nil
		default:
			fields[kafkaName(t, name)] = rawValue(f, false)
		}
	}
	return fields
}

// nullable are the lists of which none is something else than an empty one.
var nullable = map[string]bool{"CordonedLogDirs": true, "EligibleLeaderReplicas": true, "LastKnownELR": true}

// kafkaNames are those that the rule does not give.
var kafkaNames = map[reflect.Type]map[string]string{
	reflect.TypeFor[record.RegisterBroker]():     {"Endpoints": "endPoints"},
	reflect.TypeFor[record.RegisterController](): {"Endpoints": "endPoints"},
	reflect.TypeFor[record.FeatureRange]():       {"Min": "minSupportedVersion", "Max": "maxSupportedVersion"},
	reflect.TypeFor[record.FeatureLevel]():       {"Level": "featureLevel"},
	reflect.TypeFor[record.QuotaEntity]():        {"Type": "entityType", "Name": "entityName"},
	reflect.TypeFor[record.ZkMigrationState]():   {"State": "zkMigrationState"},
}

var initialisms = strings.NewReplacer("UUID", "Uuid", "ISR", "Isr", "ELR", "Elr", "IDs", "Ids", "ID", "Id")

// kafkaName is a field's name in Kafka's schema.
func kafkaName(t reflect.Type, name string) string {
	if special := kafkaNames[t][name]; special != "" {
		return special
	}
	name = initialisms.Replace(name)
	return strings.ToLower(name[:1]) + name[1:]
}

// appendLogRecord appends the JSON of one record of a batch as it stands in the log.
func appendLogRecord(dst []byte, control bool, key, value []byte, at place) ([]byte, error) {
	rec := newRecord[any]("", nil, at)
	if control {
		r, err := record.DecodeControl(key, value)
		if err != nil {
			return dst, err
		}
		rec.Type, rec.Name, rec.Fields = "control", r.ControlType().String(), rawFields(r)
	} else {
		r, _, err := record.Decode(value)
		if err != nil {
			return dst, err
		}
		rec.Name, rec.Fields = r.Type().String(), rawFields(r)
	}
	return appendJSON(dst, rec), nil
}

// appendJSON appends v, which cannot fail to be encoded, without escaping HTML.
func appendJSON(dst []byte, v any) []byte {
	out := appender(dst)
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out, []byte("\n"))
}

// appender appends what is written to it.
type appender []byte

func (a *appender) Write(b []byte) (int, error) {
	*a = append(*a, b...)
	return len(b), nil
}
