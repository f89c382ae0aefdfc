package controller

import (
	"errors"
	"maps"
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

func validateClientMetrics(subscription string, all map[string]string) *apiError {
	if subscription == "" {
		return errorf(kerr.InvalidRequest, "Subscription name can't be empty")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if wrong := checkClientMetrics(name, all[name]); wrong != nil {
			return wrong
		}
	}
	return nil
}

func checkClientMetrics(name, value string) *apiError {
	switch name {
	case clientMetricsInterval:
		n, err := parseInt(value, 32)
		switch {
		case err != nil:
			return errorf(kerr.InvalidConfig, "%s", invalidValue(name, value, "Not a number of type INT"))
		case n < pushIntervalMinMs || n > pushIntervalMaxMs:
			return errorf(kerr.InvalidRequest, "Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", n)
		}
	case clientMetricsPrefixes, clientMetricsMatch:
		for _, v := range splitList(value) {
			if v == "" {
				return errorf(kerr.InvalidConfig, "Configuration '%s' values must not be empty.", name)
			}
			if name == clientMetricsMatch && !validClientMatch(v) {
				return errorf(kerr.InvalidConfig, "Illegal client matching pattern: %s", v)
			}
		}
	default:
		return errorf(kerr.InvalidRequest, "Unknown client metrics configuration: %s", name)
	}
	return nil
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
