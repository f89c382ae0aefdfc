package httpapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/yakt/yakt/controller"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Records of the log are shown with the field names of Kafka's schemas. The names in package record
// are those names by Go's rules, so kafkaName derives them back, except for the few in kafkaNames.

// rawFields are a record's fields by Kafka's names. Secrets are hidden. Fields that a
// PartitionChange or a BrokerRegistrationChange does not change are omitted.
func rawFields(r any) map[string]any {
	fields, _ := rawValue(reflect.ValueOf(r), sparse(r)).(map[string]any)
	switch r := r.(type) {
	case *record.UserScramCredential:
		fields["salt"], fields["storedKey"], fields["serverKey"] = hidden, hidden, hidden
	case *record.Config:
		if r.Value != nil {
			fields["value"] = shownOf(r.ResourceType, r.Name, *r.Value)
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

// hidden replaces a secret value.
const hidden = "(hidden)"

// shown is a configuration value, or hidden if it is a secret by its name.
func shown(name, value string) string {
	if protocol.Secret(name) {
		return hidden
	}
	return value
}

// shownOf is shown for a config of a kind of resources (metadata.ConfigTopic and so on). That of a
// broker may have any name: what Kafka does not define may be the misspelt name of a secret.
func shownOf(kind int8, name, value string) string {
	if controller.SecretConfig(kind, name) {
		return hidden
	}
	return shown(name, value)
}

// sparse reports whether a nil list in a record means that the record does not have the field: it
// does not change it, or Kafka's schema does not contain it.
func sparse(r any) bool {
	switch r.(type) {
	case *record.PartitionChange, *record.BrokerRegistrationChange, *record.NoOp:
		return true
	}
	return false
}

var textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()

// rawValue converts a value of package record into one that encoding/json writes with Kafka's
// names.
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
			return strconv.FormatFloat(f, 'g', -1, 64) // JSON has no such numbers
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

// nullable are the lists for which null and an empty list mean different things.
var nullable = map[string]bool{
	"CordonedLogDirs": true, "EligibleLeaderReplicas": true, "LastKnownELR": true,
}

// kafkaNames are the names that do not follow the rule of kafkaName.
var kafkaNames = map[reflect.Type]map[string]string{
	reflect.TypeFor[record.RegisterBroker]():     {"Endpoints": "endPoints"},
	reflect.TypeFor[record.RegisterController](): {"Endpoints": "endPoints"},
	reflect.TypeFor[record.FeatureLevel]():       {"Level": "featureLevel"},
	reflect.TypeFor[record.QuotaEntity]():        {"Type": "entityType", "Name": "entityName"},
	reflect.TypeFor[record.ZkMigrationState]():   {"State": "zkMigrationState"},
	reflect.TypeFor[record.FeatureRange](): {
		"Min": "minSupportedVersion", "Max": "maxSupportedVersion",
	},
}

var initialisms = strings.NewReplacer(
	"UUID", "Uuid", "ISR", "Isr", "ELR", "Elr", "IDs", "Ids", "ID", "Id",
)

// kafkaName is a field's name in Kafka's schema.
func kafkaName(t reflect.Type, name string) string {
	if special := kafkaNames[t][name]; special != "" {
		return special
	}
	name = initialisms.Replace(name)
	return strings.ToLower(name[:1]) + name[1:]
}

// appendLogRecord appends the JSON of one record of a batch as it is in the log.
func appendLogRecord(dst []byte, control bool, key, value []byte, at position) ([]byte, error) {
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

// appendJSON appends the JSON of v without escaping HTML. It panics if v cannot be encoded.
func appendJSON(dst []byte, v any) []byte {
	out := appender(dst)
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(out, []byte("\n"))
}

// appender is a writer that appends to a slice.
type appender []byte

func (a *appender) Write(b []byte) (int, error) {
	*a = append(*a, b...)
	return len(b), nil
}
