package quota

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/yakt/yakt/metadata"
	"github.com/yakt/yakt/metadata/record"
	"github.com/yakt/yakt/protocol"
)

// Types of the parts of an entity.
const (
	TypeUser     = "user"
	TypeClientID = "client-id"
	TypeIP       = "ip"
)

// integralTolerance is how far the value of an integral quota may be from an integer.
const integralTolerance = 1e-6

// Op sets one quota of an entity, or removes it.
type Op struct {
	Key    string
	Value  float64
	Remove bool
}

// keysOf has the quotas that an entity may have, each with the largest value of its type; 0 stands
// for a number that need not be integral.
var keysOf = map[bool]map[string]float64{
	false: { // users and client ids
		"producer_byte_rate": math.MaxInt64,
		"consumer_byte_rate": math.MaxInt64,
		"request_percentage": 0,
		mutationRate:         0,
	},
	true: {"connection_creation_rate": math.MaxInt32}, // ips
}

// Entity returns the parts that are in effect, sorted by type: of several parts of one type the
// last.
func Entity(parts []record.QuotaEntity) []record.QuotaEntity {
	sorted := slices.Clone(parts)
	slices.SortStableFunc(sorted, func(a, b record.QuotaEntity) int {
		return strings.Compare(a.Type, b.Type)
	})
	entity := sorted[:0]
	for i, part := range sorted {
		if i+1 == len(sorted) || sorted[i+1].Type != part.Type {
			entity = append(entity, part)
		}
	}
	return entity
}

// Key is a text that no other entity has, unlike Text: names may contain commas, and may be "null".
// The parts are those of Entity.
func Key(entity []record.QuotaEntity) string {
	var key []byte
	for _, e := range entity {
		key = strconv.AppendQuote(key, e.Type)
		if e.Name != nil {
			key = strconv.AppendQuote(append(key, '='), *e.Name)
		}
	}
	return string(key)
}

// Text is an entity in the form of Kafka's messages.
func Text(entity []record.QuotaEntity) string {
	parts := make([]string, len(entity))
	for i, e := range entity {
		name := "null"
		if e.Name != nil {
			name = *e.Name
		}
		parts[i] = e.Type + "=" + name
	}
	return "ClientQuotaEntity(entries={" + strings.Join(parts, ", ") + "})"
}

// Alter returns the records that change the quotas of an entity, which Entity has returned. All of
// its operations are carried out, or none. resolves reports whether a host name that is no IP
// address has one. (ClientQuotaControlManager)
func Alter(
	img *metadata.Image, entity []record.QuotaEntity, ops []Op, resolves func(host string) bool,
) ([]record.Record, *protocol.Error) {
	if err := checkEntity(entity, resolves); err != nil {
		return nil, err
	}
	keys := keysOf[entity[0].Type == TypeIP]
	var current map[string]float64
	if q := img.Quota(entity...); q != nil {
		current = q.Values
	}
	records := make([]record.Record, 0, len(ops))
	for _, op := range ops {
		old, exists := current[op.Key]
		if op.Remove {
			if exists {
				records = append(records,
					&record.ClientQuota{Entity: entity, Key: op.Key, Remove: true})
			}
			continue
		}
		if err := checkValue(keys, op.Key, op.Value); err != nil {
			return nil, err
		}
		if !exists || old != op.Value {
			records = append(records,
				&record.ClientQuota{Entity: entity, Key: op.Key, Value: op.Value})
		}
	}
	return records, nil
}

func checkEntity(entity []record.QuotaEntity, resolves func(string) bool) *protocol.Error {
	if len(entity) == 0 {
		return invalid("Invalid empty client quota entity")
	}
	for _, e := range entity {
		switch {
		case e.Type != TypeUser && e.Type != TypeClientID && e.Type != TypeIP:
			return invalid("Unhandled client quota entity type: %s", e.Type)
		case e.Name != nil && *e.Name == "":
			return invalid("Empty %s not supported", e.Type)
		}
	}
	i := slices.IndexFunc(entity, func(e record.QuotaEntity) bool { return e.Type == TypeIP })
	switch {
	case i < 0:
		return nil
	case len(entity) > 1:
		return invalid("Invalid quota entity combination, IP entity should" +
			"not be combined with User or ClientId")
	case entity[i].Name != nil && !literal(*entity[i].Name) && !resolves(*entity[i].Name):
		return invalid("%s is not a valid IP or resolvable host.", *entity[i].Name)
	}
	return nil
}

func literal(host string) bool {
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil
}

// HostToResolve returns the host name of an entity that Alter would ask resolves about, if any.
func HostToResolve(entity []record.QuotaEntity) (host string, ok bool) {
	if len(entity) != 1 || entity[0].Type != TypeIP || entity[0].Name == nil ||
		*entity[0].Name == "" || literal(*entity[0].Name) {
		return "", false
	}
	return *entity[0].Name, true
}

func checkValue(keys map[string]float64, key string, value float64) *protocol.Error {
	largest, known := keys[key]
	switch {
	case !known:
		return invalid("Invalid configuration key %s", key)
	case math.IsNaN(value) || math.IsInf(value, 0):
		return invalid("Quota %s must be a finite number", key)
	case value <= 0:
		return invalid("Quota %s must be greater than 0", key)
	case largest == 0:
		return nil
	case value > largest:
		kind := "a LONG"
		if largest == math.MaxInt32 {
			kind = "an INT"
		}
		return invalid("Proposed value for %s is too large for %s.", key, kind)
	case math.Mod(value, 1) > integralTolerance:
		return invalid("%s cannot be a fractional value.", key)
	}
	return nil
}

func invalid(format string, args ...any) *protocol.Error {
	return protocol.Errorf(kerr.InvalidRequest, format, args...)
}
