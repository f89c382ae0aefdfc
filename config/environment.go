package config

import (
	"regexp"
	"slices"
	"strings"
)

// kubernetesLink matches the variables that Kubernetes sets in every pod for a Service whose name
// begins with "yakt".
var kubernetesLink = regexp.MustCompile(
	`^YAKT_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`,
)

// reservedVariables configure the command or its tests rather than the node.
var reservedVariables = []string{"YAKT_CONFIG", "YAKT_TEST_"}

// strayVariables names YAKT_ variables that set nothing.
func strayVariables(environ []string, table map[string]*Key) []Notice {
	variables := map[string]*Key{}
	for _, key := range table {
		variables[key.Env()] = key
	}
	var notices []Notice
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || variables[name] != nil ||
			kubernetesLink.MatchString(name) ||
			slices.ContainsFunc(reservedVariables,
				func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		n := Notice{Kind: KeyUnknown, Keys: []string{name}, Source: "environment",
			Text: "the environment variable " + quoteOdd(name) +
				" sets no key of Kafka 4.3 or YAKt and does nothing"}
		if near := nearest(strings.TrimPrefix(name, envPrefix), table); near != "" {
			n.Nearest = near
			n.Text += "; did you mean " + table[near].Env() + "?"
		}
		notices = append(notices, n)
	}
	return notices
}

// kafkaPrefixes are those of the variables that Apache's and Confluent's container images of Kafka
// (KAFKA_NODE_ID) and Bitnami's (KAFKA_CFG_NODE_ID) turn into settings.
var kafkaPrefixes = []string{"KAFKA_CFG_", "KAFKA_"}

// kafkaVariables names variables for Kafka's images that would have an effect here by another name,
// and do not set it by that name already. Values are never shown.
func kafkaVariables(environ []string, table map[string]*Key) (n Notice, found bool) {
	byEnv, set := map[string]*Key{}, map[string]bool{}
	for _, key := range table {
		if key.Class == Used {
			byEnv[key.Env()] = key
		}
	}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		set[name] = value != ""
	}
	var pairs []string
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(entry, "=")
		ours := ourName(name)
		if key := byEnv[ours]; key != nil && !set[ours] && set[name] {
			n.Keys = append(n.Keys, name)
			pairs = append(pairs, name+" (here "+ours+")")
		}
	}
	n.Kind, n.Source = KeyUnknown, "environment"
	n.Text = "variables for container images of Kafka do nothing here; use the name in " +
		"parentheses: " +
		strings.Join(pairs, ", ")
	return n, len(pairs) > 0
}

// ourName is the variable that sets here what one for Kafka's images sets there, "" for any other.
func ourName(variable string) string {
	for _, prefix := range kafkaPrefixes {
		if rest, ok := strings.CutPrefix(variable, prefix); ok {
			return envPrefix + rest
		}
	}
	return ""
}
