package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
)

// kubernetesLink matches the variables that Kubernetes sets in every pod for a Service whose name begins with "yakt".
var kubernetesLink = regexp.MustCompile(`^YAKT_([A-Z0-9_]+_)?(SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// reservedVariables configure the command or its tests rather than the node.
var reservedVariables = []string{"YAKT_CONFIG", "YAKT_TEST_"}

// strayVariables names YAKT_ variables that set nothing.
func strayVariables(table map[string]*Key) []Notice {
	variables := map[string]*Key{}
	for _, key := range table {
		variables[key.Env()] = key
	}
	var notices []Notice
	environ := os.Environ()
	slices.Sort(environ)
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || variables[name] != nil || kubernetesLink.MatchString(name) ||
			slices.ContainsFunc(reservedVariables, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		n := Notice{Kind: KeyUnknown, Keys: []string{name}, Source: "environment",
			Text: "the environment variable " + quoteOdd(name) + " sets no key of Kafka 4.3 or YAKt and does nothing"}
		if near := nearest(strings.TrimPrefix(name, envPrefix), table); near != "" {
			n.Nearest = near
			n.Text += "; did you mean " + table[near].Env() + "?"
		}
		notices = append(notices, n)
	}
	return notices
}
