package configs

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/yakt/yakt/protocol"
)

// Configs of a client metrics subscription (KIP-714, ClientMetricsConfigs).
const (
	clientMetricsInterval = "interval.ms"
	clientMetricsMatch    = "match"
	clientMetricsPrefixes = "metrics"

	pushIntervalMinMs = 100
	pushIntervalMaxMs = 3_600_000
)

// clientMetricsKeys are all configs of a subscription, by name, with their defaults.
var clientMetricsKeys = []struct {
	name, value string
	kind        kmsg.ConfigType
}{
	{clientMetricsInterval, "300000", kmsg.ConfigTypeInt},
	{clientMetricsMatch, "", kmsg.ConfigTypeList},
	{clientMetricsPrefixes, "", kmsg.ConfigTypeList},
}

// clientMatchKeys are the properties by which a subscription can select clients.
var clientMatchKeys = []string{"client_instance_id", "client_id", "client_software_name",
	"client_software_version", "client_source_address", "client_source_port"}

// validateClientMetrics checks names, then the syntax of values, then their meaning: in Kafka's
// order, which decides the error when there are several faults.
func validateClientMetrics(subscription string, all map[string]string) *protocol.Error {
	if subscription == "" {
		return protocol.Errorf(kerr.InvalidRequest, "Subscription name can't be empty")
	}
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		if name != clientMetricsInterval && name != clientMetricsMatch &&
			name != clientMetricsPrefixes {
			return protocol.Errorf(kerr.InvalidRequest,
				"Unknown client metrics configuration: %s", name)
		}
	}
	for _, name := range names {
		if wrong := unreadableClientMetrics(name, all[name]); wrong != "" {
			return protocol.Errorf(kerr.InvalidConfig, "%s", wrong)
		}
	}
	if value, set := all[clientMetricsInterval]; set {
		if n, _ := parseInt(value, 32); n < pushIntervalMinMs || n > pushIntervalMaxMs {
			return protocol.Errorf(kerr.InvalidRequest,
				"Invalid value %d for interval.ms, interval must be "+
					"between 100 and 3600000 (1 hour)", n)
		}
	}
	for _, pattern := range splitList(all[clientMetricsMatch]) {
		if !validClientMatch(pattern) {
			return protocol.Errorf(kerr.InvalidConfig,
				"Illegal client matching pattern: %s", pattern)
		}
	}
	return nil
}

// unreadableClientMetrics returns the reason why a value cannot be parsed as its key's type, a
// number or a list.
func unreadableClientMetrics(name, value string) string {
	if name == clientMetricsInterval {
		return int32From(math.MinInt32, math.MaxInt32)(name, value)
	}
	if slices.Contains(splitList(value), "") {
		return fmt.Sprintf("Configuration '%s' values must not be empty.", name)
	}
	return ""
}

// validClientMatch accepts key=regex. Brokers parse the regex in Java's dialect. A regex is refused
// if it is invalid in both Java's and Go's, or known to be invalid in Java's.
func validClientMatch(pattern string) bool {
	parts := strings.Split(strings.TrimRight(pattern, "="), "=")
	if len(parts) != 2 || !slices.Contains(clientMatchKeys, trimJava(parts[0])) {
		return false
	}
	regex := trimJava(parts[1])
	var wrong *syntax.Error
	if _, err := syntax.Parse(regex, syntax.Perl); errors.As(err, &wrong) {
		switch wrong.Code {
		case syntax.ErrMissingBracket, syntax.ErrMissingParen, syntax.ErrUnexpectedParen,
			syntax.ErrMissingRepeatArgument, syntax.ErrTrailingBackslash,
			syntax.ErrInvalidCharRange:
			return strings.Contains(parts[1], "(?")
		}
	}
	return !wrongInJava(regex)
}

var (
	// javaRepeat is a repetition in braces. Java's Pattern refuses a regex with any other brace,
	// which Go reads as a letter.
	javaRepeat = regexp.MustCompile(`^\{(\d{1,9})(?:,(\d{0,9}))?\}`)
	// goGroup is the beginning of a group that only Go knows, or of a named group with an invalid
	// name.
	goGroup = regexp.MustCompile(`^\(\?(?:P|<[^=!A-Za-z])`)
)

// wrongInJava finds braces, groups and classes that Java's Pattern refuses and Go accepts. In
// Java's dialect classes nest.
func wrongInJava(regex string) bool {
	depth, opened := 0, -1 // nested classes, and where the innermost began
	for i := 0; i < len(regex); i++ {
		switch c, rest := regex[i], regex[i:]; {
		case strings.HasPrefix(rest, `\Q`):
			end := strings.Index(rest, `\E`)
			if end < 0 {
				return depth > 0
			}
			i += end + 1
		case c == '\\' && strings.HasPrefix(rest[1:], "p{"):
			i += strings.IndexByte(rest+"}", '}')
		case c == '\\':
			i++
		case c == '[':
			depth, opened = depth+1, i
			if strings.HasPrefix(rest, "[^") {
				i, opened = i+1, i+1
			}
		case c == ']' && depth > 0 && i > opened+1:
			depth--
		case depth > 0:
		case c == '{' && wrongRepeat(rest), goGroup.MatchString(rest):
			return true
		case c == '{':
			i += strings.IndexByte(rest, '}')
		}
	}
	return depth > 0
}

func wrongRepeat(braces string) bool {
	m := javaRepeat.FindStringSubmatch(braces)
	if m == nil {
		return true
	}
	low, _ := strconv.Atoi(m[1])
	high, err := strconv.Atoi(m[2])
	return err == nil && high < low
}
