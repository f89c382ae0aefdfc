package configs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// configCheck returns the fault of a value in the words of Kafka's ConfigDef, "" for none. Brokers
// parse the same values again, so every value that passes here must pass there.
type configCheck func(name, value string) string

func invalidValue(name, value, why string) string {
	return fmt.Sprintf("Invalid value %s for configuration %s: %s", value, name, why)
}

func int32From(low, high int64) configCheck { return integer("INT", 32, low, high) }

func int64From(low int64) configCheck { return integer("LONG", 64, low, 1<<63-1) }

func integer(typeName string, bits int, low, high int64) configCheck {
	return func(name, value string) string {
		n, err := parseInt(value, bits)
		switch {
		case err != nil:
			return invalidValue(name, value, "Not a number of type "+typeName)
		case n < low:
			return invalidValue(name, strconv.FormatInt(n, 10),
				fmt.Sprintf("Value must be at least %d", low))
		case n > high:
			return invalidValue(name, strconv.FormatInt(n, 10),
				fmt.Sprintf("Value must be no more than %d", high))
		}
		return ""
	}
}

func gzipLevel(name, value string) string {
	n, err := parseInt(value, 32)
	switch {
	case err != nil:
		return invalidValue(name, value, "Not a number of type INT")
	case n != -1 && (n < 1 || n > 9):
		return invalidValue(name, strconv.FormatInt(n, 10),
			"Value must be between 1 and 9 or equal to -1")
	}
	return ""
}

// ratio is a number from 0 to 1. NaN is neither too small nor too large, as in Kafka.
func ratio(name, value string) string {
	f, ok := parseDouble(value)
	switch {
	case !ok:
		return invalidValue(name, value, "Not a number of type DOUBLE")
	case f < 0:
		return invalidValue(name, javaDouble(f), "Value must be at least 0")
	case f > 1:
		return invalidValue(name, javaDouble(f), "Value must be no more than 1")
	}
	return ""
}

func boolean(name, value string) string {
	if _, ok := parseBool(value); !ok {
		return invalidValue(name, value, "Expected value to be either true or false")
	}
	return ""
}

func oneOf(allowed ...string) configCheck {
	return func(name, value string) string {
		if v := trimJava(value); !slices.Contains(allowed, v) {
			return invalidValue(name, v, "String must be one of: "+strings.Join(allowed, ", "))
		}
		return ""
	}
}

// listOf is a list of allowed words. Repeated words count once, as in Kafka, which logs a warning.
func listOf(allowed ...string) configCheck {
	word := oneOf(allowed...)
	return func(name, value string) string {
		for _, v := range splitList(value) {
			if v == "" {
				return fmt.Sprintf("Configuration '%s' values must not be empty.", name)
			}
			if wrong := word(name, v); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

// throttledReplicas is "*" or a list of partition:broker pairs, some of which may be empty
// (ThrottledReplicaListValidator). Numbers over 32 bits are refused too: a broker could not read
// them, and would report them at each start.
func throttledReplicas(name, value string) string {
	list := splitList(value)
	if strings.Join(list, "") == "*" || !slices.ContainsFunc(list, notReplica) {
		return ""
	}
	return invalidValue(name, "["+strings.Join(list, ", ")+"]",
		name+" must be the literal '*' or a list of replicas in the following format: "+
			"[partitionId]:[brokerId],[partitionId]:[brokerId],...")
}

func notReplica(s string) bool {
	partition, broker, ok := strings.Cut(s, ":")
	return s != "" && (!ok || !digits(partition) || !digits(broker))
}

func digits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 31)
	return err == nil
}

// splitList splits a list (ConfigDef.parseType of LIST).
func splitList(value string) []string {
	value = trimJava(value)
	if value == "" {
		return nil
	}
	list := strings.Split(value, ",")
	for i := range list {
		list[i] = strings.Trim(list[i], " \t\n\v\f\r")
	}
	return list
}
