package config

import (
	"regexp"
	"slices"
	"strings"
)

// kubernetesLink matches the variables that Kubernetes sets in every pod for a Service whose name
// begins with "yakt".
var kubernetesLink = regexp.MustCompile(
	`^YAKT_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|` +
		`PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`,
)

// reservedVariables begin the names of variables for the command and its tests, not for a node.
var reservedVariables = []string{"YAKT_CONFIG", "YAKT_TEST_"}

// strayVariables returns a notice for each YAKT_ variable that sets no key.
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
				" sets no key of Kafka 4.4 or YAKt and does nothing"}
		if near := nearest(strings.TrimPrefix(name, envPrefix), table); near != "" {
			n.Nearest = near
			n.Text += "; did you mean " + table[near].Env() + "?"
		}
		notices = append(notices, n)
	}
	return notices
}

// kafkaPrefixes begin the variables that container images of Kafka turn into settings:
// KAFKA_NODE_ID in Apache's and Confluent's, KAFKA_CFG_NODE_ID in Bitnami's.
var kafkaPrefixes = []string{"KAFKA_CFG_", "KAFKA_"}

// kafkaVariables returns a notice about variables for Kafka's images that would have an effect
// under another name here, and are not set under that name. It never shows values.
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
	n.Text = "variables for container images of Kafka do nothing here; " +
		"use the name in parentheses: " +
		strings.Join(pairs, ", ")
	return n, len(pairs) > 0
}

// ourName returns the variable that sets the same key here as a variable for Kafka's images sets
// there, or "".
func ourName(variable string) string {
	for _, prefix := range kafkaPrefixes {
		if rest, ok := strings.CutPrefix(variable, prefix); ok {
			return envPrefix + rest
		}
	}
	return ""
}
