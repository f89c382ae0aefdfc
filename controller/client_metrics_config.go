package controller

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Configs of a client metrics subscription (KIP-714, ClientMetricsConfigs).
const (
	clientMetricsInterval = "interval.ms"
	clientMetricsMatch    = "match"
	clientMetricsPrefixes = "metrics"

	pushIntervalMinMs = 100
	pushIntervalMaxMs = 3_600_000
)

// clientMatchKeys are what a subscription may choose clients by.
var clientMatchKeys = []string{"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port"}

// validateClientMetrics checks names, then that values can be read, then what they say: which of several faults is told is Kafka's order.
func validateClientMetrics(subscription string, all map[string]string) *apiError {
	if subscription == "" {
		return errorf(kerr.InvalidRequest, "Subscription name can't be empty")
	}
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		if name != clientMetricsInterval && name != clientMetricsMatch && name != clientMetricsPrefixes {
			return errorf(kerr.InvalidRequest, "Unknown client metrics configuration: %s", name)
		}
	}
	for _, name := range names {
		if wrong := unreadableClientMetrics(name, all[name]); wrong != "" {
			return errorf(kerr.InvalidConfig, "%s", wrong)
		}
	}
	if value, set := all[clientMetricsInterval]; set {
		if n, _ := parseInt(value, 32); n < pushIntervalMinMs || n > pushIntervalMaxMs {
			return errorf(kerr.InvalidRequest, "Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", n)
		}
	}
	for _, pattern := range splitList(all[clientMetricsMatch]) {
		if !validClientMatch(pattern) {
			return errorf(kerr.InvalidConfig, "Illegal client matching pattern: %s", pattern)
		}
	}
	return nil
}

// unreadableClientMetrics says why a value is none of its key's type: a number, else a list.
func unreadableClientMetrics(name, value string) string {
	if name == clientMetricsInterval {
		return int32From(math.MinInt32, math.MaxInt32)(name, value)
	}
	if slices.Contains(splitList(value), "") {
		return fmt.Sprintf("Configuration '%s' values must not be empty.", name)
	}
	return ""
}

// validClientMatch takes key=regex. Of the regex only what is wrong in Java's dialect too is refused: that one knows more.
func validClientMatch(pattern string) bool {
	parts := strings.Split(strings.TrimRight(pattern, "="), "=")
	if len(parts) != 2 || !slices.Contains(clientMatchKeys, trimJava(parts[0])) {
		return false
	}
	var wrong *syntax.Error
	if _, err := syntax.Parse(trimJava(parts[1]), syntax.Perl); errors.As(err, &wrong) {
		switch wrong.Code {
		case syntax.ErrMissingBracket, syntax.ErrMissingParen, syntax.ErrUnexpectedParen, syntax.ErrMissingRepeatArgument, syntax.ErrTrailingBackslash, syntax.ErrInvalidCharRange:
			return strings.Contains(parts[1], "(?")
		}
	}
	return true
}
